"""Optimizers, Keras's own and Muon, and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from pycifar.arguments import check_choice, check_number

if TYPE_CHECKING:
    import keras

# Each optimizer with its usual learning rate, taken where neither caller nor recipe gives one.
OPTIMIZERS = {"sgd": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "muon": 0.1}

# Weight decay where neither caller nor recipe gives one, and where it is not 0; Keras's own.
USUAL_DECAYS = {"adamw": 0.004}

SCHEDULES = ("constant", "cosine", "step", "exponential", "one_cycle", "inverse_sqrt", "averaging")

MOMENTUM = 0.9  # of "sgd"
STEP_AT = (0.5, 0.75)  # shares of the run after which "step" divides the rate by 10
EXPONENTIAL_END = 0.01  # share of the rate that "exponential" ends at
WARMUP = 0.25  # share of the run in which "one_cycle" climbs to its peak
TIMESCALE = 100  # steps after which "inverse_sqrt" has divided the rate by the root of 2
AVERAGED_FROM = 0.4  # share of the run after which "averaging" averages the weights
AVERAGED_AT = 1 / 9  # share of the rate that "averaging" then stays at


def make_optimizer(
    name: str, learning_rate: float, weight_decay: float = 0.0
) -> keras.optimizers.Optimizer:
    """A Keras optimizer.

    Args:
        name: one of `OPTIMIZERS`; ``"sgd"`` has momentum 0.9, ``"muon"`` is `pycifar.muon.Muon`.
        learning_rate: above 0.
        weight_decay: each step takes the learning rate times this off each weight, times the
            weight; biases and what batch normalisation learns are left alone. At least 0.

    Raises:
        ArgumentError: a name or number is not as above.

    Source:
        Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    from pycifar.backend import keras
    from pycifar.muon import Muon

    check_choice("optimizer", name, OPTIMIZERS)
    rate = check_number("learning_rate", learning_rate, minimum=0, open_minimum=True)
    classes = {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "muon": Muon,
    }
    own = {"momentum": MOMENTUM} if name == "sgd" else {}
    if weight_decay or name == "adamw":  # which insists on a number
        own["weight_decay"] = weight_decay
    optimizer = classes[name](rate, **own)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def loss_and_metrics(
    label_smoothing: float,
) -> tuple[keras.losses.Loss, list[keras.metrics.Metric]]:
    """What a network is compiled with.

    Args:
        label_smoothing: the share of the truth that is spread evenly over all classes; labels come
            as shares of the classes where it is above 0, else as numbers.
    """
    from pycifar.backend import keras

    if not label_smoothing:
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        return keras.losses.SparseCategoricalCrossentropy(), [accuracy]
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    return loss, [keras.metrics.CategoricalAccuracy(name="accuracy")]


def rate_by_step(schedule: str, learning_rate: float, total_steps: int) -> Callable[[int], float]:
    """The learning rate as a function of the step, counted from 0.

    Args:
        schedule: one of `SCHEDULES`: constant; half a cosine down to 0; divided by 10 after half
            and after three quarters of the run; exponentially down to 1%; linearly up over the
            first quarter and then half a cosine down to 0; divided by the root of the steps so
            far, and half a cosine down to 0 as well, so that a rate which is high enough for a run
            of few steps is not too high for one of many; or the same, but down to a ninth within
            two fifths of the run, where the rate stays, for weights that are averaged from then on.
        learning_rate: at the start, or at the peak for ``"one_cycle"``; above 0.
        total_steps: steps in the whole run.

    Raises:
        ArgumentError: a name or number is not as above.

    Source:
        Loshchilov and Hutter 2017, "SGDR", for the cosine; Smith and Topin 2019,
        "Super-Convergence", for one cycle; Zhai et al. 2022, "Scaling Vision Transformers", for
        the root, with an end of another kind; Izmailov et al. 2018, "Averaging Weights Leads to
        Wider Optima and Better Generalization", for averaging.
    """
    check_choice("schedule", schedule, SCHEDULES)
    rate = check_number("learning_rate", learning_rate, minimum=0, open_minimum=True)

    def half_cosine(share: float) -> float:
        return rate * (1 + math.cos(math.pi * min(share, 1.0))) / 2

    def root(step: int) -> float:
        return math.sqrt(1 + step / TIMESCALE)

    def averaging(step: int) -> float:
        above = half_cosine(step / (AVERAGED_FROM * total_steps))
        return AVERAGED_AT * rate + above * (1 / root(step) - AVERAGED_AT)

    def one_cycle(step: int) -> float:
        warmup = max(1, round(WARMUP * total_steps))
        if step < warmup:
            return rate * step / warmup
        return half_cosine((step - warmup) / max(1, total_steps - warmup))

    def by_steps(step: int) -> float:
        return rate / 10 ** sum(step > round(share * total_steps) for share in STEP_AT)

    functions: dict[str, Callable[[int], float]] = {
        "constant": lambda step: rate,
        "cosine": lambda step: half_cosine(step / total_steps),
        "step": by_steps,
        "exponential": lambda step: rate * EXPONENTIAL_END ** (step / total_steps),
        "one_cycle": one_cycle,
        "inverse_sqrt": lambda step: half_cosine(step / total_steps) / root(step),
        "averaging": averaging,
    }
    return functions[schedule]
