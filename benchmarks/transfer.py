"""What do pretrained weights bring on photographs, and what do they cost?

    python benchmarks/transfer.py PHOTOGRAPHS --output benchmarks/results/transfer.json

PHOTOGRAPHS is a folder with train/, validation/ and test/ of class folders. Each way of training
learns from train, is validated on validation, and is measured once on test: `fastnet` from nothing
on images of 64 pixels, and `efficientnet_lite0` with weights of ImageNet on images of 224 pixels,
the last layer alone, and by its recipe. The recipe was chosen on the validation images.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from contestants import in_a_process
from script import command_line, write_report

import pycifar

WAYS: dict[str, dict[str, Any]] = {
    "fastnet, from nothing": {"architecture": "fastnet", "image_size": 64},
    "efficientnet_lite0, last layer alone": {
        "architecture": "efficientnet_lite0",
        "weights": "imagenet",
        "frozen_epochs": 8,
        "image_size": 224,
    },
    "efficientnet_lite0, by its recipe": {
        "architecture": "efficientnet_lite0",
        "weights": "imagenet",
        "image_size": 224,
    },
}


def main() -> None:
    """Measure all, and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    results = []
    for way in WAYS:
        for seed in range(1, arguments.seeds + 1):
            results.append(in_a_process(trained, way, arguments.photographs, seed))
            print(results[-1], flush=True)
    write_report(arguments.output, results=results)


def trained(way: str, photographs: Path, seed: int) -> dict[str, Any]:
    """Return the seconds and the accuracies of one training."""
    settings = dict(WAYS[way])
    size = settings.pop("image_size")
    dataset = pycifar.load_dataset("folder", photographs, image_size=size, verbose=False)
    started = time.perf_counter()
    model = pycifar.train(dataset, seed=seed, verbose=0, **settings)
    seconds = time.perf_counter() - started
    return {
        "way": way,
        "image_size": size,
        "seed": seed,
        "epochs": model.epochs_done,
        "seconds": round(seconds, 1),
        "seconds_an_epoch": [round(one, 2) for one in model.seconds],
        "validation_accuracy": model.final("validation", "accuracy"),
        "test_accuracy": pycifar.evaluate(model, dataset).accuracy,
        "data": dataset.fingerprint("train"),
        "weights": model.fingerprint(),
    }


if __name__ == "__main__":
    main()
