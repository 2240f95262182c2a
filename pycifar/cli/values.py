"""From the text of options to the arguments of functions.

What can be refused without loading anything is refused here, before time goes into data and
training; the functions themselves refuse the rest.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycifar.architectures import ARCHITECTURES
from pycifar.arguments import check_choice, check_count, check_number, check_output
from pycifar.files import check_writable
from pycifar.optimization import OPTIMIZERS, SCHEDULES
from pycifar.precision import PRECISIONS

if TYPE_CHECKING:
    from pycifar.augmentation import Augmentation

# Reads the text of an option, or True for one without a value; called with the argument's name
# and that.
Reader = Callable[[str, Any], Any]


def dataset_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `load_dataset`."""
    readers: dict[str, Reader] = {"dataset": as_text, "data_dir": as_text, "image_size": as_count}
    arguments = read_values(options, readers | {"n_train": as_count, "n_test": as_count})
    if "dataset" in arguments:
        arguments["source"] = arguments.pop("dataset")
    return arguments | {"verbose": "quiet" not in options}


def training_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `train`."""
    arguments = read_values(options, _training_readers())
    return arguments | ({"verbose": 0} if "quiet" in options else {})


def search_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `find_learning_rate`."""
    rates: dict[str, Reader] = {"lowest": _as_rate, "highest": _as_rate, "steps": as_count}
    return read_values(options, _training_readers() | rates)


def _training_readers() -> dict[str, Reader]:
    return {
        "architecture": _one_of(ARCHITECTURES),
        "epochs": as_count,
        "batch_size": as_count,
        "optimizer": _one_of(OPTIMIZERS),
        "learning_rate": _as_rate,
        "schedule": _one_of(SCHEDULES),
        "weight_decay": _as_decay,
        "label_smoothing": _as_decay,
        "class_weights": _as_class_weights,
        "precision": _one_of(PRECISIONS),
        "augmentation": _as_augmentation,
        "skip_easy": _as_decay,
        "validation": _as_validation,
        "early_stopping": as_count,
        "best_weights": as_flag,
        "time_budget": _as_rate,
        "checkpoint_dir": as_text,
        "checkpoint_every": as_count,
        "resume": as_flag,
        "seed": lambda name, text: check_count(name, _number(text), 0, 2**31 - 1),
    }


def reproduction_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `reproduce`."""
    arguments = read_values(
        options,
        {
            "seeds": lambda name, text: [
                check_count(name, _number(seed), 0, 2**31 - 1) for seed in text.split(",")
            ],
            "epochs": as_count,
            "time_budget": _as_rate,
        },
    )
    if "systems" in options:
        arguments["systems"] = options.systems
    if "output" in options:
        arguments["path"] = check_output("output", options.output, (".json",), overwrite=True)
    return arguments | ({"verbose": 0} if "quiet" in options else {})


def output_path(options: Namespace, name: str, suffixes: tuple[str, ...]) -> Path | None:
    """Where an option asks for a file, checked so that it can be written later; None if nowhere."""
    if name not in options:
        return None
    path = check_output(name, getattr(options, name), suffixes, "overwrite" in options)
    check_writable(path)
    return path


def read_values(options: Namespace, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The values of those options that were given."""
    given = vars(options)
    return {name: read(name, given[name]) for name, read in readers.items() if name in given}


def as_text(name: str, text: str) -> str:
    """The text as it is."""
    return text


def as_flag(name: str, is_given: bool) -> bool:
    """An option without a value."""
    return is_given


def as_count(name: str, text: str) -> int:
    """A whole number of at least 1."""
    return check_count(name, _number(text))


def _as_rate(name: str, text: str) -> float:
    return check_number(name, _number(text), minimum=0, open_minimum=True)


def _as_decay(name: str, text: str) -> float:
    return check_number(name, _number(text), minimum=0)


def _as_augmentation(name: str, text: str) -> Augmentation:
    # They need NumPy, which doctor may lack.
    from pycifar.augmentation import ALTERNATING, USUAL, resolve_augmentation

    if "=" not in text:
        return resolve_augmentation(text.split(","))
    values = {}
    for part in text.split(","):
        key, given, value = part.partition("=")
        usual = USUAL[check_choice(name, key, USUAL)]
        if key == "flip":
            values[key] = check_choice(name, value, [ALTERNATING]) if given else usual
        else:
            values[key] = check_count(name, _number(value), minimum=0) if given else usual
    return resolve_augmentation(values)


def _as_class_weights(name: str, text: str) -> str | dict[str, Any]:
    if "=" not in text:
        return text
    weights = {}
    for part in text.split(","):
        class_name, _, weight = part.partition("=")
        weights[class_name] = check_number(name, _number(weight), minimum=0)
    return weights


def _as_validation(name: str, text: str) -> float | str | None:
    value = _number(text)
    if isinstance(value, str):
        return None if value == "none" else value
    return check_number(name, value, 0, 1, open_minimum=True, open_maximum=True)


def _one_of(allowed: Iterable[str]) -> Reader:
    return lambda name, text: check_choice(name, text, allowed)


def _number(text: str) -> int | float | str:
    """The number that a text stands for, or the text, which is then refused with its name."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
