"""The results that `--json` prints: plain dicts, with the names that the Python objects have."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycifar.errors import PycifarError, printable

if TYPE_CHECKING:
    import numpy as np
    import pandas

    from pycifar.datasets import Dataset
    from pycifar.datasets.exploration import Exploration
    from pycifar.evaluation import Evaluation
    from pycifar.explanation import Explanation
    from pycifar.models.trained_model import TrainedModel
    from pycifar.reproduction import Reproduction
    from pycifar.training.lr_finder import LearningRates


def rows(table: pandas.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of dicts, one per row, with plain Python values."""
    columns = {str(name): table[name].tolist() for name in table.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def exploration_record(found: Exploration, plot: Path | None) -> dict[str, Any]:
    """Return the record of what `explore` found."""
    return {
        "name": found.name,
        "source": found.source,
        "image_shape": found.image_shape,
        "class_names": found.class_names,
        "splits": rows(found.splits),
        "batches": rows(found.batches),
        "channels": rows(found.channels),
        "plot": _text(plot),
    }


def training_record(
    model: TrainedModel, dataset: Dataset, output: Path | None, plot: Path | None
) -> dict[str, Any]:
    """Return the record of a training: settings, history, data, versions and fingerprint."""
    return {
        "architecture": model.config.architecture,
        "fingerprint": model.fingerprint(),
        "parameters": model.network.count_params(),
        "class_names": model.class_names,
        "config": model.config.to_dict(),
        "history": rows(model.history),
        "epochs_done": model.epochs_done,
        "interrupted": model.interrupted,
        "best_epoch": model.best_epoch,
        "stopped_by": model.stopped_by,
        "seconds": model.seconds,
        "images_per_second": images_per_second(model, dataset),
        "data": model.data,
        "versions": model.versions,
        "output": _text(output),
        "plot": _text(plot),
    }


def adoption_record(model: TrainedModel, output: Path | None) -> dict[str, Any]:
    """Return the record of an adopted model."""
    return {
        "architecture": model.config.architecture,
        "fingerprint": model.fingerprint(),
        "parameters": model.network.count_params(),
        "class_names": model.class_names,
        "image_shape": model.image_shape,
        "config": model.config.to_dict(),
        "output": _text(output),
    }


def images_per_second(model: TrainedModel, dataset: Dataset) -> float | None:
    """Return the images trained or validated on per second; None before the first epoch ended."""
    if not model.seconds:
        return None
    # Held-out images are part of the training split, and are counted with it.
    seen = ("train", model.config.validation)
    n = sum(len(split) for name, split in dataset.splits.items() if name in seen)
    passes = model.config.passes or len(model.seconds)
    return n * passes / sum(model.seconds)


def learning_rates_record(found: LearningRates, plot: Path | None) -> dict[str, Any]:
    """Return the record of a search for a learning rate."""
    return {
        "architecture": found.architecture,
        "suggestion": found.suggestion,
        "reason": found.reason,
        "trials": rows(found.trials),
        "table": rows(found.table),
        "plot": _text(plot),
    }


def evaluation_record(
    found: Evaluation, model: TrainedModel, dataset: Dataset, path: str, plot: Path | None
) -> dict[str, Any]:
    """Return the record of an evaluation.

    The confusion matrix has one row per true class, and one column per predicted class.
    """
    return {
        "model": path,
        "fingerprint": model.fingerprint(),
        "data": {"name": dataset.name, "source": dataset.source},
        "split": found.split,
        "n": found.n,
        "accuracy": found.accuracy,
        "loss": found.loss,
        "calibration_error": found.calibration_error,
        "objective": found.objective,
        "metrics": found.metrics,
        "per_class": rows(found.per_class),
        "class_names": model.class_names,
        "confusion": found.confusion.to_numpy().tolist(),
        "plot": _text(plot),
    }


def prediction_record(
    path: str, result: np.ndarray | PycifarError, model: TrainedModel
) -> dict[str, Any]:
    """Return the record of one image: its prediction, or the error of reading it.

    Its "set" are the classes of the prediction set; null for a model without calibration.
    """
    from pycifar.evaluation import prediction_record as predicted

    if isinstance(result, PycifarError):
        nothing = dict.fromkeys(("class", "probability", "probabilities", "set"))
        return {"path": path, **nothing, "error": result.message}
    return {"path": path, **predicted(model, result), "error": None}


def features_record(path: str, result: np.ndarray | PycifarError) -> dict[str, Any]:
    """Return the record of one image: its features, or the error of reading it."""
    if isinstance(result, PycifarError):
        return {"path": path, "features": None, "error": result.message}
    return {"path": path, "features": result.tolist(), "error": None}


def features_table(found: Iterable[tuple[str, np.ndarray | PycifarError]], n: int) -> str:
    """Return the features of images as CSV, with a header; they are empty after an error.

    Each number has the digits that give it back, bit for bit.

    Args:
        found: each image with its features, shape (n,), or the error of reading it.
        n: the number of features.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", *(f"feature_{number}" for number in range(1, n + 1))])
    for path, result in found:
        cells = [""] * n if isinstance(result, PycifarError) else result.tolist()
        writer.writerow([printable(path), *cells])
    return table.getvalue()


def explanation_record(found: Explanation, image: str, plot: Path | None) -> dict[str, Any]:
    """Return the record of an explanation, with the heat map as rows of numbers."""
    return {
        "path": image,
        "class": found.class_name,
        "probability": found.probability,
        "layer": found.layer,
        "heatmap": [[round(value, 4) for value in row] for row in found.heatmap.tolist()],
        "plot": _text(plot),
    }


def reproduction_record(
    found: Reproduction, path: Path | None, plot: Path | None
) -> dict[str, Any]:
    """Return the record of what `reproduce` measured; figures that are missing are null."""
    table = found.table.astype(object)
    return {
        "table": rows(table.where(table.notna(), None)),
        "runs": rows(found.runs),
        "calls": found.calls,
        "interrupted": found.interrupted,
        "output": _text(path),
        "plot": _text(plot),
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
