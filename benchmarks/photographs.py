"""Photographs: how fast they are read, and how near to what Keras and torchvision read.

    python benchmarks/photographs.py FOLDER --output benchmarks/results/photographs.json

FOLDER has the photographs in train/<class>/ and test/<class>/. They are read by `load_dataset` and
by `keras.utils.image_dataset_from_directory`, iterated to NumPy, in turn, from files that the
system has in memory. The same is done with photographs of 12 megapixels, made of some of them by
upscaling in a temporary folder. Then a network is trained on them by each rule.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from PIL import Image
from script import command_line, write_report

import pycifar

SIZE = 224  # pixels
LARGE = (4000, 3000)
RULES = [
    {"how": how, "filter": by}
    for by in ("bilinear", "lanczos")
    for how in ("squash", "crop", "pad")
]


def main() -> None:
    """Measure all, and write the report."""
    parser = command_line(__doc__, repeats=7)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--large", type=int, default=24, help="how many of 12 megapixels")
    parser.add_argument("--epochs", type=int, default=8, help="of each training")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        enlarge(arguments.folder / "train", Path(folder), arguments.large)
        reading = {
            "photographs of 256 pixels": compare(arguments.folder / "train", arguments.repeats),
            "photographs of 12 megapixels": compare(Path(folder), arguments.repeats),
        }
    write_report(
        arguments.output,
        ("pycifar", "tensorflow", "keras", "pillow"),
        size=SIZE,
        reading=reading,
        likeness=likeness(arguments.folder / "test"),
        training=training(arguments),
    )


def enlarge(photographs: Path, folder: Path, n: int) -> None:
    """Write some photographs with 12 megapixels, in folders of two classes."""
    files = sorted(photographs.rglob("*.jpg"))
    for i, file in enumerate(files[:: len(files) // n][:n]):
        (folder / "ab"[i % 2]).mkdir(exist_ok=True)
        with Image.open(file) as image:
            size = LARGE if image.width > image.height else LARGE[::-1]
            large = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        large.save(folder / "ab"[i % 2] / file.name, quality=90)


def compare(folder: Path, repeats: int) -> dict[str, Any]:
    """Return the number of images, medians in milliseconds an image, and ratios of pairs.

    Beside the time on the clock is that of the processors: where other programs run, it says more.
    """
    tasks: dict[str, Callable[[], Any]] = {
        "Keras": lambda: sum(map(len, batches_of_keras(folder))),  # keeps none of them
        "Keras, kept": lambda: kept(batches_of_keras(folder), n),
        "bilinear": lambda: read(folder, {"filter": "bilinear"}),
        "lanczos": lambda: read(folder, {"filter": "lanczos"}),
    }
    n = sum(map(len, batches_of_keras(folder)))
    rounds = [{name: seconds(task) for name, task in tasks.items()} for _ in range(repeats)]
    found: dict[str, Any] = {"images": n}
    for i, clock in enumerate(("wall", "processors")):
        found[clock] = {
            name: {
                "ms_an_image": round(1000 * median(r[name][i] for r in rounds) / n, 3),
                "ratio_to_keras": round(median(r[name][i] / r["Keras"][i] for r in rounds), 2),
            }
            for name in tasks
        }
    return found


def seconds(task: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds that a task takes by the clock, and of all processors together."""
    started = time.perf_counter(), time.process_time()
    kept = task()
    elapsed = time.perf_counter() - started[0], time.process_time() - started[1]
    del kept
    return elapsed


def read(folder: Path, resize: Any) -> np.ndarray:
    """Return images as `load_dataset` reads them."""
    dataset = pycifar.load_dataset("folder", folder, image_size=SIZE, resize=resize, verbose=False)
    return dataset.split("train").images


def kept(batches: Iterator[np.ndarray], n: int) -> np.ndarray:
    """Return `n` images that come in batches, as `load_dataset` keeps them."""
    images = np.empty((n, SIZE, SIZE, 3), np.uint8)
    done = 0
    for batch in batches:
        images[done : done + len(batch)] = batch
        done += len(batch)
    return images


def read_by_keras(folder: Path, **options: Any) -> np.ndarray:
    """Return images as Keras reads them, in the order of their paths."""
    return np.concatenate([*batches_of_keras(folder, **options)])


def batches_of_keras(folder: Path, **options: Any) -> Iterator[np.ndarray]:
    """Yield batches of images as Keras reads them."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(SIZE, SIZE), shuffle=False, verbose=False, **options
    )
    for images, _ in dataset.as_numpy_iterator():
        yield images


def read_by_torchvision(folder: Path) -> np.ndarray:
    """Return images as torchvision's Resize(256) and CenterCrop(224) make them, through Pillow."""
    return np.array([np.asarray(image) for image in cropped(folder)])


def cropped(folder: Path) -> Iterator[Image.Image]:
    """Yield the centres of photographs whose shorter side was made 256 pixels long."""
    for file in sorted(folder.rglob("*.jpg")):
        with Image.open(file) as image:
            scale = 256 / min(image.size)
            sides = [256 if side == min(image.size) else int(scale * side) for side in image.size]
            small = image.convert("RGB").resize(sides, Image.Resampling.BILINEAR)
        left, top = (round((side - SIZE) / 2) for side in sides)
        yield small.crop((left, top, left + SIZE, top + SIZE))


def likeness(folder: Path) -> dict[str, dict[str, float]]:
    """Return the mean PSNR in dB of what each rule reads to what others read."""
    others = {
        "Keras": read_by_keras(folder),
        "Keras, cropped": read_by_keras(folder, crop_to_aspect_ratio=True),
        "Keras, padded": read_by_keras(folder, pad_to_aspect_ratio=True),
        "torchvision": read_by_torchvision(folder),
    }
    ours = {f"{rule['how']}, {rule['filter']}": read(folder, rule) for rule in RULES}
    return {
        name: {other: round(psnr(images, theirs), 1) for other, theirs in others.items()}
        for name, images in ours.items()
    }


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean over images of the peak signal-to-noise ratio in dB."""
    errors = [((a.astype(float) - b) ** 2).mean() for a, b in zip(one, other, strict=True)]
    return mean(float(10 * np.log10(255**2 / error)) for error in errors)


def training(arguments: Namespace) -> dict[str, list[float]]:
    """Return the test accuracies of `fastnet` by each rule, by seed, on images of 64 pixels."""
    accuracies = {}
    for rule in RULES:
        dataset = pycifar.load_dataset(
            "folder", arguments.folder, image_size=64, resize=rule, verbose=False
        )
        accuracies[f"{rule['how']}, {rule['filter']}"] = [
            round(accuracy_of(dataset, arguments.epochs, seed), 4)
            for seed in range(1, arguments.seeds + 1)
        ]
    return accuracies


def accuracy_of(dataset: pycifar.Dataset, epochs: int, seed: int) -> float:
    """Return the test accuracy of a quick training."""
    model = pycifar.train(dataset, "fastnet", epochs=epochs, batch_size=64, seed=seed, verbose=0)
    return pycifar.evaluate(model, dataset).accuracy


if __name__ == "__main__":
    main()
