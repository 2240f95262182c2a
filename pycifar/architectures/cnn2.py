"""`cnn2`: two convolutions and a wide hidden layer with dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import convolutions, pixels, probabilities
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

FILTERS = 32
HIDDEN = 512
DROPOUT = 0.5


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build conv 32 twice, max pooling, dense 512 with dropout, dense `n_classes` with softmax."""
    from pycifar.backend import keras

    layers = [
        *pixels(input_shape),
        *convolutions(FILTERS, block=1),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(HIDDEN, activation="relu", name="hidden"),
        keras.layers.Dropout(DROPOUT, name="dropout"),
        probabilities(n_classes),
    ]
    return keras.Sequential(layers, name="cnn2")


ARCHITECTURE = Architecture(
    summary="conv 32, conv 32, max pool, dense 512 with dropout, dense 10",
    origin="system B: a Keras CNN in Python",
    parameters=4_210_090,
    multiply_adds=14_521_344,
    build=build,
    recipe=Settings(
        epochs=10,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.01,
        precision="bfloat16",
    ),
)
