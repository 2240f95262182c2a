"""Pieces that several architectures are made of, for `keras.Sequential` or layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.errors import ArgumentError

if TYPE_CHECKING:
    import keras


def pixels(
    input_shape: tuple[int, int, int],
    smallest: int = 1,
    scale: float = 1 / 255,
    offset: float = 0.0,
) -> list[Any]:
    """The input, raw uint8 pixels, and its scaling, from 0-255 to 0-1 unless said otherwise.

    The scaling is a layer of the model, so that a saved file predicts right in plain Keras.

    Args:
        input_shape: height, width and 3.
        smallest: the height and width that the network needs, in pixels.
        scale: times the pixel.
        offset: added to that.

    Raises:
        ArgumentError: the images are smaller than that.
    """
    from pycifar.backend import keras

    if min(input_shape[:2]) < smallest:
        raise ArgumentError(
            f"`input_shape` must be at least {smallest}×{smallest} pixels for this architecture, "
            f"not {input_shape[0]}×{input_shape[1]}."
        )
    return [
        keras.Input(input_shape, dtype="uint8", name="pixels"),
        keras.layers.Rescaling(scale, offset, name="scaling"),
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


def convolution(filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    """A convolution with ReLU that keeps the size, but for its stride; weights as in He et al."""
    from pycifar.backend import keras

    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        name=name,
    )


def overlapping_pooling(name: str) -> Any:
    """Max pooling of 3×3 in steps of 2, which halves the size."""
    from pycifar.backend import keras

    return keras.layers.MaxPooling2D(3, strides=2, padding="same", name=name)


def dense_with_dropout(units: int, number: int, dropout: float = 0.5) -> list[Any]:
    """A fully connected layer with ReLU, and dropout after it."""
    from pycifar.backend import keras

    return [
        keras.layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"hidden{number}"
        ),
        keras.layers.Dropout(dropout, name=f"dropout{number}"),
    ]


def probabilities(n_classes: int) -> Any:
    """The last layer: fully connected, with softmax, in float32 whatever the others compute in."""
    from pycifar.backend import keras

    return keras.layers.Dense(
        n_classes, activation="softmax", dtype="float32", name="probabilities"
    )


def normalised_convolution(
    filters: int, kernel: int, name: str, stride: int = 1, activation: bool = True
) -> list[Any]:
    """A convolution that keeps the size, but for its stride; batch normalisation; ReLU."""
    from pycifar.backend import keras

    layers = [
        keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,  # the normalisation has one
            kernel_initializer="he_normal",
            name=name,
        ),
        # With Keras's momentum of 0.99 a short training ends before its averages are right.
        keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm"),
    ]
    return [*layers, keras.layers.ReLU(name=f"{name}_relu")] if activation else layers


def chain(values: Any, layers: list[Any]) -> Any:
    """What comes out of the layers, one after the other, when `values` go in."""
    for layer in layers:
        values = layer(values)
    return values
