"""`calibrate`: probabilities that mean what they say, and sets of classes for doubt."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from pycifar.config import DEFAULT_COVERAGE
from pycifar.datasets import Dataset
from pycifar.datasets.dataset import check_dataset
from pycifar.errors import DataError
from pycifar.evaluation import calibration_error, check_model, probabilities_of
from pycifar.foreign_names import known_arguments_only
from pycifar.given_images import as_images, warn_of_other_resizing
from pycifar.models.calibration import COOLEST, HOTTEST, Calibration, logarithms, tempered
from pycifar.models.trained_model import TrainedModel
from pycifar.rules import check_coverage

ROUNDING = 1e-9  # of a number of images that is computed from a coverage
HALVINGS = 50  # of the range of a temperature, which leave 12 digits of it


@known_arguments_only
def calibrate(
    model: TrainedModel,
    dataset: Dataset,
    split: str = "validation",
    coverage: float = DEFAULT_COVERAGE,
) -> TrainedModel:
    """Fit the probabilities of a model to how often it is right, and find its prediction sets.

    A network is usually too sure of itself. Its logits are divided by one number, the temperature,
    that gives images it did not learn from the lowest cross-entropy. The most probable class stays
    the same.

    A prediction set has all classes of at least a certain probability. That is chosen so that the
    sets of new images of the same kind have the true class with the probability `coverage`. An
    image whose set has several classes is one that the model cannot tell.

    One half of the images, drawn with the seed of the training, fits the temperature, and the other
    half the sets. The coverage is sure only for images that fitted nothing. If the training chose
    its best epoch by these images, the coverage of new ones is a little lower.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        dataset: a data set with the model's classes.
        split: the split to fit on, which must not be what the model learned from. "validation" may
            be what the training held out; see `TrainedModel.split_of`.
        coverage: the share of new images whose set is to have the true class, between 0 and 1.

    Returns:
        The model with its `calibration`. Its network and its weights are the same. `predict`,
        `evaluate` and `explain` use the temperature, and `predict` with the type "set" returns the
        sets. `save_model` saves it. A training that goes on from the model gives one without it.

    Raises:
        ArgumentError: an argument is not as above.
        DataError: there is no such split, its classes are not the model's, it is "train", or it has
            too few images for this coverage.

    Source:
        Guo et al. 2017, "On Calibration of Modern Neural Networks". Sadinle, Lei and Wasserman
        2019, "Least Ambiguous Set-Valued Classifiers with Bounded Error Levels". Platt 1999,
        "Probabilistic Outputs for Support Vector Machines".

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=400, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, validation=0.2, seed=1, verbose=0)
        >>> model = pycifar.calibrate(model, dataset)
        >>> pycifar.predict(model, dataset, "set").shape
        (100, 10)
    """
    check_model(model)
    check_dataset(dataset)
    model.check_classes(dataset.class_names)
    coverage = check_coverage(coverage)
    if split == "train":
        raise DataError(
            'The split "train" is what the model learned from; on it, any model looks sure.',
            fix='Name another split, or train with `validation`, and take "validation".',
        )
    warn_of_other_resizing(model, dataset)
    part = model.split_of(dataset, split)
    _check_enough(len(part), split, coverage)
    plain = dataclasses.replace(model, calibration=None)
    raw = probabilities_of(plain, as_images(model, part))
    order = np.random.default_rng(model.config.seed).permutation(len(part))
    first, second = order[: len(part) // 2], order[len(part) // 2 :]
    factor = best_factor(raw[first], part.labels[first])
    cooled, truth = tempered(raw[second], factor), part.labels[second]
    of_truth = cooled[np.arange(len(second)), truth]
    found = Calibration(
        temperature=1 / factor,
        coverage=coverage,
        threshold=threshold_for(of_truth, coverage),
        split=split,
        n=len(part),
        error_before=calibration_error(raw[second], truth),
        error_after=calibration_error(cooled, truth),
    )
    return dataclasses.replace(model, calibration=found)


def _check_enough(n: int, split: str, coverage: float) -> None:
    """Raise a DataError unless half of `n` images are enough for a coverage."""
    half = n - n // 2
    if n < 2 or _rank(half, coverage) > half:
        needed = 2 * math.ceil(coverage / (1 - coverage) - ROUNDING) - 1
        raise DataError(
            f'The split "{split}" has {n:,} images; a coverage of {coverage:g} needs at least '
            f"{max(2, needed):,}.",
            fix="Give more images, or a lower `coverage`.",
        )


def _rank(n: int, coverage: float) -> int:
    """Return how many of `n` images that fitted nothing the sets must cover."""
    return math.ceil((n + 1) * coverage - ROUNDING)


def best_factor(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the factor of the logits that gives the lowest cross-entropy: 1 / temperature.

    The cross-entropy is convex in the factor. Its slope, the mean difference between the expected
    logit and that of the truth, is halved in on. Of n images the truth counts (n + 1) / (n + 2), as
    in Platt 1999: a model that is right about all of them is not sure of the next one.
    """
    n, n_classes = probabilities.shape
    logs = logarithms(probabilities)
    of_truth = logs[np.arange(n), labels]
    of_others = (logs.sum(axis=1) - of_truth) / (n_classes - 1)
    expected = ((n + 1) * of_truth + of_others) / (n + 2)
    low, high = math.log(1 / HOTTEST), math.log(1 / COOLEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        shares = tempered(probabilities, math.exp(middle))
        slope = ((shares * logs).sum(axis=1) - expected).mean()
        low, high = (low, middle) if slope > 0 else (middle, high)
    return math.exp((low + high) / 2)


def threshold_for(of_truth: np.ndarray, coverage: float) -> float:
    """Return the smallest probability of a class in a set; see Sadinle et al. 2019.

    Args:
        of_truth: the probability of the true class of images that fitted nothing, shape (n,).
        coverage: as in `calibrate`.
    """
    threshold = np.sort(of_truth)[::-1][_rank(len(of_truth), coverage) - 1]
    # Rounded down to float32, in which probabilities are compared with it.
    return float(np.nextafter(np.float32(threshold), np.float32(0)))
