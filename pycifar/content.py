"""Equality by content, for dataclasses that hold tables and arrays."""

from __future__ import annotations

import dataclasses
from typing import Any, cast


class ByContent:
    """A dataclass whose objects are equal if all that they hold is equal.

    The equality that a dataclass has by itself fails for tables and arrays, whose own `==` gives
    one answer per value. Such a dataclass is made with ``eq=False``.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _are_equal(getattr(self, name), getattr(other, name)) for name in self._compared()
        )

    def __hash__(self) -> int:
        """Return a hash of what is short and cannot change, which equal objects share."""
        values = (getattr(self, name) for name in self._compared())
        return hash((type(self), *filter(_is_short, values)))

    def _compared(self) -> list[str]:
        """Return the names of what is compared."""
        fields = dataclasses.fields(cast("Any", self))
        return [field.name for field in fields if field.compare]


def _is_short(value: Any) -> bool:
    """Return whether a value is text, a number, or a tuple of what cannot change."""
    if isinstance(value, tuple):
        return all(map(_is_short, value))
    return isinstance(value, (str, int, float))


def _are_equal(one: Any, other: Any) -> bool:
    import numpy as np  # the help of the command goes without

    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if hasattr(one, "equals"):  # a table of pandas
        return bool(one.equals(other))
    return bool(one == other)
