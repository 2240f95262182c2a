"""The contents of a model file, reported without loading it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pycifar.content import ByContent
from pycifar.datasets.resizing import Resize
from pycifar.errors import ModelFileError, printable
from pycifar.foreign_names import known_arguments_only
from pycifar.keras_files import CONFIG
from pycifar.models.calibration import Calibration
from pycifar.models.custom_objects import knowing
from pycifar.models.file import (
    check_classes,
    checked_record,
    give_frozen,
    model_entries,
    read_model_file,
    reason,
)
from pycifar.models.file_check import measured_network, optimizer_config
from pycifar.shipped import check_model_path

MOST_SHOWN = 12  # class names that `repr` shows


@dataclass(frozen=True, eq=False)
class ModelFile(ByContent):
    """The contents of a model file; a field that its `problem` makes unreadable is None.

    Args:
        path: the path of the file.
        n_bytes: its size in bytes.
        sha256: the SHA-256 of its bytes, as 64 hexadecimal digits.
        problem: why `load_model` would refuse it, or None.
        architecture: the name of the network.
        class_names: the classes, in the order of the probabilities.
        epochs_done: the number of epochs that it was trained for.
        fingerprint: the SHA-256 of its weights as the file states it, which only `load_model`
            checks. Files of older versions do not state it.
        data: `name`, `source` and `fingerprint` of the training split.
        versions: versions of pycifar, Keras, its backend, NumPy and Python that trained it.
        image_shape: (height, width, 3) of the images that it takes, in pixels.
        parameters: the number of its weights.
        resize: how it resizes image files, as `Resize` has it; None as for `TrainedModel`.
        calibration: what `calibrate` found, or None.
    """

    path: str
    n_bytes: int
    sha256: str
    problem: str | None = None
    architecture: str | None = None
    class_names: tuple[str, ...] | None = None
    epochs_done: int | None = None
    fingerprint: str | None = None
    data: dict[str, str] | None = None
    versions: dict[str, str] | None = None
    image_shape: tuple[int, ...] | None = None
    parameters: int | None = None
    resize: Resize | None = None
    calibration: Calibration | None = None

    @property
    def loadable(self) -> bool:
        """Whether `load_model` would load it."""
        return self.problem is None

    def to_dict(self) -> dict[str, Any]:
        """Return all fields and `loadable` as plain Python values that JSON can hold."""
        return {"loadable": self.loadable, **asdict(self)}

    def __repr__(self) -> str:
        verdict = "can be loaded" if self.loadable else f"cannot be loaded: {self.problem}"
        lines = [f"{self.path} {verdict}"]
        for what, value in self._shown().items():
            if value is not None:
                lines.append(f"{what + ':':<14}{value}")
        return "\n".join(map(printable, lines))

    def _shown(self) -> dict[str, str | None]:
        """Return the lines of `repr` by label; None for a field that is not known."""
        shape, names, data, versions = self.image_shape, self.class_names, self.data, self.versions
        return {
            "size": f"{self.n_bytes:,} bytes",
            "SHA-256": self.sha256,
            "network": self.architecture,
            "parameters": None if self.parameters is None else f"{self.parameters:,}",
            "images": None if shape is None else f"{shape[0]}×{shape[1]} pixels",
            "resize": None if self.resize is None else str(self.resize),
            "calibration": None if self.calibration is None else str(self.calibration),
            "classes": None if names is None else _shortened(names),
            "epochs": None if self.epochs_done is None else f"{self.epochs_done:,}",
            "weights": self.fingerprint,
            "data": None if data is None else f"{data['name']} ({data['source']})",
            "versions": None
            if versions is None
            else ", ".join(f"{name} {version}" for name, version in versions.items()),
        }


def _shortened(names: tuple[str, ...]) -> str:
    """Return the names and their number; of many names, only the first ones."""
    shown = names if len(names) <= MOST_SHOWN else (*names[: MOST_SHOWN - 1], "...")
    return f"{', '.join(shown)} ({len(names)})"


@known_arguments_only
def inspect_model(path: str | Path, custom_objects: Mapping[str, Any] | None = None) -> ModelFile:
    """Report what a model file contains and whether it can be loaded, without loading it.

    The file may come from an untrusted source: its weights are not loaded, and nothing is computed.

    Args:
        path: the path of the file, or the name of a model of the package, see `load_model`.
        custom_objects: your own classes and functions that the file may ask for, see `load_model`.

    Returns:
        A `ModelFile`.

    Raises:
        ArgumentError: `path` is no path, or `custom_objects` is not as above.
        ModelFileError: there is no such file, or it cannot be read.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> path = pycifar.save_model(model, "cnn2.keras", overwrite=True)
        >>> pycifar.inspect_model(path).fingerprint == model.fingerprint()
        True
    """
    source = check_model_path("path", path)
    content = read_model_file(source)
    with knowing(custom_objects):
        known = _found_in(content)
    digest = hashlib.sha256(content).hexdigest()
    return ModelFile(str(source), len(content), digest, **known)


def _found_in(content: bytes) -> dict[str, Any]:
    """Return the fields of a `ModelFile` that are known, by name."""
    known: dict[str, Any] = {}
    try:
        entries, extra = model_entries(content, "It")
        record = checked_record(extra)
        known |= {
            "architecture": record["config"].architecture,
            "class_names": record["class_names"],
            "epochs_done": len(record["seconds"]),
            "data": record["data"],
            "versions": record["versions"],
            "fingerprint": record["fingerprint"],
            "resize": record["resize"],
            "calibration": record["calibration"],
        }
        network, measured = measured_network(entries)
        known |= {"image_shape": network.input_shape[1:], "parameters": measured.weights}
        check_classes(network, record["class_names"])
        give_frozen(network, extra.get("frozen"))
        optimizer_config(entries[CONFIG])
    except ModelFileError as error:
        known["problem"] = error.message
    except Exception as error:  # a malicious file can fail in any way
        known["problem"] = reason(error)
    return known
