"""Resolving settings: from those that were given to those that are used.

The order of precedence is: the caller's arguments; the settings of a trained model that is trained
further; the recipe of the architecture; the defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pycifar.arguments import check_choice, check_count, check_seed, describe
from pycifar.backend import keras
from pycifar.config import Settings, TrainingConfig, is_said
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import Augmentation, resolve_augmentation
from pycifar.errors import ArgumentError
from pycifar.learners.optimizers import MOMENTA, OPTIMIZERS, schedule_of, usual_settings
from pycifar.models.trained_model import TrainedModel
from pycifar.rules import check_setting

# Settings that a model which is trained further keeps, unless the caller gives others.
INHERITED = (
    "batch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "weight_decay",
    "momentum",
    "label_smoothing",
    "augmentation",
    "class_weights",
)
# Settings that it always keeps.
KEPT = ("validation", "precision", "seed")


def resolve(given: Settings, recipe: Settings, earlier: TrainedModel | None) -> Settings:
    """Return complete settings from those that were given.

    Args:
        given: the caller's settings, each checked by its rule.
        recipe: the recipe of the architecture, which is complete.
        earlier: the model that is trained further, or None.

    Returns:
        Settings, with the optimizer by name. Those that depend on the images are not resolved yet:
        the split to validate on, the batch size and the class weights.

    Raises:
        ArgumentError: the settings exclude each other.
    """
    below = recipe
    if earlier is not None:
        given = _without_kept(given, earlier.config)
        below = _inherited(earlier.config).over(below)
    if isinstance(given.optimizer, keras.optimizers.Optimizer):
        given = _with_settings_of(given, given.optimizer)
    elif given.optimizer is not None:
        name = check_choice("optimizer", given.optimizer, OPTIMIZERS)
        if name != below.optimizer:
            below = dataclasses.replace(below, **usual_settings(name))
    resolved = given.over(below)
    resolved = dataclasses.replace(resolved, momentum=_momentum(given, resolved))
    return dataclasses.replace(resolved, augmentation=resolve_augmentation(resolved.augmentation))


def _momentum(given: Settings, resolved: Settings) -> float | None:
    """Return the momentum; None for an optimizer that has none to choose.

    Raises:
        ArgumentError: it is given for such an optimizer.
    """
    usual = MOMENTA.get(resolved.optimizer)
    if usual is None and given.momentum is not None:
        raise ArgumentError(
            f"`momentum` is for {' and '.join(MOMENTA)}, not for {resolved.optimizer}; "
            f"{describe(given.momentum)} was given."
        )
    return usual if resolved.momentum is None else resolved.momentum


def _inherited(config: TrainingConfig) -> Settings:
    """Return the settings of an earlier training, checked, because they may come from a file."""
    inherited = {name: getattr(config, name) for name in INHERITED}
    inherited["learning_rate"] *= config.rate_factor
    if config.optimizer not in OPTIMIZERS:
        inherited["schedule"] = None  # the optimizer of the caller brings its own
    for name in set(INHERITED) - {"optimizer"}:
        if is_said(name, inherited[name]):
            inherited[name] = check_setting(name, inherited[name])
    return Settings(**inherited, **{name: getattr(config, name) for name in KEPT})


def _without_kept(given: Settings, own: TrainingConfig) -> Settings:
    """Return the settings without those that a model always keeps.

    Raises:
        ArgumentError: one of these was given with another value.
    """
    for name in KEPT:
        value, kept = getattr(given, name), getattr(own, name)
        if is_said(name, value) and not (type(value) is type(kept) and value == kept):
            raise ArgumentError(
                f"`{name}` must be left out where a model goes on, which keeps {describe(kept)}; "
                f"{describe(value)} was given."
            )
    unsaid = Settings()
    return dataclasses.replace(given, **{name: getattr(unsaid, name) for name in KEPT})


def _with_settings_of(given: Settings, optimizer: Any) -> Settings:
    """Return the settings with the name, rate and weight decay of the caller's Keras optimizer.

    Raises:
        ArgumentError: a rate, weight decay, momentum or schedule was given as well.
    """
    for name in ("learning_rate", "weight_decay", "momentum", "schedule"):
        value = getattr(given, name)
        if is_said(name, value):
            raise ArgumentError(
                f"`{name}` must be left out where `optimizer` is a Keras optimizer: "
                f"it brings its own; {describe(value)} was given."
            )
    return dataclasses.replace(
        given,
        optimizer=type(optimizer).__name__,
        learning_rate=float(optimizer.learning_rate),
        weight_decay=float(optimizer.weight_decay or 0),
        schedule=schedule_of(optimizer),
    )


def own_optimizer(model: TrainedModel) -> keras.optimizers.Optimizer | None:
    """Return a new optimizer with the settings of the Keras optimizer that a model has.

    Returns:
        The optimizer; None if the model was trained with an optimizer by name.

    Raises:
        ArgumentError: the model's optimizer was not saved with it.
    """
    if model.config.optimizer in OPTIMIZERS:
        return None
    own = getattr(model.network, "optimizer", None)
    if own is None:
        raise ArgumentError(
            f"`optimizer` must be given: the model's own, {model.config.optimizer}, was not saved "
            "with it."
        )
    if type(own).__name__ != model.config.optimizer:
        own = own.inner_optimizer  # Keras puts it into a LossScaleOptimizer with float16
    return own.from_config(own.get_config())


def resolve_validation(value: float | str | None, dataset: Dataset) -> float | str | None:
    """Return the setting `validation`; raise an ArgumentError for a split that does not exist."""
    if isinstance(value, str):
        return check_choice("validation", value, [s for s in dataset.splits if s != "train"])
    return value


def resolve_seed(seed: int | None, of_checkpoint: int | None) -> int:
    """Return the given seed, else the seed of the checkpoint to resume from, else a drawn one."""
    return check_seed(of_checkpoint if seed is None else seed)


def resolve_batch_size(given: int | None, resolved: int, n: int) -> int:
    """Return the batch size; cap one that was not given at the number of images.

    Args:
        given: the batch size that the caller gave, or None.
        resolved: `given`, or the value of the recipe or of an earlier training.
        n: the number of training images.

    Raises:
        ArgumentError: `given` is more than `n`.
    """
    if given is not None and given > n:
        raise ArgumentError(
            f"`batch_size` must be at most the number of training images, {n}, not {given}."
        )
    return min(resolved, n)


def resolve_class_weights(
    value: str | Mapping[str, float] | None, class_names: tuple[str, ...], labels: np.ndarray
) -> dict[str, float] | None:
    """Return the weight of each class in the loss, by name; None if all have the same weight."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        weights = dict.fromkeys(class_names, 1.0)
        for key, weight in value.items():
            weights[_class_of(key, class_names)] = weight
        if not any(weights[class_names[label]] for label in np.unique(labels)):
            raise ArgumentError("`class_weights` must be above 0 for at least one class.")
        return weights
    # "balanced", by the formula of scikit-learn: n / (classes × images of the class).
    counts = np.bincount(labels, minlength=len(class_names))
    shares = len(labels) / (len(class_names) * np.maximum(counts, 1))
    return dict(zip(class_names, shares.tolist(), strict=True))


def _class_of(key: Any, class_names: tuple[str, ...]) -> str:
    """Return the name of a class that is given by name, or by number as in Keras."""
    if isinstance(key, str) or key in class_names:
        return check_choice("class_weights", key, class_names)
    return class_names[check_count("class_weights", key, 0, len(class_names) - 1)]


def check_augmentation(augmentation: Augmentation, image_shape: tuple[int, int, int]) -> None:
    """Raise an ArgumentError unless `shift` is less than the height and width of the images."""
    side = min(image_shape[:2])
    if augmentation.shift >= side:
        raise ArgumentError(
            f"In `augmentation`, `shift` must be less than the height and width of the images, "
            f"{side}, not {augmentation.shift}."
        )
