"""A trained classifier: the network and the record of its training."""

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
from pycifar.models.multiply_adds import multiply_adds_by_layer

if TYPE_CHECKING:
    import keras
    import pandas

    from pycifar.scratch import NumpyModel

HISTORY_COLUMNS = ("epoch", "split", "metric", "value")
BLOCK = 2**18  # values that are converted to NumPy at a time: 1 MB in float32


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained classifier.

    Two models are equal if they have the same classes and, bit for bit, the same weights. A model
    can be pickled and copied by `copy.deepcopy`: both have all that `save_model` saves.

    Args:
        network: a Keras model or a `pycifar.scratch.NumpyModel`. It takes raw uint8 pixels, shape
            (n, height, width, 3), and returns class probabilities, shape (n, classes).
        class_names: one name per class, in the order of the probabilities.
        config: the settings of the training.
        history: one row per value, with the columns `epoch` (from 1), `split` ("train" or
            "validation"), `metric` ("loss" or "accuracy") and `value`.
        data: `name`, `source` and `fingerprint` of the training split.
        seconds: the duration of each epoch in seconds, validation included.
        interrupted: whether the user stopped the training early.
        best_epoch: the epoch whose weights the network has, if the weights of the best epoch were
            restored; None if it has the final weights.
        versions: versions of pycifar, Keras, its backend, NumPy and Python that trained it.
        stopped_by: the function in `callbacks` that stopped the training by returning False, such
            as "on_epoch_end"; None if none did.
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
    stopped_by: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrainedModel):
            return NotImplemented
        same = self is other or self.fingerprint() == other.fingerprint()
        return same and self.class_names == other.class_names

    def __hash__(self) -> int:
        return hash((TrainedModel, self.class_names))

    def __reduce__(self) -> tuple[Any, ...]:
        # Keras's own copies lose the states of random generators, and so another dropout goes on.
        from pycifar.models.file import model_bytes, model_from_bytes

        return model_from_bytes, (model_bytes(self),)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of the images that it takes, in pixels."""
        return tuple(self.network.input_shape[1:])

    @property
    def keras_model(self) -> keras.Model:
        """The network as a Keras model; a NumPy network is converted to an equivalent one.

        The networks of pycifar take pixels of 0-255, of any type. They multiply an image that was
        divided by 255 by it again: one with fractions and nothing above 1.
        """
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
        """The number of finished epochs."""
        return int(self.history["epoch"].max()) if len(self.history) else 0

    def fingerprint(self) -> str:
        """Return the SHA-256 of types, shapes and values of all weights, as 64 hexadecimal digits.

        Two models have the same fingerprint if their weights are equal bit for bit.
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
        """Return a table with one row per layer of the Keras model.

        Its columns are `layer`, `type`, `output_shape` (without the batch), `parameters` and
        `multiply_adds` (of the forward pass for one image). A nested network is one row.
        """
        import pandas

        multiply_adds = multiply_adds_by_layer(self.keras_model)
        rows = [
            {
                "layer": layer.name,
                "type": type(layer).__name__,
                "output_shape": "×".join(str(side) for side in layer.output.shape[1:]),
                "parameters": layer.count_params(),
                "multiply_adds": multiply_adds.get(layer.name, 0),
            }
            for layer in self.keras_model.layers
        ]
        return pandas.DataFrame(rows)

    def final(self, split: str, metric: str) -> float | None:
        """Return a metric after the epoch whose weights the network has; None if not measured."""
        rows = self.history[self.history["epoch"] == (self.best_epoch or self.epochs_done)]
        values = rows.loc[(rows["split"] == split) & (rows["metric"] == metric), "value"]
        return float(values.iloc[0]) if len(values) else None

    def summary(self) -> str:
        """Return the layers, the settings and the final metrics as text for a reader."""
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
        if self.stopped_by is not None:
            parts.append(f"stopped by {printable(self.stopped_by)}")
        return ", ".join(parts) + ">"


def check_trained_model(value: Any) -> TrainedModel:
    """Return the model; raise an ArgumentError unless it is a `TrainedModel`."""
    if not isinstance(value, TrainedModel):
        raise ArgumentError(f"`model` must be a trained model, not {describe(value)}.")
    return value


def _blocks(weight: Any) -> Iterator[np.ndarray]:
    """Yield the values of a Keras variable in blocks of rows, so it is never copied as a whole."""
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
    """Return the versions of pycifar, Keras, its backend, NumPy and Python that run now."""
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
