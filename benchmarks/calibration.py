"""Calibration: does the temperature help, and do prediction sets have the stated coverage?

    python benchmarks/calibration.py --output benchmarks/results/calibration.json
        --published cifar10_test_set_pyx.npy

Needs real CIFAR-10. `fastnet-cifar10`, the model of the package, learned from all training images.
It is calibrated on a random half of the test images, and measured on the other half; and so again
for other halves. The same is done with `cnn2`, which is trained longer than suits it, so that it is
too sure of itself, and, if given, with probabilities of a network of others: the file above is of
the repository cleanlab/label-errors, Northcutt et al. 2021, "Pervasive Label Errors in Test Sets".
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.calibration import best_factor
from pycifar.evaluation import calibration_error
from pycifar.models.calibration import tempered

COVERAGES = (0.8, 0.9, 0.95, 0.99)
NAMES = ("accuracy", "temperature", "error_before", "error_after", "loss_before", "loss_after")


def main() -> None:
    """Measure, and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--halves", type=int, default=10, help="how many random halves")
    parser.add_argument("--epochs", type=int, default=12, help="of cnn2")
    parser.add_argument("--published", type=Path, help="probabilities on the test images, .npy")
    arguments = parser.parse_args()
    dataset = pycifar.load_dataset("cifar10", verbose=False)
    models = {
        "fastnet-cifar10": pycifar.load_model("fastnet-cifar10"),
        "cnn2": pycifar.train(
            dataset, "cnn2", epochs=arguments.epochs, validation=None, seed=1, verbose=0
        ),
    }
    halves = [halved(dataset, seed) for seed in range(arguments.halves)]
    found = {name: measured(model, halves) for name, model in models.items()}
    if arguments.published is not None:
        given, labels = np.load(arguments.published), dataset.split("test").labels
        rows = [one_half_of(given, labels, seed) for seed in range(arguments.halves)]
        found["published"] = means(rows)
    write_report(
        arguments.output,
        halves=arguments.halves,
        images=len(halves[0].split("test")),
        models=found,
    )


def halved(dataset: pycifar.Dataset, seed: int) -> pycifar.Dataset:
    """Return a data set whose splits "validation" and "test" are halves of the test images."""
    test, train = dataset.split("test"), dataset.split("train")
    parts = dict(zip(("validation", "test"), two_halves(len(test), seed), strict=True))
    splits = {name: (test.images[which], test.labels[which]) for name, which in parts.items()}
    splits["train"] = train.images[:100], train.labels[:100]  # there must be one
    return pycifar.load_dataset(splits, class_names=dataset.class_names)


def two_halves(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of a random half of n images, and those of the other half."""
    order = np.random.default_rng(seed).permutation(n)
    return order[: n // 2], order[n // 2 :]


def measured(model: pycifar.TrainedModel, halves: list[pycifar.Dataset]) -> dict[str, Any]:
    """Return means over the halves, all measured on images that fitted nothing."""
    rows = [one_half(model, half) for half in halves]
    found = means(rows)
    found["sets"] = {
        str(coverage): {
            "coverage": round(mean(row["sets"][coverage][0] for row in rows), 4),
            "lowest": round(min(row["sets"][coverage][0] for row in rows), 4),
            "classes": round(mean(row["sets"][coverage][1] for row in rows), 3),
        }
        for coverage in COVERAGES
    }
    return found


def means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the means of what several halves give, without that of their sets."""
    return {name: round(mean(row[name] for row in rows), 4) for name in NAMES}


def one_half(model: pycifar.TrainedModel, half: pycifar.Dataset) -> dict[str, Any]:
    """Return what one half gives."""
    labels = half.split("test").labels
    sets = {}
    for coverage in COVERAGES:
        calibrated = pycifar.calibrate(model, half, coverage=coverage)
        within = pycifar.predict(calibrated, half, "set")
        covered = within[np.arange(len(labels)), labels].mean()
        sets[coverage] = float(covered), float(within.sum(axis=1).mean())
    before, after = (pycifar.evaluate(one, half) for one in (model, calibrated))
    assert calibrated.calibration is not None
    return {
        "accuracy": before.accuracy,
        "temperature": calibrated.calibration.temperature,
        "error_before": before.calibration_error,
        "error_after": after.calibration_error,
        "loss_before": before.loss,
        "loss_after": after.loss,
        "sets": sets,
    }


def one_half_of(probabilities: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, float]:
    """Return what one half gives for probabilities that are given, without prediction sets."""
    fitted, held_out = two_halves(len(labels), seed)
    factor = best_factor(probabilities[fitted], labels[fitted])
    before, truth = probabilities[held_out], labels[held_out]
    after = tempered(before, factor)
    losses = (-np.log(given[np.arange(len(truth)), truth]).mean() for given in (before, after))
    return {
        "accuracy": float((before.argmax(axis=1) == truth).mean()),
        "temperature": 1 / factor,
        "error_before": calibration_error(before, truth),
        "error_after": calibration_error(after, truth),
        **dict(zip(("loss_before", "loss_after"), map(float, losses), strict=True)),
    }


if __name__ == "__main__":
    main()
