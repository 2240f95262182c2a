"""Changes to objects of the caller that are taken back when a training ends."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any


def set_until_closed(changes: ExitStack, thing: Any, name: str, value: Any) -> None:
    """Set an attribute of an object, and have `changes` give it back what it had.

    Args:
        changes: closed when the change is to end.
        thing: the object.
        name: of the attribute.
        value: for the time until then.
    """
    in_class = isinstance(getattr(type(thing), name, None), property)
    if in_class or name in vars(thing):
        changes.callback(setattr, thing, name, getattr(thing, name))
    else:  # a method of the class, which is seen again once it is no attribute
        changes.callback(delattr, thing, name)
    setattr(thing, name, value)
