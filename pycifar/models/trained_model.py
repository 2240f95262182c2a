"""A trained classifier: the Keras model with all that is known about how it came to be."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import describe
from pycifar.config import TrainingConfig
from pycifar.errors import ArgumentError, DataError, printable
from pycifar.learners import learner_for
from pycifar.models.multiply_adds import count_multiply_adds

if TYPE_CHECKING:
    import keras
    import pandas

    from pycifar.scratch import NumpyModel

HISTORY_COLUMNS = ("epoch", "split", "metric", "value")
BLOCK = 2**18  # values that are turned into NumPy's at a time


@dataclass(frozen=True)
class TrainedModel:
    """A trained classifier.

    Args:
        network: from raw uint8 pixels, shape (n, height, width, 3), to class probabilities; a Keras
            model, or a `pycifar.scratch.NumpyModel`.
        class_names: one name a class, in the order of the probabilities.
        config: the settings of the training run.
        history: one row a value: `epoch` (from 1), `split` ("train" or "validation"),
            `metric` ("loss" or "accuracy") and `value`.
        data: `name`, `source` and `fingerprint` of the training split.
        seconds: duration of each epoch, validation included.
        interrupted: whether the training was cut short by the user.
        best_epoch: the epoch whose weights the network has, where the best ones were kept; None
            where it has the last ones.
        versions: versions of pycifar, Keras, its backend, NumPy and Python that trained it.
    """

    network: keras.Model | NumpyModel
    class_names: tuple[str, ...]
    config: TrainingConfig
    history: pandas.DataFrame
    data: dict[str, str]
    seconds: tuple[float, ...] = ()
    interrupted: bool = False
    best_epoch: int | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of the images it takes, in pixels."""
        return tuple(self.network.input_shape[1:])

    @property
    def keras_model(self) -> keras.Model:
        """The network as a Keras model; one of NumPy is converted, into an equal one."""
        return learner_for(self.network).as_keras()

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Raise a DataError unless a data set has the model's classes, in the same order."""
        if class_names != self.class_names:
            raise DataError(
                f"The data set must have the model's classes, {', '.join(self.class_names)}; "
                f"it has {', '.join(class_names)}."
            )

    @property
    def epochs_done(self) -> int:
        """The number of epochs that were finished."""
        return int(self.history["epoch"].max()) if len(self.history) else 0

    def fingerprint(self) -> str:
        """SHA-256 over the type, shape and values of all weights, as 64 hexadecimal digits.

        Two models have equal fingerprints when their weights are equal bit for bit.
        """
        digest = hashlib.sha256()
        for weight in self.network.weights:
            blocks = _blocks(weight)
            first = next(blocks)
            digest.update(f"{first.dtype.str}{tuple(weight.shape)}".encode())
            for block in itertools.chain([first], blocks):
                digest.update(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()

    def layers(self) -> pandas.DataFrame:
        """One row a layer of the Keras model.

        Its columns are `layer`, `type`, `output_shape` (without the batch), `parameters` and
        `multiply_adds` (of one image on its way forward).
        """
        import pandas

        rows = [
            {
                "layer": layer.name,
                "type": type(layer).__name__,
                "output_shape": "×".join(str(side) for side in layer.output.shape[1:]),
                "parameters": layer.count_params(),
                "multiply_adds": count_multiply_adds(layer),
            }
            for layer in self.keras_model.layers
        ]
        return pandas.DataFrame(rows)

    def final(self, split: str, metric: str) -> float | None:
        """The value of a metric after the epoch that the weights are of, or None without one."""
        rows = self.history[self.history["epoch"] == (self.best_epoch or self.epochs_done)]
        values = rows.loc[(rows["split"] == split) & (rows["metric"] == metric), "value"]
        return float(values.iloc[0]) if len(values) else None

    def summary(self) -> str:
        """The layers, the settings and the final values of the history, for a person to read."""
        settings = [
            printable(f"  {name}: {value}") for name, value in self.config.to_dict().items()
        ]
        return "\n".join(
            [
                repr(self)[1:-1],
                "",
                self.layers().to_string(index=False),
                "",
                "settings",
                *settings,
                "",
                printable(f"data: {self.data['name']} ({self.data['source']})"),
                f"weights: {self.fingerprint()}",
            ]
        )

    def __repr__(self) -> str:
        parts = [f"<TrainedModel {printable(self.config.architecture)}"]
        parts.append(f"{self.network.count_params():,} parameters")
        parts.append(f"{self.epochs_done} of {self.config.epochs} epochs")
        if self.best_epoch is not None:
            parts.append(f"weights of epoch {self.best_epoch}")
        for split in ("train", "validation"):
            accuracy = self.final(split, "accuracy")
            if accuracy is not None:
                parts.append(f"{split} accuracy {accuracy:.4f}")
        if self.interrupted:
            parts.append("interrupted")
        return ", ".join(parts) + ">"


def check_trained_model(value: Any) -> TrainedModel:
    """Return the model; raise an ArgumentError where it is none that was trained."""
    if not isinstance(value, TrainedModel):
        raise ArgumentError(f"`model` must be a trained model, not {describe(value)}.")
    return value


def _blocks(weight: Any) -> Iterator[np.ndarray]:
    """The values of a Keras variable in blocks of rows, so that no second copy of it is made."""
    from pycifar.backend import keras

    shape = tuple(weight.shape)
    rows = shape[0] if shape else 1
    step = max(1, BLOCK * rows // max(1, math.prod(shape)))
    if step >= rows:
        yield keras.ops.convert_to_numpy(weight)
        return
    for start in range(0, rows, step):
        yield keras.ops.convert_to_numpy(weight[start : start + step])


def current_versions() -> dict[str, str]:
    """Versions of what computes: pycifar, Keras, its backend, NumPy and Python."""
    import importlib
    import platform

    import pycifar
    from pycifar.backend import keras

    backend = keras.backend.backend()
    return {
        "pycifar": pycifar.__version__,
        "keras": keras.__version__,
        backend: importlib.import_module(backend).__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
