"""The images of a split that a training learns from, and those that it is validated on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.datasets.ahead import made_in_turn
from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.sampling import stratified_split
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
    dataset: Dataset, validation: float | str | None, seed: int
) -> tuple[Subset, Subset | None]:
    """Return the images to train on, and those to validate on or None for no validation.

    Args:
        dataset: the data set.
        validation: the share of the training split to hold out, above 0 and below 1; or the name of
            another split; or None.
        seed: decides which images are held out.
    """
    split = dataset.split("train")
    if isinstance(validation, str):
        other = dataset.split(validation)
        return Subset(split, np.arange(len(split))), Subset(other, np.arange(len(other)))
    if validation is None:
        return Subset(split, np.arange(len(split))), None
    kept, held_out = stratified_split(split.labels, validation, seed, split.groups)
    return Subset(split, kept), Subset(split, held_out)


def held_out_split(dataset: Dataset, share: float, seed: int) -> Split:
    """Return the images that a training with this share and this seed holds out, as a split."""
    split = dataset.split("train")
    return split.take(stratified_split(split.labels, share, seed, split.groups)[1])
