"""`mlp_relu`: a fully connected network with ReLU, written in NumPy, on all pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture
from pycifar.config import Recipe

if TYPE_CHECKING:
    from pycifar.scratch import NumpyModel

HIDDEN = (64, 64)


def build(input_shape: tuple[int, int, int], n_classes: int, **options: Any) -> NumpyModel:
    """All pixels, two hidden layers of 64 with ReLU, `n_classes` outputs with softmax."""
    from pycifar.scratch import NumpyModel

    chosen = {"hidden": HIDDEN, "activation": "relu", **options}
    return NumpyModel("mlp_relu", input_shape, n_classes, **chosen)


ARCHITECTURE = Architecture(
    summary="in NumPy: 3072 pixels, dense 64, dense 64, dense 10, ReLU",
    origin="system C: a fully connected network in NumPy",
    build=build,
    recipe=Recipe(
        epochs=20, batch_size=128, optimizer="sgd", learning_rate=0.01, schedule="cosine"
    ),
    options=("hidden", "activation", "l2"),
)
