"""SavedModel, the format of TensorFlow: a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.backend import tensorflow
from pycifar.export.description import FILE, as_json
from pycifar.export.network import INPUT, OUTPUT, Computation

NAME = "SavedModel"
SUFFIX = ".savedmodel"
MODULES = ("tensorflow",)
RUNTIME = "tensorflow"  # the package that runs it
FOLDER_HAS = "saved_model.pb"
BESIDE = ()
QUANTIZES = False
PLACE = Path("assets.extra", FILE)  # where SavedModel keeps files that are not its own


def write(
    computation: Computation,
    saved: Path,
    path: Path,
    description: dict[str, Any],
    calibrating: np.ndarray | None,
) -> None:
    """Copy a SavedModel, and put the description into it."""
    shutil.copytree(saved, path)
    (path / PLACE).parent.mkdir()
    (path / PLACE).write_text(as_json(description), "utf-8")


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from images to probabilities."""
    loaded = tensorflow.saved_model.load(str(path))
    compute = loaded.signatures["serving_default"]

    def probabilities(images: np.ndarray, _loaded: Any = loaded) -> np.ndarray:
        values: np.ndarray = compute(**{INPUT: tensorflow.constant(images)})[OUTPUT].numpy()
        return values

    return probabilities


def describe(path: Path) -> Any:
    """Return the description in a folder."""
    return json.loads((path / PLACE).read_text("utf-8"))
