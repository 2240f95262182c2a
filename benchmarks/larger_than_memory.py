"""How fast does a training read images that are not in memory, and how much memory does it take?

    python benchmarks/larger_than_memory.py PHOTOGRAPHS \
        --output benchmarks/results/larger_than_memory.json

PHOTOGRAPHS is a folder of class folders of photographs. Steps of a training at 224 pixels take
turns, ten and ten, of images in memory, of images that are read from their files, and of images
that are read from a cache. This is done with two networks: ResNet-18 with half of its filters, as
somebody may train on photographs; and four convolutions that hardly compute anything, so that
reading takes the largest share that it can. Then the photographs are linked over and over until
there are 50,000, which would take 7.5 GB in memory, and the small network is trained for an epoch
on all of them, by a process that is refused more than 3 GB of data (RLIMIT_DATA). Needs Linux, and
8 GB of disk in the temporary folder.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from contestants import in_a_process
from script import command_line, write_report

import pycifar

N, SIZE, BATCH = 50_000, 224, 32
LIMIT = 3 << 30  # bytes
KINDS = ("memory", "files", "cache")
NETWORKS = ("half_resnet18", "four_convolutions")
SKIPPED, TIMED = 5, 10  # steps of a turn: the first ones find images that were made ahead


def main() -> None:
    """Measure and write the report."""
    parser = command_line(__doc__, repeats=20)
    parser.add_argument("photographs", type=Path)
    arguments = parser.parse_args()
    report: dict[str, Any] = {"image_size": SIZE, "batch_size": BATCH, "limit_gb": LIMIT / 2**30}
    with tempfile.TemporaryDirectory(prefix="pycifar-") as place:
        few, many, cache = (Path(place, name) for name in ("few", "many", "cache"))
        report["pictures"] = link(arguments.photographs, few, 1)
        report["speeds"], report["epochs"] = [], []
        for network in NETWORKS:
            report["speeds"].append(in_a_process(speeds, network, few, cache, arguments.repeats))
            print(report["speeds"][-1], flush=True)
        link(arguments.photographs, many, -(-N // report["pictures"]), N)
        for kind in KINDS[1:]:
            report["epochs"].append(in_a_process(epoch, many, kind, cache))
            print(report["epochs"][-1], flush=True)
    write_report(arguments.output, **report)


def link(photographs: Path, target: Path, times: int, most: int | None = None) -> int:
    """Fill a folder with photographs, each under several names; return how many there are."""
    files = sorted(path for path in photographs.rglob("*") if path.suffix in (".jpg", ".png"))
    names = itertools.product(range(times), files)
    first: dict[Path, Path] = {}
    for number, (time_, file) in enumerate(itertools.islice(names, most)):
        path = target / "train" / file.parent.name / f"{time_}-{number}{file.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if file in first:
            os.link(first[file], path)
        else:
            first[file] = Path(shutil.copyfile(file, path))
    return number + 1


def limited() -> None:
    """Refuse this process more than `LIMIT` bytes of data, which is all but code and files."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


def loaded(folder: Path, kind: str, cache: Path) -> pycifar.Dataset:
    """Load a data set of photographs."""
    return pycifar.load_dataset(
        "folder",
        folder,
        image_size=SIZE,
        in_memory=kind == "memory",
        cache_dir=cache if kind == "cache" else None,
    )


def speeds(network: str, folder: Path, cache: Path, turns: int) -> dict[str, Any]:
    """Return medians of the images a second, and of their ratios to those in memory of a turn."""
    from pycifar.config import Settings
    from pycifar.training.prepare import prepare

    settings = Settings(epochs=1, batch_size=BATCH, validation=None, seed=1)
    ready = {
        kind: prepare(loaded(folder, kind, cache), globals()[network], settings) for kind in KINDS
    }
    learner = ready["memory"].learner
    learner.begin(*ready["memory"].batches.example())
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(turns + 1):
        for kind in KINDS:
            steps = itertools.product(range(1 + 2 * turn, 3 + 2 * turn), range(90))
            ends = []
            with ready[kind].batches.make_in_turn(steps) as batches:
                for batch in itertools.islice(batches, SKIPPED + TIMED):
                    float(learner.step(*batch)["loss"])
                    ends.append(time.perf_counter())
            found[kind].append(BATCH * TIMED / (ends[-1] - ends[SKIPPED - 1]))
    found = {kind: values[1:] for kind, values in found.items()}  # the first turn compiles
    ratios = {
        kind: [there / here for here, there in zip(found["memory"], found[kind], strict=True)]
        for kind in KINDS[1:]
    }
    return {
        "network": network,
        "turns": turns,
        "images_per_second": {kind: round(median(values), 1) for kind, values in found.items()},
        "to_memory": {kind: round(median(values), 3) for kind, values in ratios.items()},
    }


def epoch(folder: Path, kind: str, cache: Path) -> dict[str, Any]:
    """Load all photographs, and train for an epoch on them."""
    limited()
    started = time.perf_counter()
    dataset = loaded(folder, kind, cache)
    seconds = time.perf_counter() - started
    settings: dict[str, Any] = {"epochs": 1, "batch_size": BATCH, "validation": None, "seed": 1}
    model = pycifar.train(dataset, four_convolutions, verbose=0, **settings)
    return {
        "kind": kind,
        "pictures": len(dataset.split("train")),
        "gb_in_memory": round(len(dataset.split("train")) * SIZE**2 * 3 / 1e9, 1),
        "loading_seconds": round(seconds, 1),
        "epoch_seconds": round(model.seconds[0], 1),
        "peak_mb": peak_mb(),
    }


def peak_mb() -> int:
    """Return the highest resident memory of this process so far, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def half_resnet18(input_shape: tuple[int, int, int], n_classes: int) -> Any:
    """Build ResNet-18 (He et al. 2015) with half of its filters."""
    from pycifar.backend import keras

    layers = keras.layers

    def convolved(values: Any, n: int, side: int, strides: int = 1) -> Any:
        values = layers.Conv2D(n, side, strides, padding="same", use_bias=False)(values)
        return layers.BatchNormalization()(values)

    start = keras.Input(input_shape)
    values = convolved(layers.Rescaling(1 / 127.5, -1)(start), 32, 7, 2)
    values = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(values))
    for n, strides in ((32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        changed = convolved(layers.ReLU()(convolved(values, n, 3, strides)), n, 3)
        if values.shape[1:] != changed.shape[1:]:
            values = convolved(values, n, 1, strides)
        values = layers.ReLU()(layers.Add()([values, changed]))
    outputs = layers.Dense(n_classes, activation="softmax")
    return keras.Model(start, outputs(layers.GlobalAveragePooling2D()(values)))


def four_convolutions(input_shape: tuple[int, int, int], n_classes: int) -> Any:
    """Build four convolutions with strides, which compute little."""
    from pycifar.backend import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Rescaling(1 / 127.5, -1),
            *(layers.Conv2D(n, 3, strides=2, activation="relu") for n in (16, 32, 64, 64)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


if __name__ == "__main__":
    main()
