"""Resolving settings: from those that were given to those that are used.

The order of precedence is: the caller's arguments; the settings of a trained model that is trained
further; the recipe of the architecture; the defaults.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.architectures import is_path_of_weights
from pycifar.arguments import check_choice, check_count, check_seed, describe
from pycifar.backend import keras
from pycifar.config import Settings, TrainingConfig, is_said
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import resolve_augmentation
from pycifar.errors import ArgumentError
from pycifar.learners.copies import new_optimizer_of
from pycifar.learners.descriptions import (
    CROSSENTROPY,
    MEASURED,
    OwnObjects,
    describe_loss,
    describe_metrics,
    is_own,
    own_objects,
)
from pycifar.learners.objectives import compiled_with
from pycifar.learners.optimizers import MOMENTA, OPTIMIZERS, settings_of, usual_settings
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
    "loss",
    "metrics",
)
# Settings that it always keeps. An adopted model does not keep the first two.
KEPT = ("validation", "seed", "precision", "weights", "frozen_epochs", "fine_tune_rate")

# The learning rate of all layers is this share of that of the head alone, unless it is given. The
# layers before the head have learned already.
FINE_TUNE_SHARE = 0.1


def resolve(given: Settings, recipe: Settings, earlier: TrainedModel | None) -> Settings:
    """Return complete settings from those that were given.

    Args:
        given: the caller's settings, each checked by its rule.
        recipe: the recipe of the architecture, which is complete.
        earlier: the model that is trained further, or None.

    Returns:
        Settings, with the optimizer by name, and the loss and the metrics by descriptions. Those
        that depend on the images are not resolved yet: the split to validate on, the batch size and
        the class weights.

    Raises:
        ArgumentError: the settings exclude each other.
    """
    below = recipe
    if earlier is not None:
        # Nothing is known of the images that an adopted model was trained on.
        kept = KEPT[2:] if earlier.adopted else KEPT
        given = _without_kept(given, earlier.config, kept)
        below = _inherited(earlier.config, kept).over(below)
    given = _described(given)
    if isinstance(given.optimizer, keras.optimizers.Optimizer):
        given = _with_settings_of(given, given.optimizer)
    elif given.optimizer is not None:
        name = check_choice("optimizer", given.optimizer, OPTIMIZERS)
        if name != below.optimizer:
            below = dataclasses.replace(below, **usual_settings(name))
    resolved = given.over(below)
    if resolved.optimizer in OPTIMIZERS and resolved.learning_rate == 0:
        raise ArgumentError(
            "`learning_rate` must be given: a callback set that of the model to 0 in the end, at "
            "which nothing is learned."
        )
    if earlier is None:
        resolved = _with_phases(given, resolved)
    return dataclasses.replace(
        resolved,
        momentum=_momentum(given, resolved),
        label_smoothing=_label_smoothing(given, resolved),
        monitor=check_choice("monitor", resolved.monitor or "loss", (*MEASURED, *resolved.metrics)),
        augmentation=resolve_augmentation(resolved.augmentation),
    )


def _with_phases(given: Settings, resolved: Settings) -> Settings:
    """Return the settings with the epochs of the head alone, and the rate of those after them.

    Raises:
        ArgumentError: they do not suit the other settings.
    """
    epochs = resolved.epochs if resolved.time_budget is None else None
    frozen = resolved.frozen_epochs or 0
    if epochs is not None and given.frozen_epochs is None:
        frozen = min(frozen, max(1, epochs - 1))  # those of the recipe
    if epochs is not None and frozen > epochs:
        raise ArgumentError(
            f"`frozen_epochs` must be at most the number of epochs, {epochs}, not {frozen}."
        )
    if given.fine_tune_rate is not None and frozen in (0, epochs):
        raise ArgumentError(
            "`fine_tune_rate` must be left out where no epoch follows frozen ones; "
            f"{describe(given.fine_tune_rate)} was given, with {frozen} of {epochs} epochs frozen."
        )
    if not frozen:
        rate = given.learning_rate or resolved.fine_tune_rate or resolved.learning_rate
        return dataclasses.replace(
            resolved, frozen_epochs=0, fine_tune_rate=None, learning_rate=rate
        )
    if resolved.optimizer not in OPTIMIZERS:
        raise ArgumentError(
            "`optimizer` must be a name where epochs are frozen, since the epochs after them have "
            f"a new one; a Keras optimizer, {resolved.optimizer}, was given or compiled with.",
            fix='Give a name, such as `optimizer` = "adam".',
        )
    if resolved.schedule == "averaging":
        raise ArgumentError(
            '`schedule` must not be "averaging" where epochs are frozen: averages are of trainings '
            "in one phase.",
            fix='Give another, such as `schedule` = "cosine".',
        )
    rate = resolved.fine_tune_rate or FINE_TUNE_SHARE * (resolved.learning_rate or 0)
    return dataclasses.replace(resolved, frozen_epochs=frozen, fine_tune_rate=rate)


def _described(given: Settings) -> Settings:
    """Return the settings with descriptions of the loss and of the metrics that were given."""
    if given.loss is not None:
        given = dataclasses.replace(given, loss=describe_loss(given.loss))
    if given.metrics is not None:
        given = dataclasses.replace(given, metrics=describe_metrics(given.metrics))
    return given


def _label_smoothing(given: Settings, resolved: Settings) -> float:
    """Return the label smoothing; 0 for a loss other than the cross-entropy.

    Raises:
        ArgumentError: it is given for such a loss.
    """
    if resolved.loss == CROSSENTROPY:
        return resolved.label_smoothing or 0.0
    if given.label_smoothing:
        raise ArgumentError(
            f'`label_smoothing` is for the loss "{CROSSENTROPY}" alone; '
            f"{describe(given.label_smoothing)} was given.",
            fix="A loss of Keras may have a `label_smoothing` of its own.",
        )
    return 0.0


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


def _inherited(config: TrainingConfig, kept: tuple[str, ...]) -> Settings:
    """Return the settings of an earlier training, checked, because they may come from a file."""
    inherited = {name: getattr(config, name) for name in INHERITED}
    if config.fine_tune_rate is not None:
        inherited["learning_rate"] = config.fine_tune_rate
    inherited["learning_rate"] *= config.rate_factor
    if config.optimizer not in OPTIMIZERS:
        # The optimizer of the caller brings its own.
        inherited |= {"learning_rate": None, "schedule": None}
    for name in set(INHERITED) - {"optimizer", "loss", "metrics"}:
        # A callback may have set the rate to 0; see `resolve`.
        if is_said(name, inherited[name]) and (name != "learning_rate" or inherited[name] != 0):
            inherited[name] = check_setting(name, inherited[name])
    return Settings(**inherited, **{name: getattr(config, name) for name in kept})


def _without_kept(given: Settings, own: TrainingConfig, names: tuple[str, ...]) -> Settings:
    """Return the settings without those that a model always keeps.

    Raises:
        ArgumentError: one of these was given with another value.
    """
    for name in names:
        value, kept = getattr(given, name), getattr(own, name)
        if is_said(name, value) and not (type(value) is type(kept) and value == kept):
            raise ArgumentError(
                f"`{name}` must be left out where a model goes on, which keeps {describe(kept)}; "
                f"{describe(value)} was given.",
                fix="The rate of a training that goes on is `learning_rate`."
                if name == "fine_tune_rate"
                else None,
            )
    unsaid = Settings()
    return dataclasses.replace(given, **{name: getattr(unsaid, name) for name in names})


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
    return dataclasses.replace(given, **settings_of(optimizer))


def own_optimizer(model: TrainedModel) -> keras.optimizers.Optimizer | None:
    """Return a new optimizer with the settings of the Keras optimizer that a model has.

    Returns:
        The optimizer; None if the model was trained with an optimizer by name.

    Raises:
        ArgumentError: the model's optimizer did not come with its file.
    """
    if model.config.optimizer in OPTIMIZERS:
        return None
    if getattr(model.network, "optimizer", None) is None:
        raise ArgumentError(
            f"`optimizer` must be given: the model's own, {model.config.optimizer}, did not come "
            "with its file."
        )
    return new_optimizer_of(model.network)


def compiled_settings(network: Any, takes_optimizer: bool) -> Settings:
    """Return the optimizer, the loss and the metrics that a caller compiled a model with.

    Those with which an earlier training compiled it are not the caller's.

    Args:
        network: the model.
        takes_optimizer: whether its optimizer is needed, since the caller gave no other.

    Raises:
        ArgumentError: it was compiled with several losses, with a weight of its loss, with weighted
            metrics, or with an optimizer that no training can have.
    """
    if not getattr(network, "compiled", False) or hasattr(network, "own_objects"):
        return Settings()
    loss, metrics = compiled_with(network)
    return Settings(
        optimizer=new_optimizer_of(network) if takes_optimizer else None,
        loss=loss,
        metrics=metrics or None,
    )


def own_objects_of(given: Settings, settings: Settings, earlier: TrainedModel | None) -> OwnObjects:
    """Return the caller's loss and metrics that a training uses.

    Args:
        given: the caller's settings, before they were resolved.
        settings: the resolved settings.
        earlier: the model that is trained further, or None; it may have some.

    Raises:
        ArgumentError: the model was saved without one of them.
    """
    new = own_objects(given.loss, given.metrics or [])
    old = getattr(earlier and earlier.network, "own_objects", OwnObjects())
    metrics = dict(new.metrics if given.metrics is not None else old.metrics)
    loss = new.loss if given.loss is not None else old.loss
    if is_own(settings.loss) and loss is None:
        raise ArgumentError(
            f"`loss` must be given: the model's own, {settings.loss['own']}, was not saved with it."
        )
    if lost := [n for n, d in settings.metrics.items() if is_own(d) and n not in metrics]:
        raise ArgumentError(
            f"`metrics` must be given: the model's own, {', '.join(lost)}, were not saved with it."
        )
    return OwnObjects(loss, metrics)


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


def fingerprint_of_weights(
    weights: np.ndarray | None, n: int, earlier: TrainedModel | None
) -> str | None:
    """Return the SHA-256 of the weights of images, as 64 hexadecimal digits; None without weights.

    Args:
        weights: the weights, float32, or None.
        n: the number of images in the training split.
        earlier: the model that is trained further, or None.

    Raises:
        ArgumentError: there are more or fewer, all are 0, or they are missing where a model goes on
            that was trained with some.
    """
    if weights is None:
        if earlier is not None and earlier.config.sample_weight is not None:
            raise ArgumentError(
                "`sample_weight` must be given: the model was trained with weights of images, "
                "which it does not keep.",
                fix="Give ones to go on with the same weight for all.",
            )
        return None
    if len(weights) != n:
        raise ArgumentError(
            f"`sample_weight` must have one number for each of the {n:,} training images, not "
            f"{len(weights):,}."
        )
    if not weights.any():
        raise ArgumentError("`sample_weight` must be above 0 for at least one image.")
    return hashlib.sha256(np.ascontiguousarray(weights).data).hexdigest()


def recorded_weights(weights: str | None, resumed: str | None = None) -> str | None:
    """Return the name of weights, or that of their file with its SHA-256.

    Args:
        weights: as they were given.
        resumed: the record in a checkpoint that is resumed. It is returned for a file with the same
            content, whatever its name, and for one that is gone.
    """
    if weights is None or not is_path_of_weights(weights):
        return weights
    if is_gone(weights, resumed):
        return resumed
    path = Path(weights).expanduser()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if resumed is not None and resumed.endswith(_of_digest(digest)):
        return resumed
    return path.name + _of_digest(digest)


def is_gone(weights: Any, resumed: str | None) -> bool:
    """Return whether the file of weights is gone that a checkpoint was begun with."""
    if resumed is None or not is_path_of_weights(weights):
        return False
    path = Path(weights).expanduser()
    return not path.exists() and resumed.startswith(path.name + _of_digest(""))


def _of_digest(digest: str) -> str:
    return f", SHA-256 {digest}"


def _class_of(key: Any, class_names: tuple[str, ...]) -> str:
    """Return the name of a class that is given by name, or by number as in Keras."""
    if isinstance(key, str) or key in class_names:
        return check_choice("class_weights", key, class_names)
    return class_names[check_count("class_weights", key, 0, len(class_names) - 1)]
