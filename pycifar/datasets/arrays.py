"""Images and labels given as arrays: checked, and converted to uint8 images and int64 labels."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from pycifar.arguments import describe, listing, nearest_name
from pycifar.datasets.stored_images import Images, StoredImages
from pycifar.errors import DataError, ImageError

_CHANNELS = (1, 3, 4)  # grey, colours, and colours with opacity
_ALLOWED = (
    "an array of shape (n, height, width, 3), or (height, width, 3) for one image, with whole "
    "numbers 0-255 or floats 0-1"
)
_BLOCK = 1000  # images converted at a time, so that no float copy of all images is made


A = TypeVar("A")


def frozen(images: A) -> A:
    """Return an array that is nobody else's, after all writing to it has been forbidden."""
    part: Any = images
    while isinstance(part, np.ndarray):
        part.setflags(write=False)
        part = part.base
    return images


def unchanging(values: Any) -> Any:
    """Return values that nobody can change: the same ones if they are so, or a read-only copy."""
    part = values
    while isinstance(part, np.ndarray) and not part.flags.writeable:
        part = part.base
    return values if part is None or isinstance(part, StoredImages) else frozen(np.array(values))


def check_images(images: Any, shape: tuple[int, int, int] | None = None, fewest: int = 1) -> Images:
    """Check images, and return them as uint8 of shape (n, height, width, 3).

    Args:
        images: uint8 of shape (n, height, width, 3), or (height, width, 3) for one image; other
            whole numbers from 0 to 255; floats from 0 to 1, which become ``round(255 * x)``; or
            uint16 from 0 to 65535. One channel is grey, and a fourth one is opacity. Grey images
            may be of shape (n, height, width), or (height, width) for one image.
        shape: (height, width, 3) that the images must have, or None for any size.
        fewest: the number of images that there must be: 1, or 0.

    Returns:
        uint8, shape (n, height, width, 3). If `images` is uint8 already, this is `images` itself or
        a view of it. Images that are not in memory are returned as they are.

    Raises:
        ImageError: the images have another rank, size, type or range, or there are too few.

    Examples:
        >>> import numpy as np
        >>> check_images(np.zeros((32, 32, 3))).shape
        (1, 32, 32, 3)
    """
    stored = isinstance(images, StoredImages)
    array = images if stored else _with_all_dimensions(_as_array(images))
    if array.ndim != 4 or array.shape[-1] not in _CHANNELS:
        raise ImageError(f"Images must be {_ALLOWED}, not {_describe(images)}.")
    if len(array) < fewest or 0 in array.shape[1:]:
        raise ImageError(
            f"There must be at least one image with at least one pixel, not {_describe(images)}."
        )
    if array.shape[-1] != 3:
        array = _as_colours(array)
    if shape is not None and array.shape[1:] != tuple(shape):
        raise ImageError(
            f"Images must be {shape[0]}×{shape[1]} pixels with 3 channels, "
            f"not {_describe(images)}.",
            fix="Resize them first, or give a list of images: each image of a list is resized.",
        )
    return as_uint8(array)


def check_labels(labels: Any, n_images: int, split: str) -> np.ndarray:
    """Check labels, and return them as an array of shape (n,), of whole numbers or strings.

    Args:
        labels: whole numbers (floats and truth values count as such) or strings, shape (n,) or
            (n, 1); a categorical of pandas, whose order of categories is then that of the classes;
            or one-hot rows, shape (n, classes). A table of these, as ``pandas.get_dummies`` makes
            it, names the classes by its columns.
        n_images: the number of labels that there must be.
        split: the name of the split, for the error message.

    Raises:
        DataError: the labels have another shape or type.
    """
    try:
        array = np.asarray(labels)
    except ValueError:
        array = np.asarray(None)  # which the checks below refuse
    if array.dtype.kind == "O" and all(isinstance(x, (Real, np.bool_)) for x in array.flat):
        array = np.array(array.tolist())
    if array.ndim == 2 and array.shape[1] == 1:  # as keras.datasets gives them
        array = array[:, 0]
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "biuf":
        array = _one_hot_labels(array, split)
        if (names := column_names(labels)) is not None:
            array = np.array(names)[array]
    if array.dtype.kind == "b" or (array.dtype.kind == "f" and _is_whole(array)):
        array = array.astype(np.int64)
    if array.dtype.kind == "O" and all(isinstance(label, str) for label in array.flat):
        array = array.astype(str)
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise DataError(
            f'The labels of split "{split}" must be whole numbers or names, one an image, '
            f"not {describe(labels)}."
        )
    if len(array) != n_images:
        raise DataError(
            f'The split "{split}" needs one label an image: it has {n_images} images '
            f"and {len(array)} labels."
        )
    return array


def column_names(labels: Any) -> list[str] | None:
    """Return the names of the columns of a table of one-hot rows; None if they are only counted."""
    columns = getattr(labels, "columns", ())
    if len(columns) < 2 or list(columns) == list(range(len(columns))):
        return None
    return [str(name) for name in columns]


def _one_hot_labels(rows: np.ndarray, split: str) -> np.ndarray:
    """Return the class of each one-hot row; raise a DataError for rows that are none."""
    if not (np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all()):
        raise DataError(
            f'The labels of split "{split}" have shape {rows.shape}, and so must be one-hot rows: '
            "each has one 1, and else 0."
        )
    labels: np.ndarray = rows.argmax(axis=1)
    return labels


def _is_whole(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all() and (values == np.trunc(values)).all())


def number_labels(
    labels: dict[str, np.ndarray], class_names: Sequence[str] | None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return labels as 0-based int64 indices into the class names, and the class names.

    Args:
        labels: the checked labels of each split, all whole numbers or all strings.
        class_names: the names in the order of the labels. None takes the labels themselves: strings
            in alphabetical order, or whole numbers, which must be 0, 1, 2 and so on without a gap.

    Returns:
        (labels, class_names), with the labels of each split by its name.

    Raises:
        DataError: a label is not among the classes, or some splits have numbers and others strings.
    """
    kinds = {"string" if array.dtype.kind == "U" else "number" for array in labels.values()}
    if len(kinds) > 1:
        raise DataError("The labels of all splits must be whole numbers, or all must be names.")
    if kinds == {"string"}:
        names = tuple(class_names or np.unique(np.concatenate([*labels.values()])).tolist())
        return {s: _look_up(s, array, names) for s, array in labels.items()}, names
    if class_names is None:
        class_names = _numbered_names(np.unique(np.concatenate([*labels.values()])))
    return {s: array.astype(np.int64) for s, array in labels.items()}, tuple(class_names)


def _as_array(images: Any) -> np.ndarray:
    try:
        return np.asarray(images)
    except (ValueError, TypeError) as error:
        raise ImageError(f"Images must be {_ALLOWED}, not {_describe(images)}.") from error


def _with_all_dimensions(array: np.ndarray) -> np.ndarray:
    """Return images with the dimensions that one image, or grey images, may leave out."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] not in _CHANNELS):
        array = array[..., np.newaxis]
    return array[np.newaxis] if array.ndim == 3 else array


def _as_colours(array: np.ndarray) -> np.ndarray:
    """Return grey images with three equal colours, and transparent ones drawn on white.

    The same is done with image files; see `pycifar.datasets.image_files.read_image`.
    """
    values = as_uint8(array)
    if values.shape[-1] == 1:
        return np.repeat(values, 3, axis=-1)
    opacity = values[..., 3:].astype(np.float32) / 255
    drawn: np.ndarray = np.rint(values[..., :3] * opacity + 255 * (1 - opacity)).astype(np.uint8)
    return drawn


def as_uint8(array: np.ndarray) -> np.ndarray:
    """Return images as uint8; floats are multiplied by 255 and rounded.

    Whole numbers of 16 bits above 255 are reduced to 8 bits, as in image files.
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16 and array.max(initial=0) > 255:
        reduced: np.ndarray = np.rint(array / 257).astype(np.uint8)
        return reduced
    if array.dtype.kind not in "iuf":
        raise ImageError(f"Images must be {_ALLOWED}, not of type {array.dtype}.")
    if not len(array):
        return array.astype(np.uint8)
    top = 1 if array.dtype.kind == "f" else 255
    # If a value is NaN, so is the result of min(), and every comparison with NaN is false.
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= top):
        what = "floats must lie in 0-1" if top == 1 else "whole numbers must lie in 0-255"
        found = "NaN" if np.isnan(low) else f"values from {low:g} to {high:g}"
        divide = top == 1 and low >= 0 and 1 < high <= 255
        raise ImageError(
            f"Images given as {what}, but these hold {found}.",
            fix="Divide the images by 255, or convert them to uint8." if divide else None,
        )
    converted = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _BLOCK):
        block = array[start : start + _BLOCK]
        converted[start : start + _BLOCK] = np.rint(block * 255.0) if top == 1 else block
    return converted


def _describe(images: Any) -> str:
    shape = getattr(images, "shape", None)
    return f"an array of shape {shape}" if shape is not None else describe(images)


def _look_up(split: str, labels: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the index of each label in the class names."""
    found, positions = np.unique(labels, return_inverse=True)
    index = {name: i for i, name in enumerate(names)}
    for name in found.tolist():
        if name not in index:
            nearest = nearest_name(name, names)
            raise DataError(
                f'The split "{split}" has the label {describe(name)}, which is not among the class '
                f"names {listing(names)}.",
                fix=f'Did you mean "{nearest}"?' if nearest else None,
            )
    return np.array([index[name] for name in found.tolist()], np.int64)[positions]


def _numbered_names(found: np.ndarray) -> tuple[str, ...]:
    """Return sorted labels as class names, if they are 0, 1, 2 and so on without a gap."""
    if not np.array_equal(found, np.arange(len(found))):
        missing = next(i for i, label in enumerate([*found.tolist(), None]) if i != label)
        raise DataError(
            f"Labels count from 0 and leave none out, but no image has the label {missing}; "
            f"there are labels from {found[0]} to {found[-1]}.",
            fix="Subtract 1 from labels that count from 1, or give `class_names`.",
        )
    return tuple(str(label) for label in found.tolist())
