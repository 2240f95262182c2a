"""What Keras must know, and what it must not see, when it copies or saves a model."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import FunctionType
from typing import Any

from pycifar.backend import generators_kept, keras
from pycifar.errors import ArgumentError
from pycifar.layer_calls import layers_of
from pycifar.learners.optimizers import check_usable
from pycifar.scratch import NumpyModel


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


class Pickled:
    """Has a pickle name the class of a loss or metric of the caller; Keras's names only registered.

    Args:
        own: the object.
    """

    def __init__(self, own: Any) -> None:
        self._own = own

    def __reduce__(self) -> tuple[Any, ...]:
        return make_again, (type(self._own), arguments_of(self._own))


def arguments_of(own: Any) -> dict[str, Any]:
    """Return the arguments with which `make_again` makes a loss or a metric of the caller again.

    They are those of its get_config(). Keras puts some into it that a class does not take.

    Raises:
        ArgumentError: its get_config() lacks some.
    """
    kind = type(own)
    try:
        arguments = dict(own.get_config())
    except Exception as error:  # the method is the caller's
        raise _cannot_be_made(kind, f"get_config() fails: {error}") from error
    if not kind.from_config.__module__.startswith("keras."):
        return arguments
    parameters = inspect.signature(kind).parameters.values()
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if lost := [name for name in names if name not in (*arguments, "name", "dtype")]:
        raise _cannot_be_made(kind, f"get_config() does not return {' and '.join(lost)}")
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return arguments
    return {name: value for name, value in arguments.items() if name in names}


def make_again(kind: Any, arguments: Mapping[str, Any]) -> Any:
    """Return a new object of a class of the caller; see `arguments_of`."""
    try:
        return kind.from_config(dict(arguments))
    except Exception as error:  # the class is the caller's
        raise _cannot_be_made(kind, " ".join(str(error).split())[:200]) from error


def _cannot_be_made(kind: type, why: str) -> ArgumentError:
    return ArgumentError(
        f"An object of {kind.__name__} cannot be made again: {why}.",
        fix="Let its get_config() return all arguments of its __init__(), or give a "
        "function(y_true, y_pred).",
    )


def new_optimizer_of(network: keras.Model) -> keras.optimizers.Optimizer:
    """Return a new optimizer with the settings of the one that a model has.

    Raises:
        ArgumentError: no training can have it.
    """
    own = network.optimizer
    check_usable(own)
    with own_parts_known(network):
        return type(own).from_config(own.get_config())


def living_layers() -> list[Any]:
    """Return all layers and networks that are in memory now."""
    kinds = (keras.layers.Layer, NumpyModel)
    # By their type: some objects load a module when they are asked for their class.
    return [each for each in gc.get_objects() if issubclass(type(each), kinds)]


def holds_some_of(network: Any, layers: Iterable[Any]) -> bool:
    """Return whether a network is one of these layers, or has one of them that has a state."""
    known = set(map(id, layers))
    parts = network._flatten_layers() if isinstance(network, keras.Model) else [network]
    # A network of NumPy has no list of its variables, and always a state.
    return any(id(part) in known and getattr(part, "variables", True) for part in parts)


@contextmanager
def own_parts_known(network: Any) -> Iterator[None]:
    """Let Keras copy a model that has such classes and functions inside the context.

    The global random generators, from which layers draw seeds, stay as they are.
    """
    parts = own_parts(network)
    known = keras.saving.custom_object_scope(parts) if parts else nullcontext()
    with generators_kept(), known:
        yield


def frozen_layers(network: Any) -> list[int]:
    """Return the numbers of the layers that are not trainable.

    0 is the network itself. Its layers follow, those inside of a nested network after that.
    """
    layers = [network, *layers_of(network)]
    return [number for number, layer in enumerate(layers) if not layer.trainable]


def freeze_layers(network: Any, frozen: Collection[int]) -> None:
    """Make these layers not trainable, by their numbers, and all others trainable.

    Keras makes a Sequential anew without its own flag: it is trainable, over layers that are not.
    """
    for number, layer in enumerate([network, *layers_of(network)]):
        if layer.trainable is (number in frozen):
            layer.trainable = number not in frozen  # and so are the layers inside of it


def freeze_sequentials(network: Any) -> None:
    """Make those Sequential networks not trainable none of whose layers with weights are.

    A file of Keras does not have the flag of a Sequential.
    """
    for part in reversed([network, *layers_of(network)]):  # what is inside comes first
        if isinstance(part, keras.Sequential):
            inside = [layer for layer in part.layers if layer.weights]
            if inside and not any(layer.trainable for layer in inside):
                part.trainable = False
