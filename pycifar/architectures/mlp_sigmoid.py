"""`mlp_sigmoid`: a fully connected network with sigmoids, written in NumPy.

Its input is the luminance of the central 28×28 pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture
from pycifar.config import Settings

if TYPE_CHECKING:
    from pycifar.scratch import NumpyModel

HIDDEN = (500, 50)


def build(input_shape: tuple[int, int, int], n_classes: int, **options: Any) -> NumpyModel:
    """Build sigmoid layers of 500 and 50 units on 784 inputs, and an output layer with softmax."""
    from pycifar.scratch import NumpyModel

    chosen = {"hidden": HIDDEN, "activation": "sigmoid", "inputs": "greys", **options}
    return NumpyModel("mlp_sigmoid", input_shape, n_classes, **chosen)


ARCHITECTURE = Architecture(
    summary="in NumPy: 784 grey pixels, dense 500, dense 50, dense 10, sigmoids",
    origin="system A: a neural network in NumPy alone",
    parameters=418_060,
    multiply_adds=417_500,
    build=build,
    recipe=Settings(
        epochs=30,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.1,
        schedule="cosine",
        augmentation={"flip": True},
    ),
    options=("hidden", "activation", "l2"),
    in_numpy=True,
)
