"""The learning rate of each step: that of the schedule, times what callbacks have made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycifar.learners import Learner
from pycifar.learners.schedules import Schedule


class LearningRate:
    """Sets the learning rate of a learner, and follows callbacks that change it.

    A callback such as Keras's ReduceLROnPlateau changes the rate between two steps. From then on,
    the schedule is multiplied by the ratio of the new rate to the schedule's own, so that a rate of
    0 can be left again. A change where the schedule itself is at 0 is for that step alone.

    Args:
        learner: of the network.
        is_own: whether the rate is that of pycifar's settings, and not of the caller's optimizer,
            which may have a schedule of its own.

    Attributes:
        factor: what callbacks have multiplied the learning rate by.
    """

    def __init__(self, learner: Learner, is_own: bool) -> None:
        self.factor = 1.0
        self._is_own = is_own
        self._learner = learner
        # The rate that was set, or found, last, and that of the schedule itself then.
        self._last = self._scheduled = 0.0

    def begin(self) -> None:
        """Take the rate of the learner as it is: changes count from now on."""
        if not self._is_own:
            return
        if self._scheduled:  # of a checkpoint: a network of NumPy does not keep its rate
            self._learner.learning_rate = self._last
        else:
            self._last = self._scheduled = self._learner.learning_rate

    def begin_anew(self) -> None:
        """Take the rate of a new optimizer: changes to the one before do not count any more."""
        self.factor, self._scheduled = 1.0, 0.0
        self.begin()

    def set_for(self, schedule: Schedule, step: int) -> None:
        """Set the rate of a step, counted from 0; a constant rate stays as it is."""
        self.follow()
        if schedule.rate is not None:
            self._scheduled = schedule.rate(step)
            self._learner.learning_rate = self._scheduled * self.factor
            self._last = self._learner.learning_rate

    def follow(self) -> None:
        """Find out whether a callback has changed the rate."""
        if not self._is_own:
            return
        now = self._learner.learning_rate
        if now != self._last and self._scheduled:
            # As float32, which Keras keeps rates in.
            self.factor = float(np.float32(now) / np.float32(self._scheduled))
        self._last = now

    def state(self) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
        """Return the plain values and the arrays that a checkpoint stores."""
        self.follow()
        rates = {"rate": self._last, "scheduled_rate": self._scheduled}
        return {"rate_factor": self.factor, **rates}, {}

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Continue from a state of a checkpoint."""
        self.factor, self._last = plain["rate_factor"], plain["rate"]
        self._scheduled = plain["scheduled_rate"]
