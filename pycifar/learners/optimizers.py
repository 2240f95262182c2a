"""Optimizers by name: those of Keras, and Muon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.arguments import check_choice, check_number

if TYPE_CHECKING:
    import keras

    from pycifar.config import TrainingConfig

# Each optimizer with its default learning rate, used if neither the caller nor the recipe of the
# architecture gives one.
OPTIMIZERS = {"sgd": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "muon": 0.1}

# Default weight decays other than 0, used in the same case. The value is Keras's default.
DEFAULT_DECAYS = {"adamw": 0.004}

# The default momentum of the optimizers that have one to choose. That of Muon is as in
# airbench94_muon.py of github.com/KellerJordan/cifar10-airbench.
MOMENTA = {"sgd": 0.9, "muon": 0.6}


def usual_settings(name: str) -> dict[str, Any]:
    """Return the default rates, weight decay and momentum of an optimizer."""
    return {
        "learning_rate": OPTIMIZERS[name],
        "weight_decay": DEFAULT_DECAYS.get(name, 0.0),
        "momentum": MOMENTA.get(name),
        "fine_tune_rate": None,
    }


def schedule_of(optimizer: keras.optimizers.Optimizer) -> str:
    """Return the class name of a Keras optimizer's own schedule, or "constant"."""
    from pycifar.backend import keras

    rate = getattr(optimizer, "_learning_rate", None)
    own = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    return type(rate).__name__ if own else "constant"


def settings_of(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Return the settings of a training that a Keras optimizer brings."""
    return {
        "optimizer": type(optimizer).__name__,
        "learning_rate": float(optimizer.learning_rate),
        "weight_decay": float(optimizer.weight_decay or 0),
        "schedule": schedule_of(optimizer),
    }


def is_of_keras(optimizer: keras.optimizers.Optimizer) -> bool:
    """Return whether an optimizer and its schedule are Keras's own, so any Keras can load them."""
    inner = getattr(optimizer, "inner_optimizer", None)  # of LossScaleOptimizer
    parts = [optimizer, getattr(optimizer, "_learning_rate", None)]
    own = all(type(part).__module__.startswith(("keras.", "builtins")) for part in parts)
    return own and (inner is None or is_of_keras(inner))


def make_optimizer(
    name: str, learning_rate: float, weight_decay: float = 0.0, momentum: float | None = None
) -> keras.optimizers.Optimizer:
    """Make a Keras optimizer.

    Args:
        name: one of `OPTIMIZERS`; ``"muon"`` is `pycifar.learners.muon.Muon`.
        learning_rate: above 0.
        weight_decay: at least 0. Each step subtracts learning_rate × weight_decay × weight from
            each weight. Biases and the scale and offset of batch normalisation are excluded.
        momentum: from 0 to below 1, for those in `MOMENTA`; None is the default one.

    Raises:
        ArgumentError: a name or number is not as above.

    Source:
        Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    from pycifar.backend import keras
    from pycifar.learners.muon import Muon

    check_choice("optimizer", name, OPTIMIZERS)
    rate = check_number("learning_rate", learning_rate, minimum=0, open_minimum=True)
    classes = {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "muon": Muon,
    }
    own: dict[str, float] = {}
    if name in MOMENTA:
        own["momentum"] = MOMENTA[name] if momentum is None else momentum
    if weight_decay or name == "adamw":  # AdamW does not accept None
        own["weight_decay"] = weight_decay
    optimizer = classes[name](rate, **own)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def optimizer_of(config: TrainingConfig) -> keras.optimizers.Optimizer:
    """Return a new optimizer with the settings of a training."""
    return make_optimizer(
        config.optimizer, config.learning_rate, config.weight_decay, config.momentum
    )
