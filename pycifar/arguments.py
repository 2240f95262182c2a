"""Checks of arguments: each returns the value as a plain Python type or raises an ArgumentError.

A float without a fractional part, such as ``10.0``, is accepted as an integer, because ``10`` is a
double in R. Numbers of NumPy are accepted like those of Python. In all checks, `name` is the name
of the argument for the error message.
"""

from __future__ import annotations

import difflib
import json
import math
import numbers
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pycifar.errors import (
    ArgumentError,
    OutputError,
    OutputExistsError,
    UnknownNameError,
    name_on_disk,
)
from pycifar.language import constant, speaks_r

MOST_SHOWN = 80  # characters of a value
MOST_LISTED = 20  # names in an error message; each set of names of pycifar itself is smaller


def check_count(name: str, value: Any, minimum: int = 1, maximum: int | None = None) -> int:
    """Check that `value` is a whole number in a range, and return it as an int.

    The range includes `minimum` and `maximum`. None as `maximum` sets no upper limit.
    """
    allowed = f"a whole number of at least {minimum}"
    if maximum is not None:
        allowed = f"a whole number from {minimum} to {maximum}"
    number = _real(name, value, allowed)
    if not math.isfinite(number) or number != int(number):
        raise ArgumentError(f"`{name}` must be {allowed}, not {describe(value)}.")
    if number < minimum or (maximum is not None and number > maximum):
        raise ArgumentError(f"`{name}` must be {allowed}, not {describe(value)}.")
    return int(value)


def check_number(
    name: str,
    value: Any,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    *,
    open_minimum: bool = False,
    open_maximum: bool = False,
) -> float:
    """Check that `value` is a finite number in a range, and return it as a float.

    The range includes its ends, unless `open_minimum` or `open_maximum` excludes them.
    """
    allowed = _range(minimum, maximum, open_minimum, open_maximum)
    number = _real(name, value, allowed)
    too_low = number <= minimum if open_minimum else number < minimum
    too_high = number >= maximum if open_maximum else number > maximum
    if not math.isfinite(number) or too_low or too_high:
        raise ArgumentError(f"`{name}` must be {allowed}, not {describe(value)}.")
    return number


def check_seed(value: Any, name: str = "seed") -> int:
    """Return a seed from 0 to 2³¹ - 1, the range of R's integers; None draws one.

    It is drawn from Python's global generator, as Keras draws the seeds of layers, so that
    `keras.utils.set_random_seed` makes it reproducible; in R from R's own, see `seeds_drawn_by`.
    """
    if value is None:
        return check_count(name, _draw_seed.get()(), minimum=0, maximum=2**31 - 1)
    return check_count(name, value, minimum=0, maximum=2**31 - 1)


_draw_seed: ContextVar[Callable[[], int]] = ContextVar(
    "draw_seed", default=lambda: random.randrange(2**31)
)


@contextmanager
def seeds_drawn_by(draw: Callable[[], int]) -> Iterator[None]:
    """Draw the seeds that are not given inside by another generator."""
    token = _draw_seed.set(draw)
    try:
        yield
    finally:
        _draw_seed.reset(token)


def check_sha256(name: str, value: Any) -> str:
    """Check that `value` is a SHA-256 of 64 hexadecimal digits, and return it in lower case."""
    if isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{64}", value):
        return value.lower()
    raise ArgumentError(f"`{name}` must be 64 hexadecimal digits, not {describe(value)}.")


def check_flag(name: str, value: Any) -> bool:
    """Check that `value` is True or False, of Python or NumPy, and return it as a bool."""
    if is_flag(value):
        return bool(value)
    allowed = f"{constant(True)} or {constant(False)}"
    raise ArgumentError(f"`{name}` must be {allowed}, not {describe(value)}.")


def is_flag(value: Any) -> bool:
    """Return whether `value` is True or False, of Python or NumPy."""
    return type(value).__name__ in ("bool", "bool_") and value in (True, False)


def check_verbosity(value: Any) -> int:
    """Check `verbose`, from 0 to 2, and return it as an int; False is 0 and True is 1."""
    if is_flag(value):
        return int(value)
    return check_count("verbose", value, minimum=0, maximum=2)


def check_choice(
    name: str,
    value: Any,
    allowed: Iterable[str],
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Check that `value` is one of the allowed names, and return it.

    Args:
        name: the name of the argument.
        value: what was given.
        allowed: the names that there are.
        elsewhere: names of other packages in lower case, each with the one that is meant.

    Raises:
        UnknownNameError: it is none of them. The error suggests the most similar name, if any.
    """
    names = list(allowed)
    if isinstance(value, str) and value in names:
        return str(value)
    nearest = None
    if isinstance(value, str):
        nearest = elsewhere.get(value.lower()) or nearest_name(value, names)
    quoted = listing([f'"{known}"' for known in names])
    raise UnknownNameError(
        f"`{name}` must be {'one of ' if len(names) > 1 else ''}{quoted}, not {describe(value)}.",
        fix=f'Did you mean "{nearest}"?' if nearest else None,
    )


def check_on_error(value: Any) -> str:
    """Return what to do about an image that cannot be read: "stop" or "skip"."""
    return check_choice("on_error", value, ("stop", "skip"))


def listing(names: Sequence[str]) -> str:
    """Return names in one line for an error message: of many, the first ones and their number.

    Of a long name, it is the beginning.
    """
    shown = [shortened(name) for name in names[:MOST_LISTED]]
    more = f", … ({len(names):,} in all)" if len(names) > MOST_LISTED else ""
    return ", ".join(shown) + more


def shortened(text: str, end: str = "...") -> str:
    """Return text of at most 80 characters; of a longer one the beginning, and `end`."""
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - len(end)] + end


def joined(texts: Sequence[str], word: str = "and") -> str:
    """Return texts as a list in a sentence: "a", "a and b", or "a, b and c"."""
    *first, last = texts
    return f"{', '.join(first)} {word} {last}" if first else last


def nearest_name(value: str, names: Iterable[str], likeness: float = 0.5) -> str | None:
    """Return the name that is most similar to `value`, or None if no name is similar.

    Upper and lower case count as equal.

    Args:
        value: what was given.
        names: the names that there are.
        likeness: how similar a name must be, from 0 to 1.
    """
    names = list(names)
    lowered = {n.lower(): n for n in names}
    found = difflib.get_close_matches(value.lower(), list(lowered), n=1, cutoff=likeness)
    return lowered[found[0]] if found else None


def check_path(name: str, value: Any) -> Path:
    """Check that `value` can be a path, and return it with ``~`` expanded.

    The path need not exist. Callers that need it to exist check that themselves.
    """
    path = _as_path(name, value)
    try:
        path.exists()
    except (OSError, ValueError) as error:  # a name that is too long, a folder without access
        reason = getattr(error, "strerror", None) or error
        raise ArgumentError(f"`{name}` cannot be {describe(str(path))}: {reason}.") from None
    return path


def check_output(
    name: str,
    value: Any,
    suffixes: tuple[str, ...],
    overwrite: bool,
    folders: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Check that a file can be written to the path `value`, and return the path.

    Args:
        name: the name of the argument, for the error message.
        value: the path; its folder must exist and be writable.
        suffixes: the endings that the path may have.
        overwrite: whether the file may exist already.
        folders: the endings of what is written as a folder, each with a file that such a folder
            has. A folder without it is never replaced.

    Raises:
        ArgumentError: the value is not a path, or the path has another ending.
        OutputExistsError: the file exists, and `overwrite` is False.
        OutputError: no file can be written there for another reason.
    """
    path = _as_path(name, value)
    if path.suffix.lower() not in suffixes:
        endings = joined(suffixes, "or")
        raise ArgumentError(f"`{name}` must end in {endings}, not {describe(str(value))}.")
    try:
        _check_place(name, path, overwrite, folders.get(path.suffix.lower()))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def describe(value: Any) -> str:
    """Return a short description of a value for an error message.

    An array is described by its shape and type. Other values are shown by the first line of their
    text, cut to 80 characters. Their type follows, unless they are None, a boolean, a number or a
    string.
    """
    if value is None or isinstance(value, (bool, int)):
        return constant(value)
    if isinstance(value, float):
        return constant(float(value))  # a NumPy float would be written as np.float64(2.5)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        kind = f" and type {value.dtype}" if hasattr(value, "dtype") else ""
        return f"an array of shape {shape}{kind}"
    if speaks_r() and isinstance(value, (list, tuple, dict)):
        return shortened(_vector_of_r(value))
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    first, more, _ = text.partition("\n")
    text = f"{first}..." if more else first
    if isinstance(value, str):
        return shortened(text, '..."')
    return f"{shortened(text)} ({type(value).__name__})"


def _vector_of_r(values: Sequence[Any] | dict[str, Any]) -> str:
    """Return how R writes a list or a dictionary that came from it."""
    if isinstance(values, dict):
        return f"list({', '.join(f'{name} = {describe(own)}' for name, own in values.items())})"
    items = ", ".join(map(describe, values[:MOST_LISTED]))
    is_vector = values and all(isinstance(value, (str, bool, int, float)) for value in values)
    return f"c({items})" if is_vector else f"list({items})"


def _as_path(name: str, value: Any) -> Path:
    """Return `value` as a path with ``~`` expanded; raise an ArgumentError if it is no path."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text or "\0" in text:
        raise ArgumentError(f"`{name}` must be a path, not {describe(value)}.")
    try:
        return Path(name_on_disk(text)).expanduser()
    except RuntimeError:
        raise ArgumentError(f"`{name}` is {describe(text)}, and there is no such user.") from None


def _real(name: str, value: Any, allowed: str) -> float:
    """Return a real number as a float; raise an ArgumentError if `value` is not a real number."""
    if isinstance(value, (bool, str)) or not isinstance(value, numbers.Real):
        raise ArgumentError(f"`{name}` must be {allowed}, not {describe(value)}.")
    try:
        return float(value)
    except OverflowError:
        raise ArgumentError(f"`{name}` must be {allowed}, not a number beyond 1e308.") from None


def _check_place(name: str, path: Path, overwrite: bool, mark: str | None) -> None:
    """Raise an OutputError unless a file, or a folder with the file `mark`, can be written."""
    if path.is_dir() and mark is None:
        raise OutputError(f"`{name}` must name a file, but {path} is a folder.")
    if path.exists() and mark is not None and not (path / mark).is_file():
        raise OutputError(f"`{name}` must not exist, or be a folder with {mark}; {path} is other.")
    if not path.parent.is_dir():
        raise OutputError(
            f"`{name}` must lie in a folder that exists; there is no folder {path.parent}.",
            fix="Create the folder first.",
        )
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f"{path} exists already and was left as it is.",
            fix="Choose another path, or ask for it with `overwrite`.",
        )
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"`{name}` must lie in a folder that can be written to: {path.parent}.")


def _range(minimum: float, maximum: float, open_minimum: bool, open_maximum: bool) -> str:
    """Return a range of numbers in words, for an error message."""
    if minimum == -math.inf and maximum == math.inf:
        return "a finite number"
    low = f"above {minimum:g}" if open_minimum else f"of at least {minimum:g}"
    high = f"below {maximum:g}" if open_maximum else f"at most {maximum:g}"
    if maximum == math.inf:
        return f"a number {low}"
    if minimum == -math.inf:
        return f"a number {high}"
    return f"a number {low} and {high}"
