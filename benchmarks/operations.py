"""Operations: what a training step of networks for photographs spends its time on.

    python benchmarks/operations.py --output benchmarks/results/operations.json

Steps on 32 images of 224×224 pixels, all layers learning, batch normalisation frozen as with
pretrained weights. TensorFlow's profiler gives the time of all processors by kind of operation.
Then a step is timed in float32, in bfloat16, and without batch normalisation, which is more than
folding it into the kernels could save; in turn, medians.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.architectures import keep_statistics
from pycifar.backend import keras, tensorflow
from pycifar.precision import computing_in, has_bfloat16

NETWORKS = ("efficientnet_lite0", "resnet50_v2")
SIZE, BATCH = 224, 32
PROFILED = 3  # steps
SHOWN = 6  # kinds of operations
# What contains the operations, and would count them twice.
WHOLES = ("Process", "Run", "__inference", "__forward", "__backward", "PartitionedCall", "Session")


def main() -> None:
    """Profile, measure, and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    found = {}
    for name in NETWORKS:
        found[name] = {"shares": shares(name), "ms_an_image": times(name, arguments.repeats)}
        print(name, found[name], flush=True)
    write_report(arguments.output, size=SIZE, batch=BATCH, networks=found)


def step_of(name: str, precision: str = "float32", without: bool = False) -> Callable[[], Any]:
    """Return a function that does one training step of a network."""
    with computing_in(precision):
        network = pycifar.build_model(name, (SIZE, SIZE, 3), 10, seed=1, precision=precision)
    keep_statistics(network)
    if without:
        network = keras.models.clone_model(network, clone_function=_without_normalisation)
    network.compile(keras.optimizers.SGD(1e-6, momentum=0.9), "sparse_categorical_crossentropy")
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (BATCH, SIZE, SIZE, 3)).astype(np.uint8)
    labels = random.integers(0, 10, BATCH)
    return lambda: network.train_on_batch(images, labels)


class Nothing(keras.layers.Layer):
    """A layer that returns what it takes."""

    def call(self, values: Any, mask: Any = None) -> Any:
        """Return the values."""
        return values


def _without_normalisation(layer: Any) -> Any:
    if isinstance(layer, keras.layers.BatchNormalization):
        return Nothing(name=layer.name, dtype=layer.dtype_policy)
    return type(layer).from_config(layer.get_config())


def shares(name: str) -> dict[str, float]:
    """Return the share of the time of all processors by kind of operation, the largest ones."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    step = step_of(name)
    step()
    with TemporaryDirectory() as folder:
        tensorflow.profiler.experimental.start(folder)
        for _ in range(PROFILED):
            step()
        tensorflow.profiler.experimental.stop()
        [file] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        if plane.name == "/host:CPU":
            for line in plane.lines:
                for event in line.events:
                    kind = plane.event_metadata[event.metadata_id].name
                    if ":" in kind and not kind.startswith(WHOLES):
                        spent[kind.rpartition(":")[2].lstrip("_")] += event.duration_ps
    whole = sum(spent.values())
    return {kind: round(time / whole, 3) for kind, time in spent.most_common(SHOWN)}


def times(name: str, repeats: int) -> dict[str, float]:
    """Return the milliseconds an image of a step in each way."""
    steps = {"float32": step_of(name), "without normalisation": step_of(name, without=True)}
    if has_bfloat16():
        steps["bfloat16"] = step_of(name, "bfloat16")
    for step in steps.values():
        step()
    rounds = [{way: seconds(step) for way, step in steps.items()} for _ in range(repeats)]
    return {way: round(1000 * median(r[way] for r in rounds) / BATCH, 2) for way in steps}


def seconds(step: Callable[[], Any]) -> float:
    """Return the seconds that a step takes."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
