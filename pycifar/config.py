"""Settings of a training run: the recipe that suits an architecture, and what a run settled on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """How an architecture is trained unless the caller says otherwise.

    Args:
        epochs: passes over the training images.
        batch_size: images a step.
        optimizer: a name in `pycifar.optimization.OPTIMIZERS`.
        learning_rate: step size at the start (at the peak for ``"one_cycle"``).
        schedule: a name in `pycifar.optimization.SCHEDULES`.
        weight_decay: each step takes learning rate times this off each weight, times the weight.
        label_smoothing: the share of the truth that is spread evenly over all classes.
        augmentation: names of `pycifar.augmentation.Augmentation`'s fields with their values.
        skip_easy: the share of the images that most epochs leave out, because they are easy.
        precision: what "auto" takes where the machine has it; see `pycifar.precision`.
    """

    epochs: int = 10
    batch_size: int = 128
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    schedule: str = "constant"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augmentation: dict[str, Any] = field(default_factory=dict)
    skip_easy: float = 0.0
    precision: str = "float32"


@dataclass(frozen=True)
class TrainingConfig:
    """What a training run used, all of it settled; saved with the model.

    Args:
        architecture: its name, or ``"custom"`` for a Keras model or builder function of the caller.
        epochs: passes over the training images that were asked for, those before a training went
            on included.
        batch_size: images a step.
        optimizer: its name, or the class name of a Keras optimizer of the caller.
        learning_rate: step size at the start (at the peak for ``"one_cycle"``).
        schedule: how the learning rate changes over the run.
        weight_decay: each step took learning rate times this off each weight, times the weight.
        augmentation: fields of `pycifar.augmentation.Augmentation` with their values.
        validation: share of the training split that was held out, ``"test"`` for the test split,
            the name of another split, or None for no validation.
        early_stopping: epochs without improvement after which training stops, or None.
        best_weights: whether the weights of the best epoch were kept rather than the last ones.
        seed: what fixed the weights, the order of the images, dropout and augmentation.
        precision: what was computed with, "float32" or "bfloat16"; weights and losses are float32.
        label_smoothing: the share of the truth that was spread evenly over all classes.
        time_budget: seconds that the training was to last, or None.
        passes: over the training images that fitted into the time budget, the last one not whole;
            None without one.
        skip_easy: the share of the images that most epochs left out, because they were easy.
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
    passes: float | None = None
    skip_easy: float = 0.0
    class_weights: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain Python values that JSON can hold."""
        return asdict(self)
