"""Where the images of files are kept: in memory, or in their files or a cache of their pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pycifar.datasets.file_store import FileStore
from pycifar.datasets.image_cache import cached
from pycifar.datasets.image_files import read_image
from pycifar.datasets.stored_images import Images, StoredImages
from pycifar.errors import ArgumentError
from pycifar.language import constant
from pycifar.memory import available_memory

SHARE = 0.5  # of the free memory that images may take; a training needs memory as well


@dataclass(frozen=True)
class Storage:
    """Where images are kept that are read from files.

    Args:
        in_memory: whether all pixels are in memory. None keeps them there if they take at most
            half of the memory that is free, and there is no `cache_dir`.
        cache_dir: a folder for a file of the pixels, from which images that are not in memory are
            read; None reads them from their own files.

    Raises:
        ArgumentError: there is a `cache_dir`, and `in_memory` is True.
    """

    in_memory: bool | None = None
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.in_memory and self.cache_dir is not None:
            raise ArgumentError(
                "`cache_dir` is for images that are not in memory, and `in_memory` is "
                f"{constant(True)}.",
                fix="Leave out one of them.",
            )

    def settled(self, n_images: int, size: tuple[int, int]) -> Storage:
        """Return the same with `in_memory` decided, for all images of a data set."""
        if self.in_memory is not None:
            return self
        free = available_memory()
        fits = free is None or math.prod((n_images, *size, 3)) <= SHARE * free
        return Storage(fits and self.cache_dir is None, self.cache_dir)

    def keep(self, paths: Sequence[Path], size: tuple[int, int], name: str) -> Images:
        """Return the images of files, resized; see `FileStore` and `cached`.

        Args:
            paths: the files.
            size: height and width in pixels.
            name: what the files are, by which a cache is found again.
        """
        if self.in_memory:
            images = np.empty((len(paths), *size, 3), np.uint8)
            for place, path in enumerate(paths):
                images[place] = read_image(path, size)
            return images
        files = FileStore(paths, size)
        if self.cache_dir is None:
            return StoredImages(files)
        return StoredImages(cached(files, name, self.cache_dir))
