"""Labelled images in the forms in which Python's libraries hold them, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pycifar.arguments import describe
from pycifar.datasets.arrays import as_uint8, check_images, column_names, frozen
from pycifar.datasets.image_files import read_image
from pycifar.datasets.resizing import Resize
from pycifar.datasets.stored_images import Images
from pycifar.errors import ArgumentError, DataError, ImageError

_FORMS = (
    'Arrays must be given as {"train": (images, labels), "test": (images, labels)}, or as what '
    "gives (image, label) pairs or batches of them"
)


def by_split(source: Any) -> dict[str, Any]:
    """Return what a source holds for each split.

    Two pairs of arrays are a training and a test split, as `keras.datasets` gives them. Two other
    objects are a training and a validation split, as `keras.utils.image_dataset_from_directory`
    gives them. Anything else is a training split.
    """
    if isinstance(source, Mapping):
        if any(not isinstance(split, str) for split in source):
            raise ArgumentError(f"{_FORMS}; the name of a split must be text.")
        return dict(source)
    if isinstance(source, (tuple, list)) and len(source) == 2:
        if isinstance(source, tuple) and all(map(is_pair, source)):
            return {"train": source[0], "test": source[1]}
        if all(map(_gives_examples, source)):
            return {"train": source[0], "validation": source[1]}
    return {"train": source}


def is_pair(part: Any) -> bool:
    """Return whether something is images and their labels, not (image, label) examples."""
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        return False
    images, labels = part
    if isinstance(labels, str) or not hasattr(labels, "__len__") or _gives_examples(labels):
        return False
    # Two examples are no pair: each has an image and its label.
    is_example = isinstance(images, (tuple, list)) and len(images) == 2
    return not (is_example and _is_picture(images[0]) and not _is_picture(images[1]))


def take_all(part: Any, split: str) -> tuple[Any, Any, np.ndarray | None]:
    """Return the images, the labels and the weights of all examples; weights may be None.

    Args:
        part: what gives (image, label) or (images, labels), or either with weights: a dataset of
            TensorFlow, a PyDataset of Keras, or any iterable. An image is an array or a Pillow
            image. Floats above 1 make all floats count from 0 to 255, and not from 0 to 1.
        split: the name of the split, for errors.

    Returns:
        (images, labels, weights): a list of arrays, one an image; an array, shape (n,) or one-hot;
        and float32 of shape (n,), or None.
    """
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    counts_to_255 = False
    for example in _examples(part, split):
        if not isinstance(example, (tuple, list)) or len(example) not in (2, 3):
            raise ArgumentError(f'{_FORMS}; the split "{split}" gives {describe(example)}.')
        block = _as_array(example[0])
        if block.dtype.kind == "f" and block.max(initial=0) > 1:
            counts_to_255, block = True, _rounded(block)
        label = _plain(example[1])
        is_batch = _is_batch(block, label)
        images.extend(block if is_batch else [block])
        labels.append(label if is_batch else label[np.newaxis])
        weights += [_plain(weight).ravel() for weight in example[2:]]
    if not images:
        raise DataError(f'The split "{split}" gives no images.')
    if counts_to_255:
        images = [_rounded(image) if image.dtype.kind == "f" else image for image in images]
    if len({one.shape[1:] for one in labels}) > 1:
        raise DataError(f'The labels of split "{split}" must all have one shape.')
    joined = np.concatenate(labels)
    if joined.dtype.kind in "SO":  # TensorFlow's texts are bytes
        joined = np.array([x.decode() if isinstance(x, bytes) else x for x in joined.tolist()])
    if not weights:
        return images, joined, None
    joined_weights = np.concatenate(weights)
    if joined_weights.dtype.kind not in "biuf" or len(joined_weights) != len(images):
        raise DataError(f'The weights of split "{split}" must be numbers, one an image.')
    return images, joined, joined_weights.astype(np.float32)


def as_pixels(images: Any, size: tuple[int, int] | None, resize: Resize) -> Images:
    """Return images as uint8 of one size, (n, height, width, 3).

    Args:
        images: what `check_images` takes; or a list of Pillow images and arrays of any sizes.
        size: the height and width that the images get, in pixels; None keeps the size that all
            images have.
        resize: how they get this size.

    Raises:
        ImageError: the images have several sizes, and `size` is None; or `check_images` raises it.
    """
    if isinstance(images, (list, tuple)) and any(map(_is_picture, images)):
        images = [_as_array(image) for image in images]
        sizes = sorted({image.shape[:2] for image in images})
        if size is None and len(sizes) > 1:
            raise ImageError(
                f"Pictures must have one size, or `image_size` must be given; they have "
                f"{len(sizes):,} sizes, among them {sizes[0]} and {sizes[-1]}."
            )
        if len({image.shape for image in images}) > 1:  # grey ones beside coloured ones
            images = [image for one in images for image in check_images(one)]
    if size is None:
        pixels = check_images(images)
        return frozen(pixels) if isinstance(images, (list, tuple)) else pixels
    blocks = images if isinstance(images, list) else check_images(images)
    resized = [read_image(as_uint8(np.asarray(image)), size, resize) for image in blocks]
    return frozen(np.array(resized, np.uint8))


def _gives_examples(part: Any) -> bool:
    return hasattr(part, "element_spec") or hasattr(part, "on_epoch_end")


def _examples(part: Any, split: str) -> Iterator[Any]:
    if hasattr(part, "element_spec"):  # of TensorFlow
        if int(part.cardinality()) == -1:
            raise DataError(f'The split "{split}" must end; it is repeated without end.')
        return iter(part.as_numpy_iterator())
    if isinstance(part, np.ndarray) or not hasattr(part, "__iter__"):
        has_items = hasattr(part, "__getitem__") and hasattr(part, "__len__")
        if not has_items or getattr(part, "ndim", 1) == 0:
            raise ArgumentError(f'{_FORMS}; the split "{split}" is {describe(part)}.')
        return (part[number] for number in range(len(part)))  # a PyDataset
    return iter(part)


def _is_picture(image: Any) -> bool:
    """Return whether something is a Pillow image or an array of one image."""
    return hasattr(image, "getbands") or len(getattr(image, "shape", ())) in (2, 3)


def _as_array(image: Any) -> np.ndarray:
    """Return images as an array; a Pillow image as uint8, as `read_image` reads it."""
    if hasattr(image, "getbands"):
        return read_image(image, image.size[::-1])
    return _plain(image)


def _plain(value: Any) -> np.ndarray:
    """Return a value as an array; raise a DataError if it can be none."""
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"Images and labels must be arrays, not {describe(value)}.") from error


def _is_batch(images: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether an example is a batch: grey images of one may lack the channel."""
    if labels.ndim == 0 or images.ndim < 3:
        return False
    return images.ndim == 4 or (images.shape[-1] not in (1, 3, 4) and len(images) == len(labels))


def _rounded(block: np.ndarray) -> np.ndarray:
    if not (block.min() >= 0 and block.max() <= 255):
        raise ImageError(
            "Images must hold floats from 0 to 1 or numbers from 0 to 255, not from "
            f"{block.min():g} to {block.max():g}."
        )
    rounded: np.ndarray = np.rint(block).astype(np.uint8)
    return rounded


def class_names_of(parts: Iterable[Any]) -> Sequence[str] | None:
    """Return the class names that Keras gave to a dataset, or those in a table of pandas."""
    for part in parts:
        if (names := getattr(part, "class_names", None)) is not None:
            return list(names)
        labels = part[1] if isinstance(part, (tuple, list)) and len(part) == 2 else None
        if (names := column_names(labels)) is not None:
            return names
        labels = getattr(labels, "cat", labels)  # of a Series
        if (categories := getattr(labels, "categories", None)) is not None:
            return [str(category) for category in categories]
    return None
