"""What makes a training the one that it is: a checkpoint is gone on from by the same one alone."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pycifar.backend import keras, list_devices
from pycifar.datasets import Dataset
from pycifar.learners import Learner
from pycifar.models.trained_model import current_versions
from pycifar.processor import find_processor

# Numbers that Keras puts behind names of its own, which depend on what was built before.
_COUNTED = re.compile(r"_\d+(?=\")")
_UNSTABLE = ("name", "seed", "shared_object_id")


def identity_of(learner: Learner, dataset: Dataset, validation: Any) -> dict[str, Any]:
    """Return what a training is of, besides its settings, as JSON can hold it.

    Args:
        learner: of a compiled network.
        dataset: that it learns from.
        validation: what it is validated on, as the settings have it.
    """
    split = validation if isinstance(validation, str) else None
    return {
        "images": dataset.fingerprint("train"),
        "validation_images": None if split is None else dataset.fingerprint(split),
        "network": _digest(learner.network_settings()),
        "optimizer": learner.optimizer_settings(),
    }


def environment_of(learner: Learner) -> dict[str, str]:
    """Return what computes a training, by name; `learner.harmless` names what changes nothing."""
    processor = find_processor()
    return {
        **current_versions(),
        "backend": keras.backend.backend(),
        "devices": ", ".join(list_devices()),
        "threads": str(learner.threads(processor.cores)),
        "instructions": ", ".join(processor.instructions or ()),
        "processor": processor.name,
    }


def _digest(settings: Any) -> str:
    """Return a SHA-256 of what a network is made of, whatever its layers are called."""
    text = _COUNTED.sub("", json.dumps(_stable(settings), sort_keys=True, default=str))
    return hashlib.sha256(text.encode()).hexdigest()


def _stable(value: Any) -> Any:
    """Return a description without what depends on the process that made it."""
    if isinstance(value, dict):
        return {key: _stable(inner) for key, inner in value.items() if key not in _UNSTABLE}
    if isinstance(value, (list, tuple)):
        return [_stable(inner) for inner in value]
    return value
