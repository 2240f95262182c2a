"""The training loop: epochs, steps, validation, callbacks and checkpoints."""

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
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.models.record import Row
from pycifar.models.trained_model import TrainedModel
from pycifar.training.averaging import WeightAverage
from pycifar.training.batches import Batches
from pycifar.training.budget import StepBudget
from pycifar.training.callbacks import CallbackList, EarlyStopping
from pycifar.training.checkpoint import Checkpoints
from pycifar.training.phases import Phases
from pycifar.training.progress import RunProgress
from pycifar.training.rate import LearningRate
from pycifar.training.recovery import LastFiniteWeights
from pycifar.training.run_state import Part, gather_state, restore_state
from pycifar.training.validation import measure_subset


class TrainingRun:
    """One training: it runs the loop, and its parts do the work.

    Args:
        learner: has the network, its optimizer and the compiled training step.
        config: the settings; they never change during the training.
        batches: make the batches of training images.
        validating: the images to validate on after each epoch, or None.
        budget: computes how many steps fit into the time budget; None trains `config.epochs`.
        earlier: the model that is trained further, or None; `config.epochs` includes its epochs.
        checkpoints: save the state of the run; None saves none.

    Attributes:
        progress: has the counters of the run, and the history.
        phases: have the batches, and the learning rate of each step.
        average: has the mean of the weights.
        recovery: has the weights to restore if the loss diverges.
        stopping: the callbacks that may stop the run early and restore the best weights.
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
        self.budget = budget
        self.checkpoints = checkpoints
        self.progress = RunProgress(len(batches.subset), config.batch_size, earlier)
        self.average = WeightAverage(learner, batches.steps_per_epoch)
        self.recovery = LastFiniteWeights(learner.network)
        self.rate = LearningRate(learner, config.optimizer in OPTIMIZERS)
        self.phases = Phases(learner, config, batches, validating, self.progress, self.rate, budget)
        self.stopping: Sequence[keras.callbacks.EarlyStopping] = ()
        self._raise_interrupt: Callable[[], None] = lambda: None
        epochs = config.epochs - self.progress.epochs_before
        self.phases.set_total_steps(epochs * batches.steps_per_epoch)

    def train(self, callbacks: Sequence[keras.callbacks.Callback], verbose: bool = False) -> None:
        """Run the epochs that are left; an interrupt ends them, and the network stays trained.

        Args:
            callbacks: callbacks of Keras.
            verbose: whether to show on stderr how features are computed, if it takes long.

        Raises:
            Terminated: SIGTERM or SIGHUP came; if there are checkpoints, one has been saved.
            TrainingError: the training cannot continue.
        """
        network, progress = self.learner.network, self.progress
        network.stop_training, network.stopped_by = False, None
        self.stopping = [c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)]
        steps = self.phases.batches.steps_per_epoch
        # A logger of Keras's that is given shows what it has with `verbose`.
        callback_list = CallbackList(
            callbacks, network, steps=steps, verbose=1, **progress.callback_params()
        )
        self.phases.begin_steps()
        try:
            self._resume(callback_list)
            self.rate.begin()
            callback_list.train_begin()
            try:
                self._run_epochs(callback_list, verbose)
            finally:
                callback_list.train_end()
        finally:
            self.phases.end()

    def _run_epochs(self, callbacks: CallbackList, verbose: bool) -> None:
        """Run the epochs that are left, then set the averaged weights if the schedule averages."""
        network, progress = self.learner.network, self.progress
        try:
            with interrupts_between_steps() as self._raise_interrupt:
                self.phases.use_features(verbose, self._raise_interrupt)
                while not (network.stop_training or progress.is_over) and self.phases.thaw_if_due():
                    self._epoch(len(progress.seconds) + 1, callbacks)
                network.stopped_by = None if progress.is_over else network.stopped_by
                self._swap_in()
                self.learner.finish()
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

    def _epoch(self, epoch: int, callbacks: CallbackList) -> None:
        """Run one epoch, counted from 1, and validate the network after it."""
        progress = self.progress
        progress.begin_epoch()
        callbacks.epoch_begin(epoch, epochs=progress.epochs, total_steps=progress.total_steps)
        logs = self._steps(epoch, callbacks)
        rows: list[Row] = [(epoch, "train", metric, value) for metric, value in logs.items()]
        rate = self.learner.learning_rate
        if self.phases.validating is not None or self.stopping:
            self._swap_in()  # the run would end with these weights if it ended now
        if self.phases.validating is not None:
            measured = self._validate(epoch, self.phases.validating, callbacks)
            rows += [(epoch, "validation", metric, value) for metric, value in measured.items()]
            logs |= {f"val_{metric}": value for metric, value in measured.items()}
        progress.end_epoch([*rows, (epoch, "train", "learning_rate", rate)])
        progress.add_to_history(epoch, callbacks.epoch_end(epoch, logs))
        self._update_total_steps()
        if not (self.learner.network.stop_training or progress.is_over):
            self.average.swap_out()
        self._save_checkpoint()

    def _steps(self, epoch: int, callbacks: CallbackList) -> dict[str, float]:
        """Run the steps of an epoch that are left; return the mean metrics over its images."""
        progress = self.progress
        if progress.epoch is None:
            self.learner.begin_pass()
        in_epoch = progress.begin_steps()
        steps = range(in_epoch.steps, self.phases.batches.steps_per_epoch)
        with self.phases.batches.make_in_turn((epoch, step) for step in steps) as batches:
            for step in steps:
                if progress.is_over:
                    break
                started = monotonic()
                self.phases.set_rate()
                callbacks.step_begin(step)
                self.recovery.before(step)
                self.phases.batches.seed_layers(epoch, step)
                images, labels, weights = next(batches)
                logs = self.learner.step(images, labels, weights)
                means = progress.step_done(logs, len(labels))
                if not math.isfinite(in_epoch.totals["loss"]):
                    loss = float(logs["loss"])
                    self._diverge(f"The loss is {loss} at step {step + 1} of epoch {epoch}.")
                self.recovery.was_finite()
                if self.phases.is_averaging:
                    self.average.add_after(progress.steps_done)
                callbacks.step_end(step, means)
                self._raise_interrupt()
                if self.learner.network.stop_training:
                    break
                if self.budget is not None:
                    self.budget.step_took(monotonic() - started)
                    self._update_total_steps()
                if self.checkpoints is not None and self.checkpoints.is_due(progress.steps_done):
                    self._save_checkpoint()
        return in_epoch.means(self.config.batch_size)

    def _validate(self, epoch: int, subset: Subset, callbacks: CallbackList) -> dict[str, float]:
        """Return the mean metrics on the validation images."""
        started = monotonic()
        size = self.config.batch_size
        means = measure_subset(self.learner, subset, size, callbacks, self._raise_interrupt)
        if not math.isfinite(means["loss"]):
            self._diverge(f"The validation loss is {means['loss']} after epoch {epoch}.")
        if self.budget is not None:
            self.budget.validation_took(monotonic() - started)
        return means

    def _update_total_steps(self) -> None:
        """Update the number of steps to what fits into the time budget, if there is one."""
        if self.budget is None:
            return
        averaged = self.phases.schedule.averaged_from < math.inf
        after = self.phases.batches.n_to_normalise_by if averaged else 0
        now = monotonic() + self.phases.seconds_to_end
        total_steps = self.budget.total_steps(self.progress.steps_done, now, after)
        if total_steps is not None:
            self.phases.set_total_steps(total_steps)

    def _swap_in(self) -> None:
        """Set the network's weights to their mean so far, if averaging has begun."""
        if self.phases.is_averaging:
            self.average.swap_in(self.phases.batches.to_normalise_by(self._raise_interrupt))

    def _diverge(self, message: str) -> NoReturn:
        """Restore weights that gave a finite loss, and raise a DivergenceError."""
        self.recovery.restore()
        raise DivergenceError(
            message, fix=f"Try a learning rate below {self.phases.learning_rate:g}."
        )

    def _save_checkpoint(self) -> None:
        """Save the state of the run, if checkpoints are asked for."""
        if self.checkpoints is not None:
            with self.average.swapped_out():
                parts = self._parts()
                state = gather_state(self.config, self.learner, parts, self.phases.is_frozen)
                self.checkpoints.save(state)

    def _parts(self) -> list[Part]:
        """Return the parts that have a state, besides the network and its optimizer."""
        own = [callback for callback in self.stopping if isinstance(callback, EarlyStopping)]
        return [self.average, self.progress, self.rate, *own]

    def _resume(self, callbacks: CallbackList) -> None:
        """Continue from the checkpoint that was found, if there is one."""
        if self.checkpoints is None or self.checkpoints.found is None:
            return
        self.phases.resume(self.checkpoints)
        restore_state(self.checkpoints, self.learner, self._parts())
        self.recovery.are_sound()
        progress = self.progress
        if self.budget is not None:
            self.budget.deadline -= progress.seconds_before  # the budget includes this time
            self.phases.set_total_steps(self.checkpoints.found.about["total_steps"])
        callbacks.params |= progress.callback_params()
