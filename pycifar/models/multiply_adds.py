"""The cost of a network: the multiply-adds of its forward pass for one image."""

from __future__ import annotations

import math
from typing import Any


def count_multiply_adds(layer: Any) -> int:
    """Return the number of multiply-adds of a Keras layer for one image.

    Only `Conv2D` and `Dense` are counted: one multiply-add for each output value and each weight
    that it depends on. All other layers give 0. In the networks of pycifar, normalisation,
    activations and the like add less than 1% to the total.
    """
    from pycifar.backend import keras

    if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
        n: int = math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:-1])
        return n
    return 0
