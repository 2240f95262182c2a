"""Optimizers by name: those of Keras, and Muon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.arguments import check_choice, check_number
from pycifar.errors import ArgumentError

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

# Optimizers of Keras that no training can have, each with the reason in a clause.
REFUSED = {
    "MultiOptimizer": "a MultiOptimizer has no learning rate of its own",
    "ScheduleFreeAdamW": "a ScheduleFreeAdamW loses its averages in each step of Keras's `fit` on "
    "TensorFlow, and never predicts with them",
}


def usual_settings(name: str) -> dict[str, Any]:
    """Return the default rates, weight decay and momentum of an optimizer."""
    return {
        "learning_rate": OPTIMIZERS[name],
        "weight_decay": DEFAULT_DECAYS.get(name, 0.0),
        "momentum": MOMENTA.get(name),
        "fine_tune_rate": None,
    }


def innermost(optimizer: Any) -> Any:
    """Return an optimizer without the one around it that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def why_refused(optimizer: keras.optimizers.Optimizer) -> str | None:
    """Return why no training can have a Keras optimizer, in a clause; None if one can."""
    from pycifar.backend import keras

    own = innermost(optimizer)
    for kind in type(own).__mro__:
        if kind.__module__.startswith("keras.") and kind.__name__ in REFUSED:
            return REFUSED[kind.__name__]
    rate = getattr(own, "_learning_rate", None)
    if callable(rate) and not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return "its learning rate is a function, which is called once, and which no file can hold"
    return None


def check_usable(optimizer: keras.optimizers.Optimizer) -> None:
    """Raise an ArgumentError for a Keras optimizer that no training can have."""
    if why := why_refused(optimizer):
        raise ArgumentError(
            f"`optimizer` must be another one than was given or compiled with: {why}.",
            fix="Give one for all weights as `optimizer`, such as keras.optimizers.AdamW, with a "
            "number or a LearningRateSchedule as its rate.",
        )


def settings_of(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Return the settings of a training that a Keras optimizer brings.

    Those of one that scales the loss are of the one inside. The schedule is the name of its class,
    or "constant".

    Raises:
        ArgumentError: no training can have it.
    """
    from pycifar.backend import keras

    check_usable(optimizer)
    own = innermost(optimizer)
    rate, schedule = own._learning_rate, keras.optimizers.schedules.LearningRateSchedule
    return {
        "optimizer": type(own).__name__,
        "learning_rate": float(own.learning_rate),
        "weight_decay": float(own.weight_decay or 0),
        "schedule": type(rate).__name__ if isinstance(rate, schedule) else "constant",
    }


def is_of_keras(optimizer: keras.optimizers.Optimizer) -> bool:
    """Return whether an optimizer and its schedule are Keras's own, so any Keras can load them."""
    own = innermost(optimizer)
    parts = (optimizer, own, getattr(own, "_learning_rate", None))
    return all(type(part).__module__.startswith(("keras.", "builtins")) for part in parts)


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
