"""The learner for NumPy networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pycifar.config import TrainingConfig
from pycifar.learners import Learner
from pycifar.learners.numpy_settings import check_numpy_settings
from pycifar.processor import threads_asked_for
from pycifar.scratch import NumpyModel


class NumpyLearner:
    """A NumPy network. It does its own stochastic gradient descent, without a separate optimizer.

    Args:
        network: the NumPy network.
    """

    harmless: tuple[str, ...] = (
        *("processor", "python"),
        *("backend", "keras", "tensorflow", "jax", "torch", "devices"),
    )

    def __init__(self, network: NumpyModel) -> None:
        self.network = network

    def check_process(self) -> None:
        """Do nothing: NumPy works in a forked process too."""

    def check_config(self, config: TrainingConfig) -> None:
        """Raise an ArgumentError if a NumPy network does not support these settings."""
        check_numpy_settings(config.to_dict())

    def as_keras(self) -> Any:
        """Return a Keras model with the same layers and weights."""
        return self.network.to_keras()

    def copy(self) -> NumpyModel:
        """Return an independent copy of the network."""
        copy = NumpyModel(**self.network.settings())
        copy.set_weights(self.network.weights)
        return copy

    def compile(
        self,
        config: TrainingConfig,
        optimizer: Any = None,
        flip_weights: Callable[[np.ndarray], np.ndarray] | None = None,
        own: Any = None,
    ) -> None:
        """Set the learning rate, the momentum and the weight decay; set all velocities to 0."""
        assert config.momentum is not None, "the settings are resolved"
        self.network.compile(config.learning_rate, config.momentum, config.weight_decay)

    def begin(self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Do nothing: there is nothing to compile."""

    def directions(self) -> dict[str, str]:
        """Return "min" for the loss and "max" for the accuracy."""
        return {"loss": "min", "accuracy": "max"}

    def begin_pass(self) -> None:
        """Do nothing: there are no metrics besides loss and accuracy."""

    def metric_state(self) -> list[np.ndarray]:
        """Return an empty list."""
        return []

    def set_metric_state(self, state: Sequence[np.ndarray]) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing: there is no moving average of the weights."""

    def end(self) -> None:
        """Do nothing: `begin` changes nothing."""

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self.network.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.network.learning_rate = rate

    def step(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, Any]:
        """Do one training step."""
        return self.network.train_on_batch(images, labels)

    def measure(self, images: np.ndarray, labels: np.ndarray) -> Mapping[str, Any]:
        """Return "loss" (with the L2 penalty) and "accuracy" on one batch."""
        return self.network.test_on_batch(images, labels)

    def losses(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the cross-entropy of each image; infinity for a probability of 0."""
        of_truth = self.network.predict_on_batch(images)[np.arange(len(labels)), labels]
        with np.errstate(divide="ignore"):
            losses: np.ndarray = -np.log(of_truth)
        return losses

    def measured(
        self, batches: Iterable[tuple[np.ndarray, np.ndarray]], config: TrainingConfig
    ) -> tuple[float, dict[str, float]]:
        """Return the cross-entropy with the L2 penalty, and no metrics."""
        losses = [(len(y), float(self.network.test_on_batch(x, y)["loss"])) for x, y in batches]
        return sum(n * loss for n, loss in losses) / sum(n for n, _ in losses), {}

    def has_other_objective(self, config: TrainingConfig) -> bool:
        """Return whether there is an L2 penalty."""
        return self.network.l2 > 0

    def metrics_of(
        self, labels: np.ndarray, probabilities: np.ndarray, config: TrainingConfig
    ) -> dict[str, float]:
        """Return an empty dictionary."""
        return {}

    def normalise_by(self, batches: Iterable[np.ndarray]) -> None:
        """Do nothing: there is no batch normalisation."""

    def variables(self) -> list[np.ndarray]:
        """Return copies of the weights."""
        return self.network.get_weights()

    def set_variables(self, values: Sequence[np.ndarray]) -> None:
        """Set the weights to these values, in the order of `variables`."""
        self.network.set_weights(values)

    def optimizer_state(self) -> list[np.ndarray]:
        """Return copies of the velocities of momentum, one for each array of weights."""
        return [velocity.copy() for velocity in self.network.velocities]

    def set_optimizer_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the velocities to these values, in the order of `optimizer_state`."""
        for velocity, value in zip(self.network.velocities, state, strict=True):
            velocity[...] = value

    def freeze(self) -> None:
        """Do nothing: `check_config` refuses frozen epochs."""

    def thaw(self, config: TrainingConfig) -> None:
        """Do nothing: all layers learn."""

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the images: there are no layers that stay as they are."""
        return images

    def take_optimizer_state(self, earlier: Learner) -> int:
        """Take over the velocities of a network with the same layers.

        Returns:
            How many arrays of weights have none: all, if the network was saved without them.
        """
        state = earlier.optimizer_state()
        self.set_optimizer_state(state)
        return 0 if any(velocity.any() for velocity in state) else len(state)

    def restore_optimizer(
        self,
        config: TrainingConfig,
        state: Sequence[np.ndarray],
        described: dict[str, Any] | None = None,
        trained: Sequence[int] | None = None,
    ) -> None:
        """Set the velocities to these values; nothing else is needed."""
        self.set_optimizer_state(state)

    @property
    def keeps_optimizer_apart(self) -> bool:
        """Whether the velocities need their own entry in a model file: always."""
        return True

    def file_record(self) -> dict[str, Any]:
        """Return the arguments from which `network_of_numpy` makes the network again."""
        return {"numpy_model": self.network.settings()}

    def generator_states(self) -> list[list[int]]:
        """Return an empty list: no layer draws random numbers."""
        return []

    def set_generator_states(self, states: Sequence[list[int]]) -> None:
        """Do nothing: no layer draws random numbers."""

    def network_settings(self) -> Any:
        """Return the arguments of the network."""
        return self.network.settings()

    def optimizer_settings(self) -> dict[str, Any]:
        """Return an empty description: the settings of the training are complete."""
        return {}

    def threads(self, cores: int) -> int:
        """Return how many threads NumPy uses to multiply matrices."""
        return threads_asked_for(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"], cores)


def network_of_numpy(keras_model: Any, settings: Any) -> NumpyModel:
    """Return the NumPy network from which a Keras model was made.

    Args:
        keras_model: what `NumpyModel.to_keras` returned.
        settings: what `NumpyModel.settings` returned; it may come from an untrusted file.

    Raises:
        ValueError: the settings belong to another network.
    """
    dense = [layer for layer in keras_model.layers if type(layer).__name__ == "Dense"]
    units = [layer.units for layer in dense]
    own = [*settings["hidden"], settings["n_classes"]], tuple(settings["input_shape"])
    if own != (units, keras_model.input_shape[1:]):  # checked before large settings take memory
        raise ValueError("its network of NumPy is another than that of Keras")
    network = NumpyModel(**settings)
    network.set_weights(keras_model.get_weights())
    return network
