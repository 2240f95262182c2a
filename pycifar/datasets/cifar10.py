"""CIFAR-10: 60,000 colour images of 32×32 pixels in ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from pycifar.arguments import describe
from pycifar.datasets.archives import read_members, unpack
from pycifar.datasets.arrays import frozen
from pycifar.datasets.cifar10_location import (
    PYTHON,
    Cifar10Location,
    find_cifar10,
    location_in,
)
from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.python_batches import N_IMAGES, N_PIXELS
from pycifar.download import RemoteFile, download_file
from pycifar.errors import DataError, DataFormatError, DataNotFoundError
from pycifar.files import awaited, cache_folder

CIFAR10_CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
LOCK = ".lock"  # the lock file in the cache folder

CIFAR10_BYTES = 170_498_071
CIFAR10_ARCHIVE = RemoteFile(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    n_bytes=CIFAR10_BYTES,
    checksum="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    fix='name a folder that holds CIFAR-10 with `data_dir`, or use the data set "synthetic", which '
    "needs no network.",
)


def load_cifar10(
    data_dir: str | Path | None = None, download: bool = True, verbose: bool = True
) -> Dataset:
    """Load CIFAR-10 from where `find_cifar10` finds it, or download it first.

    Args:
        data_dir: where to look, as for `find_cifar10`. If it is given, nothing is downloaded.
        download: whether to download the data set if it is not found.
        verbose: whether to show the progress of a download on stderr.

    Raises:
        DataNotFoundError: CIFAR-10 was not found, and may not be downloaded.
        DataFormatError: a file is missing, truncated, too long, or of another format.
        DownloadError: the download failed.
        OutputError: the downloaded files cannot be written.
    """
    location = find_cifar10(data_dir)
    if location is None and not download:
        raise DataNotFoundError(
            f"CIFAR-10 is not in {cache_folder()}, and it was not to be downloaded.",
            fix='Give `data_dir`, allow the download, or use the "synthetic" data set.',
        )
    return read_cifar10(location or fetch_cifar10(CIFAR10_ARCHIVE, cache_folder(), verbose))


def fetch_cifar10(archive: RemoteFile, folder: Path, verbose: bool) -> Cifar10Location:
    """Download the archive of Python batches, unpack it in `folder`, and delete the archive.

    If another process is doing so, wait for it, and use the files that it has unpacked.

    Raises:
        DownloadError: the download failed, or its checksum does not match.
        OutputError: the files cannot be written.
    """
    waiting = f"Waiting for another process that downloads to {folder}." if verbose else ""
    with awaited(folder / LOCK, waiting):
        found = location_in(folder)
        if found is not None and not found.is_archive:
            return found
        downloaded = download_file(archive, folder, verbose)
        unpacked = unpack(downloaded, PYTHON, folder)
        downloaded.unlink(missing_ok=True)
        return Cifar10Location(unpacked, PYTHON, is_archive=False)


def read_cifar10(location: Cifar10Location) -> Dataset:
    """Read CIFAR-10 from the place where it was found.

    The images keep the memory order in which they are published: one plane per colour.

    Raises:
        DataError: a file cannot be read.
        DataFormatError: a file is missing, truncated, too long, or of another format.
    """
    reader = _Reader(location)
    if location.is_archive:
        read_members(location.path, location.layout, reader.read)
    else:
        _read_folder(location, reader)
    return reader.dataset()


class _Reader:
    """A reader of the files of CIFAR-10, in any order, which makes a data set of them."""

    def __init__(self, location: Cifar10Location) -> None:
        self._location = location
        n_train = len(location.layout.train)
        self._images = {
            "train": np.empty((n_train * N_IMAGES, N_PIXELS), np.uint8),
            "test": np.empty((N_IMAGES, N_PIXELS), np.uint8),
        }
        self._labels = {
            "train": np.empty(n_train * N_IMAGES, np.int64),
            "test": np.empty(N_IMAGES, np.int64),
        }
        self._class_names: tuple[str, ...] = CIFAR10_CLASS_NAMES

    def read(self, name: str, stream: BufferedIOBase, n_bytes: int) -> None:
        """Read one file, whose name in the layout is `name`."""
        layout = self._location.layout
        full_name = f"{self._location.path / name}"
        if name == layout.meta:
            self._class_names = layout.read_meta(stream, n_bytes, full_name)
            _check_class_names(self._class_names, full_name)
            return
        split = "test" if name == layout.test else "train"
        start = 0 if split == "test" else layout.train.index(name) * N_IMAGES
        rows = slice(start, start + N_IMAGES)
        labels = layout.read_batch(stream, n_bytes, full_name, self._images[split][rows])
        _check_label_range(labels, full_name)
        self._labels[split][rows] = labels

    def dataset(self) -> Dataset:
        """Return the data set, after all files were read."""
        layout = self._location.layout
        files = {"train": layout.train, "test": (layout.test,)}
        splits = {
            split: Split(
                frozen(images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)),
                self._labels[split],
                tuple((name, N_IMAGES) for name in files[split]),
            )
            for split, images in self._images.items()
        }
        return Dataset("cifar10", splits, self._class_names, f"CIFAR-10 from {self._location}")


def _read_folder(location: Cifar10Location, reader: _Reader) -> None:
    """Read all files of a folder by `reader`; the file of class names may be missing."""
    layout = location.layout
    missing = [name for name in layout.batches if not (location.path / name).is_file()]
    if missing:
        raise DataFormatError(
            f"{location.path} must hold the files {', '.join(layout.batches)}; "
            f"it lacks {', '.join(missing)}."
        )
    has_meta = (location.path / layout.meta).is_file()
    for name in (*layout.batches, *([layout.meta] if has_meta else [])):
        path = location.path / name
        try:
            with path.open("rb") as stream:
                reader.read(name, stream, os.fstat(stream.fileno()).st_size)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _check_class_names(names: tuple[str, ...], file: str) -> None:
    if len(names) != 10 or len(set(names)) != 10 or not all(names):
        raise DataFormatError(
            f"{file} must hold ten different class names, not {describe(list(names))}."
        )


def _check_label_range(labels: np.ndarray, file: str) -> None:
    outside = np.flatnonzero((labels < 0) | (labels > 9))
    if outside.size:
        raise DataFormatError(
            f"{file} must hold labels from 0 to 9; its image {outside[0] + 1} has the label "
            f"{labels[outside[0]]}."
        )
