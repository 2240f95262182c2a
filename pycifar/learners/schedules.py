"""Learning-rate schedules by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pycifar.arguments import check_choice, check_number

SCHEDULES = ("constant", "cosine", "step", "exponential", "one_cycle", "inverse_sqrt", "averaging")

STEP_AT = (0.5, 0.75)  # shares of the run after which "step" divides the rate by 10
WARMUP = 0.25  # share of the run in which "one_cycle" rises to its peak
EXPONENTIAL_END = 0.01  # share of the rate at which "exponential" ends

# These three were chosen for `fastnet` on CIFAR-10; see docs/decisions/batches-and-rate.md and
# docs/decisions/averaging.md.
TIMESCALE = 100  # steps after which "inverse_sqrt" has divided the rate by the square root of 2
AVERAGED_FROM = 0.4  # share of the run after which "averaging" averages the weights
AVERAGED_AT = 1 / 9  # share of the rate at which "averaging" then stays

# Passes over the training images. A shorter run has no steps to spare for the constant rate that
# averaging needs. No recorded figure says why 12; see docs/decisions/averaging.md.
FEWEST_PASSES_TO_AVERAGE = 12


# The schedule that replaces another one in a run that is too short for it.
SHORTER = {"averaging": "inverse_sqrt"}


@dataclass(frozen=True)
class Schedule:
    """The learning rate of each step of a run.

    Args:
        name: the name of the schedule.
        rate: returns the learning rate of a step, which is counted from 0; None if the optimizer's
            own rate is not changed.
        averaged_from: the step after which the weights are averaged; infinity without averaging.
    """

    name: str
    rate: Callable[[int], float] | None = None
    averaged_from: float = math.inf


def make_schedule(
    name: str, learning_rate: float, total_steps: int, steps_per_epoch: int
) -> Schedule:
    """Return the schedule of a run.

    Args:
        name: one of `SCHEDULES`, or the name of a Keras optimizer's own schedule. "averaging"
            becomes "inverse_sqrt" in a run of fewer than 12 passes over the training images.
        learning_rate: see `rate_by_step`.
        total_steps: the number of steps in the whole run.
        steps_per_epoch: the number of steps in one pass over the training images.
    """
    if name in SHORTER and total_steps < FEWEST_PASSES_TO_AVERAGE * steps_per_epoch:
        name = SHORTER[name]
    if name == "constant" or name not in SCHEDULES:
        return Schedule(name)  # the optimizer keeps its own rate
    averaged_from = AVERAGED_FROM * total_steps if name == "averaging" else math.inf
    return Schedule(name, rate_by_step(name, learning_rate, total_steps), averaged_from)


def rate_by_step(schedule: str, learning_rate: float, total_steps: int) -> Callable[[int], float]:
    """Return the learning rate as a function of the step, which is counted from 0.

    The schedules are:

    - ``"constant"``: the rate does not change.
    - ``"cosine"``: half a cosine, down to 0 at the end of the run.
    - ``"step"``: divided by 10 after half of the run, and again after three quarters.
    - ``"exponential"``: falls exponentially, to 1% at the end of the run.
    - ``"one_cycle"``: rises linearly over the first quarter, then half a cosine down to 0.
    - ``"inverse_sqrt"``: half a cosine down to 0, divided by √(1 + step / 100). A rate that is high
      enough for a run of few steps is then not too high for a run of many.
    - ``"averaging"``: the same shape, but down to a ninth of the rate within two fifths of the run.
      The rate then stays there, and the weights are averaged from then on.

    Args:
        schedule: one of `SCHEDULES`.
        learning_rate: the rate at the start, or at the peak for ``"one_cycle"``; above 0.
        total_steps: the number of steps in the whole run.

    Raises:
        ArgumentError: a name or number is not as above.

    Source:
        Loshchilov and Hutter 2017, "SGDR", for the cosine; Smith and Topin 2019,
        "Super-Convergence", for one cycle; Zhai et al. 2022, "Scaling Vision Transformers", for
        the inverse square root, which they end in another way; Izmailov et al. 2018,
        "Averaging Weights Leads to Wider Optima and Better Generalization", for averaging.
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
