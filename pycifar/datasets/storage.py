"""Where the images of files are kept: in memory, or in their files or a cache of their pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pycifar.datasets.file_store import FileStore
from pycifar.datasets.image_cache import cached
from pycifar.datasets.resizing import Resize
from pycifar.datasets.stored_images import StoredImages
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

    def holds(self, files: Mapping[str, Sequence[Path]], size: tuple[int, int]) -> bool:
        """Return whether the images of these files, by split, are to be in memory.

        Args:
            files: the files of each split.
            size: the height and width of their images, in pixels.
        """
        if self.in_memory is not None:
            return self.in_memory
        free = available_memory()
        needed = math.prod((sum(map(len, files.values())), *size, 3))
        return self.cache_dir is None and (free is None or needed <= SHARE * free)

    def stored(
        self,
        files: Mapping[str, Sequence[Path]],
        size: tuple[int, int],
        resize: Resize,
        verbose: bool,
    ) -> dict[str, StoredImages]:
        """Return the images of these files, by split, which are read as they are needed.

        Args:
            files: the files of each split.
            size: the height and width that their images get, in pixels.
            resize: how they get this size.
            verbose: whether to show the progress of writing a cache on stderr.

        Raises:
            DataFormatError: a file is not an image.
            OutputError: the cache cannot be written.
        """
        stores = {split: FileStore(paths, size, resize) for split, paths in files.items()}
        if self.cache_dir is None:
            return {split: StoredImages(store) for split, store in stores.items()}
        return {
            split: StoredImages(cached(store, self.cache_dir, verbose))
            for split, store in stores.items()
        }
