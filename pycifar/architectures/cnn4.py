"""`cnn4`: four convolutions, with an L2 penalty on all weights and biases in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import convolutions, pixels
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

FILTERS = (32, 64)
HIDDEN = 512
# The loss also has this times the sum of the squares of all weights and biases.
WEIGHT_DECAY = 2e-4


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build conv, conv and pool twice, then dense 512 with ReLU, dense `n_classes`, softmax."""
    from pycifar.backend import keras

    decay = keras.regularizers.L2(WEIGHT_DECAY)
    layers = [*pixels(input_shape)]
    for block, filters in enumerate(FILTERS, start=1):
        layers += convolutions(filters, block, regularizer=decay)
    dense = {"kernel_regularizer": decay, "bias_regularizer": decay}
    layers += [
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(HIDDEN, activation="relu", name="hidden", **dense),
        keras.layers.Dense(n_classes, dtype="float32", name="logits", **dense),
        keras.layers.Softmax(dtype="float32", name="probabilities"),
    ]
    return keras.Sequential(layers, name="cnn4")


ARCHITECTURE = Architecture(
    summary="conv 32, conv 32, pool, conv 64, conv 64, pool, dense 512, dense 10, weight decay",
    origin="system D: a CNN in R with keras, tensorflow and reticulate",
    parameters=2_168_362,
    multiply_adds=26_579_968,
    build=build,
    recipe=Settings(
        epochs=20,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.02,
        schedule="cosine",
        augmentation={"flip": True, "shift": 4},
        precision="bfloat16",
    ),
)
