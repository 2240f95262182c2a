"""The search for a learning rate.

It begins with the range test: a short training whose rate rises until the loss diverges. Where its
loss is lowest, trials follow: short trainings from the same weights on the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_verbosity
from pycifar.backend import torch_generator_kept
from pycifar.config import DEFAULT_ARCHITECTURE, SEARCH_DEFAULTS, Settings
from pycifar.console import counting
from pycifar.content import ByContent
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import Augmentation
from pycifar.errors import ArgumentError
from pycifar.foreign_names import known_arguments_only
from pycifar.learners import Learner
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.models.trained_model import TrainedModel
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

# The first smoothed losses are means of few batches. So this share of the steps is left out where
# the lowest one is looked for.
FIRST = 0.1

# From the rate at which a trial is made to the next. Trials begin at this part of the rate of the
# lowest smoothed loss: it and the momentum lag behind the rate.
FACTOR = 3.0

TRIAL = 2  # times the steps of the range test: those of a trial
WARM_UP = 0.1  # the share of a trial in which its rate rises
LAST = 0.25  # the share of a trial whose losses count

# Losses differ clearly from others on the same batches if their mean difference is more than this
# many standard errors. By chance alone, one in some thousand is.
CLEAR = 3.8


@dataclass(frozen=True, eq=False)
class LearningRates(ByContent):
    """The result of `find_learning_rate`.

    Args:
        architecture: its name, or "custom".
        table: one row per step: `learning_rate`, `loss` before the step's update, and `smoothed`,
            the exponential moving average of the losses, in which each loss has 0.9 times the
            weight of the next one.
        trials: one row per trial, from the lowest rate to the highest: `learning_rate`, and the
            `loss` at the end of the trial, infinity where it diverged.
        suggestion: a learning rate for a training; None if the trials show none.
        reason: why there is no suggestion; None if there is one.
    """

    architecture: str
    table: pandas.DataFrame
    trials: pandas.DataFrame
    suggestion: float | None
    reason: str | None = None

    def __repr__(self) -> str:
        rates = self.table["learning_rate"]
        searched = ""
        if len(rates):
            searched = f", {len(rates)} steps from {rates.iloc[0]:.2g} to {rates.iloc[-1]:.2g}"
            searched += f", {len(self.trials)} trials"
        return f"{self.architecture}{searched}: {self.outcome}"

    @property
    def outcome(self) -> str:
        """The suggestion in words, or why there is none."""
        if self.suggestion is None:
            return f"no suggestion, because {self.reason}"
        return f"suggestion {self.suggestion:.2g}"

    def _repr_html_(self) -> str:
        tables = [table for table in (self.trials, self.table) if len(table)]
        return paragraph(str(self)) + "".join(as_html(table, ".4g") for table in tables)


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
    verbose: int = 1,
) -> LearningRates:
    """Find a suitable learning rate with a learning rate range test and some trials.

    The test trains a network for a number of steps. The learning rate grows by the same factor from
    each step to the next, until the loss diverges or the steps are done. Where the loss was lowest
    is near a good rate, but it depends on the chance of few batches. So some short trainings
    follow, which begin with the same weights and see the same batches: the trials. They have twice
    as many steps each, and rates that are a factor of 3 apart. The first is at a third of the rate
    of the lowest smoothed loss; others follow until there are two below the best rate, and one
    above it that is clearly worse, or two. In each, the rate rises for a tenth of the steps, and
    then falls to 0. With five trials, all takes eleven times as long as the test by itself.

    Arguments that are None take the value of the architecture's recipe, as in `train`.

    Args:
        dataset: the data set, as returned by `load_dataset`.
        architecture: as in `train`. A copy of a model that is given is trained; otherwise the
            trained network is discarded.
        lowest: the rate of the first step, above 0.
        highest: the rate of the last step, above `lowest`.
        steps: the number of steps of the test, at least 10.
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
        verbose: 0 or False shows nothing; 1, 2 or True the progress on stderr, if it takes long.

    Returns:
        The loss at each learning rate, and a suggestion: the lowest point of a parabola through the
        losses of the best trial and its two neighbours, over the logarithm of the rate. The loss of
        a trial is the mean over its last quarter. There is no suggestion if no trial learns more
        than the noise of the batches, or if the loss is lowest at the lowest or the highest rate
        that is allowed. With the default steps, the suggestions for all architectures on CIFAR-10
        were within a factor of 3 of the best rate.

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
        >>> found.trials.columns.tolist()
        ['learning_rate', 'loss']
    """
    lowest, highest, steps = check_search(lowest, highest, steps)
    verbose = check_verbosity(verbose)
    if optimizer is not None and not isinstance(optimizer, str):
        raise ArgumentError("`optimizer` must be the name of an optimizer, whose rate can be set.")
    # A model that goes on keeps its own.
    kept = architecture.config.validation if isinstance(architecture, TrainedModel) else None
    asked = Settings(
        epochs=1,
        batch_size=batch_size,
        optimizer=optimizer,
        weight_decay=weight_decay,
        momentum=momentum,
        label_smoothing=label_smoothing,
        precision=precision,
        augmentation=augmentation,
        validation=kept,
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
    beginning = _Beginning(ready.learner, ready.batches, verbose > 0)
    with torch_generator_kept(), beginning:
        return _search(ready.config.architecture, beginning.losses, lowest, highest, steps)


class _Beginning:
    """A network that is trained from its initial weights again and again.

    Args:
        learner: the learner of the compiled network.
        batches: the batches of all trainings.
        verbose: whether to show the progress, if it takes long.
    """

    def __init__(self, learner: Learner, batches: Batches, verbose: bool) -> None:
        self._learner, self._batches, self._verbose = learner, batches, verbose

    def __enter__(self) -> None:
        self._learner.begin(*self._batches.example())
        self._weights = self._learner.variables()
        self._optimizer = self._learner.optimizer_state()

    def __exit__(self, *error: object) -> None:
        self._learner.end()

    def losses(self, rates: Sequence[float], first: int = 0) -> Iterator[float]:
        """Yield the loss before each step of a training, whose steps have these rates in turn.

        Args:
            rates: the learning rates.
            first: the number of the first step, which determines its batch.
        """
        learner, batches = self._learner, self._batches
        learner.set_variables(self._weights)
        learner.set_optimizer_state(self._optimizer)
        numbers = range(first, first + len(rates))
        steps = [
            (1 + number // batches.steps_per_epoch, number % batches.steps_per_epoch)
            for number in numbers
        ]
        things = f"steps at rates up to {max(rates):.2g}"
        with (
            batches.make_in_turn(steps) as made,
            counting(len(rates), things, self._verbose) as show,
        ):
            for done, (rate, (epoch, step)) in enumerate(zip(rates, steps, strict=True)):
                show(done)
                learner.learning_rate = rate
                batches.seed_layers(epoch, step)
                yield float(learner.step(*next(made))["loss"])


# Takes rates and maybe the number of the first step; see `_Beginning.losses`.
Losses = Callable[..., Iterable[float]]


def _search(
    architecture: str, losses: Losses, lowest: float, highest: float, steps: int
) -> LearningRates:
    """Return the result of a range test and of the trials that follow."""
    import pandas

    rates = np.geomspace(lowest, highest, steps).tolist()
    table = pandas.DataFrame(
        _test(rates, losses(rates)), columns=["learning_rate", "loss", "smoothed"]
    )
    done: dict[float, np.ndarray] = {}
    suggestion: float | None = None
    reason: str | None = "the loss was never a finite number"
    if len(table):
        smoothed = table["smoothed"].iloc[min(round(FIRST * steps), len(table) - 1) :]
        start = max(lowest, float(table["learning_rate"][smoothed.idxmin()]) / FACTOR)
        done = _try_around(start, lowest, highest, TRIAL * steps, losses)
        suggestion, reason = _suggest(done, losses, TRIAL * steps)
    trials = pandas.DataFrame(
        [(rate, last.mean()) for rate, last in done.items()], columns=["learning_rate", "loss"]
    )
    return LearningRates(architecture, table, trials, suggestion, reason)


def _test(rates: Sequence[float], losses: Iterable[float]) -> list[tuple[float, float, float]]:
    """Return rate, loss and smoothed loss of each step, up to where the loss diverges."""
    rows: list[tuple[float, float, float]] = []
    mean, lowest = 0.0, math.inf
    for rate, loss in zip(rates, losses, strict=False):
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


def _try_around(
    start: float, lowest: float, highest: float, steps: int, losses: Losses
) -> dict[float, np.ndarray]:
    """Return the last losses of trials by their rates, from the lowest to the highest.

    There are trials at the two rates below the best one and at the one above it, as far as these
    are allowed, and at a second one above if the first is not clearly worse. Two, because where a
    loss hardly falls, one may be the higher by chance. Above it most losses rise steeply.
    """
    done: dict[int, np.ndarray] = {}
    best = 0
    while todo := [
        power
        for power in _around(best, done)
        if power not in done and lowest <= start * FACTOR**power <= highest
    ]:
        for power in todo:
            done[power] = _last_losses(start * FACTOR**power, steps, losses)
        best = min(sorted(done), key=lambda power: float(done[power].mean()))
    return {start * FACTOR**power: done[power] for power in sorted(done)}


def _around(best: int, done: Mapping[int, np.ndarray]) -> tuple[int, ...]:
    """Return the powers at which trials are needed before the best one is known."""
    needed = best, best - 1, best + 1, best - 2
    unclear = best + 1 in done and not _are_clearly_above(done[best + 1], done[best])
    return (*needed, best + 2) if unclear else needed


def _are_clearly_above(losses: np.ndarray, others: np.ndarray) -> bool:
    """Return whether losses are above others on the same batches by more than chance."""
    if not np.isfinite(losses).all():
        return True
    differences = losses - others
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return bool(differences.mean() > CLEAR * error)


def _last_losses(rate: float, steps: int, losses: Losses) -> np.ndarray:
    """Return the last losses of a trial; infinity for each if the trial diverged."""
    rise = round(WARM_UP * steps)
    rates = [
        rate * min((step + 1) / rise, (steps - step) / (steps - rise)) for step in range(steps)
    ]
    found = np.fromiter(takewhile(math.isfinite, losses(rates)), float)
    n = round(LAST * steps)
    return found[-n:] if len(found) == steps else np.full(n, math.inf)


def _suggest(
    done: Mapping[float, np.ndarray], losses: Losses, steps: int
) -> tuple[float | None, str | None]:
    """Return the suggestion and None, or None and the reason why there is no suggestion.

    Args:
        done: the last losses of trials by their rates, as `_try_around` returns them.
        losses: gives the losses of the untrained network on the same batches.
        steps: of a trial.
    """
    rates = list(done)
    heights = [float(last.mean()) for last in done.values()]
    best = heights.index(min(heights))
    last = done[rates[best]]
    if math.isinf(heights[best]):
        return None, "the loss diverged in every trial"
    untrained = np.fromiter(losses([0.0] * len(last), steps - len(last)), float)
    if not _are_clearly_above(untrained, last):
        return None, "the loss did not fall clearly"
    if best in (0, len(rates) - 1):
        return None, f"the loss was lowest near the {'lowest' if best == 0 else 'highest'} rate"
    return rates[best] * FACTOR ** lowest_point(*heights[best - 1 : best + 2]), None


def lowest_point(before: float, here: float, after: float) -> float:
    """Return where a parabola through three heights, the middle one the lowest, is lowest.

    Args:
        before: the height at -1.
        here: the height at 0.
        after: the height at 1.

    Returns:
        From -1/2 to 1/2; 0 if the heights are equal, or not all of them are finite.
    """
    curvature = before - 2 * here + after
    if curvature == 0 or not math.isfinite(curvature):
        return 0.0
    return (before - after) / (2 * curvature)
