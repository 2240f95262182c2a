"""Is the learning rate that a search suggests near the best one? Network by network.

    python benchmarks/learning_rates.py --output benchmarks/results/learning_rates.json

Each network is trained with its own recipe, but for batches of 64 and three epochs, at rates that
are a factor of 3 apart. The rates begin around that of the recipe, and go on to either side while
the best one is the first or the last. The best rate is the lowest point of a parabola through the
validation losses of the best of these rates and its two neighbours, over the logarithm of the rate.
Beside it are the suggestions of `find_learning_rate` with its default steps, for each seed, on the
same 3,000 images of CIFAR-10's training split, and what rules that need no trials make of the
losses of its range test. The validation is on 1,000 others; the test images are not used.

How `find_learning_rate` makes its trials was chosen on other images and other seeds (`--start 0
--seeds 11 12 13`). Networks whose best rate is in the output already are not trained again. Needs
real CIFAR-10.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.training.lr_finder import lowest_point

TRAINED, VALIDATED = 3000, 1000  # images
EPOCHS, BATCH_SIZE = 3, 64
FACTOR = 3.0  # from one rate to the next


def main() -> None:
    """Train at all rates, search, and write the report after each network."""
    parser = command_line(__doc__)
    parser.add_argument("--networks", nargs="+", default=list(ARCHITECTURES), choices=ARCHITECTURES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--start", type=int, default=10_000)
    arguments = parser.parse_args()
    dataset = images_from(arguments.start)
    done = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    rows: dict[str, dict[str, Any]] = {row["architecture"]: row for row in done.get("networks", [])}
    for work in (with_grid, with_suggestions):
        for name in arguments.networks:
            row = rows.setdefault(name, {"architecture": name})
            work(row, dataset, arguments.seeds)
            print(row, flush=True)
            write_report(
                arguments.output,
                data=dataset.fingerprint("train"),
                images={"trained": TRAINED, "validated": VALIDATED},
                epochs=EPOCHS,
                batch_size=BATCH_SIZE,
                networks=list(rows.values()),
            )


def images_from(start: int) -> pycifar.Dataset:
    """Return a data set of training images of CIFAR-10, whose test split is for the validation."""
    whole = pycifar.load_dataset("cifar10").split("train")
    end = start + TRAINED + VALIDATED
    parts = {"train": slice(start, start + TRAINED), "test": slice(start + TRAINED, end)}
    return pycifar.load_dataset(
        {split: (whole.images[part], whole.labels[part]) for split, part in parts.items()}
    )


def with_grid(row: dict[str, Any], dataset: pycifar.Dataset, seeds: list[int]) -> None:
    """Add the losses at all rates and the best rate to the row of a network."""
    if "best" in row:
        return
    name = row["architecture"]
    recipe = ARCHITECTURES[name].recipe.learning_rate
    losses: dict[int, float] = {}
    todo = [-2, -1, 0, 1, 2]
    while todo:
        for power in todo:
            losses[power] = validated(dataset, name, recipe * FACTOR**power, seeds[0])
            print(name, power, losses[power], flush=True)
        best = min(losses, key=losses.__getitem__)
        todo = [power for power in (best - 1, best + 1) if power not in losses]
    grid = {float(f"{recipe * FACTOR**power:.3g}"): losses[power] for power in sorted(losses)}
    lowest = best + lowest_point(*(losses[near] for near in (best - 1, best, best + 1)))
    row["recipe"] = recipe
    row["grid"] = {rate: round(loss, 4) for rate, loss in grid.items() if math.isfinite(loss)}
    row["best"] = float(f"{recipe * FACTOR**lowest:.3g}")


def validated(dataset: pycifar.Dataset, name: str, rate: float, seed: int) -> float:
    """Return the validation loss after a short training; infinity if it diverges."""
    settings = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "validation": "test", "verbose": 0}
    try:
        model = pycifar.train(dataset, name, learning_rate=rate, seed=seed, **settings)
    except pycifar.errors.DivergenceError:
        return math.inf
    return model.final("validation", "loss")


def with_suggestions(row: dict[str, Any], dataset: pycifar.Dataset, seeds: list[int]) -> None:
    """Add what each rule suggests for each seed, or None, to the row of a network."""
    name = row["architecture"]
    row["seeds"] = seeds
    row["suggestions"] = {rule: [] for rule in ("find_learning_rate", *OTHER_RULES)}
    for seed in seeds:
        found = pycifar.find_learning_rate(dataset, name, batch_size=BATCH_SIZE, seed=seed)
        rates, _, smoothed = found.table.iloc[FIRST : len(found.table) - LAST].to_numpy().T
        suggested = {rule: choose(rates, smoothed) for rule, choose in OTHER_RULES.items()}
        suggested["find_learning_rate"] = found.suggestion
        for rule, rate in suggested.items():
            row["suggestions"][rule].append(None if rate is None else float(f"{rate:.3g}"))


FIRST, LAST = 10, 5  # steps that no rule looks at


def steepest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return where the loss falls most steeply before its minimum."""
    before = slice(max(2, int(smoothed.argmin()) + 1))
    slopes = np.gradient(smoothed[before], np.log(rates[before]))
    return float(rates[slopes.argmin()])


def most_of_the_fall(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return a third of the rate at which 95% of the fall to the minimum are done."""
    fallen = smoothed <= smoothed[0] - 0.95 * (smoothed[0] - smoothed.min())
    return float(rates[fallen.argmax()] / 3)


def valley(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return the rate that fastai suggests: halfway down the longest run of falling losses."""
    lengths = np.ones(len(smoothed), int)
    for i, loss in enumerate(smoothed):
        lengths[i] += max(lengths[:i][smoothed[:i] > loss], default=0)
    end, longest = int(lengths.argmax()), int(lengths.max())
    return float(rates[end - longest + longest // 3 + longest // 6])


OTHER_RULES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "95% of the fall, / 3": most_of_the_fall,
    "steepest fall before the minimum": steepest,
    "valley, as in fastai": valley,
    "rate of the minimum / 5": lambda rates, smoothed: float(rates[smoothed.argmin()] / 5),
    "rate of the minimum / 10": lambda rates, smoothed: float(rates[smoothed.argmin()] / 10),
}


if __name__ == "__main__":
    main()
