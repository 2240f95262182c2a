"""The published systems, trained side by side: stated figures beside measured ones."""

from pycifar.reproduction.result import Reproduction, load_reproduction
from pycifar.reproduction.run import reproduce

__all__ = ["Reproduction", "load_reproduction", "reproduce"]
