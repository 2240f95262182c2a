"""What a network of NumPy can be told; found out without NumPy, so that the shell asks early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pycifar.arguments import describe
from pycifar.errors import ArgumentError

NUMPY_OPTIMIZER = "sgd"  # the only one


def check_numpy_settings(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError where a network of NumPy cannot do what is asked."""
    if settings.get("label_smoothing"):
        raise ArgumentError(
            "`label_smoothing` must be 0 for a network of NumPy, not "
            f"{describe(settings['label_smoothing'])}."
        )
    if settings.get("class_weights") is not None:
        raise ArgumentError("`class_weights` must be left out for a network of NumPy.")
    optimizer = settings.get("optimizer")
    if optimizer not in (None, NUMPY_OPTIMIZER):
        raise ArgumentError(
            f'`optimizer` must be "{NUMPY_OPTIMIZER}" for a network of NumPy, not '
            f"{describe(optimizer)}."
        )
