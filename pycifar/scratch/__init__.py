"""Neural networks written in NumPy alone."""

from pycifar.scratch.model import NumpyModel

__all__ = ["NumpyModel"]
