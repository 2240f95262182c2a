"""What does bfloat16 bring, and what does it cost? Against float32, network by network.

    python benchmarks/precision.py --output benchmarks/results/precision.json

Each network is trained with its own recipe, but for the number of epochs and a learning rate that
ends at 0: the result of a training that stops at full rate varies more. Each seed trains once in
each precision, in turn and each in a process of its own, on nine tenths of CIFAR-10's training
images. The speeds are those of the epochs after the first. The accuracies are those on the last
tenth, the same images for both precisions. The test images are not used. A recipe names the
precision that is faster and no less accurate. Needs an otherwise idle machine that has bfloat16.

`--emulate` is for a processor without bfloat16. It computes the same numbers in float32 and rounds
them. The accuracies are right; the speeds mean nothing and are left out.
"""

from __future__ import annotations

from statistics import mean, median
from typing import Any

from contestants import in_a_process
from script import command_line, write_report

import pycifar
import pycifar.precision

EPOCHS = {"cnn2": 3, "cnn4": 4, "fastnet": 2, "resnet50_v2": 2}
PRECISIONS = ("float32", "bfloat16")
IMAGES = 45_000


def main() -> None:
    """Measure and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--networks", nargs="+", default=list(EPOCHS), choices=EPOCHS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--emulate", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.networks:
        runs: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
        for seed in range(1, arguments.seeds + 1):
            for precision in PRECISIONS:
                run = in_a_process(train, name, precision, seed, arguments.emulate)
                runs[precision].append(run)
                print(name, precision, seed, run, flush=True)
        found = {"accuracy": accuracies(runs), "mean_difference": difference(runs)}
        rows.append({"architecture": name, "epochs": EPOCHS[name], **found})
        if not arguments.emulate:
            rows[-1] |= speeds(runs)
        print(rows[-1], flush=True)
    write_report(arguments.output, networks=rows)


def train(name: str, precision: str, seed: int, emulate: bool) -> dict[str, float]:
    """Train once, and return the accuracy and the speed."""
    if emulate:
        pycifar.precision.has_bfloat16 = lambda: True
    dataset = pycifar.load_dataset("cifar10")
    settings = {"epochs": EPOCHS[name], "schedule": "cosine", "validation": 0.1, "verbose": 0}
    model = pycifar.train(dataset, name, precision=precision, seed=seed, **settings)
    return {
        "accuracy": round(model.final("validation", "accuracy"), 4),
        "images_per_second": IMAGES / median(model.seconds[1:]),
    }


def accuracies(runs: dict[str, list[dict[str, float]]]) -> dict[str, list[float]]:
    """Return the accuracies of each precision by seed."""
    return {name: [run["accuracy"] for run in found] for name, found in runs.items()}


def difference(runs: dict[str, list[dict[str, float]]]) -> float:
    """Return by how much the mean accuracy with bfloat16 is above that with float32."""
    means = {name: mean(found) for name, found in accuracies(runs).items()}
    return round(means["bfloat16"] - means["float32"], 4)


def speeds(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the images a second in each precision, and the ratio of bfloat16 to float32."""
    found = {name: [run["images_per_second"] for run in some] for name, some in runs.items()}
    pairs = zip(*(found[name] for name in PRECISIONS), strict=True)
    return {
        "images_per_second": {name: round(median(values)) for name, values in found.items()},
        "bfloat16_to_float32": round(median(fast / slow for slow, fast in pairs), 2),
    }


if __name__ == "__main__":
    main()
