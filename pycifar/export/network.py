"""The computation that is exported: uint8 images in, calibrated probabilities out, in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.backend import keras, tensorflow
from pycifar.errors import DependencyError, ExportError
from pycifar.learners.copies import own_parts_known
from pycifar.models.calibration import SMALLEST_PROBABILITY
from pycifar.models.trained_model import TrainedModel
from pycifar.pixels import OWN_SCALING, SCALING
from pycifar.precision import precision_of

INPUT, OUTPUT = "images", "probabilities"  # their names in each format that has names

# What is written as float32 where a network computes in anything else.
OTHERS = {"bfloat16", "float16", "float64", "mixed_bfloat16", "mixed_float16"}


class Computation:
    """What a trained model computes, as a function of TensorFlow.

    Runtimes have no bfloat16, so the network is built anew in float32, with the same weights.

    Args:
        model: the trained model.

    Attributes:
        image_shape: (height, width, 3) of the images, in pixels.

    Raises:
        DependencyError: Keras does not run on TensorFlow.
        ExportError: the network cannot be built in float32.
    """

    def __init__(self, model: TrainedModel) -> None:
        if tensorflow is None:
            raise DependencyError(
                f"Models are exported by TensorFlow, and Keras runs on {keras.backend.backend()} "
                "here.",
                fix="Start anew with the environment variable KERAS_BACKEND=tensorflow.",
            )
        self.image_shape = model.image_shape
        self._network = rebuilt(model.keras_model)
        self._calibration = model.calibration
        self._signature = [tensorflow.TensorSpec((None, *self.image_shape), "uint8", name=INPUT)]
        self._function = self._traced_anew()

    def _traced_anew(self) -> Any:
        return tensorflow.function(self._probabilities, input_signature=self._signature)

    def _probabilities(self, images: Any) -> dict[str, Any]:
        ops = keras.ops
        values = ops.cast(self._network(images, training=False), "float32")
        if self._calibration is not None:
            logs = ops.log(ops.maximum(values, SMALLEST_PROBABILITY))
            values = ops.softmax(logs / self._calibration.temperature)
        return {OUTPUT: tensorflow.identity(values, name=OUTPUT)}

    def __call__(self, images: Any) -> Any:
        """Return the probabilities of uint8 images, float32 of shape (n, classes)."""
        return self._function(images)[OUTPUT].numpy()

    def save(self, folder: Path) -> None:
        """Write it as a SavedModel of TensorFlow."""
        archive = keras.export.ExportArchive()
        archive.track(self._network)
        archive.add_endpoint("serve", self._function)
        archive.write_out(str(folder), verbose=False)

    def graph(self) -> Any:
        """Return it as a graph without variables and without calls, and the names of its tensors.

        Returns:
            The GraphDef, the name of its input and the name of its output.
        """
        from tensorflow.python.framework.convert_to_constants import (
            convert_variables_to_constants_v2,
        )

        with _functions_inlined():
            traced = self._traced_anew().get_concrete_function()
        frozen = convert_variables_to_constants_v2(traced)
        return frozen.graph.as_graph_def(), frozen.inputs[0].name, frozen.outputs[0].name


@contextmanager
def _functions_inlined() -> Iterator[None]:
    """Trace functions within a function as part of it, also those for TensorFlow's compiler XLA.

    Keras has such functions for convolutions in groups.
    """
    before = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tensorflow.config.run_functions_eagerly(before)


def rebuilt(network: keras.Model) -> keras.Model:
    """Return a network with the same weights that computes in float32, and from bytes alone.

    Raises:
        ExportError: it cannot be built so.
    """
    try:
        with own_parts_known(network):
            new = type(network).from_config(_described(network.get_config()))
        new.set_weights(network.get_weights())
    except Exception as error:  # the network may be of any origin, and raise any error
        raise ExportError(
            f"The network cannot be built in float32: {' '.join(str(error).split())[:300]}"
        ) from error
    if precision_of(new) != "float32":
        raise ExportError(
            "The network cannot be built in float32: a layer of it computes in "
            f"{precision_of(new)} whatever its settings say."
        )
    return new


def _described(config: Any, key: str = "") -> Any:
    """Return the description of a network in float32, from that of any network.

    The part of pycifar's networks that looks for fractions is left out: it does harm in int8.
    """
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return "float32" if config["config"]["name"] in OTHERS else config
        new = {name: _described(value, name) for name, value in config.items()}
        functional = new.get("class_name") == "Functional"
        if functional and new["config"].get("name") in (SCALING, OWN_SCALING):
            scaling = keras.Model.from_config(new["config"])
            new["config"] = _scaling_of_bytes(scaling).get_config()
        return new
    if isinstance(config, (list, tuple)):
        return type(config)(_described(value, key) for value in config)
    return "float32" if key == "dtype" and config in OTHERS else config


def _scaling_of_bytes(scaling: keras.Model) -> keras.Model:
    """Return a network that scales pixels as this one does, and does not look for fractions.

    Args:
        scaling: the network of a model that scales pixels, in float32.
    """
    shape = tuple(scaling.input_shape[1:])
    images = keras.Input(shape, dtype="float32", name="images")
    if "int" in scaling.outputs[0].dtype:  # the pixels as they are
        same = keras.ops.cast(images, scaling.outputs[0].dtype)
        return keras.Model(images, same, name=scaling.name)
    ends = np.stack([np.zeros(shape, np.float32), np.full(shape, 255, np.float32)])
    offset, top = scaling.predict_on_batch(ends)[:, 0, 0, 0].astype(float).tolist()
    scaled = images * ((top - offset) / 255) + offset
    return keras.Model(images, scaled, name=scaling.name)
