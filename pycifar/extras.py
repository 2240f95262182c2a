"""What is not installed with pycifar itself: the libraries of its extras."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping

from pycifar.arguments import joined
from pycifar.errors import DependencyError
from pycifar.language import install


def missing_modules(names: Iterable[str]) -> list[str]:
    """Return those of some modules that are not installed; none is imported."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def require(what: str, packages: Mapping[str, str]) -> None:
    """Raise a DependencyError that says what to install, if a library is missing.

    Args:
        what: what needs the libraries, as the beginning of a sentence.
        packages: the name of each in the Python Package Index, by its module.
    """
    missing = [packages[name] for name in missing_modules(packages)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise DependencyError(
            f"{what} needs {joined(missing)}, which {verb} not installed here.",
            fix=install(*missing),
        )
