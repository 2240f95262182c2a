"""How near does the step of `fastnet` come to what the machine can multiply, and where does it go?

    python benchmarks/limit.py --output benchmarks/results/limit.json

Two rates are measured in turn: that of square matrix products in TensorFlow, of float32 and of
bfloat16, and that at which `train` runs the multiplications and additions of fastnet. The latter
are counted from the shapes. A convolution counts three times: forward, for the gradient of its
weights, and for the gradient of its input. The whitening counts once, as it learns nothing. The
convolution after it counts twice, as it needs no gradient of its input. Then TensorFlow's profiler
gives the shares of the kinds of operations in a step. Needs an otherwise idle machine.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.models.multiply_adds import count_multiply_adds

SIDES = (1024, 2048, 4096)  # of the square matrices; the fastest counts
IMAGES = 10_240
PROFILED = 10  # steps
OPERATION = re.compile(r"(?P<where>[^: ]+):(?P<operation>\w+)")  # as the profiler names them
KINDS = {
    "Conv2D": "convolution",
    "BatchNorm": "normalisation",
    "MaxPool": "pooling",
    "Relu": "ReLU",
}


def main() -> None:
    """Measure and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    dataset = pycifar.load_dataset("cifar10", n_train=IMAGES, n_test=100)
    settings = {"validation": None, "seed": 1, "verbose": 0}
    network = pycifar.train(dataset, "fastnet", epochs=1, **settings).network
    work = operations(network)
    products = {
        f"{name} {side}": product(name, side) for name in ("float32", "bfloat16") for side in SIDES
    }
    rates: dict[str, list[float]] = {name: [] for name in (*products, "fastnet")}
    for _ in range(arguments.repeats):
        for name, multiply in products.items():
            rates[name].append(2 * int(name.split()[1]) ** 3 / fastest(multiply))
        trained = pycifar.train(dataset, "fastnet", epochs=2, **settings)
        rates["fastnet"].append(work * IMAGES / trained.seconds[-1])
    gflops = {name: round(median(found) / 1e9, 1) for name, found in rates.items()}
    limit = max(speed for name, speed in gflops.items() if name.startswith("bfloat16"))
    results = {
        "operations_per_image": work,
        "gflops": gflops,
        "fastnet_share_of_bfloat16": round(gflops["fastnet"] / limit, 3),
        "shares_of_a_step": profile(network, dataset),
    }
    print(results, flush=True)
    write_report(arguments.output, **results)


def operations(network: Any) -> int:
    """Count the multiplications and additions of a training step for each image."""
    counts = {layer.name: count_multiply_adds(layer) for layer in network.layers}
    whitening = counts.pop("whitening")
    return 2 * (whitening + 3 * sum(counts.values()) - counts["conv1_1"])


def product(name: str, side: int) -> Callable[[], Any]:
    """Return a function that multiplies square matrices."""
    import tensorflow as tf

    rng = np.random.default_rng(1)
    a, b = (tf.cast(rng.standard_normal((side, side)), name) for _ in range(2))
    return lambda: tf.matmul(a, b).numpy()[0, 0]


def fastest(task: Callable[[], Any], seconds: float = 2.0) -> float:
    """Repeat a task for a while, and return the seconds of the fastest run."""
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 3:
        started = time.perf_counter()
        task()
        times.append(time.perf_counter() - started)
    return min(times)


def profile(network: Any, dataset: pycifar.Dataset) -> dict[str, float]:
    """Return the share of each kind of operation in the time of a few steps."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    train = dataset.split("train")
    size = ARCHITECTURES["fastnet"].recipe.batch_size
    images = np.ascontiguousarray(train.images[:size])
    truth = np.eye(10, dtype=np.float32)[train.labels[:size]]
    network.train_on_batch(images, truth)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(PROFILED):
            network.train_on_batch(images, truth)
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        names = {number: found.name for number, found in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            operation = OPERATION.fullmatch(names[event.metadata_id])
            if operation is not None:
                spent[kind(**operation.groupdict())] += event.duration_ps
    total = sum(spent.values())
    return {name: round(time / total, 4) for name, time in spent.most_common()}


def kind(where: str, operation: str) -> str:
    """Return the kind that an operation belongs to."""
    if where.startswith("muon/"):
        return "optimizer"
    return next((name for part, name in KINDS.items() if part in operation), "other")


if __name__ == "__main__":
    main()
