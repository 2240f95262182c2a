"""The settings of a training run, from what the caller gave, the recipe, and what went before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pycifar.architectures import ARCHITECTURES
from pycifar.arguments import check_choice, describe
from pycifar.augmentation import Augmentation
from pycifar.backend import keras
from pycifar.config import Recipe, TrainingConfig
from pycifar.datasets import Dataset
from pycifar.errors import ArgumentError
from pycifar.optimization import OPTIMIZERS, USUAL_DECAYS
from pycifar.rules import check_setting
from pycifar.trained_model import TrainedModel

# What a model that goes on keeps of its settings, beside its optimizer and augmentation.
KEPT = (
    "batch_size",
    "learning_rate",
    "schedule",
    "weight_decay",
    "label_smoothing",
    "skip_easy",
)


def recipe_of(config: TrainingConfig) -> Recipe:
    """The settings that a model goes on with; they may come from a file, so they are checked."""
    usual = ARCHITECTURES.get(config.architecture)
    kept = {name: check_setting(name, getattr(config, name)) for name in KEPT}
    return Recipe(
        epochs=(usual.recipe if usual else Recipe()).epochs,
        optimizer=config.optimizer,
        augmentation=config.augmentation,
        **kept,
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


def check_validation(value: float | str | None, dataset: Dataset) -> float | str | None:
    """A share of the training images, the name of a split that the data set has, or None."""
    if isinstance(value, str):
        return check_choice("validation", value, [s for s in dataset.splits if s != "train"])
    return value


def check_augmentation(augmentation: Augmentation, image_shape: tuple[int, int, int]) -> None:
    """Raise an ArgumentError where images would be moved by more than their size."""
    side = min(image_shape[:2])
    if augmentation.shift >= side:
        raise ArgumentError(
            f"In `augmentation`, `shift` must be less than the height and width of the images, "
            f"{side}, not {augmentation.shift}."
        )


def settle_batch_size(batch_size: int | None, recipe: Recipe, n: int) -> int:
    """The batch size that was asked for, or the recipe's; a small data set makes one batch."""
    if batch_size is None:
        return min(recipe.batch_size, n)
    if batch_size > n:
        raise ArgumentError(
            f"`batch_size` must be at most the number of training images, {n}, not {batch_size}."
        )
    return batch_size


def settle_optimizer(
    optimizer: Any,
    learning_rate: float | None,
    weight_decay: float | None,
    schedule: str | None,
    recipe: Recipe,
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
    return (
        name,
        given_or(learning_rate, usual_rate),
        given_or(weight_decay, usual_decay),
        given_or(schedule, recipe.schedule),
    )


def settle_class_weights(
    given: str | Mapping[str, float] | None,
    earlier: TrainedModel | None,
    class_names: tuple[str, ...],
    labels: np.ndarray,
) -> dict[str, float] | None:
    """What each class counts, by name; None where all count alike."""
    if given is None:
        return None if earlier is None else earlier.config.class_weights
    if isinstance(given, Mapping):
        weights = dict.fromkeys(class_names, 1.0)
        for name, value in given.items():
            check_choice("class_weights", name, class_names)
            weights[name] = value
        if not any(weights[class_names[label]] for label in np.unique(labels)):
            raise ArgumentError("`class_weights` must be above 0 for at least one class.")
        return weights
    counts = np.bincount(labels, minlength=len(class_names))
    shares = len(labels) / (len(class_names) * np.maximum(counts, 1))
    return dict(zip(class_names, shares.tolist(), strict=True))


def given_or(value: Any, default: Any) -> Any:
    """What was given, or the default where that is None."""
    return default if value is None else value


def _equal(given: Any, value: Any) -> bool:
    """Whether they are the same text or number; arrays have no such answer."""
    return isinstance(given, (str, int, float)) and given == value
