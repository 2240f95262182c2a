"""The progress of a training: its counters and history, which a checkpoint can save."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from pycifar.learners.descriptions import MEASURED
from pycifar.models.record import Row
from pycifar.models.trained_model import TrainedModel


@dataclass
class EpochProgress:
    """The progress of an epoch.

    Args:
        n_images: images of the epoch.
        steps: how many of its steps are done.
        totals: sums of the metrics over the images so far.
        seconds: time that the epoch took before the training was cut off.
        others: the other metrics over the epoch so far, which count the images themselves.
    """

    n_images: int
    steps: int = 0
    totals: dict[str, float] = field(default_factory=lambda: dict.fromkeys(MEASURED, 0.0))
    seconds: float = 0.0
    others: dict[str, float] = field(default_factory=dict)

    def add(self, logs: Mapping[str, Any], n: int) -> None:
        """Add the metrics of a step on `n` images."""
        self.steps += 1
        for metric in MEASURED:
            self.totals[metric] += float(logs[metric]) * n
        self.others = {m: float(logs[m]) for m in sorted(logs) if m not in MEASURED}

    def means(self, batch_size: int) -> dict[str, float]:
        """Return the means of the metrics over the images so far."""
        seen = min(self.steps * batch_size, self.n_images)
        return {metric: total / seen for metric, total in self.totals.items()} | self.others


class RunProgress:
    """The progress of a training.

    Args:
        n_images: the number of training images.
        batch_size: images per step.
        earlier: the model that is trained further, or None; its history and epochs are included.

    Attributes:
        rows: the history, one row per value.
        seconds: the duration of each finished epoch.
        epochs_before: the number of epochs of the earlier model.
        steps_done: steps done in this training.
        total_steps: steps that this training will have done at its end.
        steps_before_epoch: steps done before the current epoch began.
        passes: passes over the training images so far, maybe with a fraction.
        epoch: the progress of the current epoch; None between two epochs.
        interrupted: whether a signal ended the training.
        seconds_before: time that was spent before the training was cut off.
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
        self._spent = 0.0  # seconds before the next epoch that count as its own

    @property
    def is_over(self) -> bool:
        """Whether all steps are done."""
        return self.steps_done >= self.total_steps

    @property
    def epochs(self) -> int:
        """The number of epochs at the end of the training; the last one may be incomplete."""
        left = self.total_steps - self.steps_before_epoch
        return len(self.seconds) + math.ceil(left / self.steps_per_epoch)

    def callback_params(self) -> dict[str, int]:
        """Return what callbacks can read as `params`, besides the steps of an epoch."""
        return {
            "epochs": self.epochs,
            "total_steps": self.total_steps,
            "steps_done": self.steps_done,
        }

    def spend(self, seconds: float) -> None:
        """Count time that was spent before an epoch as time of the next one."""
        self._spent += seconds

    def begin_epoch(self) -> None:
        """Start the timer of an epoch, or continue it after a resume."""
        spent = 0.0 if self.epoch is None else self.epoch.seconds
        self._epoch_began = perf_counter() - spent - self._spent
        self._spent = 0.0

    def begin_steps(self) -> EpochProgress:
        """Return the current epoch; start one if none was resumed."""
        if self.epoch is None:
            self.epoch = EpochProgress(self.n_images)
            self.steps_before_epoch = self.steps_done
        return self.epoch

    def step_done(self, logs: Mapping[str, Any], n: int) -> dict[str, float]:
        """Count a step on `n` images, and return the mean metrics of the epoch so far."""
        assert self.epoch is not None
        self.epoch.add(logs, n)
        self.steps_done += 1
        share = min(1.0, self.epoch.steps * self.batch_size / self.n_images)
        self.passes = len(self.seconds) + share
        return self.epoch.means(self.batch_size)

    def end_epoch(self, rows: Sequence[Row]) -> None:
        """Add the rows and the duration of a finished epoch."""
        self.rows += rows
        self.seconds.append(perf_counter() - self._epoch_began)
        self.steps_before_epoch = self.steps_done
        self.epoch = None

    def add_to_history(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Record further values of an epoch; those of the validation begin with "val_"."""
        for name, value in logs.items():
            metric = name.removeprefix("val_")
            split = "train" if metric == name else "validation"
            if metric != "learning_rate":  # it has its row already
                self.rows.append((epoch, split, metric, value))

    def state(self) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
        """Return the state that a checkpoint saves: plain values, and lists of arrays."""
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
        plain["epoch"] = {
            "steps": self.epoch.steps,
            "totals": self.epoch.totals,
            "seconds": perf_counter() - self._epoch_began,
            "others": self.epoch.others,
        }
        return plain, {}

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Continue from a saved state.

        Raises:
            ValueError: an epoch of this training has fewer steps.
        """
        if "epoch" in plain:
            epoch = EpochProgress(self.n_images, **plain["epoch"])
            if epoch.steps > self.steps_per_epoch:
                raise ValueError("its epoch has more steps")
            self.epoch = epoch
        self.rows, self.seconds = plain["rows"], plain["seconds"]
        self.passes = plain["passes"]
        self.steps_done = plain["steps_done"]
        self.steps_before_epoch = plain["steps_before_epoch"]
        self.seconds_before = plain["elapsed"]
