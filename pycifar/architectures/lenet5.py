"""`lenet5`: the network for handwritten digits of 1998.

LeCun, Bottou, Bengio and Haffner 1998, "Gradient-Based Learning Applied to Document Recognition".

As in the paper, the input is 32×32. Changed: it has three colours, not one. Each filter of the
second convolution takes all maps of the first, not a selection. Pooling has no weights, and tanh is
not scaled. The output is a softmax, not distances to drawings of the digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import pixels, probabilities
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

FILTERS = (6, 16)
HIDDEN = (120, 84)
SMALLEST = 16  # pixels: 5×5 convolutions without padding and pooling by 2 leave 12, 6, 2 and 1


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build conv 6 and 16 of 5×5, each with average pooling, dense 120 and 84, all tanh, dense."""
    from pycifar.backend import keras

    layers = pixels(input_shape, SMALLEST)
    for block, filters in enumerate(FILTERS, start=1):
        layers += [
            keras.layers.Conv2D(filters, 5, activation="tanh", name=f"conv{block}"),
            keras.layers.AveragePooling2D(2, name=f"pool{block}"),
        ]
    layers.append(keras.layers.Flatten(name="flatten"))
    for number, units in enumerate(HIDDEN, start=1):
        layers.append(keras.layers.Dense(units, activation="tanh", name=f"hidden{number}"))
    return keras.Sequential([*layers, probabilities(n_classes)], name="lenet5")


ARCHITECTURE = Architecture(
    summary="conv 6, conv 16, both 5×5 with average pooling, dense 120, dense 84, dense 10, tanh",
    origin="system E: LeCun et al. 1998",
    parameters=62_006,
    multiply_adds=651_720,
    build=build,
    recipe=Settings(
        epochs=30,
        batch_size=64,
        learning_rate=0.02,
        schedule="cosine",
        augmentation={"flip": True},
        weight_decay=1e-3,
    ),
)
