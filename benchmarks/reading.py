"""Reading CIFAR-10: how much longer than reading the bytes of its six files?

    python benchmarks/reading.py --output benchmarks/results/reading.json

The bytes of the files are read and the data set is loaded in turn, from files that the system has
in memory. This is done for the python batches and for the binary ones. Needs real CIFAR-10 where
PYCIFAR_DATA_DIR points.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from script import command_line, write_report

import pycifar

LAYOUTS = {
    "python": ("cifar-10-batches-py", [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]),
    "binary": (
        "cifar-10-batches-bin",
        [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"],
    ),
}


def main() -> None:
    """Measure both layouts and write the report."""
    arguments = command_line(__doc__, repeats=15).parse_args()
    folder = Path(os.environ["PYCIFAR_DATA_DIR"])
    layouts = {}
    for layout, (name, files) in LAYOUTS.items():
        layouts[layout] = compare(folder / name, files, arguments.repeats)
        print(layout, layouts[layout])
    write_report(arguments.output, (), layouts=layouts)


def compare(folder: Path, files: list[str], repeats: int) -> dict[str, float]:
    """Return medians in milliseconds, and the median of the ratios of each pair."""
    paths = [folder / name for name in files]
    pairs = [
        (
            seconds(lambda: [path.read_bytes() for path in paths]),
            seconds(lambda: pycifar.load_dataset("cifar10", folder)),
        )
        for _ in range(repeats + 1)
    ][1:]  # the first brings the files into memory
    return {
        "bytes_ms": round(1000 * median(read for read, _ in pairs), 1),
        "load_ms": round(1000 * median(load for _, load in pairs), 1),
        "ratio": round(median(load / read for read, load in pairs), 3),
    }


def seconds(task: Callable[[], Any]) -> float:
    """Return the seconds that a task takes, with its result still in memory."""
    gc.collect()
    started = time.perf_counter()
    kept = task()
    elapsed = time.perf_counter() - started
    del kept
    return elapsed


if __name__ == "__main__":
    main()
