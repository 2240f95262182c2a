"""The phases of a training: first maybe the head alone, from features, then all layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic, perf_counter

import numpy as np

from pycifar.config import TrainingConfig
from pycifar.console import counting
from pycifar.datasets.subset import Subset
from pycifar.learners import Learner
from pycifar.learners.schedules import Schedule, make_schedule
from pycifar.training.batches import Batches
from pycifar.training.budget import ENDING, StepBudget
from pycifar.training.checkpoint import Checkpoints
from pycifar.training.progress import RunProgress
from pycifar.training.rate import LearningRate

FEATURE_BATCH = 64  # images whose features are computed at a time


class Phases:
    """What changes when all layers begin to learn: the batches, the schedule and the optimizer.

    Args:
        learner: of the network.
        config: the settings.
        batches: make the batches of images.
        validating: the images to validate on, or None.
        progress: has the number of steps.
        rate: sets the learning rate.
        budget: says whether there is room for all layers to learn, and forgets how long steps took
            when others follow; None without a time budget.

    Attributes:
        batches: make the batches of this phase: of images, or of features.
        validating: what to validate on in this phase, or None.
        of_images: the batches of images, and the images to validate on or None.
        is_frozen: whether the head learns alone now.
        schedule: has the learning rate of each step of this phase.
    """

    def __init__(
        self,
        learner: Learner,
        config: TrainingConfig,
        batches: Batches,
        validating: Subset | None,
        progress: RunProgress,
        rate: LearningRate,
        budget: StepBudget | None,
    ) -> None:
        self.batches, self.validating = batches, validating
        # Of a network that was trained before, all layers learn at once.
        frozen = 0 if progress.epochs_before else config.frozen_epochs
        self._frozen_steps = frozen * batches.steps_per_epoch
        self.is_frozen = frozen > 0
        self._learner, self._config = learner, config
        self._progress, self._rate, self._budget = progress, rate, budget
        self.of_images = batches, validating
        self._from = 0  # the step at which this phase began
        # Seconds of the first forward pass before the head, on one image, and of a later one, on a
        # batch.
        self._compiling = self._forward = 0.0

    def begin_steps(self) -> None:
        """Compile the training step for the batches of this phase."""
        images, labels, weights = self.of_images[0].example()
        if self.is_frozen:
            began = monotonic()
            images = self._learner.features(images)
            self._compiling = monotonic() - began
        self._learner.begin(images, labels, weights)

    def end(self) -> None:
        """End the training steps; whoever goes on with the network trains all of it."""
        self._learner.end()
        if self.is_frozen:
            self._learner.thaw(self._fine_tuned())
            self._rate.begin_anew()

    def thaw_if_due(self) -> bool:
        """Let all layers learn from the next step on, if the head has learned alone for long.

        Returns:
            Whether the training goes on: it ends where the time budget has no room for all layers.
        """
        if not self.is_frozen or self._progress.steps_done < self._frozen_steps:
            return True
        budget = self._budget
        if budget is None or budget.has_room_for_all(self._compiling, self._forward, monotonic()):
            self._thaw()
            return True
        self.set_total_steps(self._progress.steps_done)
        return False

    @property
    def seconds_to_end(self) -> float:
        """How long `end` takes, estimated."""
        return ENDING * self._compiling if self.is_frozen else 0.0

    def resume(self, checkpoints: Checkpoints) -> None:
        """Go to the phase of the checkpoint that was found.

        Raises:
            CheckpointError: this training has no such phase.
        """
        assert checkpoints.found is not None
        was_frozen = checkpoints.found.about["is_frozen"]
        if was_frozen and not self.is_frozen:
            raise checkpoints.mismatch("its last layer learned alone")
        if self.is_frozen and not was_frozen:
            self._thaw()

    def _thaw(self) -> None:
        self.end()
        self.is_frozen = False
        self.batches, self.validating = self.of_images
        self.begin_steps()
        self.set_total_steps(self._progress.total_steps)
        if self._budget is not None:
            self._budget.steps_change()

    def set_total_steps(self, total_steps: int) -> None:
        """Set the number of steps, and make the schedule of this phase, which spans its steps."""
        self._progress.total_steps = total_steps
        config, self._from = self._config, 0
        if self.is_frozen:
            total_steps = min(total_steps, self._frozen_steps)
        elif self._frozen_steps:
            config, self._from = self._fine_tuned(), self._frozen_steps
        n, an_epoch = total_steps - self._from, self.batches.steps_per_epoch
        self.schedule: Schedule = make_schedule(config.schedule, config.learning_rate, n, an_epoch)

    def set_rate(self) -> None:
        """Set the learning rate of the next step."""
        self._rate.set_for(self.schedule, self._progress.steps_done - self._from)

    @property
    def is_averaging(self) -> bool:
        """Whether the schedule averages the weights by now."""
        return self._progress.steps_done - self._from > self.schedule.averaged_from

    def use_features(self, verbose: bool, raise_interrupt: Callable[[], None]) -> None:
        """Take features in place of images while the head learns alone.

        The layers before the head do not change, so features are computed once, unless the images
        are augmented, or the features of an image take more memory than its pixels. They are then
        computed for each batch.

        Args:
            verbose: whether to show the progress on stderr.
            raise_interrupt: called after each batch; raises the signals that came.
        """
        if not self.is_frozen:
            return
        began = perf_counter()
        batches, validating = self.of_images
        subsets = [] if validating is None else [validating]
        images = batches.subset.take(slice(0, 1))[0]
        compute = self._learner.features
        if keeps := not batches.augmented and _are_small(compute(images), images):
            subsets = [batches.subset, *subsets]
        found: list[Subset] = []
        with counting(sum(map(len, subsets)), "features", verbose) as show:
            for subset in subsets:
                before = sum(map(len, found))

                def done(n: int, before: int = before) -> None:
                    show(before + n)
                    raise_interrupt()

                found.append(subset.computed(compute, FEATURE_BATCH, done))
        self.batches = batches.of_kept_features(found[0]) if keeps else batches.of_features(compute)
        self.validating = None if validating is None else found[-1]
        seconds = perf_counter() - began
        self._progress.spend(seconds)
        if computed := sum(map(len, subsets)):
            self._forward = seconds / computed * self._config.batch_size

    @property
    def learning_rate(self) -> float | None:
        """The setting of the rate in this phase."""
        return (self._config if self.is_frozen else self._fine_tuned()).learning_rate

    def _fine_tuned(self) -> TrainingConfig:
        """Return the settings with the rate at which all layers learn."""
        rate = self._config.fine_tune_rate
        return self._config if rate is None else replace(self._config, learning_rate=rate)


def _are_small(features: np.ndarray, images: np.ndarray) -> bool:
    return features.nbytes <= images.nbytes
