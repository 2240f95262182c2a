"""Model cards: what a model is, what it was made of, and how well it does."""

from pycifar.card.card import write_model_card

__all__ = ["write_model_card"]
