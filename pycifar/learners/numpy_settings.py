"""The settings that a NumPy network supports.

This module imports neither NumPy nor Keras, so the command line can check settings early.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pycifar.arguments import describe
from pycifar.errors import ArgumentError

NUMPY_OPTIMIZER = "sgd"  # the only one


def check_numpy_settings(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError if a NumPy network does not support these settings."""
    if settings.get("label_smoothing"):
        raise ArgumentError(
            "`label_smoothing` must be 0 for a network of NumPy, not "
            f"{describe(settings['label_smoothing'])}."
        )
    if settings.get("class_weights") is not None:
        raise ArgumentError("`class_weights` must be left out for a network of NumPy.")
    for name, usual in (("loss", "crossentropy"), ("metrics", {})):
        if settings.get(name) not in (None, usual, []):
            raise ArgumentError(
                f"`{name}` must be left out for a network of NumPy, not {describe(settings[name])}."
            )
    if settings.get("sample_weight") is not None:
        raise ArgumentError("`sample_weight` must be left out for a network of NumPy.")
    for name in ("weights", "frozen_epochs", "fine_tune_rate"):
        if settings.get(name):
            raise ArgumentError(
                f"`{name}` must be left out for a network of NumPy, not {describe(settings[name])}."
            )
    optimizer = settings.get("optimizer")
    if optimizer not in (None, NUMPY_OPTIMIZER):
        raise ArgumentError(
            f'`optimizer` must be "{NUMPY_OPTIMIZER}" for a network of NumPy, not '
            f"{describe(optimizer)}."
        )
