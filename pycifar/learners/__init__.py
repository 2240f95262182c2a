"""The learners: one class for each kind of network, with the methods that training needs.

`learner_for` decides by the network itself; all other modules use the learner. Before a network is
built, `Architecture.in_numpy` says of a name which kind it will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from pycifar.config import TrainingConfig
    from pycifar.learners.descriptions import OwnObjects

__all__ = ["Learner", "is_network", "learner_for"]


class Learner(Protocol):
    """A network together with its optimizer and its training step.

    Images are uint8 of shape (n, height, width, 3). Labels are whole numbers from 0, of shape (n,).
    Weights of images, where there are any, are floats of shape (n,).

    Attributes:
        network: the network, a Keras model or a `pycifar.scratch.NumpyModel`.
        learning_rate: the learning rate of the next step; set it only after `compile`.
        harmless: keys of `pycifar.training.identity.environment_of` whose values do not affect the
            weights, so a checkpoint can be resumed where they differ.
    """

    network: Any
    learning_rate: float
    harmless: tuple[str, ...]

    def check_process(self) -> None:
        """Raise a ForkedError if the network cannot compute in this process."""

    def check_config(self, config: TrainingConfig) -> None:
        """Raise an ArgumentError if the network does not support these settings."""

    def as_keras(self) -> Any:
        """Return the network itself if it is a Keras model, else an equivalent Keras model."""

    def copy(self) -> Any:
        """Return an independent copy, with equal weights and equal random states of its layers."""

    def compile(
        self,
        config: TrainingConfig,
        optimizer: Any = None,
        flip_weights: Callable[[np.ndarray], np.ndarray] | None = None,
        own: OwnObjects | None = None,
    ) -> None:
        """Set the optimizer, the loss and the metrics of the network.

        Args:
            config: the settings of the training.
            optimizer: an optimizer of the caller; None makes one from the settings.
            flip_weights: keeps the network equivariant to flips; see `Architecture`.
            own: the loss and the metrics of the caller that the settings name.
        """

    def begin(self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Prepare for steps on batches with the types and image shape of this one."""

    def directions(self) -> dict[str, str]:
        """Return "min" or "max" for each metric, by name, as far as it is known."""

    def begin_pass(self) -> None:
        """Reset the metrics that count over a pass, which are those besides loss and accuracy."""

    def metric_state(self) -> list[np.ndarray]:
        """Return copies of the variables of these metrics."""

    def set_metric_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the variables of these metrics to these values, in the order of `metric_state`."""

    def finish(self) -> None:
        """Do what Keras's `fit` does to the weights once all steps are done."""

    def end(self) -> None:
        """Undo the changes that `begin` made to the network and its optimizer."""

    def step(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, Any]:
        """Do one training step; return "loss" and "accuracy" on the batch before the update.

        Other metrics are returned over the pass so far.
        """

    def measure(self, images: np.ndarray, labels: np.ndarray) -> Mapping[str, Any]:
        """Return "loss" and "accuracy" on one batch, without learning from it.

        Other metrics are returned over the pass so far.
        """

    def losses(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the cross-entropy of each image in nats, shape (n,), from logits if possible."""

    def measured(
        self, batches: Iterable[tuple[np.ndarray, np.ndarray]], config: TrainingConfig
    ) -> tuple[float, dict[str, float]]:
        """Return what a training has in its history, over all of these batches.

        Returns:
            The mean loss, with penalties and label smoothing, and the metrics besides it and the
            accuracy, by name.
        """

    def has_other_objective(self, config: TrainingConfig) -> bool:
        """Return whether a training lowers something else than the cross-entropy alone."""

    def metrics_of(
        self, labels: np.ndarray, probabilities: np.ndarray, config: TrainingConfig
    ) -> dict[str, float]:
        """Return the metrics of a training, of probabilities that were averaged or calibrated."""

    def freeze(self) -> None:
        """Let the last layer with weights learn alone; `compile` must follow.

        Steps and measurements then take features in place of images.

        Raises:
            ArgumentError: the network does not support it.
        """

    def thaw(self, config: TrainingConfig) -> None:
        """Let all layers learn, with a new optimizer; `begin` must follow."""

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return what the layers before the head compute of images, after `freeze`."""

    def normalise_by(self, batches: Iterable[np.ndarray]) -> None:
        """Set the moving statistics of batch normalisation to their means over these batches."""

    def variables(self) -> list[np.ndarray]:
        """Return copies of all weights, and of the states of the layers' random generators."""

    def set_variables(self, values: Sequence[np.ndarray]) -> None:
        """Set all weights and random states to these values, in the order of `variables`."""

    def optimizer_state(self) -> list[np.ndarray]:
        """Return copies of the optimizer's variables, such as momenta; none if there is none."""

    def set_optimizer_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the optimizer's variables to these values, in the order of `optimizer_state`."""

    def generator_states(self) -> list[list[int]]:
        """Return the states of the layers' random generators, in the layers' order."""

    def set_generator_states(self, states: Sequence[list[int]]) -> None:
        """Set the states of the layers' random generators, in the layers' order."""

    def take_optimizer_state(self, earlier: Learner) -> int:
        """Take over what the optimizer of a network with the same layers has gathered.

        Returns:
            How many trainable weights it has nothing of.
        """

    def restore_optimizer(
        self,
        config: TrainingConfig,
        state: Sequence[np.ndarray],
        described: dict[str, Any] | None = None,
        trained: Sequence[int] | None = None,
    ) -> None:
        """Restore an optimizer that is not Keras's, with the values of its variables.

        It is made from its description, or else from the settings. It trains the variables with the
        numbers `trained`, or else those that are trainable.
        """

    @property
    def keeps_optimizer_apart(self) -> bool:
        """Whether a model file needs its own entry for the optimizer, as Keras cannot load it."""

    def file_record(self) -> dict[str, Any]:
        """Return what a model file records of the network besides Keras's description of it."""

    def network_settings(self) -> Any:
        """Return a description of the network, as JSON can hold it."""

    def optimizer_settings(self) -> dict[str, Any]:
        """Return a description of the optimizer, as JSON can hold it."""

    def threads(self, cores: int) -> int:
        """Return how many threads one operation may use on a machine with this many cores."""


def learner_for(network: Any) -> Learner:
    """Return the learner for a network."""
    from pycifar.scratch import NumpyModel

    if isinstance(network, NumpyModel):
        from pycifar.learners.numpy_learner import NumpyLearner

        return NumpyLearner(network)
    from pycifar.learners.keras_learner import KerasLearner

    return KerasLearner(network)


def is_network(value: Any) -> bool:
    """Return whether a value is a network that can be trained: a Keras model or a NumPy one."""
    from pycifar.backend import keras
    from pycifar.scratch import NumpyModel

    return isinstance(value, (keras.Model, NumpyModel))
