"""The images that a training learns from, and those that it is validated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.datasets import Dataset, Split
from pycifar.datasets.sampling import stratified_split


@dataclass(frozen=True)
class Portion:
    """The images of a split that one purpose uses; the split itself is never copied."""

    split: Split
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> np.ndarray:
        """The labels of the images, 0-based, shape (n,)."""
        return self.split.labels[self.indices]

    def take(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        """Images, in the memory order of the split, and labels at `positions`."""
        chosen = self.indices[positions]
        return self.split.images[chosen], self.split.labels[chosen]


def split_portions(
    dataset: Dataset, validation: float | str | None, seed: int
) -> tuple[Portion, Portion | None]:
    """What to train on and what to validate on; see `TrainingConfig.validation`."""
    split = dataset.split("train")
    if isinstance(validation, str):
        other = dataset.split(validation)
        return Portion(split, np.arange(len(split))), Portion(other, np.arange(len(other)))
    if validation is None:
        return Portion(split, np.arange(len(split))), None
    kept, held_out = stratified_split(split.labels, validation, seed)
    return Portion(split, kept), Portion(split, held_out)
