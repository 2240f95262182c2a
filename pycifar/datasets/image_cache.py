"""A cache of images: the pixels of many image files in one file, from which any can be read."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict
from io import FileIO
from pathlib import Path

import numpy as np

from pycifar.arguments import check_path
from pycifar.console import counting
from pycifar.datasets.file_store import FileStore
from pycifar.datasets.stored_images import StoredImages, blocks_of
from pycifar.errors import CacheWarning, DataError, DataNotFoundError, OutputError, printable, warn
from pycifar.files import awaited, remove_leftovers, write_atomically
from pycifar.foreign_names import known_arguments_only

VERSION = 1  # of the format, which is: a header of `HEADER` bytes, JSON and spaces; then the pixels
HEADER = 512
SUFFIX, LOCK = ".cache", ".lock"
_NAME = "pycifar-images-{}" + SUFFIX


class CacheStore:
    """Images in a cache, a file of their pixels one after the other.

    Args:
        path: the cache.
        header: the first bytes of the file.
        shape: (n, height, width, 3).
    """

    def __init__(self, path: Path, header: bytes, shape: tuple[int, int, int, int]) -> None:
        self.path = path
        self.header = header
        self.image_shape = shape[1:]
        self._n = shape[0]
        self._image_bytes = math.prod(self.image_shape)

    @property
    def place(self) -> str:
        """Where the images are read from, in words."""
        return f"read from the cache {printable(str(self.path))} as needed"

    @property
    def n_bytes(self) -> int:
        """The size of the file."""
        return HEADER + self._n * self._image_bytes

    def __len__(self) -> int:
        return self._n

    def fault(self) -> str | None:
        """Return what is wrong with the file, in words; None for a sound one."""
        try:
            with self.path.open("rb") as file:
                found = file.read(HEADER)
                n_bytes = os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return "there is none"
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        if found != self.header:
            return _difference(found)
        if n_bytes != self.n_bytes:
            return "it is truncated or damaged"
        return None

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Return images; the file is open only meanwhile, and is never mapped into memory.

        Raises:
            DataError: the cache has changed or is gone.
        """
        images = np.empty((len(numbers), *self.image_shape), np.uint8)
        try:
            with self.path.open("rb", buffering=0) as file:
                whole = file.read(HEADER) == self.header and all(
                    self._read_into(images[place], file, number)
                    for place, number in enumerate(numbers.tolist())
                )
        except OSError:
            whole = False
        if not whole:
            raise DataError(
                f"The cache of images {self.path} has changed or is gone since "
                "the data set was loaded.",
                fix="Load the data set again.",
            )
        return images

    def _read_into(self, image: np.ndarray, file: FileIO, number: int) -> bool:
        """Read an image, and return whether all of it is there."""
        file.seek(HEADER + number * self._image_bytes)
        return file.readinto(image.data) == self._image_bytes


def cached(files: FileStore, cache_dir: Path, verbose: bool = False) -> CacheStore:
    """Return the images of files in a cache, which is written first unless it is there already.

    A cache whose files have changed, or which another version wrote, is written anew, with a
    warning. While another process writes it, this one waits.

    Args:
        files: the image files. There is one cache for their paths and how they are resized, and it
            is good as long as they have the same bytes and times.
        cache_dir: the folder of caches, which is made if there is none.
        verbose: whether to show the progress on stderr.

    Raises:
        DataFormatError: a file is not an image.
        OutputError: the cache cannot be written, or the disk has no room for it.
    """
    shape = (len(files), *files.image_shape)
    path = cache_dir.absolute() / _NAME.format(_digest(_about(files))[:16])
    store = CacheStore(path, _header(files, shape), shape)
    if store.fault() is None:
        return store
    with awaited(path.with_suffix(LOCK), f"pycifar waits: another process writes {path}"):
        if (fault := store.fault()) is not None:  # still, after waiting
            if path.exists():
                text = f"The cache of images {printable(str(path))} is written anew: {fault}."
                warn(CacheWarning(text))
            remove_leftovers(path)
            _check_room(path, store.n_bytes)
            write_atomically(path, lambda temporary: _write(temporary, store, files, verbose))
    return store


def _write(path: Path, store: CacheStore, files: FileStore, verbose: bool) -> None:
    images = StoredImages(files)
    with path.open("wb") as target, counting(len(images), "images", verbose) as show:
        target.write(store.header)
        for block in blocks_of(images):
            target.write(images[block].data)
            show(block.stop)


def _check_room(path: Path, n_bytes: int) -> None:
    """Raise an OutputError if the disk has no room for a cache."""
    free = shutil.disk_usage(path.parent).free
    if n_bytes > free:
        raise OutputError(
            f"{path} cannot be written: it needs {n_bytes / 2**30:.1f} GB of disk, and "
            f"{free / 2**30:.1f} GB are free.",
            fix="Choose another `cache_dir`, or a smaller `image_size`.",
        )


def _header(files: FileStore, shape: tuple[int, ...]) -> bytes:
    about = {
        "format": "images of pycifar",
        "version": VERSION,
        "shape": shape,
        "files": _digest([_about(files), files.stamps]),
    }
    return json.dumps(about).encode().ljust(HEADER)


def _about(files: FileStore) -> list[object]:
    return [files.paths, files.size, asdict(files.resize)]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _difference(header: bytes) -> str:
    """Return why a header is not the one that was looked for, in words."""
    try:
        version = json.loads(header)["version"]
    except (ValueError, KeyError, TypeError):
        return "it is damaged, or no cache"
    if version != VERSION:
        return "another version of pycifar wrote it"
    return "its image files have changed"


@known_arguments_only
def clear_cache(cache_dir: str | Path) -> int:
    """Remove the caches of images from a folder; other files in it stay.

    A data set that is still read from one of them cannot be used any more.

    Args:
        cache_dir: the folder that was given to `load_dataset` as `cache_dir`.

    Returns:
        The number of bytes that were freed; 0 if there was no cache.

    Raises:
        ArgumentError: `cache_dir` is no path.
        DataNotFoundError: there is no such folder.
        OutputError: a cache cannot be removed.

    Examples:
        >>> import pycifar
        >>> from pathlib import Path
        >>> Path("caches").mkdir()
        >>> pycifar.clear_cache("caches")
        0
    """
    folder = check_path("cache_dir", cache_dir)
    if not folder.is_dir():
        raise DataNotFoundError(f"`cache_dir` must be a folder; there is none at {folder}.")
    # What a killed process left has a lock, and maybe no cache.
    caches = _NAME.format("*")
    found = {*folder.glob(caches)} | {
        lock.with_suffix(SUFFIX) for lock in folder.glob(caches.replace(SUFFIX, LOCK))
    }
    freed = 0
    for path in sorted(found):
        lock = path.with_suffix(LOCK)
        try:
            with awaited(lock, f"pycifar waits: another process writes {path}"):
                remove_leftovers(path)
                freed += path.stat().st_size if path.exists() else 0
                path.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}.") from error
    return freed
