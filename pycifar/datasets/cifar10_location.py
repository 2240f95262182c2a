"""The place where CIFAR-10 is on this machine, in one of its published layouts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pycifar.arguments import check_path
from pycifar.datasets import binary_batches, python_batches
from pycifar.errors import DataNotFoundError
from pycifar.files import cache_folder

VARIABLE = "PYCIFAR_DATA_DIR"  # the environment variable that says where to look


@dataclass(frozen=True)
class Layout:
    """One of the two layouts in which CIFAR-10 is published.

    Args:
        name: the name of the layout, for messages.
        folder: the folder that its archive unpacks to.
        archive: the name of the archive.
        train: the names of the training batches, in order.
        test: the name of the test batch.
        meta: the name of the file of class names.
        largest: the largest size in bytes that a file of it may have.
        read_batch: reads the pixels of a batch into an array, and returns the labels.
        read_meta: reads the class names.
    """

    name: str
    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    meta: str
    largest: int
    read_batch: Callable[..., np.ndarray]
    read_meta: Callable[..., tuple[str, ...]]

    @property
    def batches(self) -> tuple[str, ...]:
        """The names of all batches, the test batch last."""
        return (*self.train, self.test)


PYTHON = Layout(
    name="Python batches",
    folder="cifar-10-batches-py",
    archive="cifar-10-python.tar.gz",
    train=tuple(f"data_batch_{i}" for i in range(1, 6)),
    test="test_batch",
    meta="batches.meta",
    largest=python_batches.LARGEST_BATCH,
    read_batch=python_batches.read_python_batch,
    read_meta=python_batches.read_python_meta,
)
BINARY = Layout(
    name="binary batches",
    folder="cifar-10-batches-bin",
    archive="cifar-10-binary.tar.gz",
    train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test="test_batch.bin",
    meta="batches.meta.txt",
    largest=binary_batches.BATCH_SIZE,
    read_batch=binary_batches.read_binary_batch,
    read_meta=binary_batches.read_binary_meta,
)
LAYOUTS = (PYTHON, BINARY)


@dataclass(frozen=True)
class Cifar10Location:
    """A place where CIFAR-10 was found.

    Args:
        path: the folder of batches, or the archive.
        layout: the layout of the files there.
        is_archive: whether `path` is an archive.
    """

    path: Path
    layout: Layout
    is_archive: bool

    def __str__(self) -> str:
        archived = ", archived" if self.is_archive else ""
        return f"{self.path} ({self.layout.name}{archived})"


def find_cifar10(data_dir: str | Path | None = None) -> Cifar10Location | None:
    """Return where CIFAR-10 would be read from, or None if it would have to be downloaded.

    Args:
        data_dir: a folder of batches, one of the two archives, or a folder that holds any of these.
            None looks at the place that the environment variable ``PYCIFAR_DATA_DIR`` names, or, if
            that is not set, in the user's cache folder.

    Returns:
        The place, or None. Folders are preferred to archives, and Python batches to binary ones.

    Raises:
        DataNotFoundError: `data_dir` or the environment variable names a place without CIFAR-10.

    Examples:
        >>> find_cifar10() is None or find_cifar10().path.exists()
        True
    """
    if data_dir is not None:
        return _look_in(check_path("data_dir", data_dir), "`data_dir`")
    if os.environ.get(VARIABLE):
        return _look_in(check_path(VARIABLE, os.environ[VARIABLE]), VARIABLE)
    return location_in(cache_folder())


def _look_in(path: Path, argument: str) -> Cifar10Location:
    """Return where CIFAR-10 is at a path; raise a DataNotFoundError if it is not there."""
    if not path.exists():
        raise DataNotFoundError(
            f"{argument} names {path}, which does not exist.",
            fix='Give the folder that holds CIFAR-10, or use the "synthetic" data set.',
        )
    location = location_in(path)
    if location is None:
        wanted = [name for layout in LAYOUTS for name in (f"{layout.folder}/", layout.archive)]
        raise DataNotFoundError(
            f"{argument} names {path}, which does not hold CIFAR-10: looked for "
            f"{', '.join(wanted)} in it, and for {PYTHON.train[0]} and {BINARY.train[0]}.",
            fix='Give the folder that holds one of these, or use the "synthetic" data set.',
        )
    return location


def location_in(path: Path) -> Cifar10Location | None:
    """Return where CIFAR-10 is in a folder or in an archive, or None if it is not there."""
    for layout in LAYOUTS:
        for folder in (path / layout.folder, path):
            # One batch is enough: reading the folder then reports the batches that are missing.
            if any((folder / batch).is_file() for batch in layout.batches):
                return Cifar10Location(folder, layout, is_archive=False)
    for layout in LAYOUTS:
        for archive in (path / layout.archive, path):
            if archive.name == layout.archive and archive.is_file():
                return Cifar10Location(archive, layout, is_archive=True)
    return None
