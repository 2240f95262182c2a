"""The settings of a training run, from what the caller gave, the recipe, and what went before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pycifar.architectures import ARCHITECTURES
from pycifar.arguments import check_choice, check_count, check_number, describe
from pycifar.backend import keras
from pycifar.config import Recipe, TrainingConfig
from pycifar.datasets import Dataset
from pycifar.errors import ArgumentError
from pycifar.optimization import OPTIMIZERS, SCHEDULES, USUAL_DECAYS
from pycifar.trained_model import TrainedModel


def recipe_of(config: TrainingConfig) -> Recipe:
    """The settings that a model goes on with."""
    usual = ARCHITECTURES.get(config.architecture)
    return Recipe(
        epochs=(usual.recipe if usual else Recipe()).epochs,
        batch_size=config.batch_size,
        optimizer=config.optimizer,
        learning_rate=config.learning_rate,
        schedule=config.schedule,
        weight_decay=config.weight_decay,
        label_smoothing=config.label_smoothing,
        augmentation=config.augmentation,
        skip_easy=config.skip_easy,
    )


def own_optimizer(model: TrainedModel) -> keras.optimizers.Optimizer | None:
    """One like that of the caller's own which a model was trained with; None for one of ours."""
    if model.config.optimizer in OPTIMIZERS:
        return None
    own = getattr(model.network, "optimizer", None)
    if own is None:
        raise ArgumentError(
            f"`optimizer` must be given: the model's own, {model.config.optimizer}, was not saved "
            "with it."
        )
    return own.from_config(own.get_config())


def kept(name: str, given: Any, unsaid: tuple[Any, ...], own: Any) -> Any:
    """A setting that a model which goes on keeps."""
    if not any(given is value or _equal(given, value) for value in (*unsaid, own)):
        raise ArgumentError(
            f"`{name}` must be left out where a model goes on, which keeps {describe(own)}; "
            f"{describe(given)} was given."
        )
    return own


def check_validation(value: Any, dataset: Dataset) -> float | str | None:
    """A share of the training images, the name of another split, or None."""
    if value is None:
        return None
    if isinstance(value, str):
        return check_choice("validation", value, [s for s in dataset.splits if s != "train"])
    return check_number(
        "validation", value, minimum=0, maximum=1, open_minimum=True, open_maximum=True
    )


def settle_batch_size(batch_size: Any, recipe: Recipe, n: int) -> int:
    """The batch size that was asked for, or the recipe's; a small data set makes one batch."""
    if batch_size is None:
        return min(recipe.batch_size, n)
    size = check_count("batch_size", batch_size)
    if size > n:
        raise ArgumentError(
            f"`batch_size` must be at most the number of training images, {n}, not {size}."
        )
    return size


def settle_optimizer(
    optimizer: Any, learning_rate: Any, weight_decay: Any, schedule: Any, recipe: Recipe
) -> tuple[str, float, float, str]:
    """The optimizer's name, its learning rate, its weight decay and the schedule of its rate."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        for argument, value in {
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "schedule": schedule,
        }.items():
            if value is not None:
                raise ArgumentError(
                    f"`{argument}` must be left out where `optimizer` is a Keras optimizer: "
                    f"it brings its own; {describe(value)} was given."
                )
        own = float(optimizer.weight_decay or 0)
        return type(optimizer).__name__, float(optimizer.learning_rate), own, "constant"
    name = check_choice("optimizer", given_or(optimizer, recipe.optimizer), OPTIMIZERS)
    if name == recipe.optimizer:
        usual_rate, usual_decay = recipe.learning_rate, recipe.weight_decay
    else:
        usual_rate, usual_decay = OPTIMIZERS[name], USUAL_DECAYS.get(name, 0.0)
    rate = given_or(learning_rate, usual_rate)
    decay = given_or(weight_decay, usual_decay)
    return (
        name,
        check_number("learning_rate", rate, minimum=0, open_minimum=True),
        check_number("weight_decay", decay, minimum=0),
        check_choice("schedule", given_or(schedule, recipe.schedule), SCHEDULES),
    )


def settle_class_weights(
    given: Any, earlier: TrainedModel | None, class_names: tuple[str, ...], labels: np.ndarray
) -> dict[str, float] | None:
    """What each class counts, by name; None where all count alike."""
    if given is None:
        return None if earlier is None else earlier.config.class_weights
    if isinstance(given, Mapping):
        weights = dict.fromkeys(class_names, 1.0)
        for name, value in given.items():
            check_choice("class_weights", name, class_names)
            weights[name] = check_number(f"class_weights[{name}]", value, minimum=0)
        if not any(weights[class_names[label]] for label in np.unique(labels)):
            raise ArgumentError("`class_weights` must be above 0 for at least one class.")
        return weights
    if not _equal(given, "balanced"):
        raise ArgumentError(
            f'`class_weights` must be "balanced" or numbers by class name, not {describe(given)}.'
        )
    counts = np.bincount(labels, minlength=len(class_names))
    shares = len(labels) / (len(class_names) * np.maximum(counts, 1))
    return dict(zip(class_names, shares.tolist(), strict=True))


def check_numpy_settings(config: TrainingConfig) -> None:
    """Raise an ArgumentError where a network of NumPy cannot do what is asked."""
    if config.skip_easy:
        raise ArgumentError(
            f"`skip_easy` must be 0 for a network of NumPy, not {describe(config.skip_easy)}."
        )
    if config.class_weights is not None:
        raise ArgumentError("`class_weights` must be left out for a network of NumPy.")
    if config.optimizer != "sgd":
        raise ArgumentError(
            f'`optimizer` must be "sgd" for a network of NumPy, not {describe(config.optimizer)}.'
        )
    if config.label_smoothing:
        raise ArgumentError(
            "`label_smoothing` must be 0 for a network of NumPy, not "
            f"{describe(config.label_smoothing)}."
        )


def given_or(value: Any, default: Any) -> Any:
    """What was given, or the default where that is None."""
    return default if value is None else value


def _equal(given: Any, value: Any) -> bool:
    """Whether they are the same text or number; arrays have no such answer."""
    return isinstance(given, (str, int, float)) and given == value
