"""A trained classifier: the network and the record of its training."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import describe, listing
from pycifar.config import TrainingConfig
from pycifar.datasets import Dataset, Split
from pycifar.datasets.resizing import Resize
from pycifar.datasets.subset import drawn_to_hold_out
from pycifar.errors import ArgumentError, DataError, printable
from pycifar.learners import learner_for
from pycifar.models.calibration import Calibration
from pycifar.models.multiply_adds import multiply_adds_by_layer

if TYPE_CHECKING:
    import keras
    import pandas

    from pycifar.scratch import NumpyModel

HISTORY_COLUMNS = ("epoch", "split", "metric", "value")
# The record of the training images of a model that pycifar did not train.
UNKNOWN_DATA = {"name": "unknown", "source": "adopted", "fingerprint": ""}

BLOCK = 2**18  # values that are converted to NumPy at a time: 1 MB in float32


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained classifier.

    Two models are equal if they have the same classes and, bit for bit, the same weights. A model
    can be pickled and copied by `copy.deepcopy`: both have all that `save_model` saves. Layers,
    optimizers, losses and metrics of your own classes come back as well, since a pickle names the
    classes.

    Args:
        network: a Keras model or a `pycifar.scratch.NumpyModel`. It takes raw uint8 pixels, shape
            (n, height, width, 3), and returns class probabilities, shape (n, classes).
        class_names: one name per class, in the order of the probabilities.
        config: the settings of the training.
        history: one row per value, with the columns `epoch` (from 1), `split` ("train" or
            "validation"), `metric` ("loss", "accuracy", those asked for, or "learning_rate", which
            is that of the last step) and `value`.
        data: `name`, `source` and `fingerprint` of the training split; the fingerprint is empty for
            a model from `adopt_model`, whose training images are not known.
        seconds: the duration of each epoch in seconds, validation included.
        interrupted: whether the user stopped the training early.
        best_epoch: the epoch whose weights the network has, if the weights of the best epoch were
            restored; None if it has the final weights.
        versions: versions of pycifar, Keras, its backend, NumPy and Python that trained it.
        stopped_by: the function in `callbacks` that stopped the training by returning False, such
            as "on_epoch_end"; None if none did.
        resize: how the image files of the training were resized, as the files are that the model
            is used on; None if the images came in their size, where files are squashed.
        calibration: what `calibrate` found, by which the probabilities are corrected; None if
            nothing was calibrated.
        held_out: whether each image of the training split was held out to validate on, bool of
            shape (n,); None if no share of it was, or in a model of an older version.
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
    resize: Resize | None = None
    calibration: Calibration | None = None
    held_out: np.ndarray | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrainedModel):
            return NotImplemented
        same = self is other or self.fingerprint() == other.fingerprint()
        return same and self.class_names == other.class_names

    def __hash__(self) -> int:
        return hash((TrainedModel, self.class_names))

    def __reduce__(self) -> tuple[Any, ...]:
        from pycifar.backend import keras
        from pycifar.learners.copies import Pickled
        from pycifar.models.file import model_bytes, model_from_bytes

        kinds = (keras.metrics.Metric, keras.losses.Loss)
        parts = {
            name: Pickled(own) if isinstance(own, kinds) else own
            for name, own in self._own_parts().items()
        }
        return model_from_bytes, (model_bytes(self), parts)

    def __copy__(self) -> TrainedModel:
        # Keras's own copies lose the states of random generators, and so another dropout goes on.
        from pycifar.models.file import model_bytes, model_from_bytes

        return model_from_bytes(model_bytes(self), self._own_parts())

    def __deepcopy__(self, memo: dict[int, Any]) -> TrainedModel:
        return self.__copy__()

    def _own_parts(self) -> dict[str, Any]:
        """Return what the file of the model asks the caller for: classes, functions and objects."""
        from pycifar.learners.copies import own_parts
        from pycifar.learners.descriptions import OwnObjects

        own = getattr(self.network, "own_objects", OwnObjects()).named(self.config)
        return own_parts(self.network) | own

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of the images that it takes, in pixels."""
        return tuple(self.network.input_shape[1:])

    @property
    def keras_model(self) -> keras.Model:
        """The network as a Keras model; a NumPy network is converted to an equivalent one.

        Its layers may compute in bfloat16, and what they return is then no type of NumPy's own. A
        network that ends in ``keras.ops.cast(layer.output, "float32")`` returns float32.

        The networks of pycifar take pixels of 0-255, of any type. They multiply an image that was
        divided by 255 by it again: one with fractions and nothing above 1. An image of nothing but
        0 and 1 does not show whether it was divided, and is taken as it is. The same holds for a
        network of your own with an input of uint8 that Keras can copy, and for one from
        `adopt_model` with `rescale`. Other networks of your own take pixels of 0-255 alone.
        """
        return learner_for(self.network).as_keras()

    @property
    def adopted(self) -> bool:
        """Whether it is from `adopt_model`, and was not trained since."""
        return not self.data["fingerprint"]

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """Raise a DataError unless a data set has the model's classes, in the same order."""
        pairs = itertools.zip_longest(self.class_names, class_names)
        first = next((i for i, (ours, theirs) in enumerate(pairs, 1) if ours != theirs), None)
        if first is not None:
            raise DataError(
                f"The data set must have the model's classes, {listing(self.class_names)}; "
                f"it has {listing(class_names)}. They differ from class {first} on."
            )

    def split_of(self, dataset: Dataset, name: str) -> Split:
        """Return a split of a data set, where "validation" may be what the training held out.

        Args:
            dataset: a data set.
            name: the name of a split. "validation" is the share of the training split that the
                training held out and was validated on, if the data set has no split of that name.

        Returns:
            The split. What was held out is what the model keeps in `held_out`; for a model of an
            older version it is drawn again, with the seed of the training.

        Raises:
            DataError: there is no such split; or the training held nothing out; or the training
                split is not the one that the model was trained on, image by image in its order.

        Examples:
            >>> import pycifar
            >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
            >>> model = pycifar.train(dataset, epochs=1, validation=0.1, seed=1, verbose=0)
            >>> model.split_of(dataset, "validation")
            <Split of 20 images of 32×32>
        """
        if name != "validation" or name in dataset.splits:
            return dataset.split(name)
        share = self.config.validation
        if not isinstance(share, float):
            raise DataError(
                f'The data set "{dataset.name}" has no split "validation", and the training held '
                f"no images out: its `validation` was {describe(share)}.",
                fix="Name one of its splits: " + ", ".join(f'"{s}"' for s in dataset.splits) + "."
                if share is None
                else f"Name the split {describe(share)}.",
            )
        if not self.learned_from(dataset):
            raise DataError(
                f'The split "validation" is the share of {share:g} that the training held out of '
                f'the training split of "{self.data["name"]}" ({self.data["source"]}); the data '
                f'set "{dataset.name}" ({dataset.source}) has other training images.',
                fix="Give the data set that the model was trained on, loaded in the same way.",
            )
        split, held_out = dataset.split("train"), self.held_out
        if held_out is None:
            held_out = drawn_to_hold_out(split, share, self.config.seed)
        return split.take(np.flatnonzero(held_out))

    def learned_from(self, dataset: Dataset) -> bool:
        """Return whether the training split of a data set is the one that it was trained on."""
        if "train" not in dataset.splits or dataset.fingerprint() != self.data["fingerprint"]:
            return False
        return self.held_out is None or len(self.held_out) == len(dataset.split("train"))

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
                *([] if self.resize is None else [f"resize: {self.resize}"]),
                *([] if self.calibration is None else [f"calibration: {self.calibration}"]),
                f"weights: {self.fingerprint()}",
            ]
        )

    def __repr__(self) -> str:
        parts = [f"<TrainedModel {printable(self.config.architecture)}"]
        parts.append(f"{self.network.count_params():,} parameters")
        done = f"{self.epochs_done} of {self.config.epochs} epochs"
        parts.append("adopted" if self.adopted else done)
        if self.best_epoch is not None:
            parts.append(f"weights of epoch {self.best_epoch}")
        for split in ("train", "validation"):
            accuracy = self.final(split, "accuracy")
            if accuracy is not None:
                parts.append(f"{split} accuracy {accuracy:.4f}")
        if self.calibration is not None:
            parts.append(f"calibrated, temperature {self.calibration.temperature:.3g}")
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
