"""How a model is computed where it is served: by onnxruntime if that is there, else by Keras."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pycifar.errors import DependencyError, ExportError
from pycifar.evaluation import probabilities_of
from pycifar.export import onnx
from pycifar.export.export import export_model
from pycifar.extras import missing_modules
from pycifar.models.trained_model import TrainedModel
from pycifar.processor import usable_cores


@dataclass(frozen=True)
class Predictor:
    """What computes the probabilities of a model.

    Args:
        compute: a function from uint8 images, shape (n, height, width, 3), to probabilities,
            float32 of shape (n, classes).
        threads: how many threads may call it at a time.
        runtime: what computes, with its version, and why if it is not onnxruntime.
    """

    compute: Callable[[np.ndarray], np.ndarray]
    threads: int
    runtime: str


def predictor(model: TrainedModel) -> Predictor:
    """Return what computes the probabilities of a model fastest for few images.

    That is onnxruntime with an export of the model, for which the extra `onnx` must be installed.
    It computes each call on one core, and calls on all of them at a time. Where it is not
    installed, or ONNX cannot hold the network, Keras computes one call after another.
    """
    missing = missing_modules(onnx.MODULES)
    reason = f"{' and '.join(missing)} not installed"
    if not missing:
        try:
            with TemporaryDirectory(prefix="pycifar-") as folder:
                path = Path(folder, f"model{onnx.SUFFIX}")
                export_model(model, path)
                compute = onnx.load(path, threads=1)
                return Predictor(compute, usable_cores(), _named(onnx.RUNTIME))
        except (DependencyError, ExportError) as error:  # the former on another backend
            reason = error.message
    return Predictor(
        lambda images: probabilities_of(model, images), 1, f"{_named('keras')} ({reason})"
    )


def _named(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"
