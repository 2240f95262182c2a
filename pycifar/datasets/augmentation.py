"""Augmentation: random changes to training images that keep their class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    describe,
    is_flag,
    joined,
)
from pycifar.errors import ArgumentError
from pycifar.language import constant

# The value of each change that is given by its name alone, as in `augmentation=["flip", "shift"]`.
USUAL: dict[str, bool | int | float] = {
    "flip": True,
    "shift": 4,
    "crop": 0.35,
    "brightness": 0.2,
    "contrast": 0.2,
    "saturation": 0.2,
    "hue": 0.02,
    "cutout": 8,
}

# "colour" stands for these four.
COLOUR = ("brightness", "contrast", "saturation", "hue")

ALTERNATING = "alternating"

# The share of red, green and blue in the grey of a pixel, and colours as grey and two differences.
_GREY = np.array([0.299, 0.587, 0.114])
_YIQ = np.array([_GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
# Of a colour: its grey, the rest, and the rest after a quarter turn from red towards yellow.
_TO_GREY = np.tile(_GREY, (3, 1))
_TO_REST = np.eye(3) - _TO_GREY
_TO_TURNED = np.linalg.inv(_YIQ) @ [[0, 0, 0], [0, 0, 1], [0, -1, 0]] @ _YIQ


@dataclass(frozen=True)
class Augmentation:
    """Random changes to images, drawn for each image independently.

    The order is: flip, shift, crop, brightness, contrast, saturation, hue, cutout.

    Args:
        flip: True mirrors each image left to right with probability 1/2. "alternating" mirrors each
            image in every other epoch, so that two epochs show all images both ways.
        shift: the most pixels by which an image is moved in each direction, drawn uniformly. The
            gap is filled with the image mirrored at its edge. 0 is off.
        cutout: the side in pixels of a square that is made black. Its centre is drawn from the
            pixels of the image, so it may extend beyond the edge. 0 is off.
        crop: the smallest share of the area of an image that is kept, from 0 to below 1. The share
            is drawn uniformly from `crop` to 1. The width of the part changes against its height
            by a factor from 3/4 to 4/3, as far as it then fits into the image. Its place is drawn
            uniformly. It is resized to the size of the image by bilinear interpolation. 0 is off.
        brightness: each value is multiplied by a factor that is drawn uniformly from
            1 - `brightness` to 1 + `brightness`. From 0 to 1; 0 is off.
        contrast: the distance of each value from the mean grey of the image is multiplied by such
            a factor. From 0 to 1; 0 is off.
        saturation: the distance of each value from the grey of its pixel is multiplied by such a
            factor. From 0 to 1; 0 is off.
        hue: the colours are turned around the colour circle, by a share of it that is drawn
            uniformly from -`hue` to `hue`. The grey of each pixel stays. From 0 to 0.5; 0 is off.

    Source:
        Shift and flip: He et al. 2015, "Deep Residual Learning for Image Recognition";
        alternating flip: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU";
        cutout: DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks
        with Cutout"; crop: Szegedy et al. 2015, "Going Deeper with Convolutions". The ranges of
        brightness, contrast, saturation and hue are those of `ColorJitter` in torchvision. Here
        they are always in this order, values are rounded and cut to 0-255 once, after all four, and
        hue turns colours in YIQ, which keeps their grey, not in HSV.

    Examples:
        >>> import numpy as np
        >>> from pycifar import Augmentation
        >>> images = np.zeros((2, 32, 32, 3), np.uint8)
        >>> Augmentation(flip=True, shift=4)(images, np.random.default_rng(1)).shape
        (2, 32, 32, 3)
    """

    flip: bool | str = False
    shift: int = 0
    cutout: int = 0
    crop: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "flip", _check_flip(self.flip))
        object.__setattr__(self, "shift", check_count("shift", self.shift, minimum=0))
        object.__setattr__(self, "cutout", check_count("cutout", self.cutout, minimum=0))
        object.__setattr__(self, "crop", check_number("crop", self.crop, 0, 1, open_maximum=True))
        for name in COLOUR:
            most = 0.5 if name == "hue" else 1  # half the circle, in both directions
            object.__setattr__(self, name, check_number(name, getattr(self, name), 0, most))

    def __call__(
        self, images: np.ndarray, rng: np.random.Generator, mirrored: np.ndarray | None = None
    ) -> np.ndarray:
        """Return changed copies of images, or `images` itself if nothing is on.

        Args:
            images: uint8 of shape (n, height, width, 3), stored pixel by pixel.
            rng: the random generator.
            mirrored: which images to mirror if `flip` is "alternating", boolean of shape (n,). None
                draws them at random.
        """
        if self.flip:
            if mirrored is None or self.flip != ALTERNATING:
                mirrored = rng.random(len(images)) < 0.5
            images = _flip(images, mirrored)
        if self.shift:
            images = _shift(images, rng, self.shift)
        if self.crop:
            images = _crop(images, rng, self.crop)
        colour = [getattr(self, name) for name in COLOUR]
        if any(colour):
            images = _colour(images, rng, colour)
        if self.cutout:
            images = _cutout(images, rng, self.cutout)
        return images

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are on, with their values."""
        return {name: value for name, value in asdict(self).items() if value}


def resolve_augmentation(value: Any) -> Augmentation:
    """Return an `Augmentation` from any form in which a caller may give it.

    Args:
        value: an `Augmentation`; ``"none"``; the name of one of its fields, or ``"colour"`` for
            brightness, contrast, saturation and hue; a list of these names; or a mapping from them
            to values, such as ``{"shift": 2, "colour": True}``. True is the usual value of a name,
            which it has in a list as well.

    Raises:
        ArgumentError: it is none of these.
    """
    if isinstance(value, Augmentation):
        return value
    if isinstance(value, str):
        value = [value]
    if isinstance(value, (list, tuple)):
        names = [check_choice("augmentation", name, [*USUAL, "colour", "none"]) for name in value]
        return Augmentation(**_values({name: True for name in names if name != "none"}))
    if isinstance(value, Mapping):
        for name in value:
            check_choice("augmentation", name, [*USUAL, "colour"])
        try:
            return Augmentation(**_values(value))
        except ArgumentError as error:
            raise ArgumentError(f"In `augmentation`, {error.message}") from None
    raise ArgumentError(
        f'`augmentation` must be "none", or any of {_quoted([*USUAL, "colour"])}, '
        f"alone, listed, or each with its value, not {describe(value)}."
    )


def check_augmentation(augmentation: Augmentation, image_shape: tuple[int, int, int]) -> None:
    """Raise an ArgumentError unless `shift` is less than the height and width of the images."""
    side = min(image_shape[:2])
    if augmentation.shift >= side:
        raise ArgumentError(
            f"In `augmentation`, `shift` must be less than the height and width of the images, "
            f"{side}, not {augmentation.shift}."
        )


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an `Augmentation`, with the usual values where True is given."""
    values: dict[str, Any] = {}
    if "colour" in given:
        if not is_flag(given["colour"]):
            raise ArgumentError(
                f"`colour` must be {constant(True)} or {constant(False)}, not "
                f"{describe(given['colour'])}; numbers are given to {_quoted(COLOUR)}."
            )
        values = {name: USUAL[name] for name in COLOUR if given["colour"]}
    for name, value in given.items():
        if name != "colour":
            values[name] = USUAL[name] if is_flag(value) and value else value
    return values


def _quoted(names: Iterable[str]) -> str:
    return joined([f'"{name}"' for name in names])


def _check_flip(value: Any) -> bool | str:
    if isinstance(value, str) and value == ALTERNATING:
        return value
    try:
        return check_flag("flip", value)
    except ArgumentError:
        raise ArgumentError(
            f'`flip` must be {constant(True)}, {constant(False)} or "{ALTERNATING}", not '
            f"{describe(value)}."
        ) from None


def _flip(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    images = images.copy(order="K")  # in the memory order of the images
    images[chosen] = images[chosen, :, ::-1]
    return images


def _shift(images: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    offsets = rng.integers(0, 2 * most + 1, (2, n))
    chosen = windows[np.arange(n), offsets[0], offsets[1]]  # (n, 3, height, width)
    return np.ascontiguousarray(chosen.transpose(0, 2, 3, 1))


def _crop(images: np.ndarray, rng: np.random.Generator, smallest: float) -> np.ndarray:
    n, height, width, _ = images.shape
    area = rng.uniform(smallest, 1, n)
    # The logarithm of width by height, in which 3/4 and 4/3 are as far from 1. Beyond its area, a
    # part would be wider or higher than the image.
    stretch = np.exp(rng.uniform(-1, 1, n) * np.minimum(math.log(4 / 3), -np.log(area)))
    widths = np.maximum(width * np.sqrt(area * stretch), 1).clip(max=width)
    heights = np.maximum(height * np.sqrt(area / stretch), 1).clip(max=height)
    left, top = rng.random((2, n)) * (width - widths, height - heights)
    right, bottom = np.minimum(left + widths, width), np.minimum(top + heights, height)
    boxes = np.stack([left, top, right, bottom], axis=1).tolist()
    cropped = np.empty_like(images)
    for place, image, box in zip(cropped, images, boxes, strict=True):
        picture = Image.fromarray(image)
        place[:] = picture.resize((width, height), Image.Resampling.BILINEAR, box)
    return cropped


def _colour(images: np.ndarray, rng: np.random.Generator, most: list[float]) -> np.ndarray:
    """Change the colours by one matrix an image, which does what four changes in turn do.

    Args:
        images: uint8 of shape (n, height, width, 3).
        rng: the random generator.
        most: the most that brightness, contrast, saturation and hue change.
    """
    changes = rng.uniform(-1, 1, (len(images), 4)) * most
    brightness, contrast, saturation = 1 + changes[:, :3].T
    angle = 2 * math.pi * changes[:, 3, None, None]
    rest = saturation[:, None, None] * (np.cos(angle) * _TO_REST + np.sin(angle) * _TO_TURNED)
    pictures = [Image.fromarray(image) for image in images]
    means = [picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) for picture in pictures]
    rows = np.empty((len(images), 3, 4))  # what red, green, blue and 1 are multiplied by
    rows[..., :3] = (brightness * contrast)[:, None, None] * (_TO_GREY + rest)
    rows[..., 3] = (brightness * (1 - contrast) * (means @ _GREY))[:, None]
    changed = np.empty_like(images)
    for place, picture, row in zip(changed, pictures, rows.reshape(-1, 12).tolist(), strict=True):
        place[:] = picture.convert("RGB", tuple(row))
    return changed


def _cutout(images: np.ndarray, rng: np.random.Generator, side: int) -> np.ndarray:
    n, height, width, _ = images.shape
    top = rng.integers(0, height, (n, 1)) - side // 2
    left = rng.integers(0, width, (n, 1)) - side // 2
    rows, columns = np.arange(height), np.arange(width)
    in_rows = (rows >= top) & (rows < top + side)
    in_columns = (columns >= left) & (columns < left + side)
    hole = in_rows[:, :, None] & in_columns[:, None, :]
    return np.where(hole[..., None], np.uint8(0), images)
