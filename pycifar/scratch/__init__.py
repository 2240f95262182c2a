"""Neural networks written in NumPy alone (layer 2)."""

from pycifar.scratch.model import NumpyModel

__all__ = ["NumpyModel"]
