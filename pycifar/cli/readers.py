"""Readers, which convert the text of an option to a value.

A reader is called with the name of the argument and the text of its option, or True for an option
without a value. Text that it cannot convert is returned unchanged. The rule of the argument then
refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pycifar.arguments import check_choice, check_count
from pycifar.errors import ArgumentError
from pycifar.files import read_file

Reader = Callable[[str, Any], Any]


def as_text(name: str, text: str) -> str:
    """Return the text unchanged."""
    return text


def as_flag(name: str, is_given: bool) -> bool:
    """Return whether an option without a value is given."""
    return is_given


def as_answer(name: str, text: str) -> bool:
    """Return whether the text is "yes"; raise an ArgumentError unless it is "yes" or "no"."""
    return check_choice(name, text, ("yes", "no")) == "yes"


def as_number(name: str, text: str) -> int | float | str:
    """Return the number in a text, or the text if it is no number."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def as_list(name: str, text: str) -> list[str]:
    """Return the texts between commas."""
    return text.split(",")


def as_numbers(name: str, text: str) -> list[int | float | str]:
    """Return the numbers between commas; 1/255 is one as well."""
    return [_quotient(name, part) for part in text.split(",")]


def _quotient(name: str, text: str) -> int | float | str:
    above, given, below = (as_number(name, part) for part in text.partition("/"))
    if given and isinstance(above, (int, float)) and isinstance(below, (int, float)) and below:
        return above / below
    return as_number(name, text)


def as_count(name: str, text: str) -> int:
    """Return a whole number; raise an ArgumentError unless it is at least 1."""
    return check_count(name, as_number(name, text))


def as_size(name: str, text: str) -> Any:
    """Return the number in a text, or height and width for "224x160"."""
    return (
        [as_number(name, side) for side in text.split("x")]
        if "x" in text
        else as_number(name, text)
    )


def as_resize(name: str, text: str) -> Any:
    """Return a rule for resizing, with its filter for "crop:bilinear"."""
    how, given, filter_ = text.partition(":")
    return {"how": how, "filter": filter_} if given else how


def as_validation(name: str, text: str) -> int | float | str | None:
    """Return a share, the name of a split, or None for "none"."""
    return None if text == "none" else as_number(name, text)


def as_augmentation(name: str, text: str) -> Any:
    """Return a list of names for "flip,shift", or a dict of values by name for "flip,shift=2"."""
    if "=" not in text:
        return text.split(",")
    values: dict[str, Any] = {}
    for part in text.split(","):
        key, given, value = part.partition("=")
        values[key] = as_number(key, value) if given else True
    return values


def as_names(name: str, text: str) -> list[str]:
    """Return the names in a text such as "top_5,f1"."""
    return text.split(",")


def as_numbers_of_file(name: str, path: str) -> list[Any]:
    """Return the numbers in a file with one a line; a line that is no number stays text.

    Raises:
        ArgumentError: the file cannot be read.
    """
    try:
        lines = read_file(Path(path)).decode("utf-8").split()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ArgumentError(
            f"`{name}` must be a file with one number a line; {path} cannot be read: {reason}."
        ) from error
    return [as_number(name, line) for line in lines]


def as_class_weights(name: str, text: str) -> str | dict[str, Any]:
    """Return a word such as "balanced", or a dict of weights by class for "cat=2,dog=0.5"."""
    if "=" not in text:
        return text
    parts = [part.partition("=") for part in text.split(",")]
    return {class_name: as_number(class_name, weight) for class_name, _, weight in parts}
