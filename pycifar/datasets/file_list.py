"""Image files with their labels, listed first and read last."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from pycifar.arguments import listing
from pycifar.console import counting
from pycifar.datasets.arrays import frozen, number_labels
from pycifar.datasets.dataset import Split
from pycifar.datasets.image_files import read_images
from pycifar.datasets.resizing import Resize
from pycifar.datasets.storage import Storage
from pycifar.errors import DataFormatError, PycifarError, first_of
from pycifar.language import constant

SPLITS = ("train", "validation", "test")

# What folders and the column `split` of a table may call a split, in any case.
SPLIT_NAMES = {name: name for name in SPLITS} | {"val": "validation", "valid": "validation"}


@dataclass(frozen=True)
class FileList:
    """Image files that are not read yet.

    Args:
        files: the path of each file.
        labels: the class of each file: names, or 0-based numbers, shape (n,).
        groups: the group of each file; empty if there are no groups.
        weights: the weight of each file in the loss, float32 of shape (n,); None: all the same.
    """

    files: tuple[Path, ...]
    labels: np.ndarray
    groups: tuple[str, ...] = ()
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: np.ndarray) -> Self:
        """Return the files at these indices."""
        return replace(
            self,
            files=tuple(self.files[index] for index in indices),
            labels=self.labels[indices],
            groups=tuple(self.groups[index] for index in indices) if self.groups else (),
            weights=None if self.weights is None else self.weights[indices],
        )


@dataclass(frozen=True)
class Listing:
    """What a folder or a table lists.

    Args:
        name: the name of the data set.
        source: where the files are, in words.
        top: the folder that the paths are relative to.
        files: all files, split after split, with names as labels.
        splits: the split of each file.
        class_names: the classes in order, or None for the alphabetical order.
        skipped: the path of what was passed over, and why.
    """

    name: str
    source: str
    top: Path
    files: FileList
    splits: np.ndarray
    class_names: tuple[str, ...] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def by_split(
        self, class_names: Sequence[str] | None
    ) -> tuple[dict[str, FileList], tuple[str, ...]]:
        """Return the files of each split, with numbers as labels, and the class names."""
        parts = {
            split: self.files.take(np.flatnonzero(self.splits == split))
            for split in SPLITS
            if (self.splits == split).any()
        }
        labels = {split: part.labels for split, part in parts.items()}
        numbers, names = number_labels(labels, class_names or self.class_names)
        return {s: replace(part, labels=numbers[s]) for s, part in parts.items()}, names


def check_inside(files: Sequence[Path], top: Path) -> None:
    """Raise a DataFormatError for a file that lies outside a folder once links are followed."""
    inside = os.path.realpath(top)
    known: dict[Path, bool] = {}  # of each folder, whether it lies inside
    for file in files:
        if file.parent not in known:
            known[file.parent] = Path(os.path.realpath(file.parent)).is_relative_to(inside)
        if not known[file.parent] or (
            file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(inside)
        ):
            raise DataFormatError(
                f"{file} is a link that leads outside of {top}: not followed.",
                fix=f"Give `follow_links` = {constant(True)} if you trust where it leads.",
            )


def check_classes(parts: Mapping[str, Any], class_names: Sequence[str]) -> None:
    """Raise a DataFormatError for a class that has images in another split than train alone."""
    if "train" not in parts:
        return
    trained = {*parts["train"].labels.tolist()}
    for split, part in parts.items():
        if unknown := sorted({*part.labels.tolist()} - trained):
            raise DataFormatError(
                f'The split "{split}" must have no classes that "train" has not, and it has '
                f"{listing([class_names[label] for label in unknown])}."
            )


def read_files(
    parts: Mapping[str, FileList],
    size: tuple[int, int],
    resize: Resize,
    storage: Storage,
    verbose: bool,
) -> dict[str, Split]:
    """Return the splits of image files.

    Args:
        parts: the files of each split, with numbers as labels.
        size: the height and width that the images get, in pixels.
        resize: how they get this size.
        storage: whether the images are in memory, and where they are read from if they are not.
        verbose: whether to show the progress on stderr.

    Raises:
        DataError: a file cannot be read. Of images that are not in memory, this may come later.
        OutputError: a cache cannot be written.
    """
    files = {name: part.files for name, part in parts.items()}
    read = _read_all if storage.holds(files, size) else storage.stored
    images = read(files, size, resize, verbose)
    return {
        name: Split(
            frozen(images[name]),
            part.labels,
            paths=tuple(map(str, part.files)),
            groups=part.groups,
            weights=part.weights,
        )
        for name, part in parts.items()
    }


def _read_all(
    files: Mapping[str, Sequence[Path]], size: tuple[int, int], resize: Resize, verbose: bool
) -> dict[str, Any]:
    """Return the images of each split, in memory."""
    images = {split: np.empty((len(paths), *size, 3), np.uint8) for split, paths in files.items()}
    places = [place for part in images.values() for place in part]
    paths = [path for part in files.values() for path in part]
    with counting(len(paths), "images", verbose) as show:
        for done, _ in enumerate(read_images(paths, size, resize, places=places), 1):
            show(done)
    return images


def unreadable(
    parts: Mapping[str, FileList], size: tuple[int, int], resize: Resize
) -> dict[Path, PycifarError]:
    """Return the error of each file that cannot be read as an image."""
    files = [file for part in parts.values() for file in part.files]
    found = zip(files, read_images(files, size, resize, on_error="skip"), strict=True)
    return {file: error for file, error in found if isinstance(error, PycifarError)}


def without(
    parts: Mapping[str, FileList], failed: Mapping[Path, PycifarError]
) -> dict[str, FileList]:
    """Return the splits without some files; raise a DataFormatError if nothing is left of one."""
    left = {}
    for name, part in parts.items():
        sound = [i for i, file in enumerate(part.files) if file not in failed]
        if not sound:
            raise DataFormatError(f'No file of the split "{name}" can be read as an image.')
        left[name] = part.take(np.array(sound))
    return left


def reading_failed(failed: Mapping[Path, PycifarError], n: int) -> PycifarError:
    """Return the error for those of `n` files that cannot be read; one alone has its own error."""
    error = next(iter(failed.values()))
    if len(failed) == 1:
        return error
    names = first_of([str(file) for file in failed])
    return DataFormatError(
        f"{len(failed):,} of {n:,} files cannot be read as images: {names}. "
        f"The first one: {error.message}",
        fix='Mend them, or give `on_error` = "skip" to go on without them.',
    )
