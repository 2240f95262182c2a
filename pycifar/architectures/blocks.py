"""Layers that several architectures use, for `keras.Sequential` or for `chain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.errors import ArgumentError
from pycifar.pixels import pixels_and_scaling

if TYPE_CHECKING:
    import keras


def pixels(
    input_shape: tuple[int, int, int],
    smallest: int = 1,
    scale: float = 1 / 255,
    offset: float = 0.0,
) -> list[Any]:
    """Return the input layer for pixels of 0-255, and what scales them.

    The default scales 0-255 to 0-1. The scaling is a part of the model, so that a saved model also
    predicts correctly in plain Keras.

    Args:
        input_shape: (height, width, 3) of the images, in pixels.
        smallest: the smallest height and width that the network can take, in pixels.
        scale: the factor of each pixel value.
        offset: what is added after the multiplication.

    Raises:
        ArgumentError: the images are smaller than `smallest`.
    """
    if min(input_shape[:2]) < smallest:
        raise ArgumentError(
            f"The images must be at least {smallest}×{smallest} pixels for this architecture, "
            f"not {input_shape[0]}×{input_shape[1]}.",
            fix="Give the data set a larger `image_size`, or take another architecture.",
        )
    return list(pixels_and_scaling(input_shape, scale, offset))


def convolutions(
    filters: int, block: int, regularizer: keras.regularizers.Regularizer | None = None
) -> list[Any]:
    """Return two 3×3 convolutions with ReLU, and max pooling by 2."""
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
    """Return a convolution with ReLU, "same" padding and weights as in He et al. 2015."""
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
    """Return 3×3 max pooling with stride 2, which halves the height and width."""
    from pycifar.backend import keras

    return keras.layers.MaxPooling2D(3, strides=2, padding="same", name=name)


def dense_with_dropout(units: int, number: int, dropout: float = 0.5) -> list[Any]:
    """Return a fully connected layer with ReLU, and dropout after it."""
    from pycifar.backend import keras

    return [
        keras.layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"hidden{number}"
        ),
        keras.layers.Dropout(dropout, name=f"dropout{number}"),
    ]


def probabilities(n_classes: int) -> Any:
    """Return the last layer: fully connected, with softmax, always in float32."""
    from pycifar.backend import keras

    return keras.layers.Dense(
        n_classes, activation="softmax", dtype="float32", name="probabilities"
    )


def normalised_convolution(
    filters: int,
    kernel: int,
    name: str,
    stride: int = 1,
    activation: bool = True,
    largest: float | None = None,
) -> list[Any]:
    """Return a convolution with "same" padding and what `normalisation` returns."""
    from pycifar.backend import keras

    layer = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,  # batch normalisation adds an offset of its own
        kernel_initializer="he_normal",
        name=name,
    )
    return [layer, *normalisation(name, activation, largest)]


def normalisation(name: str, activation: bool = True, largest: float | None = None) -> list[Any]:
    """Return batch normalisation, and ReLU by default, which may be cut off at a largest value."""
    from pycifar.backend import keras

    # With Keras's default momentum of 0.99, a short training ends before the moving averages are
    # close to the real statistics.
    layers = [keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")]
    return [*layers, keras.layers.ReLU(largest, name=f"{name}_relu")] if activation else layers


def chain(values: Any, layers: list[Any]) -> Any:
    """Apply layers one after the other to `values`, and return the output of the last."""
    for layer in layers:
        values = layer(values)
    return values
