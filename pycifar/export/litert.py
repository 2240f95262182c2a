"""LiteRT, earlier TensorFlow Lite, for phones and small computers; in int8 if asked."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.backend import tensorflow
from pycifar.export.description import FILE, LABELS, as_json, labels_of
from pycifar.export.network import Computation
from pycifar.processor import usable_cores

NAME = "LiteRT"
SUFFIX = ".tflite"
MODULES = ("ai_edge_litert",)
RUNTIME = "ai-edge-litert"  # the package that runs it
FOLDER_HAS = None
BESIDE = ()
QUANTIZES = True


def write(
    computation: Computation,
    saved: Path,
    path: Path,
    description: dict[str, Any],
    calibrating: np.ndarray | None,
) -> None:
    """Convert a SavedModel; `calibrating` images, if any, fit the ranges of numbers in int8.

    The description is in a ZIP archive at the end of the file, where LiteRT keeps associated files.
    """
    lite = tensorflow.lite
    converter = lite.TFLiteConverter.from_saved_model(str(saved))
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS]
    if calibrating is not None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _one_by_one(calibrating)
    path.write_bytes(converter.convert())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FILE, as_json(description))
        archive.writestr(LABELS, labels_of(description))


def _one_by_one(images: np.ndarray) -> Iterator[list[np.ndarray]]:
    for number in range(len(images)):
        yield [images[number : number + 1]]


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from images to probabilities."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=usable_cores())
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    shape: list[tuple[int, ...]] = []

    def probabilities(images: np.ndarray) -> np.ndarray:
        if shape != [images.shape]:
            interpreter.resize_tensor_input(taken["index"], images.shape)
            interpreter.allocate_tensors()
            shape[:] = [images.shape]
        interpreter.set_tensor(taken["index"], images)
        interpreter.invoke()
        values: np.ndarray = interpreter.get_tensor(given["index"])
        return values

    return probabilities


def describe(path: Path) -> Any:
    """Return the description in a file."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(FILE))
