"""From the text of options to the arguments of functions.

What can be refused without loading anything is refused here, by the rules of the functions
themselves, before time goes into data and training; the functions refuse the rest.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pycifar.arguments import check_count, check_output
from pycifar.cli.parser import defaults_of
from pycifar.files import check_writable
from pycifar.rules import check_search, check_settings

# Reads the text of an option, or True for one without a value; called with the argument's name
# and that.
Reader = Callable[[str, Any], Any]


def dataset_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `load_dataset`; where a model is given, it may name the data set."""
    from pycifar.datasets.load import check_load_arguments  # needs NumPy, which doctor may lack

    readers: dict[str, Reader] = {"dataset": as_text, "data_dir": as_text}
    counts = dict.fromkeys(("image_size", "n_train", "n_test"), as_number)
    arguments = read_values(options, readers | counts)
    if "dataset" in arguments:
        arguments["source"] = arguments.pop("dataset")
    usual = defaults_of("datasets/load.py", "load_dataset")["source"]
    named = {} if "model" in options else {"source": usual}
    checked = check_load_arguments(named | arguments)
    return {name: checked[name] for name in arguments} | {"verbose": "quiet" not in options}


def training_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `train`."""
    arguments = check_settings(read_values(options, TRAINING_READERS))
    return arguments | ({"verbose": 0} if "quiet" in options else {})


def search_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `find_learning_rate`."""
    search = read_values(options, dict.fromkeys(("lowest", "highest", "steps"), as_number))
    usual = defaults_of("learning_rates.py", "find_learning_rate")
    check_search(**{name: search.get(name, usual[name]) for name in ("lowest", "highest", "steps")})
    return search | check_settings(read_values(options, TRAINING_READERS))


def reproduction_arguments(options: Namespace) -> dict[str, Any]:
    """What the options say to `reproduce`."""
    from pycifar.reproduction.plan import check_seeds, check_systems  # need NumPy

    readers: dict[str, Reader] = {"epochs": as_number, "time_budget": as_number}
    arguments = check_settings(read_values(options, readers))
    if "seeds" in options:
        arguments["seeds"] = check_seeds([as_number("seeds", n) for n in options.seeds.split(",")])
    if "systems" in options:
        check_systems(options.systems)
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
    return check_count(name, as_number(name, text))


def as_number(name: str, text: str) -> int | float | str:
    """The number that a text stands for, or the text, which a rule then refuses with its name."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _as_augmentation(name: str, text: str) -> Any:
    from pycifar.augmentation import USUAL  # needs NumPy, which doctor may lack

    if "=" not in text:
        return text.split(",")
    values: dict[str, Any] = {}
    for part in text.split(","):
        key, given, value = part.partition("=")
        values[key] = as_number(key, value) if given else USUAL.get(key)
    return values


def _as_class_weights(name: str, text: str) -> str | dict[str, Any]:
    if "=" not in text:
        return text
    parts = [part.partition("=") for part in text.split(",")]
    return {class_name: as_number(class_name, weight) for class_name, _, weight in parts}


def _as_validation(name: str, text: str) -> int | float | str | None:
    return None if text == "none" else as_number(name, text)


TRAINING_READERS: dict[str, Reader] = {
    "architecture": as_text,
    "epochs": as_number,
    "batch_size": as_number,
    "optimizer": as_text,
    "learning_rate": as_number,
    "schedule": as_text,
    "weight_decay": as_number,
    "label_smoothing": as_number,
    "class_weights": _as_class_weights,
    "precision": as_text,
    "augmentation": _as_augmentation,
    "skip_easy": as_number,
    "validation": _as_validation,
    "early_stopping": as_number,
    "best_weights": as_flag,
    "time_budget": as_number,
    "checkpoint_dir": as_text,
    "checkpoint_every": as_number,
    "resume": as_flag,
    "seed": as_number,
}
