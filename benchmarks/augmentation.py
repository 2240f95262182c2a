r"""Augmentation: what does it cost beside a step of training, and does it pay on photographs?

    python benchmarks/augmentation.py --photographs FOLDER \
        --output benchmarks/results/augmentation.json

Batches are augmented, and `fastnet` is trained on batches of this size without augmentation, in
turn. FOLDER has a folder for each class within `train` and within `validation`. `fastnet` is
trained on the former at 64 pixels, and measured on the latter, for each augmentation and seed.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import resolve_augmentation

VARIANTS: dict[str, Any] = {
    "none": "none",
    "flip": {"flip": "alternating"},
    "flip, crop": {"flip": "alternating", "crop": True},
    "flip, crop, colour": {"flip": "alternating", "crop": True, "colour": True},
}
BATCHES = ((128, 32), (32, 224))  # images, and pixels a side
STEPS = 6
SIDE = 64


def main() -> None:
    """Measure times and accuracies, and write the report."""
    parser = command_line(__doc__, repeats=5)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    times = [measure_times(*batch, arguments.repeats) for batch in BATCHES]
    print(times, flush=True)
    dataset = load(arguments.photographs)
    rows = []
    for name in VARIANTS:
        runs = [accuracy(dataset, name, arguments.epochs, 1 + i) for i in range(arguments.seeds)]
        rows.append({"augmentation": name, "accuracies": runs, "accuracy": round(mean(runs), 4)})
        print(rows[-1], flush=True)
    # The folder is where the photographs lie on this machine.
    write_report(
        arguments.output,
        times=times,
        photographs={
            "images": {name: len(split) for name, split in dataset.splits.items()},
            "classes": dataset.n_classes,
            "side": SIDE,
            "epochs": arguments.epochs,
            "seeds": arguments.seeds,
            "variants": rows,
        },
    )


def measure_times(size: int, side: int, repeats: int) -> dict[str, Any]:
    """Return the milliseconds of a step and of augmenting its batch, and the ratio of each pair."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (size * STEPS, side, side, 3), np.uint8)
    dataset = pycifar.load_dataset({"train": (images, np.arange(len(images)) % 10)})
    network = pycifar.build_model("fastnet", input_shape=images.shape[1:], seed=1)
    settings = {"batch_size": size, "validation": None, "seed": 1, "verbose": 0}
    steps: list[float] = []
    augmented: dict[str, list[float]] = {name: [] for name in VARIANTS if name != "none"}
    for _ in range(repeats):
        # The first epoch of a call has a compilation in it, which is not what is asked here.
        model = pycifar.train(dataset, network, epochs=2, augmentation="none", **settings)
        steps.append(model.seconds[-1] / STEPS)
        for name, seconds in augmented.items():
            change = resolve_augmentation(VARIANTS[name])
            started = time.perf_counter()
            for start in range(0, len(images), size):
                change(images[start : start + size], rng)
            seconds.append((time.perf_counter() - started) / STEPS)
    return {
        "batch_size": size,
        "side": side,
        "step_ms": round(1000 * median(steps), 1),
        "augmentation_ms": {n: round(1000 * median(s), 2) for n, s in augmented.items()},
        "ratio": {
            name: round(median(a / b for a, b in zip(seconds, steps, strict=True)), 4)
            for name, seconds in augmented.items()
        },
    }


def load(folder: Path) -> Dataset:
    """Return the photographs to train on and those to validate on."""
    parts = {
        name: pycifar.load_dataset("folder", folder / name, image_size=SIDE)
        for name in ("train", "validation")
    }
    splits = {name: part.split("train") for name, part in parts.items()}
    return Dataset("photographs", splits, parts["train"].class_names)


def accuracy(dataset: Dataset, name: str, epochs: int, seed: int) -> float:
    """Return the accuracy on the validation split after a training."""
    model = pycifar.train(
        dataset,
        "fastnet",
        epochs=epochs,
        augmentation=VARIANTS[name],
        validation=None,
        seed=seed,
        verbose=0,
    )
    return round(pycifar.evaluate(model, dataset, split="validation").accuracy, 4)


if __name__ == "__main__":
    main()
