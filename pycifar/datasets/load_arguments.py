"""The arguments of `load_dataset`: what each source takes, and the rule of each argument."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_on_error,
    check_path,
    check_seed,
    check_verbosity,
    describe,
    joined,
)
from pycifar.datasets.folders import LARGEST_SIDE
from pycifar.datasets.resizing import Resize, resolve_resize
from pycifar.datasets.storage import Storage
from pycifar.datasets.synthetic import MOST
from pycifar.datasets.tables import is_table
from pycifar.errors import ArgumentError, UnknownNameError

# The options of each source, besides those that all sources have.
_FRACTIONS = ("test_fraction", "validation_fraction")
_OF_FILES = (
    *("data_dir", "class_names", "image_size", "resize", "groups", "on_error", "follow_links"),
    *("in_memory", "cache_dir"),
)
_OPTIONS = {
    "cifar10": ("data_dir",),
    "synthetic": (),
    "folder": _OF_FILES,
    "tables": _OF_FILES,
    "arrays": ("class_names", "image_size", "resize", "groups"),
}
_NAMED = tuple(name for name in _OPTIONS if name not in ("tables", "arrays"))
# Other options are None by default.
_DEFAULTS = {"resize": Resize(), "on_error": "stop", "follow_links": False}


def kind_of(source: Any) -> str:
    """Return which of `_OPTIONS` a source takes."""
    if is_table(source):
        return "tables"
    return source if isinstance(source, str) else "arrays"


def check_load_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check arguments of `load_dataset`, as far as possible before anything is loaded.

    Args:
        given: any of its arguments, by name. If `source` is missing, because only the file of a
            model will tell it, it is not checked whether the source takes the other arguments.

    Returns:
        The arguments as plain Python types.

    Raises:
        ArgumentError: an argument has a wrong type or value.
    """
    kind = kind_of(given["source"]) if "source" in given else None
    most = MOST if kind == "synthetic" else None
    rules = _RULES | dict.fromkeys(
        ("n_train", "n_test"), lambda name, value: check_count(name, value, 1, most)
    )
    checked = {
        name: value if value is None and name in _MAY_BE_NONE else rules[name](name, value)
        for name, value in given.items()
    }
    if kind is not None:
        _refuse_idle_options(kind, checked)
        if kind == "folder" and checked.get("data_dir") is None:
            raise ArgumentError('The source "folder" needs `data_dir`, the folder of images.')
        if kind == "arrays" and checked.get("image_size") is None:
            _refuse_resize(checked.get("resize"))
    Storage(checked.get("in_memory"), checked.get("cache_dir"))
    return checked


def _refuse_resize(resize: Resize | None) -> None:
    """Raise an ArgumentError for a way of resizing where nothing is resized."""
    if resize not in (None, Resize()):
        raise ArgumentError(
            "`resize` is for images that are resized, and arrays keep their size.",
            fix="Give `image_size`, or leave out `resize`.",
        )


def _refuse_idle_options(source: str, options: dict[str, Any]) -> None:
    """Raise an ArgumentError for an option that the source does not take."""
    for name in _OF_FILES:
        if name in _OPTIONS[source]:
            continue
        default = _DEFAULTS.get(name)
        if str(options.get(name, default)) != str(default):
            takers = [f'"{s}"' if s in _NAMED else s for s, o in _OPTIONS.items() if name in o]
            raise ArgumentError(
                f"`{name}` is for {joined(takers)} alone, and the source is {source}.",
                fix=f"Leave out `{name}`, or choose another `source`.",
            )


def _check_source(name: str, value: Any) -> Any:
    is_named = isinstance(value, (str, os.PathLike)) and not is_table(value)
    if is_named or not (
        hasattr(value, "__getitem__") or isinstance(value, (Iterable, os.PathLike))
    ):
        try:
            return check_choice(name, value, _NAMED)
        except UnknownNameError as error:
            if not is_named or not os.path.isdir(value):  # noqa: PTH112 - a text of any length
                raise
            fix = 'Give the folder as `data_dir`, and "folder" as `source`.'
            raise UnknownNameError(error.message, fix=fix) from None
    return value


def check_image_size(name: str, value: Any) -> tuple[int, int]:
    """Return height and width, which are given as one number or as two."""
    is_array = isinstance(value, np.ndarray) and value.ndim > 0
    if isinstance(value, str) or not (is_array or isinstance(value, Sequence)):
        side = check_count(name, value, 1, LARGEST_SIDE)
        return side, side
    if len(value) != 2:
        raise ArgumentError(
            f"`{name}` must be one number, or height and width, not {describe(value)}."
        )
    height, width = (check_count(name, side, 1, LARGEST_SIDE) for side in value)
    return height, width


def check_class_names(name: str, class_names: Any) -> tuple[str, ...]:
    """Return class names as a tuple; raise an ArgumentError unless they are different texts."""
    try:
        names = () if isinstance(class_names, str) else tuple(class_names)
    except TypeError:
        names = ()
    is_sound = names and all(isinstance(name, str) and name for name in names)
    if not is_sound or len(set(names)) != len(names):
        raise ArgumentError(
            f"`{name}` must be a list of different names, not {describe(class_names)}."
        )
    return names


def _check_fraction(name: str, value: Any) -> float:
    return check_number(name, value, 0, 1, open_minimum=True, open_maximum=True)


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "source": _check_source,
    "data_dir": check_path,
    "class_names": check_class_names,
    "image_size": check_image_size,
    "download": check_flag,
    "seed": lambda name, value: check_seed(value),
    "resize": lambda name, value: resolve_resize(value, name),
    **dict.fromkeys(_FRACTIONS, _check_fraction),
    "groups": lambda name, value: value,  # checked where the images are known
    "on_error": lambda name, value: check_on_error(value),
    "follow_links": check_flag,
    "in_memory": check_flag,
    "cache_dir": check_path,
    "verbose": lambda name, value: check_verbosity(value) > 0,
}
_MAY_BE_NONE = (
    *("data_dir", "n_train", "n_test", "class_names", "image_size", "groups"),
    *("in_memory", "cache_dir"),
    *_FRACTIONS,
)
