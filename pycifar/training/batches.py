"""The batches of a training: which images in which order, augmented and weighted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from pycifar.backend import seed_torch
from pycifar.config import TrainingConfig
from pycifar.datasets.augmentation import Augmentation
from pycifar.datasets.subset import Subset

# Independent streams of random numbers that one seed gives. LAYERS is for what layers draw.
ORDER, AUGMENTATION, LAYERS, FLIPS = 1, 2, 3, 4

# Training images by which batch normalisation is measured for the mean of weights: a fifth of
# CIFAR-10's, which is a fifth of the time of a pass forward.
IMAGES_TO_NORMALISE_BY = 10_000

# Images, labels, and the weights of the images where they do not all count alike.
Batch = tuple[np.ndarray, np.ndarray, np.ndarray | None]


class Batches:
    """Makes the batches of a training from its seed, its epochs and its steps alone.

    Args:
        subset: the images to learn from.
        config: the settings; its batch size, seed, augmentation and class weights count.
    """

    def __init__(self, subset: Subset, config: TrainingConfig) -> None:
        self.subset = subset
        self.size = config.batch_size
        self.steps_per_epoch = math.ceil(len(subset) / config.batch_size)
        self._seed = config.seed
        self._augmentation = Augmentation(**config.augmentation)
        self._class_weights = None
        if config.class_weights is not None:
            self._class_weights = np.array([*config.class_weights.values()], np.float32)
        # In even epochs, where flips alternate; in odd ones the others.
        self._mirrored = np.random.default_rng([config.seed, FLIPS]).random(len(subset)) < 0.5

    def order(self, epoch: int) -> np.ndarray:
        """Return the positions of all images of the subset in the order of an epoch, shape (n,)."""
        return np.random.default_rng([self._seed, ORDER, epoch]).permutation(len(self.subset))

    def make(self, positions: np.ndarray, epoch: int, step: int) -> Batch:
        """Return the batch of the images at `positions`, augmented as this step of an epoch is."""
        images, labels = self.subset.take(positions)
        if self._augmentation != Augmentation():
            draws = np.random.default_rng([self._seed, AUGMENTATION, epoch, step])
            mirrored = self._mirrored[positions] ^ bool(epoch % 2)
            images = self._augmentation(images, draws, mirrored)
        return images, labels, self._weights(labels)

    def example(self) -> Batch:
        """Return a batch of one image, by which a step is compiled."""
        images, labels = self.subset.take(slice(0, 1))
        return images, labels, self._weights(labels)

    @property
    def n_to_normalise_by(self) -> int:
        """How many batches measure batch normalisation for weights that were averaged."""
        return max(1, min(len(self.subset), IMAGES_TO_NORMALISE_BY) // self.size)

    def to_normalise_by(self, after_batch: Callable[[], None]) -> Iterator[np.ndarray]:
        """Yield the images of these batches, not augmented, in the order of an epoch 0."""
        order = self.order(0)
        for number in range(self.n_to_normalise_by):
            images, _ = self.subset.take(order[number * self.size : (number + 1) * self.size])
            self.seed_layers(0, number)
            yield images
            after_batch()

    def seed_layers(self, epoch: int, step: int) -> None:
        """Make what layers draw in a step depend on it, where it does not on their own seeds."""
        seed_torch(self._seed, LAYERS, epoch, step)

    def _weights(self, labels: np.ndarray) -> np.ndarray | None:
        return None if self._class_weights is None else self._class_weights[labels]
