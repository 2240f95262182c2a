"""Image files that are read whenever their pixels are needed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pycifar.datasets.image_files import read_images
from pycifar.datasets.resizing import Resize
from pycifar.errors import DataError, DataFormatError


class FileStore:
    """Image files, decoded and resized each time that they are read.

    Args:
        paths: the files.
        size: (height, width) in pixels that each image gets.
        resize: how it gets this size.

    Raises:
        DataFormatError: a file cannot be found.
    """

    place = "read from their files as needed"

    def __init__(self, paths: Sequence[Path], size: tuple[int, int], resize: Resize) -> None:
        self.paths = tuple(map(os.path.abspath, paths))
        self.size, self.resize = size, resize
        self.stamps = [_stamp(path) for path in self.paths]
        for path, stamp in zip(self.paths, self.stamps, strict=True):
            if stamp is None:
                raise DataFormatError(f"{path} cannot be read as an image.")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of each image: (height, width, 3), in pixels."""
        return (*self.size, 3)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Return images, decoded on several threads.

        Raises:
            DataFormatError: a file is not an image.
            DataError: a file has changed or is gone since the store was made.
        """
        images = np.empty((len(numbers), *self.image_shape), np.uint8)
        chosen = [self.paths[number] for number in numbers.tolist()]
        try:
            deque(read_images(chosen, self.size, self.resize, places=images), maxlen=0)
        except DataError:
            self._check_unchanged(numbers)  # which tells more
            raise
        self._check_unchanged(numbers)  # after the reading, so that a change during it is found
        return images

    def _check_unchanged(self, numbers: np.ndarray) -> None:
        """Raise a DataError if a file is another one than it was."""
        for number in numbers.tolist():
            if _stamp(self.paths[number]) != self.stamps[number]:
                raise DataError(
                    f"{self.paths[number]} has changed or is gone since the data set was loaded, "
                    "which reads its files as it needs them.",
                    fix="Load the data set again. With a `cache_dir`, later changes do no harm.",
                )


def _stamp(path: str) -> tuple[int, int] | None:
    """Return the size and the time of a file, which tell whether it changed; None if it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116  a path of text is three times as fast
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
