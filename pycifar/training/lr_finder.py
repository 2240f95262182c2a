"""The learning rate range test: a short training whose rate rises until the loss diverges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.backend import torch_generator_kept
from pycifar.config import DEFAULT_ARCHITECTURE, SEARCH_DEFAULTS, Settings
from pycifar.content import ByContent
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import Augmentation
from pycifar.errors import ArgumentError
from pycifar.foreign_names import known_arguments_only
from pycifar.learners import Learner
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.rules import check_search, check_settings
from pycifar.table import as_html, paragraph
from pycifar.training.batches import Batches
from pycifar.training.prepare import prepare

if TYPE_CHECKING:
    import keras
    import pandas

    from pycifar.scratch import NumpyModel

SMOOTHING = 0.9  # the weight of earlier losses in the exponential moving average
BROKEN_AWAY = 4.0  # times the lowest smoothed loss; a higher one ends the test

# Shares of the steps that no suggestion is made from, as in fastai and Lightning. The first
# smoothed losses are means of few batches, and in the last steps the loss diverges.
FIRST, LAST = 0.1, 0.05

# A fall of the smoothed loss is clear if it is more than this many times the standard deviation
# that the choice of the batches alone gives the loss where the fall begins. Of simulated searches
# of 100 steps without any fall, 3% exceeded this; of fewer steps, fewer.
CLEAR = 3.8

FEWEST_KEPT = 3  # losses; fewer show no noise that a fall could be compared with

# The suggestion is a third of the rate at which 95% of the fall of the smoothed loss are done. The
# smoothed loss and the momentum lag behind the rate. benchmarks/README.md compares this with other
# rules.
FALLEN, DIVISOR = 0.95, 3.0


@dataclass(frozen=True, eq=False)
class LearningRates(ByContent):
    """The result of `find_learning_rate`.

    Args:
        architecture: its name, or "custom".
        table: one row per step: `learning_rate`, `loss` before the step's update, and `smoothed`,
            the exponential moving average of the losses, in which each loss has 0.9 times the
            weight of the next one.
        suggestion: a learning rate for a training; None if the losses show none.
        reason: why there is no suggestion; None if there is one.
    """

    architecture: str
    table: pandas.DataFrame
    suggestion: float | None
    reason: str | None = None

    def __repr__(self) -> str:
        rates = self.table["learning_rate"]
        searched = ""
        if len(rates):
            searched = f", {len(rates)} steps from {rates.iloc[0]:.2g} to {rates.iloc[-1]:.2g}"
        return f"{self.architecture}{searched}: {self.outcome}"

    @property
    def outcome(self) -> str:
        """The suggestion in words, or why there is none."""
        if self.suggestion is None:
            return f"no suggestion, because {self.reason}"
        return f"suggestion {self.suggestion:.2g}"

    def _repr_html_(self) -> str:
        return paragraph(str(self)) + (as_html(self.table, ".4g") if len(self.table) else "")


@known_arguments_only
def find_learning_rate(  # noqa: PLR0913 - the settings of a training
    dataset: Dataset,
    architecture: str
    | Callable[..., keras.Model]
    | keras.Model
    | NumpyModel = DEFAULT_ARCHITECTURE,
    lowest: float = SEARCH_DEFAULTS["lowest"],
    highest: float = SEARCH_DEFAULTS["highest"],
    steps: int = SEARCH_DEFAULTS["steps"],
    batch_size: int | None = None,
    optimizer: str | None = None,
    weight_decay: float | None = None,
    momentum: float | None = None,
    label_smoothing: float | None = None,
    precision: str = "auto",
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] | None = None,
    seed: int | None = None,
    loss: str | Callable[..., Any] | None = None,
) -> LearningRates:
    """Find a suitable learning rate with a learning rate range test.

    The test trains a network for a number of steps. The learning rate grows by the same factor from
    each step to the next, until the loss diverges or the steps are done. Arguments that are None
    take the value of the architecture's recipe, as in `train`.

    Args:
        dataset: the data set, as returned by `load_dataset`.
        architecture: as in `train`. A copy of a model that is given is trained; otherwise the
            trained network is discarded.
        lowest: the rate of the first step, above 0.
        highest: the rate of the last step, above `lowest`.
        steps: the number of steps, at least 10.
        batch_size: images per step, from 1 to the number of training images.
        optimizer: "sgd", "adam", "adamw", "rmsprop" or "muon".
        weight_decay: see `train`.
        momentum: see `train`.
        label_smoothing: see `train`.
        precision: see `train`.
        augmentation: see `train`.
        seed: fixes the initial weights, the order of the images, dropout and augmentation; from 0
            to 2³¹ - 1. None draws a seed.
        loss: see `train`.

    Returns:
        The loss at each learning rate, and a suggestion. The smoothed loss falls to its lowest
        value as the rate rises; the suggestion is a third of the rate at which 95% of this fall are
        done. The first tenth of the steps and the last twentieth are left out. There is no
        suggestion if the fall is not clearly larger than the noise of the batches, or if the loss
        still falls at the highest rate. With the default steps, most suggestions are within a
        factor of 3 of the best rate.

    Raises:
        ArgumentError: an argument is not as above, or the model is compiled with an optimizer that
            has a schedule of its own.
        DataError: the data set has no images to train on.

    Source:
        Smith 2017, "Cyclical Learning Rates for Training Neural Networks".

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> found = pycifar.find_learning_rate(dataset, "cnn2", steps=20, seed=1)
        >>> found.table.columns.tolist()
        ['learning_rate', 'loss', 'smoothed']
    """
    lowest, highest, steps = check_search(lowest, highest, steps)
    if optimizer is not None and not isinstance(optimizer, str):
        raise ArgumentError("`optimizer` must be the name of an optimizer, whose rate can be set.")
    asked = Settings(
        epochs=1,
        batch_size=batch_size,
        optimizer=optimizer,
        weight_decay=weight_decay,
        momentum=momentum,
        label_smoothing=label_smoothing,
        precision=precision,
        augmentation=augmentation,
        validation=None,
        seed=seed,
        loss=loss,
    )
    checked = check_settings({"architecture": architecture, **asked.said()})
    architecture = checked.pop("architecture")
    ready = prepare(dataset, architecture, Settings(**checked))
    if ready.config.optimizer not in OPTIMIZERS and ready.config.schedule != "constant":
        raise ArgumentError(
            "The optimizer of the model must have a rate that can be set; its learning rate is a "
            f"{ready.config.schedule}.",
            fix="Give the name of an optimizer as `optimizer`.",
        )
    rates = np.geomspace(lowest, highest, steps).tolist()
    with torch_generator_kept():
        rows = _search(rates, _losses_at(rates, ready.learner, ready.batches))
    return _found(ready.config.architecture, rows, steps)


def _losses_at(rates: Sequence[float], learner: Learner, batches: Batches) -> Iterator[float]:
    """Yield the loss before each step; the steps have these rates in turn."""
    learner.begin(*batches.example())
    try:
        steps = [
            (1 + number // batches.steps_per_epoch, number % batches.steps_per_epoch)
            for number in range(len(rates))
        ]
        with batches.make_in_turn(steps) as made:
            for rate, (epoch, step) in zip(rates, steps, strict=True):
                learner.learning_rate = rate
                batches.seed_layers(epoch, step)
                yield float(learner.step(*next(made))["loss"])
    finally:
        learner.end()


def _search(rates: Sequence[float], losses: Any) -> list[tuple[float, float, float]]:
    """Return rate, loss and smoothed loss of each step, up to where the loss diverges."""
    rows: list[tuple[float, float, float]] = []
    mean, lowest = 0.0, math.inf
    for rate, loss in zip(rates, losses, strict=True):
        if not math.isfinite(loss):
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        # The mean starts at 0, which this division corrects, as Adam does.
        smoothed = mean / (1 - SMOOTHING ** (len(rows) + 1))
        rows.append((rate, loss, smoothed))
        lowest = min(lowest, smoothed)
        if smoothed > BROKEN_AWAY * lowest:
            break
    return rows


def _found(architecture: str, rows: list[tuple[float, float, float]], steps: int) -> LearningRates:
    import pandas

    table = pandas.DataFrame(rows, columns=["learning_rate", "loss", "smoothed"])
    return LearningRates(architecture, table, *_suggest(table, steps))


def _suggest(table: pandas.DataFrame, steps: int) -> tuple[float | None, str | None]:
    """Return the suggestion and None, or None and the reason why there is no suggestion.

    Args:
        table: as in `LearningRates`.
        steps: how many rows the table has if the loss did not diverge.
    """
    if not len(table):
        return None, "the loss was never a finite number"
    first = round(FIRST * steps)
    kept = table.iloc[first : len(table) - round(LAST * steps)]
    if len(kept) < FEWEST_KEPT:
        return None, "the loss diverged within the first steps"
    rates, losses, smoothed = kept.to_numpy().T
    lowest = int(smoothed.argmin())
    fall = smoothed[0] - smoothed[lowest]
    if lowest < FEWEST_KEPT or fall <= CLEAR * _noise(losses[: lowest + 1], first + 1):
        return None, "the loss did not fall clearly"
    if lowest == len(kept) - 1 and len(table) == steps:
        return None, "the loss was still falling at the highest rate"
    fallen = smoothed <= smoothed[0] - FALLEN * fall
    return float(rates[fallen.argmax()] / DIVISOR), None


def _noise(losses: np.ndarray, n_smoothed: int) -> float:
    """Return the standard deviation of a smoothed loss that comes from the choice of the batches.

    Args:
        losses: the losses of successive steps. Their differences have hardly any part of a slow
            fall, and twice the variance of a loss.
        n_smoothed: how many losses are smoothed.
    """
    of_a_loss = np.diff(losses).std() / math.sqrt(2)
    weight = SMOOTHING**n_smoothed
    share = (1 - SMOOTHING) / (1 + SMOOTHING) * (1 + weight) / (1 - weight)
    return float(of_a_loss * math.sqrt(share))
