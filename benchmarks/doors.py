"""One training through three doors: are the weights equal, and what does R cost?

    python benchmarks/doors.py --epochs 10 --output benchmarks/results/doors_10_epochs.json
    python benchmarks/doors.py --epochs 3 --repeats 3 --doors python r \
        --output benchmarks/results/doors_3_epochs.json

cnn2 is trained on CIFAR-10 with seed 1 in float32 and validated on the test split. Each repeat
trains once through each door, in turn. Each run is a process of its own. Its wall time, its peak
memory and the seconds of its epochs are recorded. The fingerprint of its weights and its history
must be those of every other run. Needs the environment that `make setup` leaves (`. ./env.sh`) and
real CIFAR-10.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import Any

from script import command_line, write_report

IN_PYTHON = """
import json, pycifar, sys
dataset = pycifar.load_dataset("cifar10")
model = pycifar.train(dataset, "cnn2", epochs={epochs}, seed=1, validation="test",
    precision="float32")
print(json.dumps({{"fingerprint": model.fingerprint(), "seconds": model.seconds,
    "history": model.history.to_dict("list"), "versions": model.versions}}))
"""

IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("cifar10")
model <- cifar_train(
  dataset, "cnn2", epochs = {epochs}, seed = 1, validation = "test", precision = "float32"
)
result <- list(
  fingerprint = model$fingerprint, seconds = as.list(model$seconds),
  history = as.list(transform(model$history, value = sprintf("%.17g", value))),
  versions = as.list(model$versions)
)
cat(jsonlite::toJSON(result, auto_unbox = TRUE))
"""


def main() -> None:
    """Measure, compare and write the report."""
    parser = command_line(__doc__, repeats=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--doors", nargs="+", default=["python", "r", "shell"])
    arguments = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for repeat in range(arguments.repeats):
        # Every other round goes backwards, so that no door always runs on a warmer machine.
        for door in arguments.doors if repeat % 2 == 0 else reversed(arguments.doors):
            runs.append({"door": door, "repeat": repeat + 1, **measure(door, arguments.epochs)})
            print({name: runs[-1][name] for name in ("door", "wall", "peak_mb", "fingerprint")})
    identical = len({json.dumps([r["fingerprint"], r["history"]]) for r in runs}) == 1
    write_report(
        arguments.output,
        (),
        versions=runs[0]["versions"],
        identical=identical,
        fingerprint=runs[0]["fingerprint"],
        history=runs[0]["history"],
        **summarise(runs),
        runs=[
            {name: run[name] for name in ("door", "repeat", "wall", "peak_mb", "seconds")}
            for run in runs
        ],
    )
    print(f"identical: {identical}; written to {arguments.output}")
    sys.exit(0 if identical else 1)


def measure(door: str, epochs: int) -> dict[str, Any]:
    """Run one training in a process of its own.

    Return its wall time in seconds and its peak memory in MB, beside what it printed.
    """
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        child = subprocess.Popen(command(door, epochs), stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        if status:
            sys.exit(f"{door} failed with status {status}")
        output.seek(0)
        told = json.load(output)
    peak = usage.ru_maxrss / 1024
    return {
        "wall": round(wall, 2),
        "peak_mb": round(peak, 1),
        "seconds": [round(s, 2) for s in told["seconds"]],
        "fingerprint": told["fingerprint"],
        "history": as_columns(told["history"]),
        "versions": told["versions"],
    }


def command(door: str, epochs: int) -> list[str]:
    """Return the command that trains through a door."""
    if door == "python":
        return [sys.executable, "-c", IN_PYTHON.format(epochs=epochs)]
    if door == "r":
        return ["Rscript", "-e", IN_R.format(epochs=epochs)]
    options = f"train --dataset cifar10 --architecture cnn2 --epochs {epochs} --seed 1"
    return ["pycifar", *options.split(), "--validation=test", "--precision=float32", "--json"]


def as_columns(history: Any) -> dict[str, list[Any]]:
    """Return the history as columns, in whichever form a door prints it."""
    if isinstance(history, list):
        history = {name: [row[name] for row in history] for name in history[0]}
    # R writes 17 digits as text, which tell every double from its neighbours.
    return history | {"value": [float(value) for value in history["value"]]}


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Compute medians over the repeats, and the ratio of each door to Python by repeat."""
    doors = list(dict.fromkeys(run["door"] for run in runs))
    medians = {
        door: {
            "wall": median(run["wall"] for run in runs if run["door"] == door),
            "training": median(sum(run["seconds"]) for run in runs if run["door"] == door),
            "peak_mb": median(run["peak_mb"] for run in runs if run["door"] == door),
        }
        for door in doors
    }
    by_repeat = {(run["door"], run["repeat"]): run["wall"] for run in runs}
    ratios = {
        door: [
            round(wall / by_repeat["python", repeat], 4)
            for (name, repeat), wall in sorted(by_repeat.items())
            if name == door
        ]
        for door in doors
        if door != "python"
    }
    return {"medians": medians, "wall_ratio_to_python": ratios}


if __name__ == "__main__":
    main()
