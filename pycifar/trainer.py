"""Training: settle the settings, then run the epochs."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pycifar.architectures import ARCHITECTURES, build_model, recipe_for
from pycifar.arguments import (
    check_budget,
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_seed,
    describe,
)
from pycifar.augmentation import Augmentation, resolve_augmentation
from pycifar.backend import drawing_from, keras, seeded
from pycifar.callbacks import as_callbacks, progress
from pycifar.callbacks import early_stopping as stopping_callbacks
from pycifar.config import Recipe, TrainingConfig
from pycifar.datasets import Dataset
from pycifar.errors import ArgumentError, DivergenceError, TimeBudgetWarning
from pycifar.fused import fuse
from pycifar.memory import check_batch_fits
from pycifar.optimization import (
    MOMENTUM,
    OPTIMIZERS,
    SCHEDULES,
    USUAL_DECAYS,
    make_optimizer,
)
from pycifar.precision import precision_of
from pycifar.scratch import NumpyModel
from pycifar.trained_model import TrainedModel
from pycifar.training_run import TrainingRun, split_portions

PLANNED = 0.99  # share of a time budget; what comes after the last step takes a moment as well
PREPARED = 5000  # images that an architecture may set weights by


def train(
    dataset: Dataset,
    architecture: str | Callable[..., keras.Model] | keras.Model | NumpyModel = "cnn2",
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str | keras.optimizers.Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    weight_decay: float | None = None,
    label_smoothing: float | None = None,
    precision: str = "auto",
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] | None = None,
    validation: float | str | None = 0.1,
    early_stopping: int | None = None,
    best_weights: bool = False,
    callbacks: Any = None,
    time_budget: float | None = None,
    seed: int | None = None,
    verbose: int = 1,
) -> TrainedModel:
    """Train an image classifier.

    What is None takes the value of the architecture's recipe (see `list_architectures`); another
    optimizer than the recipe's takes its usual learning rate and weight decay. The same data,
    settings and seed give the same weights bit for bit on one machine with one version of the
    backend and one number of threads.

    Interrupting (Ctrl-C) ends the training early: the model so far comes back, with its history,
    `interrupted` set and an `InterruptedWarning`.

    Args:
        dataset: what `load_dataset` returned.
        architecture: a name from `list_architectures`; or a function(input_shape, n_classes) that
            returns a Keras model; or a model, which is trained in place.
        epochs: passes over the training images, at least 1.
        batch_size: images a step, from 1 to the number of images trained on.
        optimizer: "sgd" (momentum 0.9), "adam", "adamw", "rmsprop" or "muon"; or a Keras
            optimizer, which brings its own learning rate and weight decay.
        learning_rate: above 0; at the start, or at the peak for "one_cycle".
        schedule: "constant", "cosine", "step", "exponential" or "one_cycle"; see
            `pycifar.optimization.rate_by_step`.
        weight_decay: each step takes the learning rate times this off each weight, times the
            weight, but for biases and batch normalisation (Loshchilov and Hutter 2019); at least 0.
        label_smoothing: the share of the truth that is spread evenly over all classes, from 0 to
            below 1; 0 for a network of NumPy. The losses of the history have it in them.
        precision: what is computed with: "float32"; "bfloat16", which the machine must have; or
            "auto" for what suits the architecture and the machine. Weights, losses and updates are
            float32 always. A network of NumPy has nothing else, and a model that is given keeps
            its own.
        augmentation: "none", or any of "flip", "shift" and "cutout", alone, listed, or each with
            its value; see `Augmentation`.
        validation: the share of the training split that is held out, drawn with the seed and
            balanced over the classes; or the name of a split, such as "test"; or None for none.
        early_stopping: stop after this many epochs without a lower validation loss (training loss
            where there is no validation); None never stops.
        best_weights: keep the weights of the epoch with the lowest such loss, not the last ones.
        callbacks: Keras callbacks, or mappings such as ``{"on_epoch_end": f}`` whose functions
            take (epoch, logs) with epochs from 1 and stop the training by returning False.
        time_budget: seconds that all of it may take, above 0, in place of `epochs`: as many
            steps as fit, and the schedule spans them. How many that is depends on the machine; the
            model's `config` tells. Importing Keras, if that was not done before, is not counted.
        seed: fixes weights, order, dropout and augmentation, 0 to 2³¹ - 1; None draws one, which
            the model's `config` tells.
        verbose: 0 is silent; 1 shows a bar on a terminal and a line an epoch elsewhere; 2 shows
            lines. Both go to the standard error stream.

    Returns:
        The trained model.

    Raises:
        ArgumentError: an argument is not as above, or memory is too small for the batch size.
        DataError: the data set has no images to train on.
        DivergenceError: the loss is no finite number any more; the error's `model` has the last
            weights, at most 100 steps old, with which it was.

    Example:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=500, n_test=100)
        >>> model = pycifar.train(dataset, "cnn2", epochs=1, seed=1, verbose=0)
        >>> model.epochs_done
        1
    """
    started = time.monotonic()
    if not isinstance(dataset, Dataset):
        raise ArgumentError(f"`dataset` must be a data set, not {describe(dataset)}.")
    name, recipe = recipe_for(architecture)
    validation = _check_validation(validation, dataset)
    seed = check_seed(seed)
    training, validating = split_portions(dataset, validation, seed)
    optimizer_name, rate, decay = _settle_optimizer(optimizer, learning_rate, weight_decay, recipe)
    epochs, time_budget = check_budget(epochs, time_budget)
    config = TrainingConfig(
        architecture=name,
        epochs=_given(epochs, recipe.epochs),
        batch_size=_settle_batch_size(batch_size, recipe, len(training)),
        optimizer=optimizer_name,
        learning_rate=rate,
        schedule=check_choice("schedule", _given(schedule, recipe.schedule), SCHEDULES),
        weight_decay=decay,
        augmentation=resolve_augmentation(_given(augmentation, recipe.augmentation)).to_dict(),
        validation=validation,
        early_stopping=None
        if early_stopping is None
        else check_count("early_stopping", early_stopping),
        best_weights=check_flag("best_weights", best_weights),
        seed=seed,
        label_smoothing=check_number(
            "label_smoothing",
            _given(label_smoothing, recipe.label_smoothing),
            0,
            1,
            open_maximum=True,
        ),
        time_budget=time_budget,
    )
    verbose = check_count("verbose", verbose, minimum=0, maximum=2)
    given_callbacks = as_callbacks(callbacks)
    model = build_model(
        architecture, dataset.image_shape, dataset.n_classes, config.seed, precision=precision
    )
    config = dataclasses.replace(config, precision=precision_of(model))
    prepare = ARCHITECTURES[name].prepare if isinstance(architecture, str) else None
    if prepare is not None:
        prepare(model, training.take(slice(0, PREPARED))[0])
    if isinstance(model, NumpyModel):
        _check_numpy_settings(config)
    check_batch_fits(model, config.batch_size)
    _compile(model, optimizer, config)
    scheduled = not isinstance(optimizer, keras.optimizers.Optimizer)
    deadline = None if time_budget is None else started + PLANNED * time_budget
    run = TrainingRun(model, training, validating, config, scheduled, deadline)
    stopping = stopping_callbacks(
        config.early_stopping, config.best_weights, validating is not None
    )
    try:
        with drawing_from(seed):
            run.train([*stopping, *given_callbacks, *progress(verbose)])
    except DivergenceError as error:
        error.model = run.result(dataset)
        raise
    trained = run.result(dataset)
    passes = trained.config.passes
    if passes is not None and passes < 1 and not trained.interrupted:
        warnings.warn(
            f"The time budget of {time_budget:g} s was too short for one pass over the training "
            f"images: {passes:.0%} of them were used.",
            TimeBudgetWarning,
            stacklevel=2,
        )
    return trained


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value


def _settle_optimizer(
    optimizer: Any, learning_rate: Any, weight_decay: Any, recipe: Recipe
) -> tuple[str, float, float]:
    """The optimizer's name, its learning rate and its weight decay."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        for argument, value in {
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
        }.items():
            if value is not None:
                raise ArgumentError(
                    f"`{argument}` must be left out where `optimizer` is a Keras optimizer: "
                    f"it brings its own; {describe(value)} was given."
                )
        own = float(optimizer.weight_decay or 0)
        return type(optimizer).__name__, float(optimizer.learning_rate), own
    name = check_choice("optimizer", _given(optimizer, recipe.optimizer), OPTIMIZERS)
    if name == recipe.optimizer:
        usual_rate, usual_decay = recipe.learning_rate, recipe.weight_decay
    else:
        usual_rate, usual_decay = OPTIMIZERS[name], USUAL_DECAYS.get(name, 0.0)
    rate = _given(learning_rate, usual_rate)
    decay = _given(weight_decay, usual_decay)
    return (
        name,
        check_number("learning_rate", rate, minimum=0, open_minimum=True),
        check_number("weight_decay", decay, minimum=0),
    )


def _check_numpy_settings(config: TrainingConfig) -> None:
    if config.optimizer != "sgd":
        raise ArgumentError(
            f'`optimizer` must be "sgd" for a network of NumPy, not {describe(config.optimizer)}.'
        )
    if config.label_smoothing:
        raise ArgumentError(
            "`label_smoothing` must be 0 for a network of NumPy, not "
            f"{describe(config.label_smoothing)}."
        )


def _settle_batch_size(batch_size: Any, recipe: Recipe, n: int) -> int:
    """The batch size that was asked for, or the recipe's; a small data set makes one batch."""
    if batch_size is None:
        return min(recipe.batch_size, n)
    size = check_count("batch_size", batch_size)
    if size > n:
        raise ArgumentError(
            f"`batch_size` must be at most the number of training images, {n}, not {size}."
        )
    return size


def _check_validation(value: Any, dataset: Dataset) -> float | str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return check_choice("validation", value, [s for s in dataset.splits if s != "train"])
    return check_number(
        "validation", value, minimum=0, maximum=1, open_minimum=True, open_maximum=True
    )


def _compile(model: keras.Model | NumpyModel, optimizer: Any, config: TrainingConfig) -> None:
    if isinstance(model, NumpyModel):
        model.compile(config.learning_rate, MOMENTUM, config.weight_decay)
        return
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        optimizer = make_optimizer(config.optimizer, config.learning_rate, config.weight_decay)
    with seeded(config.seed):
        # Labels come as shares of classes where they are smoothed, see `TrainingRun`.
        loss = keras.losses.SparseCategoricalCrossentropy()
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        if config.label_smoothing:
            loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
            accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
        model.compile(optimizer, loss=loss, metrics=[accuracy])
        if not optimizer.built:  # variables made in the first step would have it compiled twice
            optimizer.build(model.trainable_variables)
    fuse(model, optimizer)
