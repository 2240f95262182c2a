"""A NumPy network that is trained, evaluated and saved like a Keras model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_choice, check_count, check_number, describe
from pycifar.errors import ArgumentError, ImageError
from pycifar.limits import MOST_UNITS
from pycifar.pixels import pixels_and_scaling
from pycifar.precision import computing_in
from pycifar.scratch.inputs import INPUTS, MIDDLE
from pycifar.scratch.network import (
    ACTIVATIONS,
    cross_entropy,
    forward_propagation,
    initialize_network,
    penalty,
    train,
)

if TYPE_CHECKING:
    import keras


class NumpyModel:
    """A fully connected network from raw uint8 pixels to class probabilities, in NumPy alone.

    It has the methods of a Keras model that pycifar calls, under the same names.

    Args:
        name: the name of the network.
        input_shape: (height, width, 3) of the images, in pixels.
        n_classes: the number of classes, at least 2.
        hidden: the number of units in each hidden layer, each at least 1; an empty sequence gives
            softmax regression.
        activation: the activation of the hidden layers, "sigmoid" or "relu".
        l2: at least 0. The loss includes `l2` times the sum of the squares of all weights, biases
            excluded.
        inputs: "colours" for all pixels, or "greys" for the luminance of the central 28×28 pixels.
            "normalised colours" and "normalised greys" also scale each image to mean 0 and standard
            deviation 1.

    Raises:
        ArgumentError: an argument is not as above.

    Examples:
        >>> from pycifar.scratch import NumpyModel
        >>> NumpyModel("mlp", (32, 32, 3), 10, hidden=[64, 64], activation="relu").count_params()
        201482
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, int, int],
        n_classes: int,
        hidden: Sequence[int],
        activation: str,
        l2: float = 0.0,
        inputs: str = "colours",
    ) -> None:
        self.name = name
        self.hidden = _check_hidden(hidden)
        self.activation = check_choice("activation", activation, ACTIVATIONS)
        self.l2 = check_number("l2", l2, minimum=0)
        self.inputs = check_choice("inputs", inputs, INPUTS)
        self.input_shape = (None, *input_shape)
        self.output_shape = (None, n_classes)
        self.stop_training = False
        self.stopped_by: str | None = None
        sizes = [INPUTS[self.inputs].count(input_shape), *self.hidden, n_classes]
        # The seed comes from Python's generator, as in Keras; `pycifar.backend.seeded` sets it.
        rng = np.random.default_rng(random.getrandbits(64))
        self.network = initialize_network(sizes, self.activation, rng)
        self._rows = np.empty((0, sizes[0]), np.float32)

    @property
    def weights(self) -> list[np.ndarray]:
        """The weights and bias of each layer, from the first layer to the last."""
        return [values for layer in self.network for values in (layer.weights, layer.bias)]

    @property
    def velocities(self) -> list[np.ndarray]:
        """The velocities of momentum, in the order of `weights`."""
        return [velocity for layer in self.network for velocity in layer.velocities]

    @property
    def optimizer(self) -> NumpyModel:
        """Itself: callbacks of Keras read and set the `learning_rate` of a model's optimizer."""
        return self

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights, in the order of `weights`."""
        return [values.copy() for values in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set the weights to these values, in the order of `weights`.

        Raises:
            ArgumentError: a value has another shape than its weight.
        """
        for values, new in zip(self.weights, weights, strict=True):
            if values.shape != np.shape(new):
                raise ArgumentError(
                    f"These weights must have shape {values.shape}, not {np.shape(new)}."
                )
            values[...] = new

    def count_params(self) -> int:
        """Return the number of weights and biases."""
        return sum(values.size for values in self.weights)

    def compile(self, learning_rate: float, momentum: float, weight_decay: float) -> None:
        """Set the hyperparameters of the training, and reset all velocities to 0.

        Args:
            learning_rate: above 0; the attribute of this name may be changed between steps.
            momentum: from 0 to below 1.
            weight_decay: at least 0; see `pycifar.scratch.network.update_weights`.
        """
        self.learning_rate, self._momentum, self._decay = learning_rate, momentum, weight_decay
        for velocity in self.velocities:
            velocity.fill(0)

    def train_on_batch(
        self, images: np.ndarray, labels: np.ndarray, return_dict: bool = True
    ) -> dict[str, float]:
        """Do one training step; return the loss and the accuracy on the batch before the update."""
        batch = (self._as_rows(images), labels)
        # No warning when numbers overflow: the loss is then infinite or NaN, and shows it.
        with np.errstate(over="ignore", invalid="ignore"):
            loss, accuracy = train(
                self.network, [batch], self.learning_rate, self._momentum, self._decay, self.l2
            )
        return {"loss": loss, "accuracy": accuracy}

    def test_on_batch(
        self, images: np.ndarray, labels: np.ndarray, return_dict: bool = True
    ) -> dict[str, float]:
        """Return the loss and the accuracy on one batch."""
        with np.errstate(over="ignore", invalid="ignore"):
            probabilities = forward_propagation(self.network, self._as_rows(images))
            loss = cross_entropy(probabilities, labels) + penalty(self.network, self.l2)
        return {"loss": loss, "accuracy": float((probabilities.argmax(axis=1) == labels).mean())}

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities of the classes, shape (n, classes)."""
        return forward_propagation(self.network, self._as_rows(images)).copy()

    def reset_metrics(self) -> None:
        """Do nothing: each batch is measured by itself."""

    def settings(self) -> dict[str, Any]:
        """Return the arguments of the network as plain Python values that JSON can hold."""
        return {
            "name": self.name,
            "input_shape": list(self.input_shape[1:]),
            "n_classes": self.output_shape[1],
            "hidden": list(self.hidden),
            "activation": self.activation,
            "l2": self.l2,
            "inputs": self.inputs,
        }

    def to_keras(self) -> keras.Model:
        """Return a Keras model with the same layers and weights."""
        from pycifar.backend import keras

        with computing_in("float32"):
            pixels, scaling = pixels_and_scaling(self.input_shape[1:], 1 / MIDDLE, -1.0)
            values = INPUTS[self.inputs].keras_make(pixels, scaling)
            for number, layer in enumerate(self.network, start=1):
                last = layer.activation == "softmax"
                values = keras.layers.Dense(
                    len(layer.bias),
                    activation=layer.activation,
                    kernel_regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
                    name="probabilities" if last else f"hidden{number}",
                )(values)
            model = keras.Model(pixels, values, name=self.name)
        model.set_weights(self.weights)
        return model

    def __repr__(self) -> str:
        _, height, width, _ = self.input_shape
        parts = [f"<NumpyModel {self.name}", f"{height}×{width} pixels"]
        if self.hidden:
            units = " and ".join(f"{units:,}" for units in self.hidden)
            parts.append(f"hidden layers of {units} ({self.activation})")
        parts.append(f"{self.output_shape[1]:,} classes")
        parts.append(f"{self.count_params():,} parameters")
        return ", ".join(parts) + ">"

    def _as_rows(self, images: np.ndarray) -> np.ndarray:
        if images.shape[1:] != self.input_shape[1:] or images.dtype != np.uint8:
            raise ImageError(
                f"The network takes uint8 images of shape (n, {str(self.input_shape[1:])[1:]}, "
                f"not {describe(images)}."
            )
        # The array is used again for batches of the same size.
        if len(self._rows) != len(images):
            self._rows = np.empty((len(images), self._rows.shape[1]), np.float32)
        INPUTS[self.inputs].make(images, self._rows)
        return self._rows


def _check_hidden(hidden: Any) -> tuple[int, ...]:
    if isinstance(hidden, (str, bytes)) or not isinstance(hidden, (list, tuple, np.ndarray)):
        hidden = [hidden]
    return tuple(check_count("hidden", units, 1, MOST_UNITS) for units in hidden)
