"""How a network of NumPy learns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pycifar.config import TrainingConfig
from pycifar.learners.numpy_settings import check_numpy_settings
from pycifar.learners.optimizers import MOMENTA
from pycifar.processor import threads_asked_for
from pycifar.scratch import NumpyModel


class NumpyLearner:
    """A network of NumPy, which is its own optimizer.

    Args:
        network: the network.
    """

    harmless: tuple[str, ...] = (
        *("processor", "python"),
        *("backend", "keras", "tensorflow", "jax", "torch", "devices"),
    )

    def __init__(self, network: NumpyModel) -> None:
        self.network = network

    def check_process(self) -> None:
        """Do nothing: NumPy computes in a forked process as well."""

    def check_config(self, config: TrainingConfig) -> None:
        """Raise an ArgumentError where the network cannot learn in this way."""
        check_numpy_settings(config.to_dict())

    def as_keras(self) -> Any:
        """Return an equal Keras model."""
        return self.network.to_keras()

    def copy(self) -> NumpyModel:
        """Return a network of its own."""
        copy = NumpyModel(**self.network.settings())
        copy.set_weights(self.network.weights)
        return copy

    def compile(
        self,
        config: TrainingConfig,
        optimizer: Any = None,
        flip_weights: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        """Settle the learning rate, the momentum and the weight decay."""
        momentum = MOMENTA["sgd"] if config.momentum is None else config.momentum
        self.network.compile(config.learning_rate, momentum, config.weight_decay)

    def begin(self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Do nothing: there is nothing to compile."""

    def end(self) -> None:
        """Do nothing: nothing was changed."""

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self.network.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.network.learning_rate = rate

    def step(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, Any]:
        """Do one step."""
        return self.network.train_on_batch(images, labels)

    def measure(self, images: np.ndarray, labels: np.ndarray) -> Mapping[str, Any]:
        """Measure one batch; the loss has the penalty of the weights in it."""
        return self.network.test_on_batch(images, labels)

    def normalise_by(self, batches: Iterable[np.ndarray]) -> None:
        """Do nothing: no layer normalises."""

    def variables(self) -> list[np.ndarray]:
        """Return copies of the weights."""
        return self.network.get_weights()

    def set_variables(self, values: Sequence[np.ndarray]) -> None:
        """Take these weights."""
        self.network.set_weights(values)

    def optimizer_state(self) -> list[np.ndarray]:
        """Return copies of the velocities that momentum has made."""
        return [velocity.copy() for velocity in self.network.velocities]

    def set_optimizer_state(self, state: Sequence[np.ndarray]) -> None:
        """Take these velocities."""
        for velocity, value in zip(self.network.velocities, state, strict=True):
            velocity[...] = value

    def restore_optimizer(self, config: TrainingConfig, state: Sequence[np.ndarray]) -> None:
        """Take these velocities."""
        self.set_optimizer_state(state)

    @property
    def keeps_optimizer_apart(self) -> bool:
        """Whether the velocities are kept apart: always."""
        return True

    def file_record(self) -> dict[str, Any]:
        """Return what makes the network of NumPy again."""
        return {"numpy_model": self.network.settings()}

    def generator_states(self) -> list[list[int]]:
        """Return none: no layer draws anything."""
        return []

    def set_generator_states(self, states: Sequence[list[int]]) -> None:
        """Do nothing: no layer draws anything."""

    def network_settings(self) -> Any:
        """Return what the network is made of."""
        return self.network.settings()

    def optimizer_settings(self) -> dict[str, Any]:
        """Return nothing: the training's own settings say all."""
        return {}

    def threads(self, cores: int) -> int:
        """Return how many threads NumPy multiplies matrices with."""
        return threads_asked_for(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"], cores)


def network_of_numpy(keras_model: Any, settings: Any) -> NumpyModel:
    """Return the network of NumPy that a Keras model was made of.

    Args:
        keras_model: what `to_keras` made.
        settings: of the network of NumPy; they may come from a stranger.

    Raises:
        ValueError: they are those of another network.
    """
    dense = [layer for layer in keras_model.layers if type(layer).__name__ == "Dense"]
    units = [layer.units for layer in dense]
    own = [*settings["hidden"], settings["n_classes"]], tuple(settings["input_shape"])
    if own != (units, keras_model.input_shape[1:]):  # before they take memory
        raise ValueError("its network of NumPy is another than that of Keras")
    network = NumpyModel(**settings)
    network.set_weights(keras_model.get_weights())
    return network
