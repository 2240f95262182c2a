"""Images as rows of numbers, which is what a fully connected network takes.

Each way of doing this stands here twice: in NumPy, and as the Keras layers that do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.errors import ArgumentError

MIDDLE = 128  # of the pixel values 0-255, which become -1 to 1

# Luminance, ITU-R BT.601, with the digits that Keras uses.
LUMINANCE = (0.2989, 0.5870, 0.1140)
CROP = 28  # pixels
EPSILON = 1e-3  # added to a variance, so that an image of one colour does no harm


@dataclass(frozen=True)
class Inputs:
    """A way to make rows of images.

    Args:
        count: the number of inputs that an image of a shape (height, width, 3) becomes.
        make: writes uint8 images, shape (n, height, width, 3), into a float array (n, count).
        keras_make: does the same to raw pixels, a symbolic tensor of Keras.
    """

    count: Callable[[tuple[int, int, int]], int]
    make: Callable[[np.ndarray, np.ndarray], None]
    keras_make: Callable[[Any], Any]


def _count_colours(shape: tuple[int, int, int]) -> int:
    return int(np.prod(shape))


def _make_colours(images: np.ndarray, rows: np.ndarray) -> None:
    # One colour after the other, as the published files have them: no pixel has to move.
    planes = images.transpose(0, 3, 1, 2)
    # What goes below 0 wraps around, and is right again where the byte is read as a signed one.
    centred = np.subtract(planes, np.uint8(MIDDLE)).view(np.int8)
    rows.reshape(planes.shape)[...] = centred
    rows *= 1 / MIDDLE


def _keras_colours(pixels: Any) -> Any:
    from pycifar.backend import keras

    scaled = keras.layers.Rescaling(1 / MIDDLE, offset=-1.0, name="scaling")(pixels)
    planes = keras.layers.Permute((3, 1, 2), name="planes")(scaled)
    return keras.layers.Flatten(name="flatten")(planes)


def _count_greys(shape: tuple[int, int, int]) -> int:
    if min(shape[:2]) < CROP:
        raise ArgumentError(
            f"The network sees the central {CROP}×{CROP} pixels, so `input_shape` must be at "
            f"least that, not {shape[0]}×{shape[1]}."
        )
    return CROP * CROP


def _make_greys(images: np.ndarray, rows: np.ndarray) -> None:
    top, left = _margins(images.shape[1:])
    crop = images[:, top : top + CROP, left : left + CROP]
    greys = rows.reshape(len(images), CROP, CROP)
    np.multiply(crop[..., 0], rows.dtype.type(LUMINANCE[0]), out=greys)
    for colour in (1, 2):
        greys += crop[..., colour] * rows.dtype.type(LUMINANCE[colour])
    rows *= 1 / MIDDLE
    rows -= sum(LUMINANCE)


def _keras_greys(pixels: Any) -> Any:
    from pycifar.backend import keras

    height, width = pixels.shape[1:3]
    top, left = _margins((height, width))
    margins = ((top, height - CROP - top), (left, width - CROP - left))
    scaled = keras.layers.Rescaling(1 / MIDDLE, offset=-1.0, name="scaling")(pixels)
    crop = keras.layers.Cropping2D(margins, name="centre")(scaled)
    return keras.layers.Flatten(name="flatten")(keras.ops.image.rgb_to_grayscale(crop))


def _margins(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0] - CROP) // 2, (shape[1] - CROP) // 2


def _normalised(inputs: Inputs) -> Inputs:
    """The same, and each image then less its mean and over its deviation."""

    def make(images: np.ndarray, rows: np.ndarray) -> None:
        inputs.make(images, rows)
        rows -= rows.mean(axis=1, keepdims=True)
        variances = np.einsum("ij,ij->i", rows, rows)[:, None] / rows.shape[1]
        rows /= np.sqrt(variances + EPSILON)

    def keras_make(pixels: Any) -> Any:
        from pycifar.backend import keras

        layer = keras.layers.LayerNormalization(
            epsilon=EPSILON, center=False, scale=False, name="normalisation"
        )
        return layer(inputs.keras_make(pixels))

    return Inputs(inputs.count, make, keras_make)


INPUTS: dict[str, Inputs] = {
    "colours": Inputs(_count_colours, _make_colours, _keras_colours),
    "greys": Inputs(_count_greys, _make_greys, _keras_greys),
}
INPUTS |= {f"normalised {name}": _normalised(inputs) for name, inputs in INPUTS.items()}
