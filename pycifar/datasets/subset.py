"""The images that a training learns from, and those that it is validated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.sampling import stratified_split


@dataclass(frozen=True)
class Subset:
    """Some images of a split, which itself is never copied."""

    split: Split
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> np.ndarray:
        """The labels of the images, 0-based, shape (n,)."""
        labels: np.ndarray = self.split.labels[self.indices]
        return labels

    def take(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return images, in the memory order of the split, and labels at `positions`."""
        chosen = self.indices[positions]
        return self.split.images[chosen], self.split.labels[chosen]


def split_subsets(
    dataset: Dataset, validation: float | str | None, seed: int
) -> tuple[Subset, Subset | None]:
    """Return what to train on and what to validate on; see `TrainingConfig.validation`."""
    split = dataset.split("train")
    if isinstance(validation, str):
        other = dataset.split(validation)
        return Subset(split, np.arange(len(split))), Subset(other, np.arange(len(other)))
    if validation is None:
        return Subset(split, np.arange(len(split))), None
    kept, held_out = stratified_split(split.labels, validation, seed)
    return Subset(split, kept), Subset(split, held_out)
