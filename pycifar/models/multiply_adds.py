"""The cost of a network: the multiply-adds of its forward pass for one image."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from pycifar.layer_calls import calls_of, graph_of


def count_multiply_adds(layer: Any) -> int:
    """Return the number of multiply-adds of a Keras layer, or of a network, for one image.

    Convolutions and `Dense` are counted: one multiply-add for each output value and each weight
    that it depends on. All other layers give 0. In the networks of pycifar, normalisation,
    activations and the like add less than 1% to the total.
    """
    if graph_of(layer) is not None:
        return sum(multiply_adds_by_layer(layer).values())
    return _of_call(layer, layer.output.shape)


def multiply_adds_by_layer(network: Any) -> dict[str, int]:
    """Return the multiply-adds of each layer of a network by its name, for one image.

    A layer that is used twice counts twice. The layers inside of a nested network count for it.
    """
    counts: Counter[str] = Counter()
    for call in calls_of(network):
        counts[call.path.partition("/")[0]] += _of_call(call.operation, call.outputs[0].shape)
    return counts


def _of_call(layer: Any, output_shape: tuple[int, ...]) -> int:
    """Return the multiply-adds of one call of a layer."""
    from pycifar.backend import keras

    layers = keras.layers
    n_values, found = math.prod(output_shape[1:]), 0
    if isinstance(layer, layers.SeparableConv2D):
        kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
        found = n_values // layer.filters * sum(math.prod(kernel.shape) for kernel in kernels)
    elif isinstance(layer, layers.DepthwiseConv2D):
        found = n_values * math.prod(layer.kernel.shape[:2])
    elif isinstance(layer, (layers.Conv2D, layers.Dense)):
        found = n_values * math.prod(layer.kernel.shape[:-1])
    return found
