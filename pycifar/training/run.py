"""The loop of a training: epochs, steps, validation, and what is told on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import NoReturn

import numpy as np

from pycifar.backend import keras
from pycifar.config import TrainingConfig
from pycifar.datasets.subset import Subset
from pycifar.errors import DivergenceError
from pycifar.interrupts import Terminated, interrupts_between_steps
from pycifar.learners import Learner
from pycifar.learners.schedules import Schedule, make_schedule
from pycifar.models.record import Row
from pycifar.models.trained_model import TrainedModel
from pycifar.training.averaging import WeightAverage
from pycifar.training.batches import Batches
from pycifar.training.budget import StepBudget
from pycifar.training.callbacks import CallbackList, EarlyStopping
from pycifar.training.checkpoint import Checkpoints
from pycifar.training.progress import RunProgress
from pycifar.training.recovery import LastFiniteWeights
from pycifar.training.run_state import Part, gather_state, restore_state
from pycifar.training.validation import measure_subset


class TrainingRun:
    """One training: it loops, and its parts do the work.

    Args:
        learner: owns the network, its optimizer and the compiled step.
        config: what was settled before the training; it never changes.
        batches: own the images that are learned from, their order and augmentation.
        validating: the images that are measured after each epoch, or None.
        budget: decides how many steps there will be, or None for the settings' epochs.
        earlier: what the network goes on from, whose epochs are among the settings' epochs.
        checkpoints: own the file of the run's state, or None.

    Attributes:
        progress: owns how far the run is, and the history.
        schedule: owns the learning rate of each step.
        average: owns the mean of the weights.
        recovery: owns the weights to go back to.
        stopping: the callbacks that may stop the run early and bring weights back.
    """

    def __init__(
        self,
        learner: Learner,
        config: TrainingConfig,
        batches: Batches,
        validating: Subset | None,
        budget: StepBudget | None = None,
        earlier: TrainedModel | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.learner = learner
        self.config = config
        self.batches = batches
        self.validating = validating
        self.budget = budget
        self.checkpoints = checkpoints
        self.progress = RunProgress(len(batches.subset), config.batch_size, earlier)
        self.schedule = Schedule(config.schedule)
        self.average = WeightAverage(learner, batches.steps_per_epoch)
        self.recovery = LastFiniteWeights(learner.network)
        self.stopping: Sequence[keras.callbacks.EarlyStopping] = ()
        self._raise_interrupt: Callable[[], None] = lambda: None
        epochs = config.epochs - self.progress.epochs_before
        self._set_total_steps(epochs * batches.steps_per_epoch)

    def train(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Run the epochs; an interrupt ends them, and what was learned stays.

        Raises:
            Terminated: a signal asked the process to end; a checkpoint has been made.
            TrainingError: the training cannot go on.
        """
        network, progress = self.learner.network, self.progress
        network.stop_training = False
        self.stopping = [c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)]
        told = CallbackList(
            callbacks,
            network,
            epochs=progress.epochs,
            steps=self.batches.steps_per_epoch,
            total_steps=progress.total_steps,
            steps_done=progress.steps_done,
        )
        self.learner.begin(*self.batches.example())
        try:
            self._resume(told)
            told.train_begin()
            try:
                self._run_epochs(told)
            finally:
                told.train_end()
        finally:
            self.learner.end()

    def _run_epochs(self, told: CallbackList) -> None:
        """Run the epochs that are left, with the mean of the weights at the end."""
        network, progress = self.learner.network, self.progress
        try:
            with interrupts_between_steps() as self._raise_interrupt:
                while not (network.stop_training or progress.is_over):
                    self._epoch(len(progress.seconds) + 1, told)
                self._swap_in()
            if not all(np.isfinite(weight).all() for weight in network.get_weights()):
                self._diverge("The last step left weights that are no finite numbers.")
        except (KeyboardInterrupt, Terminated) as interrupt:
            progress.interrupted = True
            if isinstance(interrupt, Terminated):
                self._save_checkpoint()
            with (
                suppress(KeyboardInterrupt, Terminated),
                interrupts_between_steps() as self._raise_interrupt,
            ):
                self._swap_in()
            if isinstance(interrupt, Terminated):
                raise

    def _epoch(self, epoch: int, told: CallbackList) -> None:
        """Run one epoch, counted from 1, and measure what it led to."""
        progress = self.progress
        progress.begin_epoch()
        told.epoch_begin(epoch, epochs=progress.epochs, total_steps=progress.total_steps)
        logs = self._steps(epoch, told)
        rows: list[Row] = [(epoch, "train", metric, value) for metric, value in logs.items()]
        if self.validating is not None or self.stopping:
            self._swap_in()  # which the run would end with if it ended now
        if self.validating is not None:
            measured = self._validate(epoch, self.validating)
            rows += [(epoch, "validation", metric, value) for metric, value in measured.items()]
            logs |= {f"val_{metric}": value for metric, value in measured.items()}
        progress.end_epoch(rows)
        told.epoch_end(epoch, logs)
        self._plan()
        if not (self.learner.network.stop_training or progress.is_over):
            self.average.swap_out()
        self._save_checkpoint()

    def _steps(self, epoch: int, told: CallbackList) -> dict[str, float]:
        """Do the steps of an epoch that are left; return the means over its images."""
        progress, size = self.progress, self.config.batch_size
        place = progress.begin_steps(self.batches.order(epoch))
        for step in range(place.steps, self.batches.steps_per_epoch):
            if progress.is_over:
                break
            started = monotonic()
            if self.schedule.rate is not None:
                self.learner.learning_rate = self.schedule.rate(progress.steps_done)
            told.step_begin(step)
            positions = place.order[step * size : (step + 1) * size]
            self.recovery.before(step)
            self.batches.seed_layers(epoch, step)
            logs = self.learner.step(*self.batches.make(positions, epoch, step))
            means = progress.step_done(logs, len(positions))
            if not math.isfinite(place.totals["loss"]):
                loss = float(logs["loss"])
                self._diverge(f"The loss is {loss} at step {step + 1} of epoch {epoch}.")
            self.recovery.was_finite()
            if progress.steps_done > self.schedule.averaged_from:
                self.average.add_after(progress.steps_done)
            told.step_end(step, means)
            self._raise_interrupt()
            if self.learner.network.stop_training:
                break
            if self.budget is not None:
                self.budget.step_took(monotonic() - started)
                self._plan()
            if self.checkpoints is not None and self.checkpoints.is_due(progress.steps_done):
                self._save_checkpoint()
        return place.means(size)

    def _validate(self, epoch: int, subset: Subset) -> dict[str, float]:
        """Return the metrics on the images that the run is validated on."""
        started = monotonic()
        size = self.config.batch_size
        means = measure_subset(self.learner, subset, size, self._raise_interrupt)
        if not math.isfinite(means["loss"]):
            self._diverge(f"The validation loss is {means['loss']} after epoch {epoch}.")
        if self.budget is not None:
            self.budget.validation_took(monotonic() - started)
        return means

    def _plan(self) -> None:
        """Settle how many steps there will be, by how long they took so far."""
        if self.budget is None:
            return
        averaged = self.schedule.averaged_from < math.inf
        after = self.batches.n_to_normalise_by if averaged else 0
        total_steps = self.budget.total_steps(self.progress.steps_done, monotonic(), after)
        if total_steps is not None:
            self._set_total_steps(total_steps)

    def _set_total_steps(self, total_steps: int) -> None:
        """Train for so many steps, over which the learning rate runs its course."""
        self.progress.total_steps = total_steps
        self.schedule = make_schedule(
            self.config.schedule,
            self.config.learning_rate,
            total_steps,
            self.batches.steps_per_epoch,
        )

    def _swap_in(self) -> None:
        """Give the network the mean of the weights so far, if the schedule is at that."""
        if self.progress.steps_done > self.schedule.averaged_from:
            self.average.swap_in(self.batches.to_normalise_by(self._raise_interrupt))

    def _diverge(self, message: str) -> NoReturn:
        """Go back to weights that gave a finite loss, and end the training."""
        self.recovery.restore()
        raise DivergenceError(
            message, fix=f"Try a learning rate below {self.config.learning_rate:g}."
        )

    def _save_checkpoint(self) -> None:
        """Save the state of all parts, if that is asked for."""
        if self.checkpoints is not None:
            with self.average.swapped_out():
                self.checkpoints.save(gather_state(self.config, self.learner, self._parts()))

    def _parts(self) -> list[Part]:
        """Return what has a state of its own, besides the network and its optimizer."""
        own = [callback for callback in self.stopping if isinstance(callback, EarlyStopping)]
        return [self.average, self.progress, *own]

    def _resume(self, told: CallbackList) -> None:
        """Go on from the checkpoint that was found, if any was."""
        if self.checkpoints is None or self.checkpoints.found is None:
            return
        restore_state(self.checkpoints, self.learner, self._parts())
        self.recovery.are_sound()
        progress = self.progress
        if self.budget is not None:
            self.budget.deadline -= progress.seconds_before
            self._set_total_steps(self.checkpoints.found.about["total_steps"])
        told.params |= {
            "epochs": progress.epochs,
            "total_steps": progress.total_steps,
            "steps_done": progress.steps_done,
        }
