"""Checks of the record of a training in a file, which may come from an untrusted source.

There is one function for each kind of value. Each returns the value in its plain Python type, or
raises a ValueError that says what is wrong. They read model files, checkpoints and the results of
`reproduce`.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_seed,
    check_sha256,
    describe,
)
from pycifar.config import TrainingConfig
from pycifar.datasets.resizing import Resize, resolve_resize
from pycifar.learners.descriptions import LOSSES, METRICS, Description
from pycifar.limits import LARGEST_METRIC, LONGEST_TEXT, MOST_EPOCHS, MOST_METRICS
from pycifar.rules import RULES

Row = tuple[int, str, str, float]  # epoch, split, metric, value

DATA = ("name", "source", "fingerprint")


def checked_text(name: str, value: Any) -> str:
    """Check a text, which may be empty, for its length and for being valid Unicode."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValueError(f"`{name}` is {describe(value)}, and no text of a sound length")
    value.encode("utf-8")  # raises a UnicodeEncodeError, a ValueError, for half a surrogate pair
    return value


def checked_name(value: Any) -> str | None:
    """Return the name of a function, or None."""
    return None if value is None else checked_text("stopped_by", value)


def checked_count(name: str, value: Any, minimum: int = 0, maximum: int = 10**15) -> int:
    """Check a whole number, from `minimum` to `maximum`."""
    return check_count(name, value, minimum, maximum)


def checked_counts(name: str, value: Any) -> list[int]:
    """Check a list of whole numbers, at least 0."""
    if not isinstance(value, list):
        raise ValueError(f"`{name}` is {describe(value)}, and must be whole numbers")
    return [checked_count(name, number) for number in value]


def checked_number(name: str, value: Any, minimum: float = 0.0) -> float:
    """Check a finite number, at least `minimum`."""
    return check_number(name, value, minimum)


def checked_numbers(name: str, value: Any) -> dict[str, float]:
    """Check a dictionary of finite numbers by name."""
    if not isinstance(value, dict) or len(value) > MOST_METRICS:
        raise ValueError(f"`{name}` is {describe(value)}, and must be numbers by name")
    return {checked_text(name, k): checked_number(name, v, -math.inf) for k, v in value.items()}


def checked_texts(name: str, value: Any) -> dict[str, str]:
    """Check a dictionary of texts, with at most 100 entries."""
    if not isinstance(value, dict) or len(value) > 100:
        raise ValueError(f"`{name}` is {describe(value)}, and must be texts by name")
    return {checked_text(name, key): checked_text(name, text) for key, text in value.items()}


def checked_data(value: Any) -> dict[str, str]:
    """Check the record of the training images: their name, source and fingerprint."""
    data = checked_texts("data", value)
    if set(data) != set(DATA):
        raise ValueError(f"`data` must have {', '.join(DATA)}, not {', '.join(data) or 'nothing'}")
    return data


def checked_resize(value: Any) -> Resize | None:
    """Check how image files were resized: a dictionary, or None if they were not.

    Files of older versions have none. Where their images were resized, they were squashed.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"how", "filter"}:
        raise ValueError(f"`resize` is {describe(value)}, and must have `how` and `filter`")
    return resolve_resize(value)


def checked_fingerprint(value: Any) -> str | None:
    """Check a SHA-256, or None in files of older versions."""
    return None if value is None else check_sha256("fingerprint", value)


def checked_class_names(value: Any) -> tuple[str, ...]:
    """Check the class names: at least two, all different."""
    if not isinstance(value, list):
        raise ValueError(f"`class_names` is {describe(value)}, and must be a list of names")
    names = tuple(checked_text("class_names", name) for name in value)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError("`class_names` must be at least two names that differ")
    return names


def checked_rows(value: Any) -> list[Row]:
    """Check the rows of a history: epochs are in order from 1, and none is missing."""
    if not isinstance(value, list):
        raise ValueError(f"its history is {describe(value)}, and must be rows")
    rows: list[Row] = []
    last = 0
    for row in value:
        if not isinstance(row, (list, tuple)) or len(row) != 4:
            raise ValueError(f"its history has a row {describe(row)}")
        epoch = checked_count("epoch", row[0], max(1, last), MOST_EPOCHS)
        if epoch > last + 1:
            raise ValueError(f"its history goes from epoch {last} to {epoch}")
        if row[1] not in ("train", "validation"):
            raise ValueError(f"its history has a split {describe(row[1])}")
        last = epoch
        # A metric of a caller may be NaN or infinite.
        is_float = type(row[3]) is float
        number = row[3] if is_float else checked_number("value", row[3], -math.inf)
        rows.append((epoch, row[1], checked_text("metric", row[2]), number))
    if len({row[:3] for row in rows}) < len(rows):
        raise ValueError("its history has a value twice")
    return rows


def checked_columns(value: Any, names: tuple[str, ...]) -> list[Row]:
    """Check a history that is stored by columns, and return its rows."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"its history must have {', '.join(names)}")
    columns = [value[name] for name in names]
    lengths = {len(column) if isinstance(column, list) else None for column in columns}
    if None in lengths or len(lengths) != 1:
        raise ValueError("the columns of its history must be lists of one length")
    return checked_rows([list(row) for row in zip(*columns, strict=True)])


def checked_seconds(value: Any, rows: list[Row]) -> tuple[float, ...]:
    """Check the durations of the epochs, in seconds: one for each epoch of the history."""
    if not isinstance(value, list):
        raise ValueError(f"`seconds` is {describe(value)}, and must be numbers")
    seconds = tuple(checked_number("seconds", number) for number in value)
    epochs = rows[-1][0] if rows else 0
    if len(seconds) != epochs:
        raise ValueError(f"`seconds` has {len(seconds)} values for {epochs} epochs")
    return seconds


def checked_best_epoch(value: Any, rows: list[Row]) -> int | None:
    """Check the epoch whose weights the model has: one of the history, or None for the last."""
    if value is None:
        return None
    if type(value) is not int or value not in {row[0] for row in rows}:
        raise ValueError(f"its history has no epoch {describe(value)}")
    return value


def checked_generators(value: Any) -> list[list[int]]:
    """Check the states of the layers' random generators, each a list of 32-bit whole numbers."""
    if not isinstance(value, list) or not all(isinstance(state, list) for state in value):
        raise ValueError(f"`generators` is {describe(value)}, and must be states")
    return [
        [checked_count("generators", number, 0, 2**32 - 1) for number in state] for state in value
    ]


def checked_trained(value: Any, n_variables: int) -> list[int] | None:
    """Check the numbers of the variables that an optimizer trains, or None for the trainable ones.

    Files of older versions have none.
    """
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > n_variables:
        raise ValueError(f"`trained` is {describe(value)}, and must be numbers of variables")
    numbers = [checked_count("trained", number, 0, n_variables - 1) for number in value]
    if len(set(numbers)) < len(numbers):
        raise ValueError("`trained` has a number twice")
    return numbers


def packed_rows(chosen: np.ndarray | None) -> dict[str, Any] | None:
    """Return which images of a split were chosen, a bit for each, as JSON can hold it, or None."""
    if chosen is None:
        return None
    return {"images": len(chosen), "bits": base64.b64encode(np.packbits(chosen).tobytes()).decode()}


def checked_rows_chosen(value: Any) -> np.ndarray | None:
    """Check what `packed_rows` returned, and return which images were chosen, or None.

    Files of older versions have none.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"images", "bits"}:
        raise ValueError(f"`held_out` is {describe(value)}, and must have `images` and `bits`")
    n = checked_count("images", value["images"], 2)
    if not isinstance(value["bits"], str):
        raise ValueError(f"`held_out` has the bits {describe(value['bits'])}")
    packed = np.frombuffer(base64.b64decode(value["bits"], validate=True), np.uint8)
    if len(packed) != -(-n // 8):
        raise ValueError(f"`held_out` has {len(packed)} bytes for {n} images")
    chosen = np.unpackbits(packed, count=n).view(bool)
    if not 0 < chosen.sum() < n:
        raise ValueError(f"`held_out` has {chosen.sum()} of {n} images")
    return chosen


def checked_config(value: Any) -> TrainingConfig:
    """Check the settings of a training; settings that no longer exist are dropped."""
    if not isinstance(value, dict):
        raise ValueError(f"its settings are {describe(value)}")
    fields = {field.name: field for field in dataclasses.fields(TrainingConfig)}
    value = {name: own for name, own in value.items() if name not in _GIVEN_UP}
    if unknown := sorted(set(map(str, value)) - set(fields)):
        raise ValueError(f"it has settings that do not exist: {', '.join(unknown)[:80]}")
    missing = [
        name
        for name, field in fields.items()
        if name not in value and field.default is field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"its settings lack {', '.join(missing)}")
    return TrainingConfig(**{name: _checked_setting(name, own) for name, own in value.items()})


def check_class_weights(config: TrainingConfig, class_names: tuple[str, ...]) -> None:
    """Raise a ValueError unless the class weights name exactly these classes, in this order."""
    weights = config.class_weights
    if weights is not None and tuple(weights) != class_names:
        raise ValueError("`class_weights` are of other classes")


def _checked_setting(name: str, value: Any) -> Any:
    if value is None and name in _MAY_BE_NONE:
        return None
    return _SETTINGS[name](name, value)


def _by_rule(name: str, value: Any) -> Any:
    return RULES[name](name, value)


def _checked_seed(name: str, value: Any) -> int:
    if value is None:
        raise ValueError("it has no seed")
    return check_seed(value)


def _checked_augmentation(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"its augmentation is {describe(value)}")
    changes: dict[str, Any] = RULES[name](name, value).to_dict()
    return changes


def _checked_class_weights(name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError(f"its class weights are {describe(value)}")
    weights: dict[str, float] = RULES[name](name, value)
    return weights


def _checked_loss(name: str, value: Any) -> Description:
    return _checked_description(name, value, LOSSES)


def _checked_metrics(name: str, value: Any) -> dict[str, Description]:
    if not isinstance(value, dict) or len(value) > MOST_METRICS:
        raise ValueError(f"its metrics are {describe(value)}")
    return {
        checked_text(name, key): _checked_description(name, own, METRICS)
        for key, own in value.items()
    }


def _checked_description(name: str, value: Any, known: Iterable[str]) -> Description:
    """Check the description of a loss or of a metric; see `pycifar.learners.objectives`."""
    if isinstance(value, str):
        return check_choice(name, value, known)
    if isinstance(value, dict) and set(value) == {"own"}:
        return {"own": checked_text(name, value["own"])}
    if not isinstance(value, dict) or set(value) != {"class_name", "config"}:
        raise ValueError(f"`{name}` is {describe(value)}")
    config = value["config"]
    if not isinstance(config, dict) or len(config) > MOST_METRICS:
        raise ValueError(f"`{name}` has the settings {describe(config)}")
    kind = checked_text(name, value["class_name"])
    if not kind.isidentifier() or not kind[0].isupper():
        raise ValueError(f"`{name}` is of the class {describe(kind)}")
    return {
        "class_name": kind,
        "config": {checked_text(name, k): checked_argument(name, v) for k, v in config.items()},
    }


def checked_argument(name: str, value: Any) -> Any:
    """Check an argument of a loss or metric: its size decides how much memory the metric takes."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return checked_text(name, value)
    if isinstance(value, list) and len(value) <= LARGEST_METRIC:
        return [checked_argument(name, item) for item in value if not isinstance(item, list)]
    number = check_number(name, value, -LARGEST_METRIC, LARGEST_METRIC)
    return value if isinstance(value, int) else number


# Settings of older versions. They are dropped: a training that goes on does not need them. For
# `skip_easy` see docs/decisions/skip-easy.md.
_GIVEN_UP = ("skip_easy",)

_MAY_BE_NONE = (
    "momentum",
    "validation",
    "early_stopping",
    "time_budget",
    "passes",
    "class_weights",
    "sample_weight",
    "weights",
    "fine_tune_rate",
)

_SETTINGS: Mapping[str, Callable[[str, Any], Any]] = {
    "architecture": checked_text,
    "epochs": checked_count,  # 0 if a time budget ended before the first step
    "batch_size": _by_rule,
    "optimizer": checked_text,
    "learning_rate": checked_number,
    "schedule": checked_text,  # a Keras optimizer has schedules of other names
    "weight_decay": _by_rule,
    "momentum": _by_rule,
    "augmentation": _checked_augmentation,
    "validation": _by_rule,
    "early_stopping": _by_rule,
    "best_weights": check_flag,
    "seed": _checked_seed,
    "precision": checked_text,
    "label_smoothing": _by_rule,
    "time_budget": _by_rule,
    "passes": checked_number,
    "rate_factor": checked_number,
    "class_weights": _checked_class_weights,
    "loss": _checked_loss,
    "metrics": _checked_metrics,
    "monitor": checked_text,
    "sample_weight": check_sha256,
    "weights": checked_text,
    "frozen_epochs": checked_count,
    "fine_tune_rate": checked_number,
}
