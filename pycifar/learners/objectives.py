"""The loss and the metrics that a network is compiled with, made from their descriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import describe
from pycifar.errors import ArgumentError, ObjectiveError
from pycifar.learners.copies import arguments_of, make_again
from pycifar.learners.descriptions import (
    ACCURACY,
    CROSSENTROPY,
    LOSSES,
    METRICS,
    SPARSE,
    Description,
    OwnObjects,
    is_own,
)
from pycifar.learners.heads import second_class

if TYPE_CHECKING:
    import keras

    from pycifar.config import TrainingConfig


ACCURACY_NAMES = (ACCURACY, "acc")  # as Keras takes them


@dataclass(frozen=True)
class Objective:
    """The loss and the metrics that a network is compiled with.

    Args:
        loss: the loss.
        accuracy: the metric of the accuracy.
        metrics: the other metrics.
        one_hot: whether all of them take one-hot labels; otherwise they take whole numbers.
        one_column: whether the metrics, and a loss other than the cross-entropy, take the values of
            the second of two classes alone.
        has_other_loss: whether the loss is another one than the cross-entropy.
    """

    loss: Any
    accuracy: keras.metrics.Metric
    metrics: list[keras.metrics.Metric]
    one_hot: bool
    one_column: bool
    has_other_loss: bool


def make_objective(
    config: TrainingConfig, own: OwnObjects | None = None, one_column: bool = False
) -> Objective:
    """Return the loss and the metrics of a training.

    Args:
        config: the settings, with descriptions.
        own: the objects for the descriptions that name one of the caller's. Without them these
            metrics are left out, and the loss is the cross-entropy.
        one_column: whether metrics, and a loss other than the cross-entropy, are given the
            probability of the second of two classes alone.

    Raises:
        ArgumentError: Keras does not accept the arguments of an object.
    """
    from pycifar.backend import keras

    own = OwnObjects() if own is None else own
    described = {
        name: _arguments(description, METRICS)
        for name, description in config.metrics.items()
        if not is_own(description)
    }
    other_loss = config.loss != CROSSENTROPY and not (is_own(config.loss) and own.loss is None)
    one_hot = (
        config.label_smoothing > 0
        or other_loss
        or one_column
        or bool(own.metrics)
        or any(kind not in SPARSE for kind, _ in described.values())
    )
    metrics = []
    for name in config.metrics:
        if name in described:
            kind, arguments = described[name]
            if one_column and kind == "F1Score":
                arguments = {"threshold": 0.5} | {k: v for k, v in arguments.items() if v}
            kind = kind if one_hot else f"Sparse{kind}"
            metrics.append(_make(keras.metrics, kind, arguments | {"name": name}))
        elif name in own.metrics:
            metrics.append(_fresh(own.metrics[name], name))
    return Objective(
        loss=_loss(config, own.loss, one_hot),
        accuracy=_accuracy(one_hot, one_column),
        metrics=metrics,
        one_hot=one_hot,
        one_column=one_column,
        has_other_loss=other_loss,
    )


def compiled_with(network: keras.Model) -> tuple[Any, list[Any]]:
    """Return the loss that a model was compiled with, or None, and the metrics, as objects.

    The accuracy is left out, because it is always measured.

    Raises:
        ArgumentError: it was compiled with several losses, with a weight of its loss, or with
            weighted metrics.
    """
    from pycifar.backend import keras

    compiled = network._compile_metrics
    metrics = None if compiled is None else compiled._user_metrics
    weighted = None if compiled is None else compiled._user_weighted_metrics
    if weighted or isinstance(network.loss, (list, tuple, dict)):
        raise ArgumentError(
            "The model must be compiled with one loss and with plain metrics; "
            f"its loss is {describe(network.loss)}, its weighted metrics are {describe(weighted)}."
        )
    weights = getattr(network._compile_loss, "_user_loss_weights", None)
    if weights is not None:
        raise ArgumentError(
            "The model must be compiled without `loss_weights`, since it has one loss; they are "
            f"{describe(weights)}.",
            fix="Compile it without them; the learning rate can take their place.",
        )
    loss = network.loss
    if isinstance(loss, str):
        loss = keras.losses.get(None if loss in ("crossentropy", "ce") else loss)
    return loss, metrics_but_accuracy(metrics)


def metrics_but_accuracy(metrics: Any) -> list[Any]:
    """Return the metrics that a model was compiled with as objects, without the accuracy.

    Args:
        metrics: one or several of names, objects and the descriptions that Keras writes.
    """
    from pycifar.backend import keras

    listed = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    others = [m for m in listed if m is not None and str(m).lower() not in ACCURACY_NAMES]
    made = [keras.metrics.get(m) if isinstance(m, (str, dict)) else m for m in others]
    kinds = (
        keras.metrics.Accuracy,
        keras.metrics.BinaryAccuracy,
        keras.metrics.CategoricalAccuracy,
        keras.metrics.SparseCategoricalAccuracy,
    )
    return [m for m in made if not (isinstance(m, kinds) and m.name in ACCURACY_NAMES)]


def directions(objective: Objective) -> dict[str, str]:
    """Return "min" or "max" for each metric, by name: where its better values are.

    A metric of the caller for which this is not known is left out.
    """
    signs = {"up": "max", "down": "min"}
    found = {metric.name: getattr(metric, "_direction", "") for metric in objective.metrics}
    known = {name: signs[sign] for name, sign in found.items() if sign in signs}
    return {"loss": "min", ACCURACY: "max"} | known


def try_objective(objective: Objective, n_classes: int) -> None:
    """Compute the loss and the metrics once, so that those of the caller fail before a training.

    The number of images is neither one nor that of the classes: what takes labels as whole numbers
    would compute something of one-hot ones else.

    Raises:
        ObjectiveError: one cannot be computed.
        ArgumentError: a metric gives several numbers.
    """
    from pycifar.backend import keras

    n = 3 if n_classes == 2 else 2
    truth = np.arange(n) % n_classes
    truth = keras.ops.convert_to_tensor(one_hot(truth, n_classes) if objective.one_hot else truth)
    probabilities = keras.ops.full((n, n_classes), 0.5)
    if objective.has_other_loss:
        _numbers("loss", lambda: loss_of(objective, truth, probabilities))
    for metric in objective.metrics:
        update_metric(objective, metric, truth, probabilities)
        result_of(metric)
        metric.reset_state()


def _numbers(name: str, compute: Callable[[], Any]) -> np.ndarray:
    """Return what a function computes; raise an ObjectiveError if it fails."""
    from pycifar.backend import keras

    try:
        values: np.ndarray = keras.ops.convert_to_numpy(compute())
    except Exception as error:  # the function may be the caller's, and raise any error
        reason = " ".join(str(error).split())[:300]
        raise ObjectiveError(
            f"`{name}` cannot be computed: {reason}",
            fix="Labels are one-hot, shape (n, classes), as the probabilities are.",
        ) from error
    return values


def result_of(metric: Any) -> float:
    """Return the value of a metric; raise an ArgumentError if it gives several."""
    value = _numbers("metrics", metric.result)
    if value.ndim:
        raise ArgumentError(
            f"`metrics` must each give one number; {metric.name} gives one for each class.",
            fix="A metric of Keras may have an argument `average`.",
        )
    return float(value)


def update_metric(objective: Objective, metric: Any, truth: Any, probabilities: Any) -> None:
    """Update a metric by the labels and the probabilities of some images."""
    if objective.one_column:
        truth, probabilities = second_class(truth), second_class(probabilities)

    def update() -> int:
        metric.update_state(truth, probabilities)  # some metrics return what they counted
        return 0

    _numbers("metrics", update)


def loss_of(objective: Objective, truth: Any, probabilities: Any) -> Any:
    """Return the loss of some images, from labels and probabilities."""
    if objective.one_column and objective.has_other_loss:
        truth, probabilities = second_class(truth), second_class(probabilities)
    return objective.loss(truth, probabilities)


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return one-hot labels, float32 of shape (n, n_classes)."""
    rows: np.ndarray = np.eye(n_classes, dtype=np.float32)[labels]
    return rows


def _loss(config: TrainingConfig, own: Any, one_hot: bool) -> Any:
    from pycifar.backend import keras

    if own is not None:
        return own
    if config.loss == CROSSENTROPY or is_own(config.loss):
        if not one_hot:
            return keras.losses.SparseCategoricalCrossentropy()
        return keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    classes: Mapping[str, tuple[str, dict[str, Any]]]
    classes = {name: (kind, {}) for name, kind in LOSSES.items()}
    return _make(keras.losses, *_arguments(config.loss, classes))


def _accuracy(one_hot: bool, one_column: bool) -> keras.metrics.Metric:
    from pycifar.backend import keras

    if one_column:
        return keras.metrics.BinaryAccuracy(name=ACCURACY)
    if one_hot:
        return keras.metrics.CategoricalAccuracy(name=ACCURACY)
    return keras.metrics.SparseCategoricalAccuracy(name=ACCURACY)


def _arguments(
    description: Description, classes: Mapping[str, tuple[str, dict[str, Any]]]
) -> tuple[str, dict[str, Any]]:
    """Return the class and the arguments of an object that a description describes."""
    if isinstance(description, str):
        return classes[description]
    return description["class_name"], dict(description["config"])


def _make(module: Any, kind: str, arguments: Mapping[str, Any]) -> Any:
    """Make a loss or a metric of Keras; the description of one may come from a file."""
    try:
        return getattr(module, kind)(**arguments)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ArgumentError(f"Keras cannot make a {kind} with {arguments}: {reason}") from error


def _fresh(metric: Any, name: str) -> keras.metrics.Metric:
    """Return a metric of the caller with a state of its own."""
    from pycifar.backend import keras

    if isinstance(metric, keras.metrics.Metric):
        made: keras.metrics.Metric = make_again(type(metric), arguments_of(metric))
        made.name = name  # Keras numbers the names that it makes
        return made
    return keras.metrics.MeanMetricWrapper(metric, name=name)
