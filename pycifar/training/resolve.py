"""From what was asked for to what is used.

What a caller gave goes over what an earlier training had, that over the recipe of the architecture,
and that over the defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pycifar.arguments import check_choice, check_seed, describe
from pycifar.backend import keras
from pycifar.config import Settings, TrainingConfig, is_said
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import Augmentation, resolve_augmentation
from pycifar.errors import ArgumentError
from pycifar.learners.optimizers import MOMENTA, OPTIMIZERS, usual_settings
from pycifar.models.trained_model import TrainedModel
from pycifar.rules import check_setting

# What a model that goes on takes over from its settings, unless the caller gives another.
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
# What it keeps whatever the caller says.
KEPT = ("validation", "precision", "seed")


def resolve(given: Settings, recipe: Settings, earlier: TrainedModel | None) -> Settings:
    """Return settings that say all, from those that were given.

    Args:
        given: by the caller, each checked by its rule.
        recipe: what suits the architecture, which says all.
        earlier: what is gone on from, or None.

    Returns:
        Settings, with the name of the optimizer. What depends on the images is still as it was
        given: the split to validate on, the batch size, the class weights.

    Raises:
        ArgumentError: the settings exclude each other.
    """
    below = recipe
    if earlier is not None:
        given = _without_kept(given, earlier.config)
        below = _inherited(earlier.config).over(below)
    if isinstance(given.optimizer, keras.optimizers.Optimizer):
        given = _with_own_rate(given, given.optimizer)
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
    """Return the settings of an earlier training, checked: they may come from a file."""
    inherited = {name: getattr(config, name) for name in INHERITED}
    for name in set(INHERITED) - {"optimizer"}:
        if is_said(name, inherited[name]):
            inherited[name] = check_setting(name, inherited[name])
    if config.optimizer not in OPTIMIZERS:  # one of the caller's own brings its own rate
        inherited["optimizer"] = config.optimizer
    return Settings(**inherited, **{name: getattr(config, name) for name in KEPT})


def _without_kept(given: Settings, own: TrainingConfig) -> Settings:
    """Return the settings without what a model keeps.

    Raises:
        ArgumentError: it is to be another.
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


def _with_own_rate(given: Settings, optimizer: Any) -> Settings:
    """Return the settings with the name, rate and decay of a Keras optimizer of the caller's.

    Raises:
        ArgumentError: they are given beside it.
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
        schedule="constant",
    )


def own_optimizer(model: TrainedModel) -> keras.optimizers.Optimizer | None:
    """Return one like the Keras optimizer that a model was trained with; None for one by name.

    Raises:
        ArgumentError: there is none any more.
    """
    if model.config.optimizer in OPTIMIZERS:
        return None
    own = getattr(model.network, "optimizer", None)
    if own is None:
        raise ArgumentError(
            f"`optimizer` must be given: the model's own, {model.config.optimizer}, was not saved "
            "with it."
        )
    return own.from_config(own.get_config())


def resolve_validation(value: float | str | None, dataset: Dataset) -> float | str | None:
    """Return a share of the training images, the name of a split that there is, or None."""
    if isinstance(value, str):
        return check_choice("validation", value, [s for s in dataset.splits if s != "train"])
    return value


def resolve_seed(seed: int | None, of_checkpoint: int | None) -> int:
    """Return the seed that was given, else that of the checkpoint to go on from, else draw one."""
    return check_seed(of_checkpoint if seed is None else seed)


def resolve_batch_size(given: int | None, resolved: int, n: int) -> int:
    """Return the batch size; one that was not given is made to fit a small data set.

    Args:
        given: by the caller.
        resolved: `given`, or what is used where nothing was given.
        n: the number of training images.

    Raises:
        ArgumentError: it was given, and there are fewer images.
    """
    if given is not None and given > n:
        raise ArgumentError(
            f"`batch_size` must be at most the number of training images, {n}, not {given}."
        )
    return min(resolved, n)


def resolve_class_weights(
    value: str | Mapping[str, float] | None, class_names: tuple[str, ...], labels: np.ndarray
) -> dict[str, float] | None:
    """Return what each class counts, by name; None where all count alike."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        weights = dict.fromkeys(class_names, 1.0)
        for name, weight in value.items():
            check_choice("class_weights", name, class_names)
            weights[name] = weight
        if not any(weights[class_names[label]] for label in np.unique(labels)):
            raise ArgumentError("`class_weights` must be above 0 for at least one class.")
        return weights
    counts = np.bincount(labels, minlength=len(class_names))
    shares = len(labels) / (len(class_names) * np.maximum(counts, 1))
    return dict(zip(class_names, shares.tolist(), strict=True))


def check_augmentation(augmentation: Augmentation, image_shape: tuple[int, int, int]) -> None:
    """Raise an ArgumentError where images would be moved by more than their size."""
    side = min(image_shape[:2])
    if augmentation.shift >= side:
        raise ArgumentError(
            f"In `augmentation`, `shift` must be less than the height and width of the images, "
            f"{side}, not {augmentation.shift}."
        )
