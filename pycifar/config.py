"""Settings of a training: what was asked for, and what was used."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Defaults of arguments that the shell's help tells as well, without importing their functions.
DEFAULT_ARCHITECTURE = "cnn2"
DEFAULT_SOURCE = "cifar10"  # of `load_dataset`
DEFAULT_SPLIT = "test"  # of `evaluate`
SEARCH_DEFAULTS: dict[str, Any] = {"lowest": 1e-6, "highest": 10.0, "steps": 100}


@dataclass(frozen=True)
class Settings:
    """What was asked for: by a caller, by the recipe of an architecture, or by an earlier training.

    A setting at its default says nothing, and leaves it to what comes below; see `over`.
    `pycifar.training.train.train` has what each setting means.
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

    def said(self) -> dict[str, Any]:
        """Return the settings that say something, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if is_said(field.name, getattr(self, field.name))
        }

    def over(self, other: Settings) -> Settings:
        """Return these settings, with those of another in the place of what says nothing here."""
        return dataclasses.replace(other, **self.said())


UNSAID: Mapping[str, Any] = asdict(Settings())

# What a setting is where neither the caller nor a recipe says anything.
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
)


def is_said(name: str, value: Any) -> bool:
    """Return whether a value of a setting says anything."""
    unsaid = UNSAID[name]
    if isinstance(unsaid, str):
        return not (isinstance(value, str) and value == unsaid)
    return value is not unsaid


@dataclass(frozen=True)
class TrainingConfig:
    """What a training used, all of it settled; saved with the model.

    Args:
        architecture: its name, or ``"custom"`` for a Keras model or builder function of the caller.
        epochs: passes over the training images that were asked for, those before a training went
            on included.
        batch_size: images a step.
        optimizer: its name, or the class name of a Keras optimizer of the caller.
        learning_rate: step size at the start (at the peak for ``"one_cycle"``).
        schedule: how the learning rate changed over the run: the schedule that ran, where the one
            that was asked for needs more steps.
        weight_decay: each step took learning rate times this off each weight, times the weight.
        augmentation: fields of `pycifar.datasets.augmentation.Augmentation` with their values.
        validation: share of the training split that was held out, ``"test"`` for the test split,
            the name of another split, or None for no validation.
        early_stopping: epochs without improvement after which training stops, or None.
        best_weights: whether the weights of the best epoch were kept rather than the last ones.
        seed: what fixed the weights, the order of the images, dropout and augmentation.
        precision: what was computed with, "float32" or "bfloat16"; weights and losses are float32.
        label_smoothing: the share of the truth that was spread evenly over all classes.
        time_budget: seconds that the training was to last, or None.
        momentum: of the optimizer, or None for one that has none.
        passes: over the training images that fitted into the time budget, the last one not whole;
            None without one.
        class_weights: what each class's images counted in the loss, by name, or None.
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
    class_weights: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain Python values that JSON can hold."""
        return asdict(self)
