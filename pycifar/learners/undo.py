"""Temporary changes to objects of the caller, which are undone when a training ends."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any


def set_until_closed(changes: ExitStack, thing: Any, name: str, value: Any) -> None:
    """Set an attribute of an object until `changes` is closed, which restores the old value.

    Args:
        changes: the stack that undoes the change when it is closed.
        thing: the object.
        name: the name of the attribute.
        value: the value to set.
    """
    in_class = isinstance(getattr(type(thing), name, None), property)
    if in_class or name in vars(thing):
        changes.callback(setattr, thing, name, getattr(thing, name))
    else:  # a method of the class: it is visible again once the attribute is deleted
        changes.callback(delattr, thing, name)
    setattr(thing, name, value)
