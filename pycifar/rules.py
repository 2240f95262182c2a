"""What each setting of a training may be: one rule a setting, for the functions and the shell.

What is refused here needs neither images nor Keras, so the shell refuses it before it loads any.
What depends on the data, such as the largest batch size, is checked in `pycifar.training.resolve`.
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
from pycifar.learners.numpy_settings import check_numpy_settings
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.learners.schedules import SCHEDULES
from pycifar.limits import MOST_STEPS
from pycifar.precision import PRECISIONS

# A rule is called with a setting's name and value, and returns the value in its plain type.
Rule = Callable[[str, Any], Any]

FEWEST_SEARCH_STEPS = 10  # of a search for a learning rate


def check_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check settings of a training, each by its rule and then those that exclude each other.

    Args:
        given: any fields of `Settings`, and maybe `architecture`, whose name brings the rules of
            that network.

    Returns:
        The settings in their plain types.

    Raises:
        ArgumentError: a setting has a wrong type or value.
    """
    checked = {name: _checked(name, value) for name, value in given.items()}
    _check_budget(checked)
    _check_checkpoints(checked)
    architecture = checked.get("architecture")
    if isinstance(architecture, str) and ARCHITECTURES[architecture].in_numpy:
        check_numpy_settings(checked)
    return checked


def _checked(name: str, value: Any) -> Any:
    if name == "architecture":
        return value if value is None else check_setting(name, value)
    return check_setting(name, value) if is_said(name, value) else value


def check_setting(name: str, value: Any) -> Any:
    """Check one setting by its rule."""
    return RULES[name](name, value)


def check_search(lowest: Any, highest: Any, steps: Any) -> tuple[float, float, int]:
    """Check the rates and the steps of a search for a learning rate."""
    lowest = _above_zero("lowest", lowest)
    highest = check_number("highest", highest, minimum=lowest, open_minimum=True)
    return lowest, highest, check_count("steps", steps, FEWEST_SEARCH_STEPS, MOST_STEPS)


def _check_budget(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError where both epochs and seconds are given."""
    epochs, time_budget = settings.get("epochs"), settings.get("time_budget")
    if epochs is not None and time_budget is not None:
        raise ArgumentError(
            f"`time_budget` must be left out where `epochs` is given; {describe(time_budget)} and "
            f"{describe(epochs)} were given."
        )


def _check_checkpoints(settings: Mapping[str, Any]) -> None:
    """Raise an ArgumentError where something is said of checkpoints, and not where they are."""
    if settings.get("checkpoint_dir") is not None:
        return
    for name in ("checkpoint_every", "resume"):
        value = settings.get(name)
        if value is not None and value is not False:
            raise ArgumentError(
                f"`{name}` must be left out where there is no `checkpoint_dir`, not "
                f"{describe(value)}."
            )


def _above_zero(name: str, value: Any) -> float:
    return check_number(name, value, minimum=0, open_minimum=True)


def _at_least_zero(name: str, value: Any) -> float:
    return check_number(name, value, minimum=0)


def _name_among(allowed: Iterable[str]) -> Rule:
    return lambda name, value: check_choice(name, value, allowed)


def _name_or_object(allowed: Iterable[str]) -> Rule:
    """Let through what is no text: whether it is an object of Keras, only Keras can tell."""
    return lambda name, value: (
        check_choice(name, value, allowed) if isinstance(value, str) else value
    )


def _validation(name: str, value: Any) -> float | str | None:
    """A share of the images, a split's name, which only the data set can judge, or None."""
    if value is None or isinstance(value, str):
        return value
    return check_number(name, value, 0, 1, open_minimum=True, open_maximum=True)


def _augmentation(name: str, value: Any) -> Any:
    from pycifar.datasets.augmentation import (
        resolve_augmentation,  # needs NumPy, which doctor may lack
    )

    return resolve_augmentation(value)


def _class_weights(name: str, value: Any) -> str | dict[str, float]:
    """Balanced, or numbers by class name, which only the data set can judge."""
    if isinstance(value, str) and value == "balanced":
        return value
    if not isinstance(value, Mapping):
        raise ArgumentError(
            f'`{name}` must be "balanced" or numbers by class name, not {describe(value)}.'
        )
    return {key: _at_least_zero(f"{name}[{key}]", weight) for key, weight in value.items()}


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
}
