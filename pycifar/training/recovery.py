"""Copies of the weights, to restore when a training diverges."""

from __future__ import annotations

from typing import Any

import numpy as np

# Steps between two copies of the weights. A copy at each step would take a tenth of the time; at
# each hundredth it takes a thousandth, and at most a hundred steps are lost.
COPY_EVERY = 100


class LastFiniteWeights:
    """The last copy of a network's weights that gave a finite loss.

    Args:
        network: a Keras model or a NumPy network.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._candidate: list[np.ndarray] | None = None
        self._weights: list[np.ndarray] = []

    def before(self, step: int) -> None:
        """Copy the weights before a step of an epoch, counted from 0, if a copy is due."""
        self._candidate = self._network.get_weights() if step % COPY_EVERY == 0 else None

    def was_finite(self) -> None:
        """Record that the loss of the step was finite, so a copy made before it can be used."""
        if self._candidate is not None:
            self._weights = self._candidate

    def are_sound(self) -> None:
        """Copy the current weights, which are known to give a finite loss."""
        self._weights = self._network.get_weights()

    def restore(self) -> None:
        """Set the network's weights to the copy, if there is one."""
        if self._weights:
            self._network.set_weights(self._weights)
