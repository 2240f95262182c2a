"""Settings of a training: what was asked for, and what was used."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pycifar.content import ByContent

# Defaults of arguments that the help of the command shows, too. They stand here so that showing the
# help need not import the functions.
DEFAULT_ARCHITECTURE = "cnn2"
DEFAULT_SOURCE = "cifar10"  # of `load_dataset`
DEFAULT_SPLIT = "test"  # of `evaluate`
DEFAULT_COVERAGE = 0.9  # of `calibrate`
SEARCH_DEFAULTS: dict[str, Any] = {"lowest": 1e-6, "highest": 10.0, "steps": 100}


@dataclass(frozen=True)
class Settings:
    """Settings of a training, as a caller, a recipe or an earlier training gives them.

    A setting at its default counts as not given, and is taken from the next source. The sources in
    their order are the caller, the earlier training, the recipe of the architecture, and
    `DEFAULTS`. `pycifar.training.train.train` describes each setting.
    """

    epochs: int | None = None
    batch_size: int | None = None
    optimizer: Any = None
    learning_rate: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    label_smoothing: float | None = None
    class_weights: Any = None
    precision: str = "auto"
    augmentation: Any = None
    validation: float | str | None = "auto"
    early_stopping: int | None = None
    best_weights: bool = False
    time_budget: float | None = None
    checkpoint_dir: Any = None
    checkpoint_every: int | None = None
    resume: bool = False
    seed: int | None = None
    loss: Any = None
    metrics: Any = None
    sample_weight: Any = None
    monitor: str | None = None
    weights: Any = None
    frozen_epochs: int | None = None
    fine_tune_rate: float | None = None

    def said(self) -> dict[str, Any]:
        """Return the settings that were given, by name."""
        return {
            one.name: getattr(self, one.name)
            for one in dataclasses.fields(self)
            if is_said(one.name, getattr(self, one.name))
        }

    def over(self, other: Settings) -> Settings:
        """Return these settings; those that were not given here are taken from `other`."""
        return dataclasses.replace(other, **self.said())


# The value of each setting that means that it was not given.
UNSAID: Mapping[str, Any] = asdict(Settings())

# The value of each setting that is given neither by the caller nor by a recipe.
DEFAULTS = Settings(
    epochs=10,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.01,
    schedule="constant",
    weight_decay=0.0,
    label_smoothing=0.0,
    augmentation="none",
    precision="float32",
    validation=0.1,
    loss="crossentropy",
    metrics={},
    frozen_epochs=0,
)


def is_said(name: str, value: Any) -> bool:
    """Return whether a setting of this value was given.

    None and False are compared by identity, so that 0 counts as given.
    """
    unsaid = UNSAID[name]
    if isinstance(unsaid, str):
        return not (isinstance(value, str) and value == unsaid)
    return value is not unsaid


@dataclass(frozen=True, eq=False)
class TrainingConfig(ByContent):
    """The settings that a training used; they are saved with the model.

    Args:
        architecture: its name, or ``"custom"`` for a Keras model or builder function of the caller.
        epochs: the requested number of passes over the training images. It includes those of an
            earlier training that this one continued.
        batch_size: images per step.
        optimizer: its name, or the class name of a Keras optimizer of the caller.
        learning_rate: the learning rate at the start, or at the peak for ``"one_cycle"``.
        schedule: how the learning rate changed over the run. This is the schedule that ran: a run
            with too few steps for the requested schedule uses another one.
        weight_decay: each step subtracted learning rate × this × the weight from each weight.
        augmentation: fields of `pycifar.datasets.augmentation.Augmentation` with their values.
        validation: the share of the training split that was held out, above 0 and below 1;
            ``"test"`` for the test split, the name of another split, or None for no validation.
        early_stopping: epochs without improvement after which training stops, or None.
        best_weights: whether the model has the weights of its best epoch, not the last ones.
        seed: the seed of the initial weights, the order of the images, dropout and augmentation.
        precision: the type of the computations, "float32" or "bfloat16"; weights and losses are
            float32 in both cases.
        label_smoothing: the share of each target that was spread evenly over all classes, from 0 to
            below 1.
        time_budget: the seconds that the training was allowed to take, or None.
        momentum: the momentum of the optimizer, or None for one that has none.
        passes: how many passes over the training images fitted into the time budget, with the
            fraction of the last one; None without a time budget.
        rate_factor: what callbacks, such as ReduceLROnPlateau, multiplied the learning rate by.
        class_weights: the weight of each class in the loss, by class name, or None.
        loss: the description of the loss; see `pycifar.learners.objectives`.
        metrics: the descriptions of the metrics besides the accuracy, by name.
        monitor: the metric that early stopping and the best weights go by.
        sample_weight: the SHA-256 of the weights of the training images, as 64 hexadecimal digits;
            None if all had the same weight.
        weights: the weights that the training began with; None for random ones.
        frozen_epochs: how many of the epochs, from the first on, trained the last layer with
            weights alone.
        fine_tune_rate: the learning rate of the epochs after these, at their start or peak; None
            if all epochs train all layers.
    """

    architecture: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float
    augmentation: dict[str, Any]
    validation: float | str | None
    early_stopping: int | None
    best_weights: bool
    seed: int
    precision: str = "float32"
    label_smoothing: float = 0.0
    time_budget: float | None = None
    momentum: float | None = None
    passes: float | None = None
    rate_factor: float = 1.0
    class_weights: dict[str, float] | None = None
    loss: str | dict[str, Any] = "crossentropy"
    metrics: dict[str, Any] = field(default_factory=dict)
    monitor: str = "loss"
    sample_weight: str | None = None
    weights: str | None = None
    frozen_epochs: int = 0
    fine_tune_rate: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain Python values that JSON can represent."""
        return asdict(self)
