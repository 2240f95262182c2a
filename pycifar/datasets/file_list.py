"""Image files with their labels, listed first and read last."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from pycifar.arguments import listing
from pycifar.datasets.arrays import number_labels
from pycifar.datasets.dataset import Split
from pycifar.datasets.image_files import read_image
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataFormatError,
    PycifarError,
    first_of,
    text_on_disk,
)
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
    for file in files:
        if not Path(os.path.realpath(file)).is_relative_to(inside):
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
    parts: Mapping[str, FileList], size: Any, on_error: str
) -> tuple[dict[str, Split], list[tuple[str, str]]]:
    """Read the files of each split.

    Args:
        parts: the files of each split, with numbers as labels.
        size: what `read_image` takes as the size.
        on_error: "stop" or "skip", see `load_dataset`.

    Returns:
        (splits, skipped): the images; and the path of each file that cannot be read, and why.

    Raises:
        DataError: files cannot be read, and `on_error` is "stop"; or no file of a split can be.
    """
    splits, failed = {}, []
    for name, part in parts.items():
        height, width = (size, size) if isinstance(size, int) else size
        images = np.empty((len(part), height, width, 3), np.uint8)
        is_read = np.ones(len(part), bool)
        for i, file in enumerate(part.files):
            try:
                images[i] = read_image(file, size)
            except (DataError, ArgumentError) as error:
                is_read[i] = False
                failed.append((file, error))
        if not is_read.all():
            images, part = images[is_read], part.take(np.flatnonzero(is_read))
        paths = tuple(map(str, part.files))
        splits[name] = Split(images, part.labels, (), paths, part.groups, part.weights)
    if failed and on_error == "stop":
        raise _reading_failed(failed, sum(map(len, parts.values())))
    for name, split in splits.items():
        if not len(split):
            raise DataFormatError(f'No file of the split "{name}" can be read as an image.')
    return splits, [(text_on_disk(str(file)), error.message) for file, error in failed]


def _reading_failed(failed: Sequence[tuple[Path, PycifarError]], n: int) -> PycifarError:
    """Return the error for files that cannot be read; one alone has its own error."""
    error = failed[0][1]
    if len(failed) == 1:
        return error
    names = first_of([str(file) for file, _ in failed])
    return DataFormatError(
        f"{len(failed):,} of {n:,} files cannot be read as images: {names}. "
        f"The first one: {error.message}",
        fix='Mend them, or give `on_error` = "skip" to go on without them.',
    )
