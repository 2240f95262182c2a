"""Pieces that several architectures are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def pixels(input_shape: tuple[int, int, int]) -> list[Any]:
    """The input, raw uint8 pixels, and its scaling from 0-255 to 0-1.

    The scaling is a layer of the model, so that a saved file predicts right in plain Keras.
    """
    from pycifar.backend import keras

    return [
        keras.Input(input_shape, dtype="uint8", name="pixels"),
        keras.layers.Rescaling(1 / 255, name="scaling"),
    ]


def convolutions(
    filters: int, block: int, regularizer: keras.regularizers.Regularizer | None = None
) -> list[Any]:
    """Two convolutions of 3×3 with ReLU, then max pooling by 2."""
    from pycifar.backend import keras

    convolution = {
        "kernel_size": 3,
        "padding": "same",
        "activation": "relu",
        "kernel_regularizer": regularizer,
        "bias_regularizer": regularizer,
    }
    return [
        keras.layers.Conv2D(filters, name=f"conv{block}_1", **convolution),
        keras.layers.Conv2D(filters, name=f"conv{block}_2", **convolution),
        keras.layers.MaxPooling2D(2, name=f"pool{block}"),
    ]
