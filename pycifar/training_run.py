"""The epochs and steps of a training, with what is recorded on the way."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NoReturn

import numpy as np

from pycifar.augmentation import Augmentation
from pycifar.averaging import WeightMean
from pycifar.backend import draw_from, keras
from pycifar.budget import StepBudget
from pycifar.callbacks import EarlyStopping, failures_told
from pycifar.checkpoint import METRICS, Checkpoints, TrainingState, fitting
from pycifar.config import TrainingConfig
from pycifar.datasets import Dataset
from pycifar.errors import DivergenceError, InterruptedWarning
from pycifar.fused import make_step
from pycifar.interrupts import Terminated, interrupts_between_steps
from pycifar.model_state import (
    all_variables,
    optimizer_state,
    set_all_variables,
    set_optimizer_state,
)
from pycifar.optimization import AVERAGED_FROM, rate_by_step
from pycifar.portions import Portion
from pycifar.scratch import NumpyModel
from pycifar.trained_model import HISTORY_COLUMNS, TrainedModel, current_versions

# Independent streams of random numbers that one seed gives.
ORDER, AUGMENTATION, LAYERS, FLIPS = 1, 2, 3, 4

# Of these times as many of the easiest images are those drawn that an epoch leaves out.
EASIEST = 1.5

# The last share of a run, in which no epoch leaves any image out; of whole epochs at least one.
WITH_ALL = 0.15

# The schedule "averaging" is "inverse_sqrt" where the steps are for fewer passes.
FEWEST_PASSES = 12

# How often in an epoch the weights are added to their mean, where they are averaged.
ADDED_AN_EPOCH = 8

# Training images by which normalisation is measured for weights that were averaged.
MEASURED = 10_000

# Steps from one copy of the weights to the next, which a training whose loss is no number any more
# goes back to. Copies of each step would cost a tenth of the time.
KEEP_EVERY = 100


@dataclass
class Place:
    """Where in an epoch a training is.

    Args:
        order: of the images.
        steps: how many of its steps are done.
        totals: sums of the metrics over the images so far.
        seconds: that it took so far, up to when this was noted.
    """

    order: np.ndarray
    steps: int = 0
    totals: dict[str, float] = field(default_factory=lambda: dict.fromkeys(METRICS, 0.0))
    seconds: float = 0.0


class TrainingRun:
    """One training run: the model with its data, and what has been recorded so far."""

    def __init__(
        self,
        model: keras.Model | NumpyModel,
        training: Portion,
        validating: Portion | None,
        config: TrainingConfig,
        scheduled: bool = True,
        deadline: float | None = None,
        earlier: TrainedModel | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        """A run that has not begun.

        Args:
            model: compiled.
            training: what it learns from.
            validating: what it is measured on after each epoch, or None.
            config: the settings.
            scheduled: whether the learning rate is the settings', or the optimizer's own.
            deadline: a time of `monotonic` to train until, whatever the settings' epochs.
            earlier: what the model goes on from, whose epochs are among the settings' epochs.
            checkpoints: where the state of the run is kept, and maybe found.
        """
        self.model = model
        self.training = training
        self.validating = validating
        self.config = config
        self.scheduled = scheduled
        self.steps_per_epoch = math.ceil(len(training) / config.batch_size)
        validation_steps = 0.0 if validating is None else len(validating) / config.batch_size
        self._budget = (
            None
            if deadline is None
            else StepBudget(deadline, self.steps_per_epoch, validation_steps)
        )
        self.steps_done = self._steps_before_epoch = 0
        self.augmentation = Augmentation(**config.augmentation)
        self.rows: list[tuple[int, str, str, float]] = []
        self.good_weights: list[np.ndarray] = []
        self._mean = WeightMean()
        self._averaged_from = math.inf  # steps
        self._went_through: list[np.ndarray] = []  # the weights, while the model holds the mean
        self.seconds: list[float] = []
        self._epochs_before = 0
        if earlier is not None:
            self.rows += earlier.history.itertuples(index=False, name=None)
            self.seconds += earlier.seconds
            self._epochs_before = len(self.seconds)
        self.interrupted = False
        self._class_weights = None
        if config.class_weights is not None:
            self._class_weights = np.array([*config.class_weights.values()], np.float32)
        n = len(training)
        self._losses = np.full(n, np.inf, np.float32)  # when the images were last seen
        self._left_out = round(config.skip_easy * n)
        # In even epochs, where flips alternate; in odd ones the others.
        self._mirrored = np.random.default_rng([config.seed, FLIPS]).random(n) < 0.5
        self._step = make_step(
            model, *self._as_batch(*training.take(slice(0, 1))), losses=self._left_out > 0
        )
        shortened = max(0, self._last_shortened() - self._epochs_before - 1)
        saved = self.steps_per_epoch - math.ceil((n - self._left_out) / config.batch_size)
        epochs = config.epochs - self._epochs_before
        self._settle(epochs * self.steps_per_epoch - shortened * saved)
        self._passes = float(self._epochs_before)
        self._place: Place | None = None  # between two epochs
        self._began = monotonic()  # less what was spent before the run was cut off
        self._stopping: EarlyStopping | None = None
        self._checkpoints = checkpoints
        self._best: list[np.ndarray] = []  # weights so far, of the checkpoint

    def _plan(self) -> None:
        """Settle how many steps there will be, by how long they took so far."""
        if self._budget is None:
            return
        steps_after = self._batches_to_measure()
        total_steps = self._budget.total_steps(self.steps_done, monotonic(), steps_after)
        if total_steps is not None:
            self._settle(total_steps)

    def _settle(self, total_steps: int) -> None:
        """Train for so many steps, over which the learning rate runs its course."""
        config = self.config
        self.total_steps = total_steps
        if self.scheduled:
            schedule = config.schedule
            if schedule == "averaging" and total_steps < FEWEST_PASSES * self.steps_per_epoch:
                schedule = "inverse_sqrt"
            averaged = schedule == "averaging"
            self._averaged_from = AVERAGED_FROM * total_steps if averaged else math.inf
            self._rate = rate_by_step(schedule, config.learning_rate, total_steps)
        if self._budget is not None:
            left = total_steps - self._steps_before_epoch
            epochs = len(self.seconds) + math.ceil(left / self.steps_per_epoch)
            if epochs != config.epochs:
                self.config = dataclasses.replace(config, epochs=epochs)

    def train(self, callbacks: list[keras.callbacks.Callback]) -> None:
        """Run the epochs; an interrupt ends them, and what was learned stays."""
        self._stopping = next((c for c in callbacks if isinstance(c, EarlyStopping)), None)
        self.model.stop_training = False
        if self._checkpoints is not None and self._checkpoints.found is not None:
            self._restore(self._checkpoints, self._checkpoints.found)
        told = keras.callbacks.CallbackList(
            callbacks,
            model=self.model,
            epochs=self.config.epochs,
            steps=self.steps_per_epoch,
            total_steps=self.total_steps,
            steps_done=self.steps_done,
        )
        with failures_told(callbacks):
            told.on_train_begin()
        self._restore_stopping()
        try:
            with interrupts_between_steps() as self._raise_interrupt:
                while not (self.model.stop_training or self._is_over()):
                    self._epoch(len(self.seconds) + 1, told)
                self._give_mean()
            if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
                self._diverged("The last step left weights that are no finite numbers.")
        except (KeyboardInterrupt, Terminated) as interrupt:
            self.interrupted = True
            if isinstance(interrupt, Terminated):
                self._save_checkpoint()
            with (
                suppress(KeyboardInterrupt, Terminated),
                interrupts_between_steps() as self._raise_interrupt,
            ):
                self._give_mean()
            if isinstance(interrupt, Terminated):
                raise
        finally:
            with failures_told(callbacks):
                told.on_train_end()
        if self.interrupted:
            done = len(self.seconds)
            warnings.warn(
                f"Training was interrupted after {done} of {self.config.epochs} epochs; "
                "the model holds what was learned until then.",
                InterruptedWarning,
                stacklevel=3,  # where train() was called
            )

    def result(self, dataset: Dataset) -> TrainedModel:
        """The trained model with its record."""
        import pandas

        config = self.config
        if self._budget is not None:
            epochs = math.ceil(self._passes)
            config = dataclasses.replace(config, passes=self._passes, epochs=epochs)
        return TrainedModel(
            network=self.model,
            class_names=dataset.class_names,
            config=config,
            history=pandas.DataFrame(self.rows, columns=list(HISTORY_COLUMNS)),
            data={
                "name": dataset.name,
                "source": dataset.source,
                "fingerprint": dataset.fingerprint("train"),
            },
            seconds=tuple(self.seconds),
            interrupted=self.interrupted,
            best_epoch=self._best_epoch(),
            versions=current_versions(),
        )

    def _best_epoch(self) -> int | None:
        """The epoch whose weights were brought back in the end, if any were."""
        if self._stopping is None or not self._stopping.best_weights:
            return None
        return self._stopping.best_epoch + 1

    def _epoch(self, epoch: int, told: keras.callbacks.CallbackList) -> None:
        spent = 0.0 if self._place is None else self._place.seconds
        self._epoch_began = time.perf_counter() - spent
        # A time budget may have changed these.
        told.params |= {"epochs": self.config.epochs, "total_steps": self.total_steps}
        with failures_told(told.callbacks):
            told.on_epoch_begin(epoch - 1)
        logs = self._pass(epoch, told)
        if self.validating is not None or self._stopping is not None:
            self._give_mean()  # which the run would end with if it ended now
        rows = [(epoch, "train", metric, value) for metric, value in logs.items()]
        if self.validating is not None:
            validation_started = monotonic()
            measured = self._validate(self.validating)
            if not math.isfinite(measured["loss"]):
                loss = measured["loss"]
                self._diverged(f"The validation loss is {loss} after epoch {epoch}.")
            if self._budget is not None:
                self._budget.validation_took(monotonic() - validation_started)
            rows += [(epoch, "validation", metric, value) for metric, value in measured.items()]
            logs |= {f"val_{metric}": value for metric, value in measured.items()}
        self.rows += rows
        self.seconds.append(time.perf_counter() - self._epoch_began)
        self._place = None
        with failures_told(told.callbacks):
            told.on_epoch_end(epoch - 1, logs)
        self._plan()
        if self._went_through and not (self.model.stop_training or self._is_over()):
            self.model.set_weights(self._went_through)
            self._went_through = []
        self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        """Save the state of the run, if that is asked for, with the weights it went through."""
        if self._checkpoints is None:
            return
        shown = self.model.get_weights() if self._went_through else []
        if shown:
            self.model.set_weights(self._went_through)
        self._checkpoints.save(self._state())
        if shown:
            self.model.set_weights(shown)

    def _pass(self, epoch: int, told: keras.callbacks.CallbackList) -> dict[str, float]:
        """One pass over the training images; the means of loss and accuracy over the images."""
        size = self.config.batch_size
        if self._place is None:
            self._place = Place(self._order(epoch, self._is_shortened(epoch)))
            self._steps_before_epoch = self.steps_done
        place = self._place
        n = len(place.order)
        for step in range(place.steps, math.ceil(n / size)):
            if self._is_over():
                break
            started = monotonic()
            if self.scheduled and self.config.schedule != "constant":
                self._set_rate(self._rate(self.steps_done))
            with failures_told(told.callbacks):
                for callback in told.callbacks:
                    callback.on_train_batch_begin(step)
            positions = place.order[step * size : (step + 1) * size]
            before = self.model.get_weights() if step % KEEP_EVERY == 0 else None
            logs = self._learn(positions, epoch, step)
            self.steps_done += 1
            place.steps = step + 1
            self._passes = epoch - 1 + min(1.0, place.steps * size / n)
            if self._left_out:
                self._losses[positions] = logs["losses"]
            for metric in METRICS:
                place.totals[metric] += float(logs[metric]) * len(positions)
            if not math.isfinite(place.totals["loss"]):
                loss = float(logs["loss"])
                self._diverged(f"The loss is {loss} at step {step + 1} of epoch {epoch}.")
            if before is not None:
                self.good_weights = before
            means = self._means(place)
            apart = max(1, self.steps_per_epoch // ADDED_AN_EPOCH)
            if self._is_averaged() and self.steps_done % apart == 0:
                self._mean.add(self.model.get_weights())
            with failures_told(told.callbacks):
                for callback in told.callbacks:  # not by Keras's list, which looks through the logs
                    callback.on_train_batch_end(step, means)
            self._raise_interrupt()
            if self.model.stop_training:
                break
            if self._budget is not None:
                self._budget.step_took(monotonic() - started)
                self._plan()
            if self._checkpoints is not None and self._checkpoints.is_due(self.steps_done):
                self._save_checkpoint()
        return self._means(place)

    def _means(self, place: Place) -> dict[str, float]:
        """Loss and accuracy, of the images of the epoch so far."""
        seen = min(place.steps * self.config.batch_size, len(place.order))
        return {metric: total / seen for metric, total in place.totals.items()}

    def _state(self) -> TrainingState:
        """All that the run goes on from."""
        numbers, best = ({}, []) if self._stopping is None else self._stopping.state()
        about = {
            "config": self.config.to_dict(),
            "rows": self.rows,
            "seconds": self.seconds,
            "elapsed": monotonic() - self._began,
            "passes": self._passes,
            "steps_done": self.steps_done,
            "total_steps": self.total_steps,
            "steps_before_epoch": self._steps_before_epoch,
            "stopped": self.model.stop_training,
            "stopping": numbers,
            "averaged": self._mean.number,
        }
        arrays = {
            "variables": all_variables(self.model),
            "optimizer": optimizer_state(self.model),
            "losses": [self._losses],
            "best": best,
            "mean": self._mean.arrays,
        }
        if self._place is not None:
            about["place"] = {
                "steps": self._place.steps,
                "totals": self._place.totals,
                "seconds": time.perf_counter() - self._epoch_began,
            }
            arrays["order"] = [self._place.order]
        return TrainingState(about, arrays)

    def _restore(self, checkpoints: Checkpoints, state: TrainingState) -> None:
        """Be where the run was when its state was saved."""
        about, arrays = state.about, state.arrays
        try:
            variables = fitting(arrays, "variables", all_variables(self.model))
            optimizer = fitting(arrays, "optimizer", optimizer_state(self.model))
            [losses] = fitting(arrays, "losses", [self._losses])
            self._mean.number = int(about.get("averaged", 0))
            if self._mean.number:
                like = [values.astype(np.float64) for values in self.model.get_weights()]
                self._mean.arrays = fitting(arrays, "mean", like)
        except (TypeError, ValueError) as error:
            raise checkpoints.misfit(f"its network has other weights ({error})") from error
        try:
            self._place = self._place_in(state)
            self._best = self._best_in(state)
        except (KeyError, ValueError) as error:
            raise checkpoints.misfit(f"it does not say how far it came ({error})") from error
        self.rows, self.seconds = about["rows"], about["seconds"]
        self.steps_done, self._steps_before_epoch = about["steps_done"], about["steps_before_epoch"]
        self._passes = about["passes"]
        self.model.stop_training = about["stopped"]
        elapsed, total_steps = about["elapsed"], about["total_steps"]
        set_all_variables(self.model, variables)
        set_optimizer_state(self.model, optimizer)
        self.good_weights = self.model.get_weights()
        self._losses = losses.copy()
        self._began -= elapsed
        if self._budget is not None:
            self._budget.deadline -= elapsed
            self._settle(total_steps)

    def _place_in(self, state: TrainingState) -> Place | None:
        """Where in an epoch the run was; None between two epochs."""
        if "place" not in state.about:
            return None
        [order] = state.arrays["order"]
        place = Place(order, **state.about["place"])
        known = np.isin(order, np.arange(len(self.training))).all()
        if order.dtype.kind != "i" or order.ndim != 1 or not known:
            raise ValueError("its order is of other images")
        if len(np.unique(order)) != len(order) or len(order) < len(self.training) - self._left_out:
            raise ValueError("its order has images twice, or not all")
        if place.steps > math.ceil(len(order) / self.config.batch_size):
            raise ValueError("its epoch has fewer steps")
        return place

    def _best_in(self, state: TrainingState) -> list[np.ndarray]:
        """The best weights so far, where they are to be kept and an epoch was finished."""
        if (self._stopping is None) == bool(state.about["stopping"]):
            raise ValueError("its early stopping is another")
        if not (self.config.best_weights and state.about["seconds"]):
            return []
        return fitting(state.arrays, "best", self.model.get_weights())

    def _restore_stopping(self) -> None:
        """Have the early stopping go on as well, which begins anew with each training."""
        found = None if self._checkpoints is None else self._checkpoints.found
        if found is not None and self._stopping is not None:
            self._stopping.restore(found.about["stopping"], self._best)

    def _is_over(self) -> bool:
        """Whether no step is left."""
        return self.steps_done >= self.total_steps

    def _is_averaged(self) -> bool:
        """Whether the weights after this step are among those whose mean the run ends with."""
        return self.steps_done > self._averaged_from

    def _give_mean(self) -> None:
        """Give the mean of the weights so far to the model, where there is one."""
        if self._is_averaged() and self._mean.number and not self._went_through:
            weights = self.model.get_weights()
            try:
                self._mean.give(self.model, self._images_to_measure())
            except BaseException:
                self.model.set_weights(weights)
                raise
            self._went_through = weights

    def _batches_to_measure(self) -> int:
        """How many batches of images normalisation is measured by in the end."""
        if self._averaged_from == math.inf:
            return 0
        return max(1, min(len(self.training), MEASURED) // self.config.batch_size)

    def _images_to_measure(self) -> Iterator[np.ndarray]:
        """These batches, in the order of an epoch that there is not."""
        order, size = self._order(0), self.config.batch_size
        for number in range(self._batches_to_measure()):
            images, _ = self.training.take(order[number * size : (number + 1) * size])
            draw_from(self.config.seed, LAYERS, 0, number)
            yield self._as_input(images)
            self._raise_interrupt()

    def losses_at(self, rates: Iterable[float]) -> Iterator[float]:
        """The loss before each of some steps, which learn at these rates in turn."""
        size = self.config.batch_size
        for number, rate in enumerate(rates):
            epoch, step = divmod(number, self.steps_per_epoch)
            if step == 0:
                order = self._order(epoch + 1)
            self._set_rate(rate)
            positions = order[step * size : (step + 1) * size]
            yield float(self._learn(positions, epoch + 1, step)["loss"])

    def _order(self, epoch: int, shortened: bool = False) -> np.ndarray:
        """The order of the training images in an epoch, which may leave easy ones out."""
        draws = np.random.default_rng([self.config.seed, ORDER, epoch])
        order = draws.permutation(len(self.training))
        if not shortened:
            return order
        easiest = np.argsort(self._losses, kind="stable")[: round(EASIEST * self._left_out)]
        kept = np.ones(len(order), bool)
        kept[draws.choice(easiest, self._left_out, replace=False)] = False
        return order[kept[order]]

    def _is_shortened(self, epoch: int) -> bool:
        """Whether an epoch leaves out easy images: neither the first one, nor the last ones."""
        if not self._left_out or not np.isfinite(self._losses).all():
            return False
        if self._budget is None:
            return epoch <= self._last_shortened()
        return self.total_steps - self.steps_done > WITH_ALL * self.total_steps

    def _last_shortened(self) -> int:
        """The last epoch that leaves out easy images, where their number is given."""
        epochs = self.config.epochs - self._epochs_before
        return self.config.epochs - max(1, math.ceil(WITH_ALL * epochs))

    def _set_rate(self, rate: float) -> None:
        """Give the learning rate of the next step to the model."""
        if isinstance(self.model, NumpyModel):
            self.model.learning_rate = rate
        else:
            self.model.optimizer.learning_rate = rate

    def _batch(self, positions: np.ndarray, epoch: int, step: int) -> tuple[np.ndarray, ...]:
        """Images, augmented, and what else one step takes."""
        images, labels = self.training.take(positions)
        if self.augmentation != Augmentation():
            draws = np.random.default_rng([self.config.seed, AUGMENTATION, epoch, step])
            mirrored = self._mirrored[positions] ^ bool(epoch % 2)
            images = self.augmentation(images, draws, mirrored)
        return self._as_batch(images, labels)

    def _learn(self, positions: np.ndarray, epoch: int, step: int) -> Mapping[str, Any]:
        """One step on the images at these positions; the metrics on them."""
        batch = self._batch(positions, epoch, step)
        draw_from(self.config.seed, LAYERS, epoch, step)
        return self._step(*batch)

    def _as_batch(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
        """Images and labels as the step takes them, and the weights of the images if any differ."""
        batch = self._as_input(images), self._as_truth(labels)
        return batch if self._class_weights is None else (*batch, self._class_weights[labels])

    def _as_input(self, images: np.ndarray) -> np.ndarray:
        """Keras reads images in pixel order; a network of NumPy takes them as they lie."""
        return images if isinstance(self.model, NumpyModel) else np.ascontiguousarray(images)

    def _as_truth(self, labels: np.ndarray) -> np.ndarray:
        """Labels, or where they are to be smoothed the classes' shares, shape (n, classes)."""
        if not self.config.label_smoothing:
            return labels
        return np.eye(self.model.output_shape[-1], dtype=np.float32)[labels]

    def _test_on_batch(self, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        truth = self._as_truth(labels)
        return self.model.test_on_batch(self._as_input(images), truth, return_dict=True)

    def _diverged(self, message: str) -> NoReturn:
        """Go back to weights that gave a finite loss, and end the training."""
        if self.good_weights:
            self.model.set_weights(self.good_weights)
        raise DivergenceError(
            message, fix=f"Try a learning rate below {self.config.learning_rate:g}."
        )

    def _validate(self, portion: Portion) -> dict[str, float]:
        """The means of loss and accuracy over the images of the portion."""
        totals = dict.fromkeys(METRICS, 0.0)
        for start in range(0, len(portion), self.config.batch_size):
            images, labels = portion.take(slice(start, start + self.config.batch_size))
            self.model.reset_metrics()
            logs = self._test_on_batch(images, labels)
            for metric in METRICS:
                totals[metric] += float(logs[metric]) * len(labels)
            self._raise_interrupt()
        return {metric: total / len(portion) for metric, total in totals.items()}
