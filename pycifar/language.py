"""The language that errors are written in: constants and functions have other names in R.

A message is made where the error is raised, and nothing translates it afterwards. It names
constants by `constant`, and functions of pycifar by `function`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_speaks_r: ContextVar[bool] = ContextVar("speaks_r", default=False)


@contextmanager
def speaking_r() -> Iterator[None]:
    """Write the errors inside for someone who works in R."""
    token = _speaks_r.set(True)
    try:
        yield
    finally:
        _speaks_r.reset(token)


def constant(value: bool | float | None) -> str:
    """Return how None, True, False or a number is written.

    Examples:
        >>> constant(None)
        'None'
        >>> with speaking_r():
        ...     constant(None)
        'NULL'
    """
    if not _speaks_r.get():
        return repr(value)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return repr(value).upper()
    if math.isnan(value):
        return "NaN"
    return repr(value).replace("inf", "Inf")


def function(name: str) -> str:
    """Return how a function of pycifar is called.

    Args:
        name: in Python, such as "train".
    """
    return f"cifar_{name}()" if _speaks_r.get() else f"{name}()"
