"""What a model file may hold, checked before Keras opens it: it may come from a stranger.

Keras's safe mode refuses code in the file, but goes by a list of what is known to be dangerous.
Here it is the other way round: only what is known to be harmless is let through, and nothing is
allocated that the file does not really hold.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pycifar.backend import keras, without_values

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
LARGEST_TEXT = 16 * 2**20  # bytes of an entry of JSON; a history of a million epochs stays below
MOST_OBJECTS = 100_000  # layers, initializers and the like; googlenet has about 400

# Where what a network is made of may come from. What is not in `keras.layers` and its like, such as
# functions that fetch or open files, is out of reach.
MODULES = (
    "keras",
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.metrics",
    "keras.models",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
)
OPERATIONS = "keras.src.ops."  # such as a padding within a network; each is arithmetic

# Layers that run what the file brings, or read files that it names.
REFUSED = (
    "FeatureSpace",
    "FlaxLayer",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "JaxLayer",
    "Lambda",
    "StringLookup",
    "TFSMLayer",
    "TextVectorization",
    "TorchModuleWrapper",
)

# How Keras writes plain values, such as the tensor between two layers. Functions are not among
# them.
PLAIN = ("__keras_tensor__", "__numpy__", "__tensor__", "__tuple__")


def check_model_file(path: Path, own: tuple[str, ...]) -> None:
    """Raise a ValueError unless Keras can open a model file without danger.

    Args:
        path: the file.
        own: names of pycifar's own entries beside Keras's.
    """
    with zipfile.ZipFile(path) as archive:
        _check_entries(archive, own)
        config = json.loads(archive.read(CONFIG))
        _check_objects(config)
        n_bytes = archive.getinfo(WEIGHTS).file_size
        with archive.open(WEIGHTS) as weights:
            _check_weights(weights)
    _check_size(config, n_bytes)


def _check_entries(archive: zipfile.ZipFile, own: tuple[str, ...]) -> None:
    allowed = {CONFIG, METADATA, WEIGHTS, *own}
    names = [entry.filename for entry in archive.infolist()]
    if missing := {CONFIG, WEIGHTS}.difference(names):
        raise ValueError(f"it has no entry {min(missing)}")
    if len(set(names)) < len(names):
        raise ValueError("it has two entries of one name")
    for entry in archive.infolist():
        if entry.filename not in allowed:
            raise ValueError(f"it has an entry {entry.filename!r}, which no model of images has")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"its entry {entry.filename} is compressed")
        if entry.filename.endswith(".json") and entry.file_size > LARGEST_TEXT:
            raise ValueError(f"its entry {entry.filename} is too large")
    if (damaged := archive.testzip()) is not None:
        raise ValueError(f"its entry {damaged} is damaged")


def _check_objects(config: Any) -> None:
    """Refuse a network that is made of anything but Keras's parts, or parts that the caller has."""
    for number, found in enumerate(_objects(config)):
        if number == MOST_OBJECTS:
            raise ValueError(f"it has more than {MOST_OBJECTS:,} parts")
        name, module, registered = (
            found.get(key) for key in ("class_name", "module", "registered_name")
        )
        if name in PLAIN:
            continue
        # The caller's own, which they have registered with Keras.
        if any(
            isinstance(key, str) and keras.saving.get_registered_object(key) is not None
            for key in (registered, name)
        ):
            continue
        harmless = (
            isinstance(module, str)
            and isinstance(name, str)
            and (module in MODULES or module.startswith(OPERATIONS))
            and name not in REFUSED
        )
        if not harmless:
            raise ValueError(f"it asks for {str(module)[:80]}.{str(name)[:80]}, which is not safe")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All parts in a configuration, however deep, that Keras would make an object of."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if "class_name" in here:
                yield here
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def _check_weights(file: Any) -> None:
    """Refuse weights that lie in other files, or that take more room than they have in the file."""
    import h5py

    def check(group: Any) -> None:
        for name in group:
            if type(group.get(name, getlink=True)) is not h5py.HardLink:
                raise ValueError("its weights lead to another place")
            item = group[name]
            if isinstance(item, h5py.Group):
                check(item)
            elif item.is_virtual or item.external or item.dtype.kind not in "biufV":
                raise ValueError("its weights are no numbers in the file")
            elif item.nbytes > item.id.get_storage_size():
                raise ValueError("its weights are not all there")

    with h5py.File(file, "r") as opened:
        check(opened)


def _check_size(config: Any, n_bytes: int) -> None:
    """Refuse a network with more weights than the file holds, without making them."""
    config["compile_config"] = None
    with without_values():
        network = keras.saving.deserialize_keras_object(config, safe_mode=True)
    values = sum(math.prod(weight.shape) for weight in network.weights)  # of a byte or more each
    if values > n_bytes:
        raise ValueError(
            f"its network has {values:,} weights, and it has {n_bytes:,} bytes of them"
        )
