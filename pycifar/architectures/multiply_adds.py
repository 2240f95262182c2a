"""How much a network computes: the multiply-adds of one image on its way forward."""

from __future__ import annotations

import math
from typing import Any


def count_multiply_adds(layer: Any) -> int:
    """The multiply-adds of a layer of a Keras model for one image.

    Those of convolutions and fully connected layers are counted; what the rest adds, such as
    normalisation and activations, is below a hundredth of it.
    """
    from pycifar.backend import keras

    if isinstance(layer, keras.layers.Conv2D):
        return math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape)
    return 0
