"""Training: settle the settings, then run the epochs."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.architectures import build_model, recipe_for
from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_seed,
    describe,
)
from pycifar.augmentation import Augmentation, resolve_augmentation
from pycifar.backend import keras, seeded
from pycifar.callbacks import as_callbacks, progress
from pycifar.callbacks import early_stopping as stopping_callbacks
from pycifar.config import Recipe, TrainingConfig
from pycifar.datasets import Dataset, Split
from pycifar.datasets.sampling import stratified_split
from pycifar.errors import ArgumentError, InterruptedWarning, TrainingError
from pycifar.optimization import OPTIMIZERS, SCHEDULES, make_optimizer
from pycifar.trained_model import HISTORY_COLUMNS, TrainedModel, current_versions

# Independent streams of random numbers that one seed gives.
ORDER, AUGMENTATION = 1, 2

METRICS = ("loss", "accuracy")


def train(
    dataset: Dataset,
    architecture: str | Callable[..., keras.Model] | keras.Model = "cnn2",
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str | keras.optimizers.Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] | None = None,
    validation: float | str | None = 0.1,
    early_stopping: int | None = None,
    best_weights: bool = False,
    callbacks: Any = None,
    seed: int | None = None,
    verbose: int = 1,
) -> TrainedModel:
    """Train an image classifier.

    What is None takes the value of the architecture's recipe (see `list_architectures`). The same
    data, settings and seed give the same weights bit for bit on one machine with one version of
    the backend and one number of threads.

    Interrupting (Ctrl-C) ends the training early: the model so far comes back, with its history,
    `interrupted` set and an `InterruptedWarning`.

    Args:
        dataset: what `load_dataset` returned.
        architecture: a name from `list_architectures`; or a function(input_shape, n_classes) that
            returns a Keras model; or a Keras model, which is trained in place.
        epochs: passes over the training images, at least 1.
        batch_size: images a step, from 1 to the number of training images.
        optimizer: "sgd" (momentum 0.9), "adam", "adamw" or "rmsprop"; or a Keras optimizer, which
            brings its own learning rate.
        learning_rate: above 0; at the start, or at the peak for "one_cycle".
        schedule: "constant", "cosine", "step", "exponential" or "one_cycle"; see
            `pycifar.optimization.make_optimizer`.
        augmentation: "none", or any of "flip", "shift" and "cutout", alone, listed, or each with
            its value; see `Augmentation`.
        validation: the share of the training split that is held out, drawn with the seed and
            balanced over the classes; or the name of a split, such as "test"; or None for none.
        early_stopping: stop after this many epochs without a lower validation loss (training loss
            where there is no validation); None never stops.
        best_weights: keep the weights of the epoch with the lowest such loss, not the last ones.
        callbacks: Keras callbacks, or mappings such as ``{"on_epoch_end": f}`` whose functions
            take (epoch, logs) with epochs from 1 and stop the training by returning False.
        seed: fixes weights, order, dropout and augmentation, 0 to 2³¹ - 1; None draws one, which
            the model's `config` tells.
        verbose: 0 is silent; 1 shows a bar on a terminal and a line an epoch elsewhere; 2 shows
            lines. Both go to the standard error stream.

    Returns:
        The trained model.

    Raises:
        ArgumentError: an argument is not as above.
        DataError: the data set has no images to train on.
        TrainingError: the loss is no longer a finite number.

    Example:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=500, n_test=100)
        >>> model = pycifar.train(dataset, "cnn2", epochs=1, seed=1, verbose=0)
        >>> model.epochs_done
        1
    """
    if not isinstance(dataset, Dataset):
        raise ArgumentError(f"`dataset` must be a data set, not {describe(dataset)}.")
    name, recipe = recipe_for(architecture)
    optimizer_name, rate = _settle_optimizer(optimizer, learning_rate, recipe)
    config = TrainingConfig(
        architecture=name,
        epochs=check_count("epochs", _given(epochs, recipe.epochs)),
        batch_size=check_count("batch_size", _given(batch_size, recipe.batch_size)),
        optimizer=optimizer_name,
        learning_rate=rate,
        schedule=check_choice("schedule", _given(schedule, recipe.schedule), SCHEDULES),
        augmentation=resolve_augmentation(_given(augmentation, recipe.augmentation)).to_dict(),
        validation=_check_validation(validation, dataset),
        early_stopping=None
        if early_stopping is None
        else check_count("early_stopping", early_stopping),
        best_weights=check_flag("best_weights", best_weights),
        seed=check_seed(seed),
    )
    verbose = check_count("verbose", verbose, minimum=0, maximum=2)
    given_callbacks = as_callbacks(callbacks)
    training, validating = _portions(dataset, config)
    model = build_model(architecture, dataset.image_shape, dataset.n_classes, config.seed)
    _compile(model, optimizer, config, math.ceil(len(training) / config.batch_size))
    run = _Run(model, training, validating, config)
    stopping = stopping_callbacks(
        config.early_stopping, config.best_weights, config.epochs, validating is not None
    )
    run.train([*stopping, *given_callbacks, *progress(verbose)])
    return run.result(dataset)


@dataclass(frozen=True)
class _Portion:
    """The images of a split that one purpose uses; the split itself is never copied."""

    split: Split
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        """Images, in pixel order, and labels at `positions`."""
        chosen = self.indices[positions]
        return np.ascontiguousarray(self.split.images[chosen]), self.split.labels[chosen]


class _Run:
    """One training run: the model with its data, and what has been recorded so far."""

    def __init__(
        self,
        model: keras.Model,
        training: _Portion,
        validating: _Portion | None,
        config: TrainingConfig,
    ) -> None:
        self.model = model
        self.training = training
        self.validating = validating
        self.config = config
        self.augmentation = Augmentation(**config.augmentation)
        self.rows: list[tuple[int, str, str, float]] = []
        self.seconds: list[float] = []
        self.interrupted = False

    def train(self, callbacks: list[keras.callbacks.Callback]) -> None:
        """Run the epochs; an interrupt ends them, and what was learned stays."""
        told = keras.callbacks.CallbackList(
            callbacks,
            model=self.model,
            epochs=self.config.epochs,
            steps=math.ceil(len(self.training) / self.config.batch_size),
        )
        self.model.stop_training = False
        told.on_train_begin()
        try:
            for epoch in range(1, self.config.epochs + 1):
                self._epoch(epoch, told)
                if self.model.stop_training:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            told.on_train_end()
        if self.interrupted:
            done = len(self.seconds)
            warnings.warn(
                f"Training was interrupted after {done} of {self.config.epochs} epochs; "
                "the model holds what was learned until then.",
                InterruptedWarning,
                stacklevel=3,
            )

    def result(self, dataset: Dataset) -> TrainedModel:
        """The trained model with its record."""
        import pandas

        return TrainedModel(
            keras_model=self.model,
            class_names=dataset.class_names,
            config=self.config,
            history=pandas.DataFrame(self.rows, columns=list(HISTORY_COLUMNS)),
            data={
                "name": dataset.name,
                "source": dataset.source,
                "fingerprint": dataset.fingerprint("train"),
            },
            seconds=tuple(self.seconds),
            interrupted=self.interrupted,
            versions=current_versions(),
        )

    def _epoch(self, epoch: int, told: keras.callbacks.CallbackList) -> None:
        started = time.perf_counter()
        told.on_epoch_begin(epoch - 1)
        logs = self._pass(epoch, told)
        rows = [(epoch, "train", metric, value) for metric, value in logs.items()]
        if self.validating is not None:
            measured = self._validate(self.validating)
            rows += [(epoch, "validation", metric, value) for metric, value in measured.items()]
            logs |= {f"val_{metric}": value for metric, value in measured.items()}
        self.rows += rows
        self.seconds.append(time.perf_counter() - started)
        told.on_epoch_end(epoch - 1, logs)

    def _pass(self, epoch: int, told: keras.callbacks.CallbackList) -> dict[str, float]:
        """One pass over the training images; the means of loss and accuracy over the images."""
        n, size = len(self.training), self.config.batch_size
        order = np.random.default_rng([self.config.seed, ORDER, epoch]).permutation(n)
        totals = dict.fromkeys(METRICS, 0.0)
        for step, start in enumerate(range(0, n, size)):
            told.on_train_batch_begin(step)
            images, labels = self.training.take(order[start : start + size])
            draws = np.random.default_rng([self.config.seed, AUGMENTATION, epoch, step])
            logs = self.model.train_on_batch(
                self.augmentation(images, draws), labels, return_dict=True
            )
            for metric in METRICS:
                totals[metric] += float(logs[metric]) * len(labels)
            if not math.isfinite(totals["loss"]):
                raise TrainingError(
                    f"The loss is {float(logs['loss'])} at step {step + 1} of epoch {epoch}.",
                    fix=f"Try a learning rate below {self.config.learning_rate:g}.",
                )
            seen = start + len(labels)
            means = {metric: total / seen for metric, total in totals.items()}
            told.on_train_batch_end(step, means)
            if self.model.stop_training:
                break
        return means

    def _validate(self, portion: _Portion) -> dict[str, float]:
        """The means of loss and accuracy over the images of the portion."""
        totals = dict.fromkeys(METRICS, 0.0)
        for start in range(0, len(portion), self.config.batch_size):
            images, labels = portion.take(slice(start, start + self.config.batch_size))
            self.model.reset_metrics()
            logs = self.model.test_on_batch(images, labels, return_dict=True)
            for metric in METRICS:
                totals[metric] += float(logs[metric]) * len(labels)
        return {metric: total / len(portion) for metric, total in totals.items()}


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value


def _settle_optimizer(optimizer: Any, learning_rate: Any, recipe: Recipe) -> tuple[str, float]:
    """The optimizer's name and its learning rate."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if learning_rate is not None:
            raise ArgumentError(
                "`learning_rate` must be left out where `optimizer` is a Keras optimizer: "
                f"it brings its own; {describe(learning_rate)} was given."
            )
        return type(optimizer).__name__, float(optimizer.learning_rate)
    name = check_choice("optimizer", _given(optimizer, recipe.optimizer), OPTIMIZERS)
    if learning_rate is None:
        return name, recipe.learning_rate if name == recipe.optimizer else OPTIMIZERS[name]
    return name, check_number("learning_rate", learning_rate, minimum=0, open_minimum=True)


def _check_validation(value: Any, dataset: Dataset) -> float | str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return check_choice("validation", value, [s for s in dataset.splits if s != "train"])
    return check_number(
        "validation", value, minimum=0, maximum=1, open_minimum=True, open_maximum=True
    )


def _portions(dataset: Dataset, config: TrainingConfig) -> tuple[_Portion, _Portion | None]:
    """What to train on, and what to validate on."""
    split = dataset.split("train")
    training, validating = _Portion(split, np.arange(len(split))), None
    if isinstance(config.validation, str):
        other = dataset.split(config.validation)
        validating = _Portion(other, np.arange(len(other)))
    elif config.validation is not None:
        kept, held_out = stratified_split(split.labels, config.validation, config.seed)
        training, validating = _Portion(split, kept), _Portion(split, held_out)
    if config.batch_size > len(training):
        raise ArgumentError(
            f"`batch_size` must be at most the number of training images, {len(training)}, "
            f"not {config.batch_size}."
        )
    return training, validating


def _compile(model: keras.Model, optimizer: Any, config: TrainingConfig, steps: int) -> None:
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        optimizer = make_optimizer(
            config.optimizer, config.learning_rate, config.schedule, steps * config.epochs
        )
    with seeded(config.seed):
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
