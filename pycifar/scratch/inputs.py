"""Conversion of images to rows of numbers, the input of a fully connected network.

Each conversion exists twice: in NumPy, and as Keras layers that do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.errors import ArgumentError

MIDDLE = 128  # the pixel value that becomes 0; pixels of 0-255 become -1 to 1

# Luminance, ITU-R BT.601, with the digits that Keras uses.
LUMINANCE = (0.2989, 0.5870, 0.1140)
CROP = 28  # pixels: the height and width of the central part that "greys" uses
EPSILON = 1e-3  # added to the variance of an image, which is 0 if the image has a single colour


@dataclass(frozen=True)
class Inputs:
    """A conversion of images to rows of numbers.

    Args:
        count: returns the length of a row for images of shape (height, width, 3).
        make: writes uint8 images, shape (n, height, width, 3), into a float array of shape
            (n, count).
        keras_make: does the same with Keras layers: takes a symbolic tensor of pixels and what
            scales it to -1 to 1, and returns the rows.
    """

    count: Callable[[tuple[int, int, int]], int]
    make: Callable[[np.ndarray, np.ndarray], None]
    keras_make: Callable[[Any, Any], Any]


def _count_colours(shape: tuple[int, int, int]) -> int:
    return int(np.prod(shape))


def _make_colours(images: np.ndarray, rows: np.ndarray) -> None:
    # All pixels of one colour, then those of the next. The files of CIFAR-10 have the same order,
    # so no pixel has to be moved.
    planes = images.transpose(0, 3, 1, 2)
    # In uint8, a difference below 0 wraps around. The same byte read as int8 has the right value.
    centred = np.subtract(planes, np.uint8(MIDDLE)).view(np.int8)
    rows.reshape(planes.shape)[...] = centred
    rows *= 1 / MIDDLE


def _keras_colours(pixels: Any, scaling: Any) -> Any:
    from pycifar.backend import keras

    scaled = scaling(pixels)
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
    # Scaled after the sum of the colours: (pixel / 128 - 1) in each colour gives the same.
    rows *= 1 / MIDDLE
    rows -= sum(LUMINANCE)


def _keras_greys(pixels: Any, scaling: Any) -> Any:
    from pycifar.backend import keras

    height, width = pixels.shape[1:3]
    top, left = _margins((height, width))
    margins = ((top, height - CROP - top), (left, width - CROP - left))
    scaled = scaling(pixels)
    crop = keras.layers.Cropping2D(margins, name="centre")(scaled)
    return keras.layers.Flatten(name="flatten")(keras.ops.image.rgb_to_grayscale(crop))


def _margins(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0] - CROP) // 2, (shape[1] - CROP) // 2


def _normalised(inputs: Inputs) -> Inputs:
    """Return a conversion that also scales each image to mean 0 and standard deviation 1."""

    def make(images: np.ndarray, rows: np.ndarray) -> None:
        inputs.make(images, rows)
        rows -= rows.mean(axis=1, keepdims=True)
        variances = np.einsum("ij,ij->i", rows, rows)[:, None] / rows.shape[1]
        rows /= np.sqrt(variances + EPSILON)

    def keras_make(pixels: Any, scaling: Any) -> Any:
        from pycifar.backend import keras

        layer = keras.layers.LayerNormalization(
            epsilon=EPSILON, center=False, scale=False, name="normalisation"
        )
        return layer(inputs.keras_make(pixels, scaling))

    return Inputs(inputs.count, make, keras_make)


INPUTS: dict[str, Inputs] = {
    "colours": Inputs(_count_colours, _make_colours, _keras_colours),
    "greys": Inputs(_count_greys, _make_greys, _keras_greys),
}
INPUTS |= {f"normalised {name}": _normalised(inputs) for name, inputs in INPUTS.items()}
