"""What an exported file says of itself, as JSON: classes, size, resizing, origin."""

from __future__ import annotations

import json
from typing import Any

import pycifar
from pycifar.datasets.image_files import SQUASH
from pycifar.errors import printable
from pycifar.models.trained_model import TrainedModel

KEY = "pycifar"  # the name of the description where a format has named metadata
FILE = "pycifar.json"  # the file with it where a format has none
LABELS = "labels.txt"  # one class a line, as runtimes for phones look for it


def description_of(model: TrainedModel, quantize: str | None) -> dict[str, Any]:
    """Return what whoever uses an exported file must know, as plain values.

    Its `temperature` is applied in the file already. A class is in the prediction set if its
    probability is at least `threshold`, and the most probable class always is.
    """
    height, width, _ = model.image_shape
    calibration = model.calibration
    return {
        "class_names": list(model.class_names),
        "height": height,
        "width": width,
        "resize": (model.resize or SQUASH).to_dict(),
        "temperature": None if calibration is None else calibration.temperature,
        "coverage": None if calibration is None else calibration.coverage,
        "threshold": None if calibration is None else calibration.threshold,
        "quantize": quantize,
        "architecture": model.config.architecture,
        "fingerprint": model.fingerprint(),
        "data": dict(model.data),
        "pycifar": pycifar.__version__,
    }


def labels_of(description: dict[str, Any]) -> str:
    """Return the class names, one a line; a name that would end a line is escaped."""
    return "".join(f"{printable(name)}\n" for name in description["class_names"])


def as_json(description: dict[str, Any]) -> str:
    """Return a description as JSON in one line."""
    return json.dumps(description, ensure_ascii=False)
