"""`softmax`: multinomial logistic regression on the pixels, the baseline for all networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import pixels, probabilities
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build one fully connected layer with softmax on all pixels."""
    from pycifar.backend import keras

    flatten = keras.layers.Flatten(name="flatten")
    return keras.Sequential(
        [*pixels(input_shape), flatten, probabilities(n_classes)], name="softmax"
    )


ARCHITECTURE = Architecture(
    summary="3072 pixels, dense 10",
    origin="baseline: softmax regression",
    parameters=30_730,
    multiply_adds=30_720,
    build=build,
    recipe=Settings(epochs=20, batch_size=128, learning_rate=0.01, schedule="cosine"),
)
