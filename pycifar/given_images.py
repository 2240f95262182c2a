"""The images that a model is used on, in each form in which they may be given."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import describe
from pycifar.config import DEFAULT_SPLIT
from pycifar.console import counting
from pycifar.datasets import Dataset, Split
from pycifar.datasets.arrays import check_images
from pycifar.datasets.image_files import MOST_CHANNELS, SQUASH, find_files
from pycifar.datasets.image_files import read_images as read_image_files
from pycifar.datasets.stored_images import Images
from pycifar.errors import (
    ArgumentError,
    DataNotFoundError,
    ImageError,
    PycifarError,
    ResizeWarning,
    SkippedWarning,
    first_of,
    warn,
)
from pycifar.models.trained_model import TrainedModel

_PATHS = (str, os.PathLike)
_FILES = (*_PATHS, bytes, bytearray, memoryview)  # one image each, as are file objects


@dataclass(frozen=True, eq=False)
class GivenImages:
    """The images that were given.

    Args:
        pixels: those that can be read: uint8 of the model's size, shape (n, height, width, 3).
        is_read: for each image whether it can be read, shape (images,).
        names: the path of each image that is a file, and None for the others.
    """

    pixels: Images
    is_read: np.ndarray
    names: Sequence[str | None]


def as_images(model: TrainedModel, images: Any) -> Images:
    """Return what `predict` takes as uint8 images of the model's size, (n, height, width, 3)."""
    return read_images(model, images, None, "stop").pixels


def read_images(
    model: TrainedModel, images: Any, split: str | None, on_error: str, verbose: bool = False
) -> GivenImages:
    """Read what `predict` takes as images; `verbose` shows the progress of reading many files."""
    if isinstance(images, Dataset):
        warn_of_other_resizing(model, images)
        images = model.split_of(images, DEFAULT_SPLIT if split is None else split)
    elif split is not None:
        raise ArgumentError(
            f"`split` is for a data set alone, and `images` is none: it was {describe(split)}."
        )
    listed = _listed(images)
    items = _checked_items(listed, on_error) if isinstance(listed, (list, tuple)) else [listed]
    if not all(item is None or is_one_image(item) for item in items):
        pixels = check_images(listed, model.image_shape, fewest=0)
        paths = images.paths if isinstance(images, Split) else ()
        return GivenImages(pixels, np.ones(len(pixels), bool), list(paths) or [None] * len(pixels))
    found, passed_over = _expanded(items, on_error)
    rule = model.resize or SQUASH
    read: list[Any] = []
    with counting(len(found), "images read", verbose) as show:
        for one in read_image_files(found, model.image_shape[:2], rule, on_error):
            read.append(one)
            show(len(read))
    for error in read:
        if isinstance(error, ArgumentError):  # it was no image at all
            raise error
    is_read = np.array([not isinstance(one, PycifarError) for one in read], bool)
    numbers = np.flatnonzero(~is_read)
    unread = [str(found[i]) if isinstance(found[i], _PATHS) else f"image {i + 1}" for i in numbers]
    for names, what, of in (
        (passed_over, "Files that match a pattern and are no images were passed over", ""),
        (unread, "Images that cannot be read were skipped", f" of {len(read):,}"),
    ):
        if names:  # said where predict() was called
            text = f"{what}: {len(names):,}{of} ({first_of(names)})."
            warn(SkippedWarning(text))
    pixels = np.array([one for one in read if not isinstance(one, PycifarError)], np.uint8)
    files = [str(one) if isinstance(one, _PATHS) else None for one in found]
    return GivenImages(pixels.reshape(-1, *model.image_shape), is_read, files)


def warn_of_other_resizing(model: TrainedModel, dataset: Dataset) -> None:
    """Warn if image files of a data set were resized otherwise than those of the training."""
    theirs, ours = dataset.resize, model.resize
    if None not in (theirs, ours) and theirs != ours:
        warn(
            ResizeWarning(
                f'The images of "{dataset.name}" were resized by "{theirs}", and the model learned '
                f'from images that were resized by "{ours}".'
            )
        )


def _listed(images: Any) -> Any:
    """Return the images of a split, and what a table, a column or an iterator holds as a list."""
    if isinstance(images, Split):
        return images.images
    if hasattr(images, "columns"):  # a table of pandas, or one like it
        if "path" not in images.columns:
            raise ArgumentError("A table of images must have a column `path`.")
        images = images["path"]
    if hasattr(images, "to_list"):  # a column of such a table
        return images.to_list()
    if isinstance(images, np.ndarray) and images.ndim <= 1 and images.dtype.kind in "UO":
        return images.ravel().tolist()
    if isinstance(images, Iterator) and not hasattr(images, "read"):  # a file is one as well
        return list(images)
    return images


def _checked_items(images: Sequence[Any], on_error: str) -> list[Any]:
    """Return the items of a sequence, with None for missing values, which may be skipped.

    Raises:
        ImageError: one can be no image and no part, or it is a missing value and `on_error` is
            "stop".
    """
    items = [None if _is_missing(item) else item for item in images]
    for number, item in enumerate(items, 1):
        if item is None:
            if on_error == "skip":
                continue
            raise ImageError(
                f"Each of `images` must be an image; number {number:,} is a missing value.",
                fix='Leave it out, or give "skip" as `on_error`.',
            )
        is_part = isinstance(item, (list, tuple)) or hasattr(item, "shape")  # of an array
        if not is_part and not is_one_image(item):
            raise ImageError(
                "Each of `images` must be a path, the content of an image file, a file object, a "
                f"Pillow image or an array; number {number:,} is {describe(item)}."
            )
    return items


def _is_missing(item: Any) -> bool:
    """Return whether an item is None, NaN, or a missing value of pandas."""
    is_nan = isinstance(item, float) and math.isnan(item)
    return item is None or is_nan or type(item).__name__ in ("NAType", "NaTType")


def is_one_image(item: Any) -> bool:
    """Return whether an item is one image of any size: a file, a Pillow image or an array."""
    if isinstance(item, _FILES) or hasattr(item, "read") or hasattr(item, "getbands"):
        return True
    shape = tuple(getattr(item, "shape", None) or ())
    if len(shape) == 3:
        return bool(shape[2] <= MOST_CHANNELS)
    # A table of fewer columns is a row of pixels of an image.
    return len(shape) == 2 and bool(min(shape) > MOST_CHANNELS)


def _expanded(items: list[Any], on_error: str) -> tuple[list[Any], list[str]]:
    """Return images with the patterns among them expanded, and the files that these pass over."""
    found: list[Any] = []
    passed_over: list[str] = []
    for item in items:
        if not isinstance(item, _PATHS):
            found.append(item)
            continue
        try:
            files, others = find_files([item])
        except DataNotFoundError:
            if on_error == "stop":
                raise
            files, others = [Path(item)], []
        found += [item] if files == [Path(item)] else files  # a path stays as it is written
        passed_over += map(str, others)
    return found, passed_over
