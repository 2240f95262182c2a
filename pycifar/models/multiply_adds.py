"""How much a network computes: the multiply-adds of one image on its way forward."""

from __future__ import annotations

import math
from typing import Any


def count_multiply_adds(layer: Any) -> int:
    """The multiply-adds of a layer of a Keras model for one image.

    Those of `Conv2D` and `Dense` are counted, one for each value that comes out and each weight
    that it sees; what the rest adds in the networks here, such as normalisation and activations,
    is below a hundredth of it.
    """
    from pycifar.backend import keras

    if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
        n: int = math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:-1])
        return n
    return 0
