"""What identifies a training: only the same training may resume from its checkpoint."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pycifar.backend import keras, list_devices
from pycifar.datasets import Dataset
from pycifar.datasets.subset import Subset
from pycifar.learners import Learner
from pycifar.models.trained_model import current_versions
from pycifar.processor import find_processor

# Numbers that Keras appends to names of its own. They depend on what the process built before.
_COUNTED = re.compile(r"_\d+(?=\")")
# Entries of Keras's description that depend on the process as well.
_UNSTABLE = ("name", "seed", "shared_object_id")


def identity_of(
    learner: Learner, dataset: Dataset, validation: Any, validating: Subset | None
) -> dict[str, Any]:
    """Return what identifies a training besides its settings, as plain values for JSON.

    Args:
        learner: the learner of a compiled network.
        dataset: the data set to learn from.
        validation: the setting `validation`.
        validating: the images to validate on, or None.
    """
    return {
        "images": dataset.fingerprint("train"),
        "validation_images": _of_validation(dataset, validation, validating),
        "network": _digest(learner.network_settings()),
        "optimizer": learner.optimizer_settings(),
    }


def _of_validation(dataset: Dataset, validation: Any, validating: Subset | None) -> str | None:
    """Return the SHA-256 of the images to validate on; None if the settings decide them."""
    if isinstance(validation, str):
        return dataset.fingerprint(validation)
    if validating is None or not dataset.split("train").groups:
        return None
    return hashlib.sha256(validating.indices.astype("<i8").tobytes()).hexdigest()


def environment_of(learner: Learner) -> dict[str, str]:
    """Return the versions and the hardware that compute a training, by name.

    Those that `learner.harmless` names cannot change the weights.
    """
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
    """Return the SHA-256 of a network's description, whatever its layers are called."""
    text = _COUNTED.sub("", json.dumps(_stable(settings), sort_keys=True, default=str))
    return hashlib.sha256(text.encode()).hexdigest()


def _stable(value: Any) -> Any:
    """Return a description without the entries that depend on the process."""
    if isinstance(value, dict):
        return {key: _stable(inner) for key, inner in value.items() if key not in _UNSTABLE}
    if isinstance(value, (list, tuple)):
        return [_stable(inner) for inner in value]
    return value
