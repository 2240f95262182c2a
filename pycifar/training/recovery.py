"""Weights to go back to where a training diverges."""

from __future__ import annotations

from typing import Any

import numpy as np

# Steps from one copy of the weights to the next. Copies at each step would cost a tenth of the
# time; at each hundredth they cost a thousandth, and at most a hundred steps are lost.
COPY_EVERY = 100


class LastFiniteWeights:
    """The last copy of a network's weights that gave a finite loss.

    Args:
        network: of Keras or of NumPy.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._candidate: list[np.ndarray] | None = None
        self._weights: list[np.ndarray] = []

    def before(self, step: int) -> None:
        """Copy the weights before this step of an epoch, counted from 0, if its turn has come."""
        self._candidate = self._network.get_weights() if step % COPY_EVERY == 0 else None

    def was_finite(self) -> None:
        """Note that the loss of the step was finite: the weights before it were sound."""
        if self._candidate is not None:
            self._weights = self._candidate

    def are_sound(self) -> None:
        """Note that the weights of this moment are sound."""
        self._weights = self._network.get_weights()

    def restore(self) -> None:
        """Give the network the copy, where there is one."""
        if self._weights:
            self._network.set_weights(self._weights)
