"""The batches of a training: the order of the images, their augmentation and their weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from pycifar.backend import seed_torch
from pycifar.config import TrainingConfig
from pycifar.datasets.ahead import made_in_turn
from pycifar.datasets.augmentation import Augmentation
from pycifar.datasets.subset import Subset

# Each of these seeds an independent stream of random numbers, together with the seed of the
# training. LAYERS is for the numbers that layers draw, as dropout does.
ORDER, AUGMENTATION, LAYERS, FLIPS = 1, 2, 3, 4

# How many training images measure batch normalisation for averaged weights. They are a fifth of
# CIFAR-10's, so this takes a fifth of the time of a forward pass over all of them.
IMAGES_TO_NORMALISE_BY = 10_000

# Images, labels, and the weight of each image in the loss; None where all have the same weight.
Batch = tuple[np.ndarray, np.ndarray, np.ndarray | None]


class Batches:
    """The batches of a training.

    A batch depends on the seed, the epoch and the step alone, so a training that is resumed sees
    the same batches as one that was never cut off.

    Args:
        subset: the images to learn from.
        config: the settings; the batch size, seed, augmentation and class weights are used.
        image_weights: the weight of each image in the loss, shape (n,); None gives all the same.
    """

    def __init__(
        self, subset: Subset, config: TrainingConfig, image_weights: np.ndarray | None = None
    ) -> None:
        self.subset = subset
        self.size = config.batch_size
        self.steps_per_epoch = math.ceil(len(subset) / config.batch_size)
        self._seed = config.seed
        self._epoch, self._positions = -1, np.arange(0)  # the order that was made last
        self._augmentation = Augmentation(**config.augmentation)
        self._class_weights = None
        if config.class_weights is not None:
            self._class_weights = np.array([*config.class_weights.values()], np.float32)
        self._image_weights = image_weights
        self._compute: Callable[[np.ndarray], np.ndarray] = lambda images: images
        # The images that are mirrored in even epochs, for alternating flips. In odd epochs the
        # other images are.
        self._mirrored = np.random.default_rng([config.seed, FLIPS]).random(len(subset)) < 0.5

    def make_in_turn(
        self, steps: Iterable[tuple[int, int]]
    ) -> AbstractContextManager[Iterator[Batch]]:
        """Return a context in which there is an iterator over the batches of (epoch, step) pairs.

        If the images are not in memory, a thread makes some batches before they are taken.
        """
        return made_in_turn(lambda pair: self.make(*pair), steps, self.subset.is_stored)

    def make(self, epoch: int, step: int) -> Batch:
        """Return the augmented batch of a step; epochs count from 1, and steps from 0."""
        positions = self._order(epoch)[step * self.size : (step + 1) * self.size]
        images, labels = self.subset.take(positions)
        if self.augmented:
            draws = np.random.default_rng([self._seed, AUGMENTATION, epoch, step])
            mirrored = self._mirrored[positions] ^ bool(epoch % 2)
            images = self._augmentation(images, draws, mirrored)
        return self._compute(images), labels, self._weights(positions, labels)

    def of_features(self, compute: Callable[[np.ndarray], np.ndarray]) -> Batches:
        """Return these batches with what a function computes of the images in place of them."""
        others = copy.copy(self)
        others._compute = compute
        return others

    def of_kept_features(self, subset: Subset) -> Batches:
        """Return these batches with what was computed of all images in place of them."""
        others = copy.copy(self)
        others.subset = subset
        return others

    @property
    def augmented(self) -> bool:
        """Whether the images are changed at random."""
        return self._augmentation != Augmentation()

    def _order(self, epoch: int) -> np.ndarray:
        """Return the positions of all images in the order of an epoch, shape (n,)."""
        if epoch != self._epoch:
            # NumPy may shuffle otherwise in another version. A resume needs the same version.
            draws = np.random.default_rng([self._seed, ORDER, epoch])
            self._epoch, self._positions = epoch, draws.permutation(len(self.subset))
        return self._positions

    def example(self) -> Batch:
        """Return a batch of one image, as an example to compile the training step with."""
        images, labels = self.subset.take(slice(0, 1))
        return self._compute(images), labels, self._weights(slice(0, 1), labels)

    @property
    def n_to_normalise_by(self) -> int:
        """How many batches measure batch normalisation for averaged weights."""
        return max(1, min(len(self.subset), IMAGES_TO_NORMALISE_BY) // self.size)

    def to_normalise_by(self, after_batch: Callable[[], None]) -> Iterator[np.ndarray]:
        """Yield the images that measure batch normalisation, batch by batch, not augmented.

        Their order is that of epoch 0, in which no training sees them: epochs count from 1.

        Args:
            after_batch: called after each batch.
        """
        order, n = self._order(0), self.n_to_normalise_by
        parts = [order[start : start + self.size] for start in range(0, n * self.size, self.size)]
        with made_in_turn(self.subset.take, parts, self.subset.is_stored) as batches:
            for number, (images, _) in enumerate(batches):
                self.seed_layers(0, number)
                yield images
                after_batch()

    def seed_layers(self, epoch: int, step: int) -> None:
        """Seed PyTorch's random numbers for a step; other backends use the layers' own seeds."""
        seed_torch(self._seed, LAYERS, epoch, step)

    def _weights(self, positions: Any, labels: np.ndarray) -> np.ndarray | None:
        """Return the product of the weights of the images and of their classes."""
        of_class = None if self._class_weights is None else self._class_weights[labels]
        if self._image_weights is None:
            return of_class
        weights: np.ndarray = self._image_weights[positions]
        return weights if of_class is None else weights * of_class
