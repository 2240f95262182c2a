"""The learning rate range test: a short training whose rate rises until the loss diverges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, eq=False)
class LearningRates(ByContent):
    """The result of `find_learning_rate`.

    Args:
        architecture: its name, or "custom".
        table: one row per step: `learning_rate`, `loss` before the step's update, and `smoothed`,
            the exponential moving average of the losses, in which each loss has 0.9 times the
            weight of the next one.
        suggestion: the rate at which the smoothed loss falls most steeply over the logarithm of
            the rate; None if it never falls.
    """

    architecture: str
    table: pandas.DataFrame
    suggestion: float | None

    def __repr__(self) -> str:
        if not len(self.table):
            return f"{self.architecture}: the loss was never a finite number"
        rates = self.table["learning_rate"]
        found = "no rate at which the loss fell"
        if self.suggestion is not None:
            found = f"the loss fell most at {self.suggestion:.2g}"
        return (
            f"{self.architecture}, {len(self.table)} steps from {rates.iloc[0]:.2g} to "
            f"{rates.iloc[-1]:.2g}: {found}"
        )

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

    Returns:
        The loss at each learning rate, and the rate where the loss falls most steeply.

    Raises:
        ArgumentError: an argument is not as above.
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
    )
    checked = check_settings({"architecture": architecture, **asked.said()})
    architecture = checked.pop("architecture")
    ready = prepare(dataset, architecture, Settings(**checked))
    rates = np.geomspace(lowest, highest, steps).tolist()
    with torch_generator_kept():
        rows = _search(rates, _losses_at(rates, ready.learner, ready.batches))
    return _found(ready.config.architecture, rows)


def _losses_at(rates: Iterable[float], learner: Learner, batches: Batches) -> Iterator[float]:
    """Yield the loss before each step; the steps have these rates in turn."""
    learner.begin(*batches.example())
    try:
        for number, rate in enumerate(rates):
            epoch, step = divmod(number, batches.steps_per_epoch)
            learner.learning_rate = rate
            batches.seed_layers(epoch + 1, step)
            yield float(learner.step(*batches.make(epoch + 1, step))["loss"])
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


def _found(architecture: str, rows: list[tuple[float, float, float]]) -> LearningRates:
    import pandas

    table = pandas.DataFrame(rows, columns=["learning_rate", "loss", "smoothed"])
    suggestion = None
    if len(table) > 1:
        slopes = np.gradient(table["smoothed"], np.log(table["learning_rate"]))
        if slopes.min() < 0:
            suggestion = float(table["learning_rate"].iloc[int(slopes.argmin())])
    return LearningRates(architecture, table, suggestion)
