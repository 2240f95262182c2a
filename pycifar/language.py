"""The names of constants and functions in error messages, which are different in R.

A message is complete when its error is raised; nothing translates it later. So messages name
constants by `constant` and pycifar's functions by `function`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_speaks_r: ContextVar[bool] = ContextVar("speaks_r", default=False)


@contextmanager
def speaking_r() -> Iterator[None]:
    """Write error messages for users of R inside the context."""
    token = _speaks_r.set(True)
    try:
        yield
    finally:
        _speaks_r.reset(token)


def speaks_r() -> bool:
    """Return whether error messages are for users of R."""
    return _speaks_r.get()


def constant(value: bool | float | None) -> str:
    """Return how None, True, False or a number is written in Python, or in R.

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
    return f"{value:.15g}".replace("inf", "Inf")


def install(*packages: str, anew: bool = False) -> str:
    """Return the sentence that tells how to install Python packages.

    Args:
        packages: their names in the Python Package Index.
        anew: whether they are installed already, and damaged.
    """
    what = "it" if len(packages) == 1 else "them"
    if _speaks_r.get():
        names = ", ".join(f'"{package}"' for package in packages)
        names = names if len(packages) == 1 else f"c({names})"
        forced = ', pip_options = "--force-reinstall"' if anew else ""
        return f"Install {what}: reticulate::py_install({names}{forced}), and start R anew."
    forced = "--force-reinstall " if anew else ""
    return f"Install {what}: python -m pip install {forced}{' '.join(packages)}"


def function(name: str) -> str:
    """Return how a function of pycifar is called in Python, or in R.

    Args:
        name: its name in Python, such as "train".
    """
    return f"cifar_{name}()" if _speaks_r.get() else f"{name}()"
