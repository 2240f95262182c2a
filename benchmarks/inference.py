"""How fast does a trained model predict? One image, and 10,000, beside plain Keras.

    python benchmarks/inference.py --output benchmarks/results/inference.json

For one image, `predict` of a loaded model is timed; the seconds are medians over many calls. For
10,000 images, `predict` and `keras.Model.predict` run on the same network in turn, after a turn
that does not count. Each uses its default batch size.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar

NETWORKS = ("cnn2", "cnn4", "fastnet", "resnet20")
CALLS = 200  # of one image


def main() -> None:
    """Measure and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    few = pycifar.load_dataset("cifar10", n_train=500)
    images = np.ascontiguousarray(few.split("test").images)
    rows = []
    for name in NETWORKS:
        model = reloaded(pycifar.train(few, name, epochs=1, seed=1, verbose=0))
        one = timed(lambda model=model: pycifar.predict(model, images[0]), CALLS)
        keras_one = timed(lambda model=model: model.network.predict(images[:1], verbose=0), 20)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(arguments.repeats):
            ours += timed(lambda model=model: pycifar.predict(model, images, type="prob"), 1)
            theirs += timed(lambda model=model: model.network.predict(images, verbose=0), 1)
        rows.append(
            {
                "architecture": name,
                "precision": model.config.precision,
                "one_image_ms": round(1000 * median(one), 2),
                "keras_one_image_ms": round(1000 * median(keras_one), 2),
                "images_per_second": round(len(images) / median(ours)),
                "keras_images_per_second": round(len(images) / median(theirs)),
                "ratio": round(median(b / a for a, b in zip(ours, theirs, strict=True)), 2),
            }
        )
        print(rows[-1], flush=True)
    write_report(arguments.output, networks=rows)


def reloaded(model: pycifar.TrainedModel) -> pycifar.TrainedModel:
    """Save the model, and return it as it is loaded from the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        pycifar.save_model(model, path)
        return pycifar.load_model(path)


def timed(work: Callable[[], Any], n: int) -> list[float]:
    """Return the seconds of each of `n` calls, after one call that does not count."""
    work()
    seconds = []
    for _ in range(n):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
