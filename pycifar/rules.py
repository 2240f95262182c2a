"""The values that each setting of a training may have: one rule for each setting.

The functions and the command check settings by the same rules. The rules need neither images nor
Keras, so the command reports a wrong value before it loads any. What depends on the data, such as
the largest batch size, is checked in `pycifar.training.resolve`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pycifar.architectures import ARCHITECTURES
from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_path,
    check_seed,
    describe,
)
from pycifar.config import is_said
from pycifar.errors import ArgumentError
from pycifar.language import constant
from pycifar.learners.descriptions import check_loss, check_metrics
from pycifar.learners.numpy_settings import check_numpy_settings
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.learners.schedules import SCHEDULES
from pycifar.limits import MOST_STEPS
from pycifar.precision import PRECISIONS

# A rule takes the name and the value of a setting. It returns the value as a plain Python type, or
# raises an ArgumentError.
Rule = Callable[[str, Any], Any]

FEWEST_SEARCH_STEPS = 10  # steps of a search for a learning rate


def check_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check settings of a training: each by its rule, then those that exclude each other.

    Args:
        given: any fields of `Settings`, and optionally `architecture`. If that is the name of a
            network in NumPy, the settings must suit such a network, too.

    Returns:
        The settings as plain Python types.

    Raises:
        ArgumentError: a setting has a wrong type or value.
    """
    checked = {name: _checked(name, value) for name, value in given.items()}
    _check_budget(checked)
    _check_checkpoints(checked)
    _check_monitor(checked)
    architecture = checked.get("architecture")
    if isinstance(architecture, str) and ARCHITECTURES[architecture].in_numpy:
        check_numpy_settings(checked)
    return checked


def _checked(name: str, value: Any) -> Any:
    """Return a setting after its check; one that was not given is returned as it is."""
    if name == "architecture":
        return value if value is None else check_setting(name, value)
    return check_setting(name, value) if is_said(name, value) else value


def check_setting(name: str, value: Any) -> Any:
    """Check one setting by its rule, and return it as a plain Python type."""
    return RULES[name](name, value)


def check_search(lowest: Any, highest: Any, steps: Any) -> tuple[float, float, int]:
    """Check the lowest rate, highest rate and steps of a search for a learning rate."""
    lowest = _above_zero("lowest", lowest)
    highest = check_number("highest", highest, minimum=lowest, open_minimum=True)
    return lowest, highest, check_count("steps", steps, FEWEST_SEARCH_STEPS, MOST_STEPS)


def check_coverage(coverage: Any) -> float:
    """Check the share of images whose prediction set is to have the true class."""
    return check_number("coverage", coverage, 0, 1, open_minimum=True, open_maximum=True)


def _check_budget(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError if both `epochs` and `time_budget` are given."""
    epochs, time_budget = settings.get("epochs"), settings.get("time_budget")
    if epochs is not None and time_budget is not None:
        raise ArgumentError(
            f"`time_budget` must be left out where `epochs` is given; {describe(time_budget)} and "
            f"{describe(epochs)} were given."
        )


def _check_checkpoints(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError if other settings of checkpoints are given, but no folder for them."""
    if settings.get("checkpoint_dir") is not None:
        return
    for name in ("checkpoint_every", "resume"):
        value = settings.get(name)
        if value is not None and value is not False:
            raise ArgumentError(
                f"`{name}` must be left out where there is no `checkpoint_dir`, not "
                f"{describe(value)}."
            )


def _check_monitor(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError if a metric is to be monitored, but nothing goes by it."""
    used = settings.get("early_stopping") is not None or settings.get("best_weights")
    if settings.get("monitor") is not None and not used:
        raise ArgumentError(
            "`monitor` must be left out where there is neither `early_stopping` nor "
            f"`best_weights`, not {describe(settings['monitor'])}."
        )


def _monitor(name: str, value: Any) -> str:
    """Check the name of a metric; Keras's prefix "val_" is left out.

    Whether there is a metric of this name can be checked only with the metrics.
    """
    if not isinstance(value, str):
        raise ArgumentError(f"`{name}` must be the name of a metric, not {describe(value)}.")
    return value.removeprefix("val_")


def _above_zero(name: str, value: Any) -> float:
    return check_number(name, value, minimum=0, open_minimum=True)


def _at_least_zero(name: str, value: Any) -> float:
    return check_number(name, value, minimum=0)


def _name_among(allowed: Iterable[str]) -> Rule:
    """Return a rule that accepts only the allowed names."""
    return lambda name, value: check_choice(name, value, allowed)


def _name_or_object(allowed: Iterable[str]) -> Rule:
    """Return a rule that accepts the allowed names, and every value that is not a string.

    Whether such a value is an object of Keras can be checked only once Keras is imported.
    """
    return lambda name, value: (
        check_choice(name, value, allowed) if isinstance(value, str) else value
    )


def _validation(name: str, value: Any) -> float | str | None:
    """Check what to validate on: a share of the images, the name of a split, or None.

    Whether there is a split of that name can be checked only with the data set.
    """
    if value is None or isinstance(value, str):
        return value
    try:
        return check_number(name, value, 0, 1, open_minimum=True, open_maximum=True)
    except ArgumentError as error:
        if value is False or value == 0:
            raise ArgumentError(error.message, fix=f"Give {constant(None)} for none.") from None
        raise


def _augmentation(name: str, value: Any) -> Any:
    from pycifar.datasets.augmentation import (
        resolve_augmentation,  # needs NumPy, which may be missing where `doctor` runs
    )

    return resolve_augmentation(value)


def _class_weights(name: str, value: Any) -> str | dict[str, float]:
    """Check class weights: "balanced", or numbers of at least 0 by class name.

    Whether there are classes of these names can be checked only with the data set.
    """
    if isinstance(value, str) and value == "balanced":
        return value
    if not isinstance(value, Mapping):
        raise ArgumentError(
            f'`{name}` must be "balanced" or numbers by class name, not {describe(value)}.'
        )
    return {key: _at_least_zero(f"{name}[{key!s}]", weight) for key, weight in value.items()}


def _sample_weight(name: str, value: Any) -> Any:
    """Check weights of images, and return them as float32, shape (n,).

    How many there must be can be checked only with the data set.
    """
    import numpy as np  # it may be missing where `doctor` runs

    try:
        weights = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        weights = np.full((), np.nan)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any():
        raise ArgumentError(
            f"`{name}` must be numbers of at least 0, one for each training image, not "
            f"{describe(value)}."
        )
    return weights


def _weights(name: str, value: Any) -> str:
    """Check the weights to begin with: a name, or the path of a file, which is returned as text.

    Whether there are such weights can be checked only with the network.
    """
    if isinstance(value, str):
        return value
    try:
        return str(check_path(name, value))
    except ArgumentError as error:
        fix = "The weight of each image is called `sample_weight` here."
        raise ArgumentError(error.message, fix=fix) from None


RULES: dict[str, Rule] = {
    "architecture": _name_or_object(ARCHITECTURES),
    "epochs": check_count,
    "batch_size": check_count,
    "optimizer": _name_or_object(OPTIMIZERS),
    "learning_rate": _above_zero,
    "schedule": _name_among(SCHEDULES),
    "weight_decay": _at_least_zero,
    "momentum": lambda name, value: check_number(name, value, 0, 1, open_maximum=True),
    "label_smoothing": lambda name, value: check_number(name, value, 0, 1, open_maximum=True),
    "class_weights": _class_weights,
    "precision": _name_among(PRECISIONS),
    "augmentation": _augmentation,
    "validation": _validation,
    "early_stopping": check_count,
    "best_weights": check_flag,
    "time_budget": _above_zero,
    "checkpoint_dir": check_path,
    "checkpoint_every": check_count,
    "resume": check_flag,
    "seed": lambda name, value: check_seed(value),
    "loss": check_loss,
    "metrics": check_metrics,
    "sample_weight": _sample_weight,
    "monitor": _monitor,
    "weights": _weights,
    "frozen_epochs": lambda name, value: check_count(name, value, 0),
    "fine_tune_rate": _above_zero,
}
