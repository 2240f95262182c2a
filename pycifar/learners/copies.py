"""What Keras must know, and what it must not see, when it copies or saves a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FunctionType
from typing import Any

from pycifar.backend import keras


@contextmanager
def not_compiled(network: Any) -> Iterator[None]:
    """Make a model look as if it had never been compiled."""
    compiled, optimizer = network.compiled, getattr(network, "optimizer", None)
    network.compiled, network.optimizer = False, None
    try:
        yield
    finally:
        network.compiled, network.optimizer = compiled, optimizer


def own_parts(network: Any) -> dict[str, Any]:
    """Return the classes and functions in a model and its optimizer that only the caller has.

    Each has the name under which Keras asks for it. What is registered is left out.
    """
    if not isinstance(network, keras.Model):
        return {}
    names = {keras.saving.get_registered_name(own): own for own in _parts_of(network)}
    return {
        name: own
        for name, own in names.items()
        if not own.__module__.startswith(("keras.", "builtins"))
        and keras.saving.get_registered_object(name) is None
    }


def _parts_of(network: keras.Model) -> Iterator[Any]:
    """Yield the classes of layers, of the optimizer and of what they hold, and their functions."""
    optimizer = getattr(network, "optimizer", None)
    for holder in [*network._flatten_layers(), *([] if optimizer is None else [optimizer])]:
        yield type(holder)
        for name, value in vars(holder).items():
            if isinstance(value, FunctionType) and not hasattr(type(holder), name):  # no method
                yield value
            elif hasattr(type(value), "from_config"):
                yield type(value)


def new_optimizer_of(network: keras.Model, inner: bool = False) -> keras.optimizers.Optimizer:
    """Return a new optimizer with the settings of the one that a model has.

    Args:
        network: the model.
        inner: whether to take the optimizer inside of one that scales the loss.
    """
    own = network.optimizer.inner_optimizer if inner else network.optimizer
    with own_parts_known(network):
        return type(own).from_config(own.get_config())


@contextmanager
def own_parts_known(network: Any) -> Iterator[None]:
    """Let Keras copy a model that has such classes and functions inside the context."""
    parts = own_parts(network)
    with keras.saving.custom_object_scope(parts) if parts else nullcontext():
        yield
