"""The first layers of pycifar's networks in Keras: images as they come, and their scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

SCALING = "scaling"  # the name of the network that scales pixels
OWN_SCALING = "pixel_scaling"  # the same in front of a network of the caller
LOWEST = -3e38  # below any pixel, in float32


def pixels_and_scaling(
    input_shape: tuple[int, int, int],
    scale: float = 1.0,
    offset: float = 0.0,
    dtype: str | None = None,
    name: str = SCALING,
) -> tuple[keras.KerasTensor, keras.Model]:
    """Return the input for images, and a network that scales their pixels.

    Images have values of 0-255. One that has been divided by 255 is multiplied by it again: it has
    fractions and nothing above 1. An image of nothing but 0 and 1 is taken as it is, because it
    does not show whether it was divided. This is made of Keras's own operations, so that Keras
    alone does the same with a saved model.

    Args:
        input_shape: (height, width, 3) of the images, in pixels.
        scale: the factor of each pixel value.
        offset: what is added after the multiplication.
        dtype: a type of whole numbers, to which pixels are rounded and not scaled; None scales
            them, in the type that Keras computes in now.
        name: the name of the network.
    """
    from pycifar.backend import keras

    ops = keras.ops
    images = keras.Input(input_shape, dtype="float32", name="images")
    largest = ops.amax(images, axis=(1, 2, 3), keepdims=True)
    fractions = ops.not_equal(images, ops.floor(images))
    divided = ops.logical_and(ops.any(fractions, axis=(1, 2, 3), keepdims=True), largest <= 1)
    # The maximum changes no value. Without it, TensorFlow would multiply the factor by `scale`
    # first, which rounds otherwise.
    values = ops.maximum(images * ops.where(divided, 255.0, 1.0), LOWEST)
    if dtype is None:
        values = ops.cast(values, keras.config.dtype_policy().compute_dtype)
        values = values * scale + offset
    else:
        values = ops.cast(ops.round(values), dtype)
    pixels = keras.Input(input_shape, dtype="float32", name="pixels")
    return pixels, keras.Model(images, values, name=name)
