"""How fast does a training read images that are not in memory, and how much memory does it take?

    python benchmarks/larger_than_memory.py PHOTOGRAPHS \
        --output benchmarks/results/larger_than_memory.json

PHOTOGRAPHS is a folder of class folders of photographs. They are linked over and over until there
are 50,000, in a temporary folder. All of them are trained on at 224 pixels: read from their files,
and from a cache. These processes may not have more than 3 GB of data (RLIMIT_DATA). Beside them, a
training has as many photographs in memory as there are different ones. The three take turns. They
do the same steps on two networks: ResNet-18 of half the width, which computes about as much an image
as MobileNetV2; and four convolutions that hardly compute anything, so that reading takes the largest
share that it can. Steps are timed after the first few. At last, one epoch of the latter over all
photographs tells the peak of the resident memory.

Needs Linux, and 8 GB of disk in the temporary folder.
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
SKIPPED = 8  # steps that are not timed: the first ones compile, and take what was made ahead
STEPS = {"half_resnet18": 30, "four_convolutions": 150}


def main() -> None:
    """Measure and write the report."""
    parser = command_line(__doc__, repeats=3)
    parser.add_argument("photographs", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pycifar-") as place:
        few, many, cache = (Path(place, name) for name in ("few", "many", "cache"))
        n = link(arguments.photographs, few, 1)
        link(arguments.photographs, many, -(-N // n), N)
        loading = {"pictures": N}
        for name, given in (("files", None), ("new cache", cache), ("cache", cache)):
            loading[name] = in_a_process(load, many, given)
            print(name, loading[name], flush=True)
        kinds = {"memory": (few, True, None), "files": (many, False, None)}
        kinds["cache"] = (many, None, cache)
        speeds = []
        for network in STEPS:
            found: dict[str, list[float]] = {kind: [] for kind in kinds}
            for _ in range(arguments.repeats):
                for kind, given in kinds.items():
                    found[kind].append(in_a_process(speed, network, *given))
                    print(network, kind, found[kind][-1], flush=True)
            speeds.append(summary(network, found))
        whole = {kind: in_a_process(epoch, *kinds[kind]) for kind in ("files", "cache")}
        print(whole, flush=True)
    write_report(
        arguments.output,
        different_pictures=n,
        image_size=SIZE,
        batch_size=BATCH,
        limit_gb=LIMIT / 2**30,
        loading=loading,
        speeds=speeds,
        whole_epoch=whole,
    )


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


def loaded(folder: Path, in_memory: bool | None, cache_dir: Path | None) -> pycifar.Dataset:
    """Load a data set of photographs."""
    return pycifar.load_dataset(
        "folder", folder, image_size=SIZE, in_memory=in_memory, cache_dir=cache_dir
    )


def load(folder: Path, cache_dir: Path | None) -> dict[str, float]:
    """Return the seconds of loading, which reads all photographs once, and the peak of memory."""
    limited()
    started = time.perf_counter()
    loaded(folder, False, cache_dir)
    return {"seconds": round(time.perf_counter() - started, 1), "peak_mb": peak_mb()}


def speed(network: str, folder: Path, in_memory: bool | None, cache_dir: Path | None) -> float:
    """Return the images a second of a training."""
    if not in_memory:
        limited()
    ends: list[float] = []

    def note(batch: int, logs: Any) -> bool:
        ends.append(time.perf_counter())
        return len(ends) < SKIPPED + STEPS[network]

    pycifar.train(
        loaded(folder, in_memory, cache_dir),
        globals()[network],
        epochs=1,
        batch_size=BATCH,
        validation=None,
        callbacks={"on_train_batch_end": note},
        seed=1,
        verbose=0,
    )
    return round(BATCH * STEPS[network] / (ends[-1] - ends[SKIPPED - 1]), 1)


def epoch(folder: Path, in_memory: bool | None, cache_dir: Path | None) -> dict[str, float]:
    """Return the seconds of an epoch over all photographs, and the peak of memory."""
    limited()
    dataset = loaded(folder, in_memory, cache_dir)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": BATCH, "validation": None, "seed": 1}
    model = pycifar.train(dataset, four_convolutions, verbose=0, **settings)
    return {"seconds": round(model.seconds[0], 1), "peak_mb": peak_mb()}


def peak_mb() -> int:
    """Return the highest resident memory of this process so far, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def summary(network: str, found: dict[str, list[float]]) -> dict[str, Any]:
    """Return medians of the speeds, and of the ratios to the training in memory of each turn."""
    ratios = {
        kind: [there / here for here, there in zip(found["memory"], found[kind], strict=True)]
        for kind in ("files", "cache")
    }
    return {
        "network": network,
        "images_per_second": {kind: median(values) for kind, values in found.items()},
        "to_memory": {kind: round(median(values), 3) for kind, values in ratios.items()},
        "turns": found,
    }


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
