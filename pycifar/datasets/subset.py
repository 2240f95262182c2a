"""The images of a split that a training learns from, and those that it is validated on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.datasets.ahead import made_in_turn
from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.sampling import stratified_split, warn_of_lost_classes
from pycifar.datasets.stored_images import StoredImages


@dataclass(frozen=True)
class Computed:
    """What was computed of images, in memory, in place of a split.

    Args:
        images: one array for each image, shape (n, ...).
        labels: 0-based, shape (n,).
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Subset:
    """Some images of a split, chosen by index; the split is not copied.

    Args:
        split: the split, or what was computed of its images.
        indices: the indices of the images in the split, integers of shape (n,).
    """

    split: Split | Computed
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> np.ndarray:
        """The labels of the images, 0-based, shape (n,)."""
        labels: np.ndarray = self.split.labels[self.indices]
        return labels

    def take_in_turn(
        self, size: int
    ) -> AbstractContextManager[Iterator[tuple[np.ndarray, np.ndarray]]]:
        """Return a context in which there is an iterator over all batches of `size`, in order.

        Images that are not in memory are read ahead, in a thread.
        """
        parts = [slice(start, start + size) for start in range(0, len(self), size)]
        return made_in_turn(self.take, parts, self.is_stored)

    @property
    def is_stored(self) -> bool:
        """Whether the images are not in memory."""
        return isinstance(self.split.images, StoredImages)

    def take(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the images and the labels at `positions` in this subset.

        The images have the memory order of the split.
        """
        chosen = self.indices[positions]
        return self.split.images[chosen], self.split.labels[chosen]

    def computed(
        self, compute: Callable[[np.ndarray], np.ndarray], size: int, show: Callable[[int], None]
    ) -> Subset:
        """Return what a function computes of the images, in memory, in place of them.

        Args:
            compute: takes a batch of images, and returns an array for each.
            size: images in a batch.
            show: called with the number of images so far, after each batch.
        """
        parts: list[np.ndarray] = []
        with self.take_in_turn(size) as batches:
            for images, _ in batches:
                parts.append(compute(images))
                show(min(len(self), size * len(parts)))
        return Subset(Computed(np.concatenate(parts), self.labels), np.arange(len(self)))


def split_subsets(
    dataset: Dataset,
    validation: float | str | None,
    seed: int,
    held_out: np.ndarray | None = None,
) -> tuple[Subset, Subset | None]:
    """Return the images to train on, and those to validate on or None for no validation.

    A `DataWarning` tells of classes that are held out as a whole.

    Args:
        dataset: the data set.
        validation: the share of the training split to hold out, above 0 and below 1; or the name of
            another split; or None.
        seed: decides which images are held out.
        held_out: whether each image of the training split is held out, bool of shape (n,); None
            leaves that to the seed.
    """
    split = dataset.split("train")
    if isinstance(validation, str):
        other = dataset.split(validation)
        return Subset(split, np.arange(len(split))), Subset(other, np.arange(len(other)))
    if validation is None:
        return Subset(split, np.arange(len(split))), None
    if held_out is None:
        held_out = drawn_to_hold_out(split, validation, seed)
        warn_of_lost_classes(split.labels, split.labels[~held_out], dataset.class_names)
    return Subset(split, np.flatnonzero(~held_out)), Subset(split, np.flatnonzero(held_out))


def drawn_to_hold_out(split: Split, share: float, seed: int) -> np.ndarray:
    """Return whether a training holds each image of its split out, bool of shape (n,)."""
    held_out = np.zeros(len(split), bool)
    held_out[stratified_split(split.labels, share, seed, split.groups)[1]] = True
    return held_out
