"""Image files that are read whenever their pixels are needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pycifar.datasets.image_files import read_image
from pycifar.errors import DataError, DataFormatError
from pycifar.processor import find_processor


class FileStore:
    """Image files, decoded and resized each time that they are read.

    Args:
        paths: the files.
        size: (height, width) in pixels that each image is resized to.

    Raises:
        DataFormatError: a file cannot be found.
    """

    place = "read from their files as needed"

    def __init__(self, paths: Sequence[Path], size: tuple[int, int]) -> None:
        self.paths = tuple(map(os.path.abspath, paths))
        self.size = size
        self._threads = find_processor().cores
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
        """Return images, decoded on as many threads as there are cores.

        Raises:
            DataFormatError: a file is not an image.
            DataError: a file has changed or is gone since the store was made.
        """
        images = np.empty((len(numbers), *self.image_shape), np.uint8)
        pool = ThreadPoolExecutor(self._threads)
        try:
            for place, image in enumerate(pool.map(self._read_one, numbers.tolist())):
                images[place] = image
        finally:
            pool.shutdown(cancel_futures=True)
        return images

    def _read_one(self, number: int) -> np.ndarray:
        path, image, unread = self.paths[number], np.empty(0), None
        try:
            image = read_image(path, self.size)
        except DataError as error:
            unread = error
        if _stamp(path) != self.stamps[number]:  # looked at after the reading, so during it as well
            raise DataError(
                f"{path} has changed or is gone since the data set was loaded, which "
                "reads its files as it needs them.",
                fix="Load the data set again. With `cache_dir`, later changes make no difference.",
            )
        if unread is not None:
            raise unread
        return image


def _stamp(path: str) -> tuple[int, int] | None:
    """Return the size and the time of a file, which tell whether it changed; None if it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116  a path of text is three times as fast
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
