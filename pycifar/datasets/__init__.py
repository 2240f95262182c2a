"""Where images come from (layer 1)."""

from pycifar.datasets.dataset import Dataset, Split

__all__ = ["Dataset", "Split"]
