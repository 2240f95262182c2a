"""How networks learn: one learner for each kind of network.

This module alone asks of what kind a network is. All others work with the learner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from pycifar.config import TrainingConfig

__all__ = ["Learner", "is_network", "learner_for"]


class Learner(Protocol):
    """A network with all that it learns by.

    Images are uint8 of shape (n, height, width, 3), labels whole numbers from 0 of shape (n,).

    Attributes:
        network: the network, a Keras model or a `pycifar.scratch.NumpyModel`.
        learning_rate: of the next step; only to be set once the network is compiled.
        harmless: names in an environment that cannot change the weights.
    """

    network: Any
    learning_rate: float
    harmless: tuple[str, ...]

    def check_process(self) -> None:
        """Raise a ForkedError where the network cannot compute in this process."""

    def check_config(self, config: TrainingConfig) -> None:
        """Raise an ArgumentError where the network cannot learn in this way."""

    def as_keras(self) -> Any:
        """Return the network as a Keras model, or an equal one."""

    def copy(self) -> Any:
        """Return a network of its own with the same weights, whose layers draw the same numbers."""

    def compile(
        self,
        config: TrainingConfig,
        optimizer: Any = None,
        flip_weights: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        """Settle how the network learns.

        Args:
            config: the settings.
            optimizer: of the caller; None makes one.
            flip_weights: has mirrored images stay the same to the network; see `Architecture`.
        """

    def begin(self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Get ready for steps on batches like this one."""

    def end(self) -> None:
        """Take back what `begin` changed of the network and its optimizer."""

    def step(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, Any]:
        """Learn from one batch; return "loss" and "accuracy" on it, before the update."""

    def measure(self, images: np.ndarray, labels: np.ndarray) -> Mapping[str, Any]:
        """Return "loss" and "accuracy" on one batch."""

    def normalise_by(self, batches: Iterable[np.ndarray]) -> None:
        """Measure anew what normalises by the training images, all batches counting alike."""

    def variables(self) -> list[np.ndarray]:
        """Return copies of all weights, and of the states of the layers' random generators."""

    def set_variables(self, values: Sequence[np.ndarray]) -> None:
        """Take these values, in the order of `variables`."""

    def optimizer_state(self) -> list[np.ndarray]:
        """Return copies of the optimizer's variables, such as momenta; none without one."""

    def set_optimizer_state(self, state: Sequence[np.ndarray]) -> None:
        """Take these values, in the order of `optimizer_state`."""

    def generator_states(self) -> list[list[int]]:
        """Return the states of the layers' random generators, in the layers' order."""

    def set_generator_states(self, states: Sequence[list[int]]) -> None:
        """Have the layers' generators go on from these states."""

    def restore_optimizer(self, config: TrainingConfig, state: Sequence[np.ndarray]) -> None:
        """Go on with an optimizer of pycifar's own, as these settings and values have it."""

    @property
    def keeps_optimizer_apart(self) -> bool:
        """Whether the optimizer is one that Keras could not open again from a file of its own."""

    def file_record(self) -> dict[str, Any]:
        """Return what a model file says of the network besides Keras's description of it."""

    def network_settings(self) -> Any:
        """Return what the network is made of, as JSON can hold it."""

    def optimizer_settings(self) -> dict[str, Any]:
        """Return what the optimizer is made of, as JSON can hold it."""

    def threads(self, cores: int) -> int:
        """Return how many threads an operation may use on a machine with so many cores."""


def learner_for(network: Any) -> Learner:
    """Return the learner for a network."""
    from pycifar.scratch import NumpyModel

    if isinstance(network, NumpyModel):
        from pycifar.learners.numpy_learner import NumpyLearner

        return NumpyLearner(network)
    from pycifar.learners.keras_learner import KerasLearner

    return KerasLearner(network)


def is_network(value: Any) -> bool:
    """Whether it is a network that can be trained: a Keras model, or one of NumPy."""
    from pycifar.backend import keras
    from pycifar.scratch import NumpyModel

    return isinstance(value, (keras.Model, NumpyModel))
