"""The learner for Keras models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from pycifar.backend import check_process, free_memory, keras, seeded, tensorflow
from pycifar.config import TrainingConfig
from pycifar.errors import ArgumentError
from pycifar.layer_calls import graph_of, layers_of
from pycifar.learners import Learner
from pycifar.learners.flip_equivariance import tie_flips
from pycifar.learners.fused_ops import fuse, make_step
from pycifar.learners.optimizers import loss_and_metrics, optimizer_of
from pycifar.processor import threads_asked_for

SCALED = "mixed_float16"  # the policy of models whose losses Keras scales


class KerasLearner:
    """A Keras model with its optimizer, its compiled step, and the changes made for training.

    Args:
        network: a Keras model.
    """

    harmless: tuple[str, ...] = ("processor", "python")

    def __init__(self, network: Any) -> None:
        self.network = network
        self._step: Callable[..., Mapping[str, Any]] | None = None
        self._flip_weights: Callable[[np.ndarray], np.ndarray] | None = None
        self._one_hot = False  # whether labels are one-hot, which label smoothing needs
        self._changes = ExitStack()  # changes to the caller's objects, which `end` undoes

    def check_process(self) -> None:
        """Raise a ForkedError in a forked process, where Keras would hang."""
        check_process()

    def check_config(self, config: TrainingConfig) -> None:
        """Do nothing: a Keras model supports all settings."""

    def as_keras(self) -> Any:
        """Return the model itself."""
        return self.network

    def copy(self, image_shape: tuple[int, int, int] | None = None) -> Any:
        """Return an independent copy of the model.

        Args:
            image_shape: the shape of the images that the copy takes, (height, width, 3), for a
                model that takes images of any size; None leaves it as it is.

        Raises:
            ArgumentError: Keras cannot copy it.
        """
        try:
            start = None
            if image_shape is not None:
                pixels = graph_of(self.network).inputs[0]
                start = keras.Input(image_shape, dtype=pixels.dtype, name=pixels.name)
            copy = keras.models.clone_model(self.network, start)
            # Keras gives a copy the policy that is set now, by which it scales losses of float16.
            copy.dtype_policy = self.network.dtype_policy
            # `variables` copies to NumPy. On JAX, a direct assignment would share the arrays.
            KerasLearner(copy).set_variables(self.variables())
        except Exception as error:
            raise ArgumentError(
                f"This model cannot be copied to be trained on: {error}",
                fix="Give a function(input_shape, n_classes) that builds it as `architecture`.",
            ) from error
        return copy

    def compile(
        self,
        config: TrainingConfig,
        optimizer: Any = None,
        flip_weights: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        """Compile the model.

        Raises:
            ArgumentError: the optimizer has been used for another model.
        """
        free_memory()  # of earlier models
        if optimizer is None:
            optimizer = optimizer_of(config)
        self._one_hot = config.label_smoothing > 0
        self._flip_weights = flip_weights
        if optimizer.built:
            raise ArgumentError(
                "`optimizer` has been used for another model already.",
                fix="Make a new one for each training.",
            )
        with seeded(config.seed):
            loss, metrics = loss_and_metrics(config.label_smoothing)
            # Variables that are created in the first step would make TensorFlow compile it twice.
            optimizer = built_for(self.network, optimizer)
            self.network.compile(optimizer, loss=loss, metrics=metrics)

    def begin(self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Tie flip weights, fuse operations and compile the step."""
        network, optimizer = self.network, self.network.optimizer
        if self._flip_weights is not None:
            tie_flips(optimizer, network.trainable_variables, self._flip_weights, self._changes)
        fuse(network, optimizer, self._changes)
        self._step = make_step(self.network, *self._batch(images, labels, weights))

    def finish(self) -> None:
        """Set the weights to their moving average, if the optimizer keeps one (`use_ema`)."""
        self.network.optimizer.finalize_variable_values(self.network.trainable_variables)

    def end(self) -> None:
        """Restore Keras's own methods of the model and its optimizer."""
        self._changes.close()

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.network.optimizer.learning_rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.network.optimizer.learning_rate = rate

    def step(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, Any]:
        """Do one compiled training step; `begin` must come first."""
        assert self._step is not None, "begin() comes first"
        return self._step(*self._batch(images, labels, weights))

    def measure(self, images: np.ndarray, labels: np.ndarray) -> Mapping[str, Any]:
        """Return "loss" (with penalties and label smoothing) and "accuracy" on one batch."""
        self.network.reset_metrics()
        images, truth = self._batch(images, labels, None)
        logs: Mapping[str, Any] = self.network.test_on_batch(images, truth, return_dict=True)
        return logs

    def losses(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the cross-entropy of each image, without penalties and label smoothing.

        Within a graph of TensorFlow, Keras takes the logits that a softmax was given.
        """

        def compute(images: Any, labels: Any) -> Any:
            probabilities = self.network(images, training=False)
            return keras.ops.sparse_categorical_crossentropy(labels, probabilities)

        if tensorflow is not None:
            compute = tensorflow.function(compute, autograph=False)
        return as_numpy(compute(np.ascontiguousarray(images), labels))

    def _batch(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """Return a batch as Keras takes it: contiguous images, and one-hot labels where needed."""
        truth = labels
        if self._one_hot:
            truth = np.eye(self.network.output_shape[-1], dtype=np.float32)[labels]
        batch = np.ascontiguousarray(images), truth
        return batch if weights is None else (*batch, weights)

    def normalise_by(self, batches: Iterable[np.ndarray]) -> None:
        """Set the moving means and variances of batch normalisation to those of these batches."""
        kind = keras.layers.BatchNormalization
        layers = [layer for layer in layers_of(self.network) if isinstance(layer, kind)]
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        try:
            for number, batch in enumerate(batches):
                for layer in layers:
                    layer.momentum = number / (number + 1)  # makes the moving mean a plain mean
                self.network(np.ascontiguousarray(batch), training=True)
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum

    def variables(self) -> list[np.ndarray]:
        """Return copies of all variables of the model, random states included."""
        return [as_numpy(variable) for variable in self.network.variables]

    def set_variables(self, values: Sequence[np.ndarray]) -> None:
        """Set the variables to these values, in the order of `variables`."""
        for variable, value in zip(self.network.variables, values, strict=True):
            variable.assign(value)

    def optimizer_state(self) -> list[np.ndarray]:
        """Return copies of the optimizer's variables; none if the model was never compiled."""
        optimizer = getattr(self.network, "optimizer", None)
        return [] if optimizer is None else [as_numpy(variable) for variable in optimizer.variables]

    def set_optimizer_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the optimizer's variables to these values, in the order of `optimizer_state`.

        Raises:
            ValueError: the values belong to another optimizer.
        """
        for variable, value in zip(self.network.optimizer.variables, state, strict=True):
            variable.assign(value)

    def take_optimizer_state(self, earlier: Learner) -> int:
        """Take over the state of the optimizer of a model with the same layers.

        Where other weights are trainable than before, those that both train go on as they were.

        Returns:
            How many trainable weights have no state to go on from.
        """
        state = earlier.optimizer_state()
        if not state:  # the model was saved without it
            return len(self.network.trainable_variables)
        own, theirs = _trained(self.network), _trained(earlier.network)
        if own == theirs and len(state) == len(self.network.optimizer.variables):
            self.set_optimizer_state(state)
            return 0
        slots = _slots(earlier.network)
        for key, variable in _slots(self.network).items():
            if key in slots and slots[key].shape == variable.shape:
                variable.assign(as_numpy(slots[key]))
        return len(set(own) - set(theirs))

    def restore_optimizer(self, config: TrainingConfig, state: Sequence[np.ndarray]) -> None:
        """Make the optimizer that these settings name, and set its variables to these values."""
        self.network.optimizer = built_for(self.network, optimizer_of(config))
        self.set_optimizer_state(state)

    @property
    def keeps_optimizer_apart(self) -> bool:
        """Whether the optimizer is a class of pycifar, which Keras alone cannot load."""
        return type(innermost(self.network)).__module__.startswith("pycifar.")

    def file_record(self) -> dict[str, Any]:
        """Return the precision that the model was made in, which Keras's description leaves out."""
        return {"dtype_policy": self.network.dtype_policy.name}

    def generator_states(self) -> list[list[int]]:
        """Return the states of the layers' random generators, such as dropout's."""
        return [as_numpy(variable).tolist() for variable in self._generators()]

    def set_generator_states(self, states: Sequence[list[int]]) -> None:
        """Set the states of the layers' random generators."""
        for variable, state in zip(self._generators(), states, strict=True):
            variable.assign(np.array(state))

    def _generators(self) -> list[Any]:
        # Keras lists the states of random generators in `variables` but not in `weights`.
        weights = {id(weight) for weight in self.network.weights}
        return [variable for variable in self.network.variables if id(variable) not in weights]

    def network_settings(self) -> Any:
        """Return Keras's description of the model, without how it was compiled."""
        config = keras.saving.serialize_keras_object(self.network)
        if isinstance(config, dict):
            config.pop("compile_config", None)
        return config

    def optimizer_settings(self) -> dict[str, Any]:
        """Return the class of the optimizer and its settings."""
        optimizer = self.network.optimizer
        config: dict[str, Any] = json.loads(json.dumps(optimizer.get_config(), default=str))
        config.pop("name", None)
        return {"class": type(optimizer).__name__, **config}

    def threads(self, cores: int) -> int:
        """Return how many threads the backend uses for one operation; by default all cores."""
        names = ["OMP_NUM_THREADS"]
        if keras.backend.backend() == "tensorflow":
            chosen = tensorflow.config.threading.get_intra_op_parallelism_threads()
            if chosen:
                return int(chosen)
            names.insert(0, "TF_NUM_INTRAOP_THREADS")
        return threads_asked_for(names, cores)


def built_for(network: Any, optimizer: Any) -> Any:
    """Return an optimizer with the variables that it has for a model.

    With mixed float16 it is put into one that scales the loss. Keras does so by itself, but then
    writes into a file only the one inside, and misses variables that this one makes last.
    """
    scaling = keras.optimizers.LossScaleOptimizer
    if network.dtype_policy.name == SCALED and not isinstance(optimizer, scaling):
        optimizer = scaling(optimizer, name="loss_scale_optimizer")
    if isinstance(optimizer, scaling):
        optimizer.inner_optimizer.build(network.trainable_variables)
    optimizer.build(network.trainable_variables)
    return optimizer


def innermost(network: Any) -> Any:
    """Return the optimizer of a model, without the one around it that scales the loss."""
    optimizer = getattr(network, "optimizer", None)
    return getattr(optimizer, "inner_optimizer", optimizer)


def as_numpy(variable: Any) -> np.ndarray:
    """Return a copy of the values of a Keras variable."""
    return np.array(keras.ops.convert_to_numpy(variable))


def _trained(network: Any) -> list[int]:
    """Return the numbers, among the variables of a model, of those that its optimizer trains."""
    numbers = {id(variable): number for number, variable in enumerate(network.variables)}
    return [numbers[id(variable)] for variable in network.optimizer._trainable_variables]


def _slots(network: Any) -> dict[tuple[int, str], Any]:
    """Return the variables of a model's optimizer, by the weight that each belongs to and its name.

    A weight is known by its number among the variables of the model; -1 is for what belongs to
    none, such as the iterations and the learning rate.
    """
    optimizer = network.optimizer
    paths = [variable.path.replace("/", "_") for variable in optimizer._trainable_variables]
    weights = dict(zip(paths, _trained(network), strict=True))
    found = {}
    for variable in optimizer.variables:
        name = variable.path.partition("/")[2]
        owner = max((path for path in paths if name.startswith(path)), key=len, default="")
        found[weights.get(owner, -1), name.removeprefix(owner)] = variable
    return found
