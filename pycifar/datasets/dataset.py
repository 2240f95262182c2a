"""A data set: uint8 images in named splits, with integer labels and class names."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pycifar.arguments import describe, listing
from pycifar.console import counting
from pycifar.content import ByContent
from pycifar.datasets.resizing import Resize
from pycifar.datasets.stored_images import Images, StoredImages, blocks_of
from pycifar.errors import ArgumentError, DataError, ImageError, printable

# All data sets in memory. The references are weak, so that they do not keep a data set in memory.
_LOADED: weakref.WeakValueDictionary[int, Dataset] = weakref.WeakValueDictionary()


def loaded_dataset(name: str, fingerprint: str) -> Dataset | None:
    """Return a data set in memory with this name and training split, or None.

    Args:
        name: the name of the data set.
        fingerprint: that of its training split; see `Dataset.fingerprint`.
    """
    for dataset in [*_LOADED.values()]:
        trains = dataset.name == name and len(dataset.splits.get("train", ()))
        if trains and dataset.fingerprint("train") == fingerprint:
            return dataset
    return None


def check_dataset(value: Any) -> Dataset:
    """Return the data set `value`; raise an ArgumentError if it is not a `Dataset`."""
    if not isinstance(value, Dataset):
        raise ArgumentError(f"`dataset` must be a data set, not {describe(value)}.")
    return value


@dataclass(frozen=True, eq=False)
class Split(ByContent):
    """Images and labels of one split.

    Args:
        images: uint8, shape (n, height, width, 3), values 0-255. Any memory order is allowed: the
            images of CIFAR-10 are a view of the published planes, one per colour, so that they are
            never copied as a whole. Images that are not in memory are a `StoredImages`, which reads
            those that are indexed.
        labels: integers, shape (n,), 0-based indices into the class names of the data set.
        batches: the names of the files that the images came from, in order, each with its number of
            images; empty if the source has no batches.
        paths: the file of each image; empty if the images are not files of their own.
    """

    images: Images
    labels: np.ndarray
    batches: tuple[tuple[str, int], ...] = ()
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.dtype != np.uint8:
            raise ImageError(
                "The images of a split must be uint8 of shape (n, height, width, 3), "
                f"not {self.images.dtype} of shape {self.images.shape}."
            )
        if self.labels.shape != (len(self.images),):
            raise DataError(
                f"Each image needs one label: there are {len(self.images)} images, "
                f"and the labels have shape {self.labels.shape}."
            )
        if self.paths and len(self.paths) != len(self.images):
            raise DataError(
                f"Each image needs one path, or none has one: there are {len(self.images)} images "
                f"and {len(self.paths)} paths."
            )
        for name in ("images", "labels"):  # the fingerprint is that of these values
            if isinstance(getattr(self, name), StoredImages):
                continue
            values = getattr(self, name).view()
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> Split:
        """Return the images at increasing indices, with the number of images from each batch."""
        ends = np.cumsum([n for _, n in self.batches])
        counts = np.diff(np.searchsorted(indices, [0, *ends])).tolist()
        batches = [(name, n) for (name, _), n in zip(self.batches, counts, strict=True)]
        paths = tuple(self.paths[index] for index in indices) if self.paths else ()
        pixels = self.images
        images = pixels.select(indices) if isinstance(pixels, StoredImages) else pixels[indices]
        return Split(images, self.labels[indices], tuple(batches), paths)

    def __repr__(self) -> str:
        _, height, width, _ = self.images.shape
        batches = f" in {len(self.batches)} batches" if self.batches else ""
        return f"<Split of {len(self):,} images of {height}×{width}{batches}>"


@dataclass(frozen=True, eq=False)
class Dataset(ByContent):
    """Splits of labelled images that share their class names.

    Args:
        name: the name of the data set, for example ``"cifar10"`` or ``"synthetic"``.
        splits: the splits by name; training uses ``"train"``, evaluation ``"test"``.
        class_names: one name per class, in the order of the labels.
        source: where the images came from, in words.
        resize: how image files were resized; None if the images came in their size.
    """

    name: str
    splits: Mapping[str, Split]
    class_names: tuple[str, ...]
    source: str = ""
    resize: Resize | None = None
    _fingerprints: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.class_names)) != len(self.class_names):
            raise DataError(f"Class names must differ, not {listing(self.class_names)}.")
        shapes = {split.images.shape[1:] for split in self.splits.values()}
        if len(shapes) > 1:
            raise ImageError(
                f"All splits must hold images of one size, not {sorted(s[:2] for s in shapes)}."
            )
        for name, split in self.splits.items():
            _check_labels(name, split.labels, len(self.class_names))
        _LOADED[id(self)] = self

    @cached_property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of each image: (height, width, 3), in pixels."""
        return next(iter(self.splits.values())).images.shape[1:]

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def storage(self) -> str | None:
        """Where the images of files are now, in words; None if the images are no files."""
        split = next(iter(self.splits.values()))
        if isinstance(split.images, StoredImages):
            return split.images.store.place
        return "in memory" if split.paths else None

    def split(self, name: str) -> Split:
        """Return the split of that name.

        Raises:
            DataError: the data set has no split of that name, or it is empty.
        """
        if not isinstance(name, str) or name not in self.splits:
            raise no_such_split(self.name, name, self.splits)
        if not len(self.splits[name]):
            raise DataError(f'The split "{name}" of the data set "{self.name}" holds no images.')
        return self.splits[name]

    def fingerprint(self, split: str = "train") -> str:
        """Return the SHA-256 of a split, in hexadecimal.

        It covers the shape, the pixels (image by image, row by row) and the labels. The memory
        order of the images makes no difference.
        """
        if split not in self._fingerprints:
            self._fingerprints[split] = _digest(self.split(split))
        return self._fingerprints[split]

    def read_once(self, verbose: bool = False) -> None:
        """Read all images that are not in memory, for the fingerprints, and so that none is broken.

        Args:
            verbose: whether to show the progress on stderr.

        Raises:
            DataError: an image cannot be read.
        """
        parts = {
            name: split
            for name, split in self.splits.items()
            if isinstance(split.images, StoredImages) and len(split)
        }
        done, total = 0, sum(map(len, parts.values()))
        with counting(total, "images", verbose) as show:
            for name, part in parts.items():
                self._fingerprints[name] = _digest(part, show, done)
                done += len(part)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(split):,}" for name, split in self.splits.items())
        height, width, _ = self.image_shape
        size, classes = f"{height}×{width}", f"{self.n_classes:,} classes"
        storage = f", {self.storage}" if self.storage else ""
        return f"<Dataset {printable(self.name)}: {sizes} images of {size} in {classes}{storage}>"


def _digest(part: Split, show: Callable[[int], None] = lambda done: None, before: int = 0) -> str:
    """Return the SHA-256 of a split; call `show` with how many images are done, and `before`."""
    digest = hashlib.sha256(repr(part.images.shape).encode())
    # Pixels and labels alternate by block, so another size of blocks changes the result.
    for start in range(0, len(part), 1000):
        for block in blocks_of(part.images, start, start + 1000):
            digest.update(part.images[block].tobytes())
            show(before + block.stop)
        digest.update(part.labels[start : start + 1000].astype("<i8").tobytes())
    return digest.hexdigest()


def no_such_split(dataset: str, name: Any, splits: Iterable[str]) -> DataError:
    """Return the error for a split that a data set does not have."""
    have = ", ".join(f'"{s}"' for s in splits)
    return DataError(f'The data set "{dataset}" has no split {describe(name)}; it has {have}.')


def _check_labels(split: str, labels: np.ndarray, n_classes: int) -> None:
    if labels.dtype.kind not in "iu":
        raise DataError(f'Labels must be whole numbers; split "{split}" holds {labels.dtype}.')
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise DataError(
            f"Labels must lie in 0-{n_classes - 1}; image {first + 1} of split "
            f'"{split}" has label {labels[first]}.'
        )
