"""OpenVINO, for processors of Intel and others: a file ``.xml``, and its weights in ``.bin``."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from pycifar.export.description import KEY, as_json
from pycifar.export.network import INPUT, OUTPUT, Computation

NAME = "OpenVINO"
SUFFIX = ".xml"
MODULES = ("openvino",)
RUNTIME = "openvino"  # the package that runs it
FOLDER_HAS = None
BESIDE = (".bin",)
QUANTIZES = False

# By itself it computes in bfloat16 where the processor does, which changes the third digit.
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def write(
    computation: Computation,
    saved: Path,
    path: Path,
    description: dict[str, Any],
    calibrating: np.ndarray | None,
) -> None:
    """Convert a SavedModel, and write it with the description in its metadata."""
    openvino = library()

    model = openvino.Core().read_model(saved)
    model.input(0).set_names({INPUT})
    model.output(0).set_names({OUTPUT})
    model.set_rt_info(as_json(description), [KEY])
    openvino.save_model(model, path, compress_to_fp16=False)


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from images to probabilities."""
    openvino = library()

    compiled = openvino.Core().compile_model(path, "CPU", EXACT)

    def probabilities(images: np.ndarray) -> np.ndarray:
        return np.array(compiled({INPUT: images})[OUTPUT])

    return probabilities


def describe(path: Path) -> Any:
    """Return the description in a file."""
    openvino = library()

    return json.loads(openvino.Core().read_model(path).get_rt_info([KEY]).astype(str))


def library() -> Any:
    """Return OpenVINO, imported so that it does not tell its makers of it.

    It sends a message at each import and each `convert_model`, from a process that it forks. One
    that forks in the middle of a computation may wait forever. Without its library for messages it
    sends none.
    """
    messages = "openvino_telemetry"
    blocked = "openvino" not in sys.modules and messages not in sys.modules
    if blocked:
        sys.modules[messages] = cast("Any", None)  # this makes its import fail
    try:
        return importlib.import_module("openvino")
    finally:
        if blocked:
            del sys.modules[messages]
