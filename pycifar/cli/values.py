"""Converting the text of options to the arguments of functions.

What can be refused without loading anything is refused here, before time is spent on data and
training. The rules are those of the functions themselves, which refuse the rest.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pycifar.arguments import check_output
from pycifar.cli.readers import (
    Reader,
    as_answer,
    as_flag,
    as_number,
    as_resize,
    as_size,
    as_text,
)
from pycifar.cli.training_options import TRAINING_OPTIONS
from pycifar.config import DEFAULT_SOURCE, SEARCH_DEFAULTS
from pycifar.files import check_writable
from pycifar.rules import check_search, check_settings

# The readers of the training options, by the name of the argument.
TRAINING_READERS: dict[str, Reader] = {name: o.read for name, o in TRAINING_OPTIONS.items()}


def dataset_arguments(options: Namespace) -> dict[str, Any]:
    """Return the arguments of `load_dataset` that the options give."""
    from pycifar.datasets.load_arguments import (
        check_load_arguments,  # needs NumPy; `doctor` works without
    )

    texts = ("dataset", "data_dir", "groups", "on_error", "cache_dir")
    numbers = ("n_train", "n_test", "test_fraction", "validation_fraction")
    readers: dict[str, Reader] = dict.fromkeys(texts, as_text) | dict.fromkeys(numbers, as_number)
    readers |= {"image_size": as_size, "resize": as_resize}
    readers |= {"in_memory": as_answer, "follow_links": as_flag}
    arguments = read_values(options, readers)
    if "dataset" in arguments:
        arguments["source"] = arguments.pop("dataset")
    # A model that is given has a data set of its own, whose name is not known yet.
    named = {} if "model" in options else {"source": DEFAULT_SOURCE}
    checked = check_load_arguments(named | arguments)
    return {name: checked[name] for name in arguments} | {"verbose": "quiet" not in options}


def training_arguments(options: Namespace) -> dict[str, Any]:
    """Return the arguments of `train` that the options give."""
    arguments = check_settings(read_values(options, TRAINING_READERS))
    return arguments | ({"verbose": 0} if "quiet" in options else {})


def search_arguments(options: Namespace) -> dict[str, Any]:
    """Return the arguments of `find_learning_rate` that the options give."""
    search = read_values(options, dict.fromkeys(SEARCH_DEFAULTS, as_number))
    check_search(**SEARCH_DEFAULTS | search)
    settings = check_settings(read_values(options, TRAINING_READERS))
    return search | settings | {"verbose": "quiet" not in options}


def reproduction_arguments(options: Namespace) -> dict[str, Any]:
    """Return the arguments of `reproduce` that the options give."""
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
    """Return the path that an output option gives, or None; check that it can be written."""
    if name not in options:
        return None
    path = check_output(name, getattr(options, name), suffixes, "overwrite" in options)
    check_writable(path)
    return path


def read_values(options: Namespace, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return the values of the options that were given, by name."""
    given = vars(options)
    return {name: read(name, given[name]) for name, read in readers.items() if name in given}
