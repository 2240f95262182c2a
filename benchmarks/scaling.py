"""Do time and memory stay in proportion when the training set grows, and how fast is loading?

    python benchmarks/scaling.py --output benchmarks/results/scaling.json

For loading, `load_dataset("cifar10")` and the reader of `keras.datasets.cifar10` read the same six
files in turn. For growing, `cnn2` trains an epoch on 10,000 to 200,000 images, CIFAR-10 over and
over, each in a process of its own. The seconds per image are recorded, and how far memory rises
above what it was with the images loaded. Needs Linux, and real CIFAR-10 in the python layout where
PYCIFAR_DATA_DIR points.
"""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from contestants import in_a_process
from script import command_line, write_report

import pycifar

SIZES = (10_000, 25_000, 50_000, 100_000, 200_000)
FOLDER = "cifar-10-batches-py"


def main() -> None:
    """Measure and write the report."""
    arguments = command_line(__doc__, repeats=7).parse_args()
    loading = compare_loading(arguments.repeats)
    print(loading, flush=True)
    rows = []
    for n in SIZES:
        rows.append(in_a_process(grow, n))
        print(rows[-1], flush=True)
    write_report(arguments.output, loading=loading, growing=rows)


def compare_loading(repeats: int) -> dict[str, float]:
    """Return medians in milliseconds, and the median of the ratios of each pair."""
    pairs = [(seconds_of(load_ours), seconds_of(load_as_keras_does)) for _ in range(repeats + 1)]
    ours, theirs = zip(*pairs[1:], strict=True)
    return {
        "pycifar_ms": round(1000 * median(ours), 1),
        "keras_ms": round(1000 * median(theirs), 1),
        "ratio": round(median(b / a for a, b in pairs[1:]), 2),
    }


def load_ours() -> Any:
    """Load both splits."""
    return pycifar.load_dataset("cifar10")


def load_as_keras_does() -> Any:
    """Read the files as `keras.datasets.cifar10.load_data` does, by Keras's own reader."""
    from keras.src.datasets.cifar import load_batch

    folder = Path(os.environ["PYCIFAR_DATA_DIR"], FOLDER)
    images = np.empty((50_000, 3, 32, 32), "uint8")
    labels = np.empty(50_000, "uint8")
    for i in range(5):
        part = slice(10_000 * i, 10_000 * (i + 1))
        images[part], labels[part] = load_batch(str(folder / f"data_batch_{i + 1}"))
    test_images, test_labels = load_batch(str(folder / "test_batch"))
    return (
        (images.transpose(0, 2, 3, 1), labels.reshape(-1, 1)),
        (test_images.transpose(0, 2, 3, 1), np.reshape(test_labels, (-1, 1))),
    )


def seconds_of(work: Any) -> float:
    """Return the seconds of a call, whose result is released afterwards."""
    gc.collect()
    started = time.perf_counter()
    made = work()
    seconds = time.perf_counter() - started
    del made
    return seconds


def grow(n: int) -> dict[str, Any]:
    """Train one epoch on `n` images."""
    from pycifar.datasets import Dataset, Split

    found = pycifar.load_dataset("cifar10")
    train = found.split("train")
    times = -(-n // len(train))
    images = np.concatenate([train.images] * times)[:n]
    labels = np.concatenate([train.labels] * times)[:n]
    splits = {"train": Split(images, labels), "test": found.split("test")}
    dataset = Dataset("grown", splits, found.class_names, source="CIFAR-10 over and over")
    del found, train
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS")
    model = pycifar.train(dataset, "cnn2", epochs=1, validation=None, seed=1, verbose=0)
    peak = memory("VmHWM")
    return {
        "images": n,
        "seconds": round(model.seconds[0], 2),
        "milliseconds_per_image": round(1000 * model.seconds[0] / n, 4),
        "peak_mb": round(peak / 1e6),
        "training_mb": round((peak - before) / 1e6),
    }


def memory(name: str) -> int:
    """Return a figure of Linux on the memory of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
