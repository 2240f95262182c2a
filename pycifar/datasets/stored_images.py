"""Images that are not in memory: they look like an array, and are read when they are indexed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from pycifar.datasets.ahead import made_in_turn

BLOCK_BYTES = 32 << 20  # of images that are looked at one block after the other


class Store(Protocol):
    """A place from which images are read by their number."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of each image: (height, width, 3), in pixels."""

    @property
    def place(self) -> str:
        """Where the images are read from, in words."""

    def __len__(self) -> int:
        """Return the number of images."""

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Return images as uint8 of shape (n, height, width, 3), in the order of `numbers`."""


class StoredImages:
    """Images of a store, in an order of its own: uint8 of shape (n, height, width, 3).

    An index reads what it asks for, and nothing else does: ``images[3]`` one image, ``images[:9]``,
    ``images[[7, 2]]`` or ``images[truth]`` several, as a new array. ``numpy.asarray(images)`` reads
    all of them into memory. Arithmetic needs an array, so that no expression reads all unasked.

    Args:
        store: where the images are.
        numbers: the numbers of the images in the store, shape (n,); None takes all of them.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4
    __array_ufunc__ = None  # NumPy's operators leave `==` to this class, and refuse arithmetic

    def __init__(self, store: Store, numbers: np.ndarray | None = None) -> None:
        self.store = store
        self._numbers = np.arange(len(store)) if numbers is None else numbers

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The number of images, height, width and 3."""
        return (len(self._numbers), *self.store.image_shape)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, key: Any) -> np.ndarray:
        if isinstance(key, tuple) and key:
            images = self[key[0]]
            within = key[1:] if images.ndim == 3 else (slice(None), *key[1:])
            return images[within]
        numbers = self._numbers[key]
        return self.store.read(np.ravel(numbers)).reshape(*numbers.shape, *self.shape[1:])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Images that are not in memory can be an array only as a copy.")
        return np.asarray(self[:], dtype)

    def __eq__(self, other: object) -> bool:
        if not hasattr(other, "shape") or not hasattr(other, "__getitem__"):
            return NotImplemented
        same = self.shape == other.shape
        return same and all(np.array_equal(self[b], other[b]) for b in blocks_of(self))

    __hash__ = None  # type: ignore[assignment]  # as an array

    def __repr__(self) -> str:
        return f"<{len(self):,} images of {self.shape[1]}×{self.shape[2]}, {self.store.place}>"

    def select(self, indices: Any) -> StoredImages:
        """Return the images at these indices, without reading them."""
        return StoredImages(self.store, self._numbers[indices])


# The images of a split.
Images = np.ndarray | StoredImages


def blocks_of(images: Images, start: int = 0, stop: int | None = None) -> Iterator[slice]:
    """Yield slices that cover images from `start` to `stop`, each of some megabytes of pixels."""
    stop = len(images) if stop is None else min(stop, len(images))
    step = max(1, BLOCK_BYTES // int(np.prod(images.shape[1:])))
    for first in range(start, stop, step):
        yield slice(first, min(first + step, stop))


def read_in_blocks(images: Images, size: int) -> AbstractContextManager[Iterator[np.ndarray]]:
    """Return a context in which there is an iterator over blocks of `size` images.

    Images that are not in memory are read ahead, in a thread.
    """
    starts = range(0, len(images), size)
    stored = isinstance(images, StoredImages)
    return made_in_turn(lambda start: images[start : start + size], starts, stored)
