"""What makes a training the one that it is: a checkpoint is gone on from by the same one alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

from pycifar.backend import keras, list_devices, tensorflow
from pycifar.datasets import Dataset
from pycifar.processor import find_processor
from pycifar.scratch import NumpyModel
from pycifar.trained_model import current_versions

# Of the environment, what cannot change the weights. Of a network of NumPy, Keras cannot either.
HARMLESS = ("processor", "python")
HARMLESS_FOR_NUMPY = (*HARMLESS, "backend", "keras", "tensorflow", "jax", "torch", "devices")

# Numbers that Keras puts behind names of its own, which depend on what was built before.
_COUNTED = re.compile(r"_\d+(?=\")")
_UNSTABLE = ("name", "seed", "shared_object_id")


def identity_of(model: Any, dataset: Dataset, validation: Any) -> dict[str, Any]:
    """What a training is of, besides its settings, as JSON can hold it.

    Args:
        model: compiled.
        dataset: that it learns from.
        validation: what it is validated on, as the settings have it.
    """
    split = validation if isinstance(validation, str) else None
    return {
        "images": dataset.fingerprint("train"),
        "validation_images": None if split is None else dataset.fingerprint(split),
        "network": _network(model),
        "optimizer": _optimizer(model),
    }


def environment_of(model: Any) -> dict[str, str]:
    """What computes a training, by name; all of it may change the weights but for `harmless`."""
    processor = find_processor()
    return {
        **current_versions(),
        "backend": keras.backend.backend(),
        "devices": ", ".join(list_devices()),
        "threads": str(_threads(model, processor.cores)),
        "instructions": ", ".join(processor.instructions or ()),
        "processor": processor.name,
    }


def harmless(model: Any) -> tuple[str, ...]:
    """The names in an environment that cannot change the weights of a model."""
    return HARMLESS_FOR_NUMPY if isinstance(model, NumpyModel) else HARMLESS


def _network(model: Any) -> str:
    """SHA-256 of what a network is made of, whatever its layers are called."""
    config = (
        model.settings()
        if isinstance(model, NumpyModel)
        else keras.saving.serialize_keras_object(model)
    )
    if isinstance(config, dict):
        config.pop("compile_config", None)
    text = _COUNTED.sub("", json.dumps(_stable(config), sort_keys=True, default=str))
    return hashlib.sha256(text.encode()).hexdigest()


def _optimizer(model: Any) -> dict[str, Any]:
    """The settings of an optimizer."""
    if isinstance(model, NumpyModel):
        return {}
    config: dict[str, Any] = json.loads(json.dumps(model.optimizer.get_config(), default=str))
    config.pop("name", None)
    return {"class": type(model.optimizer).__name__, **config}


def _stable(value: Any) -> Any:
    """A description without what depends on the process that made it."""
    if isinstance(value, dict):
        return {key: _stable(inner) for key, inner in value.items() if key not in _UNSTABLE}
    if isinstance(value, (list, tuple)):
        return [_stable(inner) for inner in value]
    return value


def _threads(model: Any, cores: int) -> int:
    """How many threads an operation may use."""
    names = ["OMP_NUM_THREADS"]
    if isinstance(model, NumpyModel):
        names.insert(0, "OPENBLAS_NUM_THREADS")
    elif keras.backend.backend() == "tensorflow":
        chosen = tensorflow.config.threading.get_intra_op_parallelism_threads()
        if chosen:
            return int(chosen)
        names.insert(0, "TF_NUM_INTRAOP_THREADS")
    given = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return int(given) if given.isdecimal() else cores
