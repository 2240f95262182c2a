"""Exports: how near are they to the model, how much does int8 cost, and how fast is ONNX?

    python benchmarks/exports.py --output benchmarks/results/exports.json

Needs real CIFAR-10 and the extras `onnx`, `litert` and `openvino`. Each architecture is trained for
one epoch with its defaults, on drawn images, and exported to each format. `fastnet-cifar10`, and
`cnn2` after some epochs on CIFAR-10, are measured on the test images as they are and in int8. Both
and `resnet20`, after one epoch, predict one picture, and many pictures, by `predict` of the loaded
model, by onnxruntime with their ONNX files in float32 and in int8, and by OpenVINO with those in
float32, in turn. OpenVINO computes in the precision that the network has in Keras.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.export.export import drawn
from pycifar.export.formats import FORMATS
from pycifar.export.openvino import library

PACKAGES = (
    *("pycifar", "tensorflow", "keras", "onnx", "onnxruntime", "tf2onnx"),
    *("ai-edge-litert", "openvino"),
)
SIDE = 64  # pixels, of networks that are made for large images
MANY = 10_000  # pictures
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # as OpenVINO has them
AT_ONCE = 32  # pictures that onnxruntime is given at a time; more are not faster
BLOCK = 500  # pictures that OpenVINO is given at a time, as many as `predict` takes

Task = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Export, measure, and write the report."""
    parser = command_line(__doc__, repeats=7)
    parser.add_argument("--epochs", type=int, default=3, help="of cnn2 on CIFAR-10")
    arguments = parser.parse_args()
    cifar10 = pycifar.load_dataset("cifar10", verbose=False)
    models = {
        "fastnet-cifar10": pycifar.load_model("fastnet-cifar10"),
        "cnn2": pycifar.train(cifar10, "cnn2", epochs=arguments.epochs, seed=1, verbose=0),
        "resnet20": pycifar.train(cifar10, "resnet20", epochs=1, seed=1, verbose=0),
    }
    write_report(
        arguments.output,
        PACKAGES,
        differences=differences(),
        int8={name: int8(models[name], cifar10) for name in ("fastnet-cifar10", "cnn2")},
        speed={name: speed(model, cifar10, arguments.repeats) for name, model in models.items()},
    )


def few(side: int) -> pycifar.Dataset:
    """Return drawn images of a size, to train on."""
    small = pycifar.load_dataset("synthetic", n_train=400, n_test=40)
    if side == 32:
        return small
    splits = {
        name: (drawn((side, side, 3), len(part)), part.labels)
        for name, part in small.splits.items()
    }
    return pycifar.load_dataset({"train": splits["train"]}, class_names=small.class_names)


def differences() -> dict[str, dict[str, Any]]:
    """Return what was found of each architecture in each format."""
    found: dict[str, dict[str, Any]] = {}
    for row in pycifar.list_architectures().itertuples():
        side = SIDE if row.image_size > 32 else 32
        model = pycifar.train(few(side), row.architecture, epochs=1, seed=1, verbose=0)
        found[row.architecture] = {"precision": model.config.precision, "pixels": side}
        with TemporaryDirectory() as folder:
            for suffix, kind in FORMATS.items():
                export = pycifar.export_model(model, Path(folder, f"model{suffix}"))
                found[row.architecture]["rounding"] = export.rounding
                found[row.architecture][kind.NAME] = {
                    "largest_difference": export.largest_difference,
                    "bytes": export.bytes,
                }
        print(row.architecture, found[row.architecture], flush=True)
    return found


def int8(model: pycifar.TrainedModel, dataset: pycifar.Dataset) -> dict[str, Any]:
    """Return the accuracy on all test images, as it is and in int8, and the sizes in bytes."""
    found: dict[str, Any] = {"accuracy": pycifar.evaluate(model, dataset).accuracy}
    test = dataset.split("test")
    for suffix, kind in FORMATS.items():
        if kind.QUANTIZES:
            with TemporaryDirectory() as folder:
                whole, small = (Path(folder, f"{name}{suffix}") for name in ("whole", "small"))
                before = pycifar.export_model(model, whole)
                after = pycifar.export_model(model, small, dataset, "int8")
                classes = in_blocks(kind.load(small), 100)(test.images).argmax(axis=1)
            accuracy = float((classes == test.labels).mean())
            sizes = {"bytes": before.bytes, "bytes_int8": after.bytes}
            found[kind.NAME] = {"accuracy_int8": accuracy} | sizes
    return found


def in_blocks(run: Task, size: int, each: Callable[..., Iterable[np.ndarray]] = map) -> Task:
    """Return a function that gives another one `size` images at a time, by `map` or the like."""
    return lambda images: np.concatenate(
        list(each(run, [images[start : start + size] for start in range(0, len(images), size)]))
    )


def speed(model: pycifar.TrainedModel, dataset: pycifar.Dataset, repeats: int) -> dict[str, Any]:
    """Return seconds of `predict` and of the ONNX files, medians, for one picture and for many.

    With them are the largest differences of a probability from those of `predict`.
    """
    one, many = drawn(model.image_shape, 1), drawn(model.image_shape, MANY)
    with TemporaryDirectory() as folder:
        path, whole, small = (Path(folder, name) for name in ("a.keras", "a.onnx", "b.onnx"))
        loaded = pycifar.load_model(pycifar.save_model(model, path))
        pycifar.export_model(loaded, whole)
        pycifar.export_model(loaded, small, dataset, "int8")
        tasks: dict[str, Task] = {
            "predict": lambda images: pycifar.predict(loaded, images, "prob"),
            "onnx": in_blocks(FORMATS[".onnx"].load(whole), AT_ONCE),
            "int8": in_blocks(FORMATS[".onnx"].load(small), AT_ONCE),
            "openvino": by_openvino(whole, model.config.precision),
        }

    found: dict[str, Any] = {"precision": model.config.precision}
    for name, images, times in (("one", one, 20), ("many", many, 1)):
        first = {which: task(images) for which, task in tasks.items()}
        rounds = [
            {which: seconds(task, images, times) for which, task in tasks.items()}
            for _ in range(repeats)
        ]
        found[name] = {which: median(r[which] for r in rounds) for which in tasks}
        for which in ("onnx", "int8", "openvino"):
            found[name][f"{which}_ratio"] = median(r[which] / r["predict"] for r in rounds)
            found[name][f"{which}_difference"] = float(abs(first[which] - first["predict"]).max())
    return found


def by_openvino(path: Path, precision: str) -> Task:
    """Return the function from images to probabilities of an ONNX file, some blocks at a time."""
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": PRECISIONS[precision]}
    compiled = library().Core().compile_model(path, "CPU", hints)
    at_once = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    idle: SimpleQueue[Any] = SimpleQueue()
    for _ in range(at_once):
        idle.put(compiled.create_infer_request())

    def infer(block: np.ndarray) -> np.ndarray:
        request = idle.get()
        found = np.array(request.infer([block])[0])
        idle.put(request)
        return found

    return in_blocks(infer, BLOCK, ThreadPoolExecutor(at_once).map)


def seconds(task: Task, images: np.ndarray, times: int) -> float:
    """Return the seconds that a task takes, the mean over some times."""
    started = time.perf_counter()
    for _ in range(times):
        task(images)
    return (time.perf_counter() - started) / times


if __name__ == "__main__":
    main()
