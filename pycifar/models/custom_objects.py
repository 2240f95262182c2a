"""Classes and functions of a caller's own in a network, which no file brings with it.

Keras writes their names into a file. They come back where they are registered with Keras, or given
as `custom_objects`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pycifar.arguments import describe
from pycifar.backend import keras, without_values
from pycifar.errors import ArgumentError, UnsavedWarning, warn
from pycifar.language import function
from pycifar.learners.copies import not_compiled, own_parts_known
from pycifar.learners.optimizers import is_of_keras
from pycifar.models.file_check import (
    OPERATIONS,
    PARTS,
    check_calls,
    check_parts,
    has_own_parts,
    unknown_names,
)


@contextmanager
def knowing(custom_objects: Any) -> Iterator[None]:
    """Let files ask for the caller's classes and functions inside the context.

    What is registered is known by its name without the package as well: files that were saved
    before it was registered have that name.

    Args:
        custom_objects: a mapping from the names in files to classes and functions, or None.

    Raises:
        ArgumentError: it is no such mapping.
    """
    custom_objects = {} if custom_objects is None else custom_objects
    if not isinstance(custom_objects, Mapping):
        raise ArgumentError(
            "`custom_objects` must map names to classes and functions, not "
            f"{describe(custom_objects)}."
        )
    for name, own in custom_objects.items():
        if not isinstance(name, str) or not callable(own):
            raise ArgumentError(
                "`custom_objects` must map names to classes and functions; it maps "
                f"{describe(name)} to {describe(own)}."
            )
    registered = keras.saving.get_custom_objects().items()
    short = {name.rpartition(">")[2]: own for name, own in registered}
    with keras.saving.custom_object_scope(short | dict(custom_objects)):
        yield


def description_of(part: Any) -> dict[str, Any]:
    """Return how Keras describes a network or an optimizer, as JSON holds it.

    Raises:
        Exception: Keras cannot describe it; the get_config() of a caller can fail in any way.
    """
    described: dict[str, Any] = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))
    return described


def warn_if_unloadable(network: Any) -> None:
    """Warn if a file of a network would be refused, or would come back without its optimizer.

    Nothing is written, and no weight gets a value. Only a network or an optimizer of a caller can
    be so.

    Args:
        network: the network.
    """
    if not isinstance(network, keras.Model):
        return
    if told := [told for told in (_fate_of(network), _fate_of_optimizer(network)) if told]:
        warn(UnsavedWarning(" ".join(told)))


def _fate_of(network: keras.Model) -> str | None:
    """Return what hinders a file of a network from being loaded, in a sentence; None if nothing."""
    try:
        with not_compiled(network):  # the loss may be a caller's own, which the record names
            config = description_of(network)
        unknown = unknown_names(config)
        with keras.saving.custom_object_scope(dict.fromkeys(unknown, network)):
            check_parts(config, PARTS, OPERATIONS)
        check_calls(config)
    except Exception as error:  # get_config() of a layer of the caller can fail in any way
        why = " ".join(str(error).split())[:200] or type(error).__name__
        return f"This model cannot be saved to a file that can be loaded again: {why}."
    layer = _not_built_again(network)
    if layer is not None:
        return (
            "This model cannot be saved to a file that can be loaded again: its layer "
            f'"{layer.name}" cannot be built from its configuration. Let get_config() of '
            f"{type(layer).__name__} return what its __init__() takes, which includes `name`."
        )
    return _sentence("A file of this model can be loaded again only where", unknown)


def _not_built_again(network: keras.Model) -> Any:
    """Return the first layer with parts of a caller that its configuration cannot build, or None.

    Keras's own layers are not tried: their configurations are known to build them.
    """
    with own_parts_known(network), without_values():
        for layer in network._flatten_layers():
            config = {} if isinstance(layer, keras.Model) else description_of(layer)
            if has_own_parts(config):
                try:
                    keras.saving.deserialize_keras_object(config | {"build_config": None})
                except Exception:  # that of a caller can fail in any way
                    return layer
    return None


def _fate_of_optimizer(network: keras.Model) -> str | None:
    """Return, in a sentence, why a file of a network would come back without its optimizer."""
    optimizer = getattr(network, "optimizer", None)
    if optimizer is None or is_of_keras(optimizer):
        return None
    try:
        unknown = unknown_names(description_of(optimizer))
    except Exception as error:  # as above
        why = " ".join(str(error).split())[:200] or type(error).__name__
        return (
            f"A file of this model does not have its optimizer, {type(optimizer).__name__}: {why}."
        )
    return _sentence("The optimizer of this model comes back from a file only where", unknown)


def _sentence(beginning: str, names: list[str]) -> str | None:
    if not names:
        return None
    shown = " and ".join(f'"{name}"' for name in names)
    return (
        f"{beginning} {shown} {'is' if len(names) == 1 else 'are'} registered with "
        "keras.saving.register_keras_serializable(), or given as `custom_objects` of "
        f"{function('load_model')}."
    )
