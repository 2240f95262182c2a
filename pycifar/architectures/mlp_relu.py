"""`mlp_relu`: a fully connected network with ReLU, written in NumPy, on all pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture
from pycifar.config import Settings

if TYPE_CHECKING:
    from pycifar.scratch import NumpyModel

HIDDEN = (64, 64)
# This and the recipe were found by benchmarks/search.py, on held-out training images; see
# docs/decisions/cnn4-and-mlp-relu.md.
L2 = 1e-3


def build(input_shape: tuple[int, int, int], n_classes: int, **options: Any) -> NumpyModel:
    """Build two hidden layers of 64 with ReLU on all pixels, and an output layer with softmax."""
    from pycifar.scratch import NumpyModel

    chosen = {"hidden": HIDDEN, "activation": "relu", "l2": L2, **options}
    return NumpyModel("mlp_relu", input_shape, n_classes, **chosen)


ARCHITECTURE = Architecture(
    summary="in NumPy: 3072 pixels, dense 64, dense 64, dense 10, ReLU",
    origin="system C: a fully connected network in NumPy",
    parameters=201_482,
    multiply_adds=201_344,
    build=build,
    recipe=Settings(
        epochs=80,
        batch_size=256,
        optimizer="sgd",
        learning_rate=0.043,
        schedule="step",
        augmentation={"flip": True},
    ),
    options=("hidden", "activation", "l2"),
    in_numpy=True,
)
