"""What does bfloat16 bring, and what does it cost? Against float32, network by network.

    python benchmarks/precision.py --output benchmarks/results/precision.json

Each network is trained with its own recipe, but for the number of epochs, once in each precision
for each seed, in turn and each in a process of its own, on nine tenths of CIFAR-10's training
images. Speeds are those of the epochs after the first, accuracies those on the last tenth, which
are the same images for both precisions; the test images are not looked at. A recipe names the
precision that is faster and no less accurate here. Needs an otherwise idle machine, one that has
bfloat16.
"""

from __future__ import annotations

from statistics import mean, median
from typing import Any

from peer import in_a_process
from script import command_line, write_report

import pycifar

EPOCHS = {"cnn2": 4, "cnn4": 3, "fastnet": 3}
PRECISIONS = ("float32", "bfloat16")
IMAGES = 45_000


def main() -> None:
    """Measure and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--networks", nargs="+", default=list(EPOCHS), choices=EPOCHS)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.networks:
        runs: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
        for seed in range(1, arguments.seeds + 1):
            for precision in PRECISIONS:
                runs[precision].append(in_a_process(train, name, precision, seed))
        rows.append({"architecture": name, "epochs": EPOCHS[name], **compared(runs)})
        print(rows[-1], flush=True)
    write_report(arguments.output, networks=rows)


def train(name: str, precision: str, seed: int) -> dict[str, float]:
    """One training."""
    dataset = pycifar.load_dataset("cifar10")
    settings = {"epochs": EPOCHS[name], "validation": 0.1, "seed": seed, "verbose": 0}
    model = pycifar.train(dataset, name, precision=precision, **settings)
    return {
        "accuracy": round(model.last("validation", "accuracy"), 4),
        "images_per_second": IMAGES / median(model.seconds[1:]),
    }


def compared(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The accuracies and speeds of each precision, and how they differ."""
    speeds = {name: [run["images_per_second"] for run in found] for name, found in runs.items()}
    accuracies = {name: [run["accuracy"] for run in found] for name, found in runs.items()}
    pairs = zip(*(speeds[name] for name in PRECISIONS), strict=True)
    means = [mean(accuracies[name]) for name in PRECISIONS]
    return {
        "images_per_second": {name: round(median(values)) for name, values in speeds.items()},
        "bfloat16_to_float32": round(median(fast / slow for slow, fast in pairs), 2),
        "accuracy": accuracies,
        "mean_difference": round(means[1] - means[0], 4),
    }


if __name__ == "__main__":
    main()
