"""Weight averaging: the mean of a network's weights over the last part of a training.

After Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization".
`docs/decisions/averaging.md` has what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pycifar.learners import Learner
from pycifar.training.checkpoint import arrays_like

# How many times an epoch the weights are added to the mean. Each time copies all weights, so it is
# not done after each step.
ADDED_AN_EPOCH = 8


class WeightAverage:
    """A running mean of a network's weights, which can be swapped into the network and out again.

    While the mean is swapped in, this object holds the weights that the optimizer updates.

    Args:
        learner: the learner of the network.
        steps_per_epoch: training steps in an epoch.

    Attributes:
        number: how many times weights were added to the mean.
        arrays: the mean, float64, in the order of the network's weights; empty before the first
            time.
        swapped_in: whether the network holds the mean now.
    """

    def __init__(self, learner: Learner, steps_per_epoch: int) -> None:
        self.number = 0
        self.arrays: list[np.ndarray] = []
        self.swapped_in = False
        self._learner = learner
        self._every = max(1, steps_per_epoch // ADDED_AN_EPOCH)
        self._trained: list[np.ndarray] = []

    def add_after(self, step: int) -> None:
        """Add the network's weights to the mean if they are due after `step`, counted from 1."""
        if step % self._every == 0:
            self.add(self._learner.network.get_weights())

    def add(self, weights: Sequence[np.ndarray]) -> None:
        """Update the mean with the weights of one step."""
        self.number += 1
        if self.number == 1:
            self.arrays = [values.astype(np.float64) for values in weights]
            return
        pairs = zip(self.arrays, weights, strict=True)
        self.arrays = [mean + (values - mean) / self.number for mean, values in pairs]

    def swap_in(self, batches: Iterable[np.ndarray]) -> None:
        """Set the network's weights to the mean, unless they are or there is no mean yet.

        Args:
            batches: training images, by which the statistics of batch normalisation are measured
                again: those gathered during the training belong to other weights.
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
        """Set the network's weights to those that the optimizer updates, unless they are."""
        if self.swapped_in:
            self._learner.network.set_weights(self._trained)
            self._trained, self.swapped_in = [], False

    @contextmanager
    def swapped_out(self) -> Iterator[None]:
        """Swap the mean out inside a `with` block, and in again after it."""
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
        """Return the state that a checkpoint saves: plain values, and lists of arrays."""
        return {"averaged": self.number}, {"mean": self.arrays}

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Continue from a saved state.

        Raises:
            ValueError: the state belongs to another network.
        """
        self.number = plain["averaged"]
        if self.number:
            weights = self._learner.network.get_weights()
            like = [values.astype(np.float64) for values in weights]
            self.arrays = arrays_like(arrays, "mean", like)
