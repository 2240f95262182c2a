"""Weights of a network from a file: of pycifar's models, of Keras's, or of weights alone.

Only arrays of numbers are read. A network that the file describes is never built, so that nothing
in the file decides what is computed.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pycifar.errors import WeightsError
from pycifar.files import read_file
from pycifar.keras_files import HDF5, WEIGHTS, check_weights, checked_entries
from pycifar.layer_calls import graph_of
from pycifar.learners import learner_for
from pycifar.limits import LARGEST_NAMES, MOST_STORED

if TYPE_CHECKING:
    import numpy as np

ENDINGS = (".keras", ".h5", ".hdf5")


class Weight(NamedTuple):
    """A weight of a network.

    Args:
        place: where Keras's files have the layer.
        number: which of the weights of the layer it is.
        layer: the name of the layer.
        variable: its variable in Keras.
    """

    place: str
    number: int
    layer: str
    variable: Any


def set_weights_from(network: Any, path: Path) -> None:
    """Set the weights of a new network to those in a file.

    All layers but the last must be those of the file, in their order and shapes. The last layer is
    set if it has the same number of classes, and is left as it is if it has another one or if the
    file is without it.

    Args:
        network: the network, of Keras or of NumPy. It is not changed if an error is raised.
        path: a ``.keras`` file of pycifar or of Keras; a ``.weights.h5`` file, as
            `keras.Model.save_weights` writes it; or an ``.h5`` file of older versions of Keras. In
            the first two, all but the last layer may be a network inside of another.

    Raises:
        WeightsError: there is no such file, it is damaged, or its weights are those of another
            network.
    """
    model = learner_for(network).as_keras()
    wanted = list(_weights_of(model))
    content = _content(path)
    try:
        check_weights(io.BytesIO(content))
        values = _matching(content, wanted)
    except Exception as error:  # HDF5 raises many kinds for a damaged file
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise WeightsError(f'{path} has no weights for "{model.name}": {reason}.') from error
    for weight, value in zip(wanted, values, strict=False):
        weight.variable.assign(value)
    if model is not network:
        network.set_weights(model.get_weights())


def _content(path: Path) -> bytes:
    """Return the bytes of a file of weights, or of the weights in a model file."""
    try:
        content = read_file(path)
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file of weights {path}.") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    if content.startswith(HDF5):
        return content
    try:
        return checked_entries(content)[WEIGHTS]
    except (ValueError, KeyError) as error:
        raise WeightsError(
            f"{path} is neither a model file nor one of weights, or it is damaged: {error}."
        ) from error


def _weights_of(network: Any, place: str = "layers") -> Iterator[Weight]:
    """Yield the weights of a network in order.

    The place of a layer counts those of its class, as in Keras's files: its name may be drawn.
    """
    counts: Counter[str] = Counter()
    for layer in network.layers:
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        here = f"{place}/{kind}_{counts[kind]}" if counts[kind] else f"{place}/{kind}"
        counts[kind] += 1
        if graph_of(layer) is not None:
            yield from _weights_of(layer, f"{here}/layers")
        else:
            for number, variable in enumerate(layer.weights):
                yield Weight(here, number, layer.name, variable)


def _matching(content: bytes, wanted: Sequence[Weight]) -> list[np.ndarray]:
    """Return the values of all weights, or of all but those of the last layer.

    Raises:
        ValueError: the file has the weights of another network.
    """
    import h5py
    import numpy as np

    n_base = sum(weight.place != wanted[-1].place for weight in wanted)
    with h5py.File(io.BytesIO(content), "r") as file:
        found = list(islice(_arrays_in(file, wanted, _largest_text(content)), len(wanted) + 1))
        for number, (weight, (name, array)) in enumerate(zip(wanted, found, strict=False)):
            _check_shape(weight, name, array, may_differ=number >= n_base)
        if len(found) not in (n_base, len(wanted)):
            more = "more" if len(found) > len(wanted) else f"{len(found)}"
            raise ValueError(
                f"the network has {len(wanted)} arrays, {n_base} without its last layer, and the "
                f"file has {more}"
            )
        pairs = zip(wanted, found, strict=False)
        if any(tuple(weight.variable.shape) != array.shape for weight, (_, array) in pairs):
            found = found[:n_base]
        if not found:
            raise ValueError("the one layer with weights has another number of classes there")
        values = [array[()] for _, array in found]
    for (name, _), value in zip(found, values, strict=True):
        if not np.isfinite(value).all():
            raise ValueError(f'"{name}" has values that are NaN or infinite')
    return values


def _check_shape(weight: Weight, name: str, array: Any, may_differ: bool) -> None:
    """Raise a ValueError unless an array can be the values of a weight.

    Args:
        weight: the weight.
        name: where the array is in the file.
        array: the array; None if there is none.
        may_differ: whether it may be that of another number of classes.
    """
    shape = tuple(weight.variable.shape)
    known = array is not None and array.dtype.kind == "f"
    if known and (array.shape == shape or (may_differ and array.shape[:-1] == shape[:-1])):
        return
    came = "nothing" if array is None else f"{array.shape} of {array.dtype}"
    raise ValueError(
        f'the layer "{weight.layer}" has weights of shape {shape}, and the file has {came} at '
        f'"{name}"'
    )


def _arrays_in(file: Any, wanted: Sequence[Weight], largest: int) -> Iterator[tuple[str, Any]]:
    """Yield the names and the arrays of weights in a file, in the order of a network.

    Args:
        file: the opened file.
        wanted: the weights of the network.
        largest: see `_texts`.
    """
    group = file.get("model_weights", file)
    if "layer_names" in group.attrs or "layer_names0" in group.attrs:
        for layer in _texts(group, "layer_names", largest):
            for weight in _texts(group[layer], "weight_names", largest):
                yield f"{layer}/{weight}", group[layer][weight]
        return
    arrays: dict[str, Any] = {}
    if "layers" in file:
        file["layers"].visititems(lambda name, item: arrays.update({f"layers/{name}": item}))
    # A group has no type, and the state of a generator of random numbers is whole numbers.
    arrays = {name: item for name, item in arrays.items() if hasattr(item, "dtype")}
    places = [f"{weight.place}/vars/{weight.number}" for weight in wanted]
    # A network may be inside of another, as where Keras's guides put a last layer behind it.
    for name in [name for name in arrays if "/layers/" in name and name not in places]:
        if (inside := f"layers/{name.partition('/layers/')[2]}") not in arrays:
            arrays[inside] = arrays.pop(name)
    n_there = max((n for n, place in enumerate(places, start=1) if place in arrays), default=0)
    yield from ((place, arrays.pop(place, None)) for place in places[:n_there])
    yield from ((name, item) for name, item in arrays.items() if item.dtype.kind == "f")


def _texts(group: Any, attribute: str, largest: int) -> list[str]:
    """Return a list of names, which Keras spreads over several attributes if it is long.

    Args:
        group: the group of the file.
        attribute: the name of the list.
        largest: the most bytes that a text of a length of its own can have.
    """
    import h5py

    spread = takewhile(group.attrs.__contains__, (f"{attribute}{n}" for n in count()))
    texts: list[str] = []
    for key in [attribute] if attribute in group.attrs else spread:
        kept = group.attrs.get_id(key)
        if 0 in kept.shape:
            continue
        kind = h5py.check_string_dtype(kept.dtype)
        # Several texts may stand in the file once, and take memory each.
        most = 0 if kind is None else math.prod(kept.shape) * (kind.length or largest)
        if len(kept.shape) != 1 or not 0 < most <= LARGEST_NAMES:
            raise ValueError(f"its {attribute} are no names, or too long")
        texts += [t.decode() if isinstance(t, bytes) else t for t in group.attrs[key]]
        if len(texts) > MOST_STORED:
            raise ValueError(f"it has more than {MOST_STORED:,} {attribute}")
    return texts


def _largest_text(content: bytes) -> int:
    """Return how long a text may be whose length is its own: it stands in a heap of HDF5's."""
    starts = (found.end() for found in re.finditer(rb"GCOL\x01\0\0\0", content))
    return max((int.from_bytes(content[at : at + 8], "little") for at in starts), default=0)
