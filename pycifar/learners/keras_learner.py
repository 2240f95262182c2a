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
from pycifar.learners.copies import (
    freeze_layers,
    frozen_layers,
    not_compiled,
    own_parts_known,
)
from pycifar.learners.descriptions import CROSSENTROPY, OwnObjects
from pycifar.learners.flip_equivariance import tie_flips
from pycifar.learners.frozen_base import FrozenBase
from pycifar.learners.fused_ops import compute_channels_apart, fuse, make_step
from pycifar.learners.heads import has_two_class_head, second_class
from pycifar.learners.objectives import (
    Objective,
    directions,
    loss_of,
    make_objective,
    one_hot,
    result_of,
    try_objective,
    update_metric,
)
from pycifar.learners.optimizers import innermost, is_of_keras, optimizer_of
from pycifar.learners.undo import set_until_closed
from pycifar.processor import threads_asked_for

METRIC_BATCH = 10_000  # images whose probabilities a metric is given at a time
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
        self._objective: Objective | None = None
        self._frozen: FrozenBase | None = None
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
            # The copy is compiled anew, maybe otherwise.
            with own_parts_known(self.network), not_compiled(self.network):
                copy = keras.models.clone_model(self.network, start)
            # Keras gives a copy the policy that is set now, by which it scales losses of float16.
            copy.dtype_policy = self.network.dtype_policy
            # `variables` copies to NumPy. On JAX, a direct assignment would share the arrays.
            KerasLearner(copy).set_variables(self.variables())
            freeze_layers(copy, frozen_layers(self.network))
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
        own: OwnObjects | None = None,
    ) -> None:
        """Compile the model.

        Raises:
            ArgumentError: the optimizer has been used for another model, or Keras does not accept
                the arguments of the loss or of a metric.
        """
        free_memory()  # of earlier models
        if optimizer is None:
            optimizer = optimizer_of(config)
        self._flip_weights = flip_weights
        if optimizer.built:
            raise ArgumentError(
                "`optimizer` has been used for another model already.",
                fix="Make a new one for each training.",
            )
        compute_channels_apart(self.network)
        with seeded(config.seed):
            own = OwnObjects() if own is None else own
            objective = make_objective(config, own, has_two_class_head(self.network))
            metrics = [objective.accuracy, *objective.metrics]
            # Variables that are created in the first step would make TensorFlow compile it twice.
            optimizer = built_for(self._learning, optimizer)
            self.network.compile(optimizer, loss=objective.loss, metrics=metrics)
            if self._frozen is not None:
                self._frozen.head.compile(optimizer, loss=objective.loss, metrics=metrics)
            self.network.own_objects, self._objective = own, objective

    def begin(self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Tie flip weights, fuse operations and compile the step."""
        network, optimizer = self._learning, self.network.optimizer
        if self._flip_weights is not None:
            tie_flips(optimizer, network.trainable_variables, self._flip_weights, self._changes)
        fuse(network, optimizer, self._changes)
        self._prepare_objective()
        self._step = make_step(network, *self._batch(images, labels, weights))

    def freeze(self) -> None:
        """Let the last layer with weights learn alone; `compile` must follow.

        Steps and measurements then take features in place of images.
        """
        self._frozen = FrozenBase(self.network)

    def thaw(self, config: TrainingConfig) -> None:
        """Let all layers learn, with a new optimizer; `begin` must follow."""
        self._frozen = None
        self.compile(config, None, self._flip_weights, self.network.own_objects)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return what the layers before the head compute of images, after `freeze`."""
        assert self._frozen is not None, "freeze() comes first"
        return self._frozen.features(images)

    @property
    def _learning(self) -> Any:
        """The model that steps and measurements are of: the head alone, or the network."""
        return self.network if self._frozen is None else self._frozen.head

    def directions(self) -> dict[str, str]:
        """Return "min" or "max" for each metric, by name, as far as Keras knows it."""
        assert self._objective is not None, "compile() comes first"
        return directions(self._objective)

    def begin_pass(self) -> None:
        """Reset the metrics that count over a pass."""
        for metric in self._metrics():
            metric.reset_state()

    def metric_state(self) -> list[np.ndarray]:
        """Return copies of the variables of these metrics."""
        return [as_numpy(v) for metric in self._metrics() for v in metric.variables]

    def set_metric_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the variables of these metrics to these values."""
        variables = [v for metric in self._metrics() for v in metric.variables]
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)

    def _metrics(self) -> list[Any]:
        return [] if self._objective is None else self._objective.metrics

    def finish(self) -> None:
        """Set the weights to their moving average, if the optimizer keeps one (`use_ema`)."""
        self.network.optimizer.finalize_variable_values(self._learning.trainable_variables)

    def end(self) -> None:
        """Restore Keras's own methods of the model and its optimizer.

        The model is then compiled without a loss and metrics of the caller: no file can hold them.
        """
        self._changes.close()
        own, objective = self.network.own_objects, self._objective
        if own != OwnObjects() and objective is not None:
            loss = None if own.loss is not None else objective.loss
            metrics = [m for m in objective.metrics if m.name not in own.metrics]
            self.network.compile(
                self.network.optimizer,
                loss=loss or keras.losses.CategoricalCrossentropy(),
                metrics=[objective.accuracy, *metrics],
            )

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
        model = self._learning
        model.reset_metrics()
        images, truth = self._batch(images, labels, None)
        logs: Mapping[str, Any] = model.test_on_batch(images, truth, return_dict=True)
        return logs

    def measured(
        self, batches: Iterable[tuple[np.ndarray, np.ndarray]], config: TrainingConfig
    ) -> tuple[float, dict[str, float]]:
        """Return the mean loss that a training with these settings lowers, and its metrics.

        They are what its history has of these batches. Metrics of the caller are left out if the
        model was saved without them.
        """
        objective = self._objective_of(config)
        n_classes = self.network.output_shape[-1]
        try_objective(objective, n_classes)  # makes the variables of the metrics

        def loss(truth: Any, probabilities: Any) -> Any:
            for metric in objective.metrics:
                update_metric(objective, metric, truth, probabilities)
            mean = keras.ops.mean(loss_of(objective, truth, probabilities))
            return mean + sum(self.network.losses)

        compute, total, n = self._from_logits(loss), 0.0, 0
        for images, labels in batches:
            truth = one_hot(labels, n_classes) if objective.one_hot else labels
            total += len(labels) * float(compute(images, truth))
            n += len(labels)
        return total / n, {metric.name: result_of(metric) for metric in objective.metrics}

    def has_other_objective(self, config: TrainingConfig) -> bool:
        """Return whether there are penalties, label smoothing, or another loss."""
        other = config.label_smoothing > 0 or config.loss != CROSSENTROPY
        return other or bool(self.network.losses)

    def metrics_of(
        self, labels: np.ndarray, probabilities: np.ndarray, config: TrainingConfig
    ) -> dict[str, float]:
        """Return the metrics of a training, of probabilities that were averaged or calibrated.

        Those of the caller are left out if the model was saved without them.
        """
        objective = self._objective_of(config)
        found = {}
        for metric in objective.metrics:
            for start in range(0, len(labels), METRIC_BATCH):
                some = slice(start, start + METRIC_BATCH)
                truth = labels[some]
                if objective.one_hot:
                    truth = one_hot(truth, probabilities.shape[1])
                values = (truth, probabilities[some])
                update_metric(objective, metric, *map(keras.ops.convert_to_tensor, values))
            found[metric.name] = result_of(metric)
        return found

    def _objective_of(self, config: TrainingConfig) -> Objective:
        own = getattr(self.network, "own_objects", None)
        return make_objective(config, own, has_two_class_head(self.network))

    def losses(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the cross-entropy of each image, without penalties and label smoothing."""
        return self._from_logits(keras.ops.sparse_categorical_crossentropy)(images, labels)

    def _from_logits(
        self, loss: Callable[[Any, Any], Any]
    ) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Return a function of images and labels that computes a loss of labels and probabilities.

        Within a graph of TensorFlow, Keras takes the logits that a softmax was given.
        """

        def compute(images: Any, truth: Any) -> Any:
            return loss(truth, self.network(images, training=False))

        if tensorflow is not None:
            compute = tensorflow.function(compute, autograph=False)
        return lambda images, truth: as_numpy(compute(np.ascontiguousarray(images), truth))

    def _batch(
        self, images: np.ndarray, labels: np.ndarray, weights: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """Return a batch as Keras takes it: contiguous images, and one-hot labels where needed."""
        truth = labels
        if self._objective is not None and self._objective.one_hot:
            truth = one_hot(labels, self.network.output_shape[-1])
        batch = np.ascontiguousarray(images), truth
        return batch if weights is None else (*batch, weights)

    def _prepare_objective(self) -> None:
        """Try the loss and the metrics, and change how Keras resets metrics and what they take.

        Raises:
            ObjectiveError: they cannot be computed.
            ArgumentError: a metric gives several numbers.
        """
        network, objective = self._learning, self._objective
        assert objective is not None, "compile() comes first"
        try_objective(objective, network.output_shape[-1])

        def reset_metrics() -> None:
            network._loss_tracker.reset_state()
            objective.accuracy.reset_state()

        def compute_metrics(x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            columns = second_class(y), second_class(y_pred)
            return type(network).compute_metrics(network, x, *columns, sample_weight)

        def compute_loss(
            x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
        ) -> Any:
            columns = second_class(y), second_class(y_pred)
            return type(network).compute_loss(network, x, *columns, sample_weight, training)

        set_until_closed(self._changes, network, "reset_metrics", reset_metrics)
        if objective.one_column:
            set_until_closed(self._changes, network, "compute_metrics", compute_metrics)
            if objective.has_other_loss:
                set_until_closed(self._changes, network, "compute_loss", compute_loss)

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
                images = keras.ops.convert_to_tensor(np.ascontiguousarray(batch))
                self.network(images, training=True)
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

    def restore_optimizer(
        self,
        config: TrainingConfig,
        state: Sequence[np.ndarray],
        described: dict[str, Any] | None = None,
        trained: Sequence[int] | None = None,
    ) -> None:
        """Make the optimizer that is described or named, and set its variables to these values."""
        if described is None:
            optimizer = optimizer_of(config)
        else:
            optimizer = keras.saving.deserialize_keras_object(described)
        self.network.optimizer = built_for(self.network, optimizer, trained)
        self.set_optimizer_state(state)

    @property
    def keeps_optimizer_apart(self) -> bool:
        """Whether the optimizer is of a class that is not Keras's, and Keras can describe it."""
        return _is_pycifars(self.network) or "optimizer" in self.file_record()

    def file_record(self) -> dict[str, Any]:
        """Return what Keras's own description of the model leaves out.

        That is the precision that the model was made in; the layers that are not trainable; the
        weights that its optimizer trains, where layers were frozen or unfrozen since; and the
        description of an optimizer of the caller's class, if Keras can describe it.
        """
        record: dict[str, Any] = {
            "dtype_policy": self.network.dtype_policy.name,
            "frozen": frozen_layers(self.network),
        }
        optimizer = getattr(self.network, "optimizer", None)
        if optimizer is not None and optimizer.built:
            weights = self.network.trainable_variables
            if list(map(id, optimizer._trainable_variables)) != list(map(id, weights)):
                record["trained"] = _trained(self.network)
        if optimizer is None or is_of_keras(optimizer) or _is_pycifars(self.network):
            return record
        try:
            described = json.loads(json.dumps(keras.saving.serialize_keras_object(optimizer)))
        except Exception:  # the caller's get_config() can fail in any way
            return record
        return record | {"optimizer": described}

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


def built_for(network: Any, optimizer: Any, trained: Sequence[int] | None = None) -> Any:
    """Return an optimizer with the variables that it has for a model.

    It trains the variables of the model with the numbers `trained`; None stands for those that are
    trainable now.

    With mixed float16 it is put into one that scales the loss. Keras does so by itself, but then
    writes into a file only the one inside, and misses variables that this one makes last.
    """
    weights = network.trainable_variables
    if trained is not None:
        weights = [network.variables[number] for number in trained]
    scaling = keras.optimizers.LossScaleOptimizer
    if network.dtype_policy.name == SCALED and not isinstance(optimizer, scaling):
        optimizer = scaling(optimizer, name="loss_scale_optimizer")
    if isinstance(optimizer, scaling):
        optimizer.inner_optimizer.build(weights)
    optimizer.build(weights)
    return optimizer


def as_numpy(variable: Any) -> np.ndarray:
    """Return a copy of the values of a Keras variable."""
    return np.array(keras.ops.convert_to_numpy(variable))


def _is_pycifars(network: Any) -> bool:
    """Return whether the optimizer of a model is made of the settings of a training, as Muon is."""
    optimizer = innermost(getattr(network, "optimizer", None))
    return type(optimizer).__module__.startswith("pycifar.")


def _trained(network: Any) -> list[int]:
    """Return the numbers, among the variables of a model, of those that its optimizer trains."""
    numbers = {id(variable): number for number, variable in enumerate(network.variables)}
    return [numbers[id(variable)] for variable in network.optimizer._trainable_variables]


def _slots(network: Any) -> dict[tuple[str, int], Any]:
    """Return the variables of a model's optimizer, by the list in it and by the weight.

    An optimizer has lists with one variable per weight, such as the momenta. A weight is known by
    its number among the variables of the model, since layers of nested networks may have the same
    names. Other variables, such as the iterations, have a name and a number below 0.
    """
    trained, found = _trained(network), {}
    levels = network.optimizer, innermost(network.optimizer)
    for depth, optimizer in enumerate(dict.fromkeys(levels)):
        others = {id(variable): variable for variable in optimizer._variables}
        for name, held in vars(optimizer).items():
            if isinstance(held, list) and name != "_variables" and len(held) == len(trained):
                for number, slot in zip(trained, held, strict=True):
                    if id(slot) in others:
                        found[name, number] = others.pop(id(slot))
        found |= {(variable.name, -1 - depth): variable for variable in others.values()}
    return found
