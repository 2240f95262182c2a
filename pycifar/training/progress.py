"""How far a training is, and what it has recorded: all of it can be saved and taken up again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from pycifar.models.record import METRICS, Row
from pycifar.models.trained_model import TrainedModel


@dataclass
class EpochProgress:
    """How far an epoch is.

    Args:
        order: the positions of the training images, in the order of the epoch.
        steps: how many of its steps are done.
        totals: sums of the metrics over the images so far.
        seconds: that it took until this was saved.
    """

    order: np.ndarray
    steps: int = 0
    totals: dict[str, float] = field(default_factory=lambda: dict.fromkeys(METRICS, 0.0))
    seconds: float = 0.0

    def add(self, logs: Mapping[str, Any], n: int) -> None:
        """Count a step on so many images, with its metrics."""
        self.steps += 1
        for metric in METRICS:
            self.totals[metric] += float(logs[metric]) * n

    def means(self, batch_size: int) -> dict[str, float]:
        """Return the means of the metrics over the images so far."""
        seen = min(self.steps * batch_size, len(self.order))
        return {metric: total / seen for metric, total in self.totals.items()}


class RunProgress:
    """How far a training is.

    Args:
        n_images: that it learns from.
        batch_size: images a step.
        earlier: what it goes on from, whose epochs count as its own.

    Attributes:
        rows: the history, one row a value.
        seconds: of each finished epoch.
        epochs_before: finished by the earlier training.
        steps_done: in this training.
        total_steps: that it will have had at its end.
        steps_before_epoch: done before the epoch at hand began.
        passes: over the training images, the last one maybe not whole.
        epoch: the epoch at hand; None between two.
        interrupted: whether a signal ended it.
        seconds_before: that were spent before the training was cut off.
    """

    def __init__(self, n_images: int, batch_size: int, earlier: TrainedModel | None) -> None:
        self.n_images = n_images
        self.batch_size = batch_size
        self.steps_per_epoch = math.ceil(n_images / batch_size)
        self.rows: list[Row] = []
        self.seconds: list[float] = []
        if earlier is not None:
            self.rows += earlier.history.itertuples(index=False, name=None)
            self.seconds += earlier.seconds
        self.epochs_before = len(self.seconds)
        self.steps_done = self.total_steps = self.steps_before_epoch = 0
        self.passes = float(self.epochs_before)
        self.epoch: EpochProgress | None = None
        self.interrupted = False
        self.seconds_before = 0.0
        self._began = monotonic()
        self._epoch_began = 0.0

    @property
    def is_over(self) -> bool:
        """Whether no step is left."""
        return self.steps_done >= self.total_steps

    @property
    def epochs(self) -> int:
        """The epochs that there will have been at the end, the last one maybe not whole."""
        left = self.total_steps - self.steps_before_epoch
        return len(self.seconds) + math.ceil(left / self.steps_per_epoch)

    def begin_epoch(self) -> None:
        """Start the clock of an epoch, or let it go on."""
        spent = 0.0 if self.epoch is None else self.epoch.seconds
        self._epoch_began = perf_counter() - spent

    def begin_steps(self, order: np.ndarray) -> EpochProgress:
        """Return how far the epoch is, which begins with `order` unless it had begun already."""
        if self.epoch is None:
            self.epoch = EpochProgress(order)
            self.steps_before_epoch = self.steps_done
        return self.epoch

    def step_done(self, logs: Mapping[str, Any], n: int) -> dict[str, float]:
        """Count a step on so many images; return the means of the epoch so far."""
        assert self.epoch is not None
        self.epoch.add(logs, n)
        self.steps_done += 1
        share = min(1.0, self.epoch.steps * self.batch_size / self.n_images)
        self.passes = len(self.seconds) + share
        return self.epoch.means(self.batch_size)

    def end_epoch(self, rows: Sequence[Row]) -> None:
        """Record an epoch."""
        self.rows += rows
        self.seconds.append(perf_counter() - self._epoch_began)
        self.steps_before_epoch = self.steps_done
        self.epoch = None

    def state(self) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
        """Return what a checkpoint keeps."""
        plain: dict[str, Any] = {
            "rows": self.rows,
            "seconds": self.seconds,
            "elapsed": self.seconds_before + monotonic() - self._began,
            "passes": self.passes,
            "steps_done": self.steps_done,
            "total_steps": self.total_steps,
            "steps_before_epoch": self.steps_before_epoch,
        }
        if self.epoch is None:
            return plain, {}
        plain["place"] = {
            "steps": self.epoch.steps,
            "totals": self.epoch.totals,
            "seconds": perf_counter() - self._epoch_began,
        }
        return plain, {"order": [self.epoch.order]}

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Go on from a state; an epoch that had begun goes on in the order that it had.

        Raises:
            ValueError: it is of other images.
        """
        epoch = None
        if "place" in plain:
            [order] = arrays["order"]
            epoch = EpochProgress(order, **plain["place"])
            self._check(epoch)
        self.epoch = epoch
        self.rows, self.seconds = plain["rows"], plain["seconds"]
        self.passes = plain["passes"]
        self.steps_done = plain["steps_done"]
        self.steps_before_epoch = plain["steps_before_epoch"]
        self.seconds_before = plain["elapsed"]

    def _check(self, epoch: EpochProgress) -> None:
        """Raise a ValueError unless it is an epoch of this training."""
        order = epoch.order
        if order.dtype.kind != "i" or order.shape != (self.n_images,):
            raise ValueError("its order is of other images")
        if not np.array_equal(np.sort(order), np.arange(len(order))):
            raise ValueError("its order has images twice, or not all")
        if epoch.steps > self.steps_per_epoch:
            raise ValueError("its epoch has fewer steps")
