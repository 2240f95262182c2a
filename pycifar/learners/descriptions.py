"""How a loss and the metrics of a training are named and recorded.

A description, which JSON can hold, records a loss or a metric. It is a name in `LOSSES` or
`METRICS`; or ``{"class_name": ..., "config": ...}`` for an object of Keras; or ``{"own": name}``
for an object of the caller, which no file can hold.

This module imports Keras late, so the command can check names early.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pycifar.arguments import check_choice, describe
from pycifar.errors import ArgumentError

if TYPE_CHECKING:
    from pycifar.config import TrainingConfig

CROSSENTROPY = "crossentropy"
ACCURACY = "accuracy"
MEASURED = ("loss", ACCURACY)  # what each training measures

# The losses by name, each with its class in `keras.losses`.
LOSSES = {
    CROSSENTROPY: "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "kl_divergence": "KLDivergence",
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "huber": "Huber",
    "log_cosh": "LogCosh",
    "poisson": "Poisson",
    "hinge": "Hinge",
    "squared_hinge": "SquaredHinge",
    "categorical_hinge": "CategoricalHinge",
    "cosine_similarity": "CosineSimilarity",
}
# Keras's names for the cross-entropy. They differ in how labels are given, which pycifar decides.
CROSSENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy")

# Names of losses and metrics elsewhere, in lower case, each with the name here.
NAMES_ELSEWHERE = {
    "acc": ACCURACY,
    "bce": "binary_crossentropy",
    "cce": CROSSENTROPY,
    "cross_entropy": CROSSENTROPY,
    "crossentropyloss": CROSSENTROPY,
    "f1_score": "f1",
    "kl_div": "kl_divergence",
    "kld": "kl_divergence",
    "log_loss": CROSSENTROPY,
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "nll": CROSSENTROPY,
    "roc_auc": "auc",
    "top_k_categorical_accuracy": "top_5",
}

# The metrics by name, each with its class in `keras.metrics` and its arguments.
METRICS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "top_5": ("TopKCategoricalAccuracy", {"k": 5}),
    "f1": ("F1Score", {"average": "macro"}),
    "auc": ("AUC", {"multi_label": True}),  # the mean over the classes, each against the rest
    "precision": ("Precision", {}),
    "recall": ("Recall", {}),
    CROSSENTROPY: ("CategoricalCrossentropy", {}),
    "mean_squared_error": ("MeanSquaredError", {}),
}
# The metrics that Keras also has for labels as whole numbers, under this name after "Sparse".
SPARSE = ("CategoricalAccuracy", "TopKCategoricalAccuracy", "CategoricalCrossentropy")

# How a loss of Keras may make one number of the losses of the images.
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight")

Description = str | dict[str, Any]


@dataclass(frozen=True)
class OwnObjects:
    """The loss and the metrics of a training that only the caller can make.

    Args:
        loss: a function or object, or None.
        metrics: functions or objects by the name of the metric.
    """

    loss: Any = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def named(self, config: TrainingConfig) -> dict[str, Any]:
        """Return them by the names that the settings of the training have for them."""
        named = dict(self.metrics)
        if isinstance(config.loss, dict) and self.loss is not None:
            named[config.loss["own"]] = self.loss
        return named


def check_loss(name: str, value: Any) -> Any:
    """Return a loss; raise an ArgumentError for a name that is none."""
    if not isinstance(value, str):
        return value
    if value in CROSSENTROPIES:
        return CROSSENTROPY
    return check_choice(name, value, LOSSES, _elsewhere(LOSSES))


def check_metrics(name: str, value: Any) -> list[Any]:
    """Return a list of metrics; raise an ArgumentError for a name that is none.

    The accuracy is left out, because it is always measured.
    """
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    known = (ACCURACY, *METRICS)
    for item in items:
        if isinstance(item, str):
            check_choice(name, item, known, _elsewhere(known))
    return [item for item in items if not (isinstance(item, str) and item == ACCURACY)]


def _elsewhere(known: Collection[str]) -> dict[str, str]:
    return {other: name for other, name in NAMES_ELSEWHERE.items() if name in known}


def describe_loss(loss: Any) -> Description:
    """Return the description of a loss.

    Args:
        loss: a name in `LOSSES`, a loss of Keras, or a function of the caller.

    Raises:
        ArgumentError: it is none of these, or it does not give one number for a batch.
    """
    if isinstance(loss, str):
        return loss
    if not callable(loss):
        raise ArgumentError(
            "`loss` must be a name, a loss of Keras, or a function(y_true, y_pred), not "
            f"{describe(loss)}."
        )
    if getattr(loss, "reduction", REDUCTIONS[0]) not in REDUCTIONS:
        raise ArgumentError(
            "`loss` must give one number for a batch; its reduction is "
            f"{describe(loss.reduction)}.",
            fix=f"Give it one of the reductions {', '.join(REDUCTIONS)}.",
        )
    name = getattr(loss, "__name__", None)
    if name in (*LOSSES, *CROSSENTROPIES) and loss.__module__.startswith("keras."):
        return str(check_loss("loss", name))
    if not _is_of_keras("losses", type(loss).__name__, loss):
        return {"own": name or type(loss).__name__}
    # The configuration of some losses of Keras lacks arguments, such as the `delta` of Huber.
    config = loss.get_config() | dict(getattr(loss, "_fn_kwargs", {}))
    return _description(loss, config)


def describe_metrics(metrics: Sequence[Any]) -> dict[str, Description]:
    """Return the descriptions of metrics by their names in the history.

    Args:
        metrics: names in `METRICS`, metrics of Keras, or functions of the caller.

    Raises:
        ArgumentError: one is none of these, or two have the same name.
    """
    found: dict[str, Description] = {}
    for metric in metrics:
        name = _name_of(metric)
        if name in (*found, *MEASURED) or name.startswith("val_"):
            raise ArgumentError(
                "`metrics` must have names that differ, also from loss and accuracy, and do not "
                f"begin with val_; one is called {name}.",
                fix="Give the metric another `name`.",
            )
        if isinstance(metric, str):
            found[name] = metric
        elif _is_of_keras("metrics", type(metric).__name__, metric):
            found[name] = _description(metric, metric.get_config())
        else:
            found[name] = {"own": name}
    return found


def own_objects(loss: Any, metrics: Sequence[Any]) -> OwnObjects:
    """Return those of a loss and metrics that cannot be made again from their descriptions."""
    descriptions = describe_metrics(metrics)
    own = dict(zip(descriptions, metrics, strict=True))
    return OwnObjects(
        loss if loss is not None and is_own(describe_loss(loss)) else None,
        {name: metric for name, metric in own.items() if is_own(descriptions[name])},
    )


def own_objects_named(config: TrainingConfig, custom_objects: Mapping[str, Any]) -> OwnObjects:
    """Return those of the caller's objects that a training used as its loss or as metrics."""
    metrics = [name for name, described in config.metrics.items() if is_own(described)]
    loss = config.loss.get("own") if isinstance(config.loss, dict) else None
    return OwnObjects(
        custom_objects.get(str(loss)),
        {name: custom_objects[name] for name in metrics if name in custom_objects},
    )


def is_own(description: Description) -> bool:
    """Return whether a description names an object that only the caller can make."""
    return isinstance(description, dict) and "own" in description


def gives_logits(loss: Any) -> bool:
    """Return whether a loss says that it takes logits in place of probabilities."""
    return bool(getattr(loss, "from_logits", False))


def _name_of(metric: Any) -> str:
    """Return the name of a metric; a number that Keras appended to it is left out."""
    if isinstance(metric, str):
        return metric
    if not callable(metric):
        raise ArgumentError(
            "`metrics` must be names, metrics of Keras, or functions(y_true, y_pred), not "
            f"{describe(metric)}."
        )
    name = str(getattr(metric, "name", None) or getattr(metric, "__name__", "metric"))
    usual = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(metric).__name__).lower()
    return re.sub(rf"^({re.escape(usual)})_\d+$", r"\1", name)


def _is_of_keras(module: str, name: str, thing: Any) -> bool:
    """Return whether a thing is an object of a public class of `keras.losses` or `.metrics`."""
    from pycifar.backend import keras

    return getattr(getattr(keras, module), name, None) is type(thing)


def _description(thing: Any, config: Mapping[str, Any]) -> Description:
    """Return the description of an object of Keras, for probabilities and one-hot labels."""
    kind = type(thing).__name__.removeprefix("Sparse")
    config = {k: v for k, v in config.items() if k not in ("name", "dtype", "from_logits")}
    axis = inspect.signature(type(thing)).parameters.get("axis")
    if axis is not None and config.get("axis", axis.default) == axis.default:
        config.pop("axis", None)
    if ignored := config.pop("ignore_class", None):
        raise ArgumentError(f"`loss` must not ignore a class; it ignores {describe(ignored)}.")
    usual = {"reduction": REDUCTIONS[0], "label_smoothing": 0.0}
    if kind == LOSSES[CROSSENTROPY] and all(config[name] == usual.get(name) for name in config):
        return CROSSENTROPY
    return {"class_name": kind, "config": config}
