"""How the learning rate changes over a run, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pycifar.arguments import check_choice, check_number

SCHEDULES = ("constant", "cosine", "step", "exponential", "one_cycle", "inverse_sqrt", "averaging")

# Shares of the run, from 0 to 1.
STEP_AT = (0.5, 0.75)  # after which "step" divides the rate by 10
WARMUP = 0.25  # in which "one_cycle" climbs to its peak
EXPONENTIAL_END = 0.01  # of the rate, that "exponential" ends at

# Chosen for `fastnet` on CIFAR-10.
TIMESCALE = 100  # steps after which "inverse_sqrt" has divided the rate by the root of 2
AVERAGED_FROM = 0.4  # of the run, after which "averaging" averages the weights
AVERAGED_AT = 1 / 9  # of the rate, that "averaging" then stays at

# Passes over the training images. In fewer, a mean of weights is less accurate than the last ones.
FEWEST_PASSES_TO_AVERAGE = 12


# The schedule that runs in place of another in a run that is too short for it.
SHORTER = {"averaging": "inverse_sqrt"}


@dataclass(frozen=True)
class Schedule:
    """The learning rate of each step of a run.

    Args:
        name: the schedule that the run goes by.
        rate: from the step, counted from 0, to its rate; None where the optimizer keeps its own.
        averaged_from: the step after which the weights are averaged; infinity where none are.
    """

    name: str
    rate: Callable[[int], float] | None = None
    averaged_from: float = math.inf


def make_schedule(
    name: str, learning_rate: float, total_steps: int, steps_per_epoch: int
) -> Schedule:
    """Return the schedule of a run.

    Args:
        name: one of `SCHEDULES`; "averaging" becomes "inverse_sqrt" in a run of fewer than 12
            passes over the training images.
        learning_rate: see `rate_by_step`.
        total_steps: steps in the whole run.
        steps_per_epoch: steps in a pass.
    """
    if name in SHORTER and total_steps < FEWEST_PASSES_TO_AVERAGE * steps_per_epoch:
        name = SHORTER[name]
    if name == "constant":
        return Schedule(name)
    averaged_from = AVERAGED_FROM * total_steps if name == "averaging" else math.inf
    return Schedule(name, rate_by_step(name, learning_rate, total_steps), averaged_from)


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
        divisor: int = 10 ** sum(step > round(share * total_steps) for share in STEP_AT)
        return rate / divisor

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
