"""Weights that are means over the last part of a training.

After Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pycifar.learners import Learner
from pycifar.training.checkpoint import arrays_like

# How often in an epoch the weights are added to their mean. Each time takes a copy of all weights.
ADDED_AN_EPOCH = 8


class WeightAverage:
    """The mean of the weights that a network had at some steps, and the way in and out of it.

    While the mean is swapped in, the weights that the training goes on with are kept here.

    Args:
        learner: of the network.
        steps_per_epoch: of the training.

    Attributes:
        number: how many times weights were added.
        arrays: the mean, in the order of the network's weights and in float64; none before the
            first time.
        swapped_in: whether the network has the mean at the moment.
    """

    def __init__(self, learner: Learner, steps_per_epoch: int) -> None:
        self.number = 0
        self.arrays: list[np.ndarray] = []
        self.swapped_in = False
        self._learner = learner
        self._every = max(1, steps_per_epoch // ADDED_AN_EPOCH)
        self._trained: list[np.ndarray] = []

    def add_after(self, step: int) -> None:
        """Add the weights after this step, counted from 1, if its turn has come."""
        if step % self._every == 0:
            self.add(self._learner.network.get_weights())

    def add(self, weights: Sequence[np.ndarray]) -> None:
        """Add weights to the mean."""
        self.number += 1
        if self.number == 1:
            self.arrays = [values.astype(np.float64) for values in weights]
            return
        pairs = zip(self.arrays, weights, strict=True)
        self.arrays = [mean + (values - mean) / self.number for mean, values in pairs]

    def swap_in(self, batches: Iterable[np.ndarray]) -> None:
        """Give the mean to the network, unless it has it or there is none.

        Args:
            batches: of training images, by which normalisation is measured anew: what was measured
                on the way fits other weights than the mean.
        """
        if self.swapped_in or not self.number:
            return
        network = self._learner.network
        trained = network.get_weights()
        pairs = zip(self.arrays, trained, strict=True)
        try:
            network.set_weights([mean.astype(values.dtype) for mean, values in pairs])
            self._learner.normalise_by(batches)
        except BaseException:
            network.set_weights(trained)
            raise
        self._trained, self.swapped_in = trained, True

    def swap_out(self) -> None:
        """Give the network the weights that it is trained with, unless it has them."""
        if self.swapped_in:
            self._learner.network.set_weights(self._trained)
            self._trained, self.swapped_in = [], False

    @contextmanager
    def swapped_out(self) -> Iterator[None]:
        """Have the network hold the weights that it is trained with inside."""
        if not self.swapped_in:
            yield
            return
        network = self._learner.network
        mean = network.get_weights()
        network.set_weights(self._trained)
        try:
            yield
        finally:
            network.set_weights(mean)

    def state(self) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
        """Return what a checkpoint keeps."""
        return {"averaged": self.number}, {"mean": self.arrays}

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Go on from a state.

        Raises:
            ValueError: it is of another network.
        """
        self.number = plain["averaged"]
        if self.number:
            weights = self._learner.network.get_weights()
            like = [values.astype(np.float64) for values in weights]
            self.arrays = arrays_like(arrays, "mean", like)
