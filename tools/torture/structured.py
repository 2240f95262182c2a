"""Model files made by structure: each part of a file times odd values, thousands in all.

Checksums find damaged bytes before anything is built. These files are sound archives with odd
contents. A file is handled where it loads, or pycifar refuses it by its own error, within
`READING_SECONDS` and `READING_MEMORY`. Where it loads, the same must hold for a prediction.
"""

from __future__ import annotations

import functools
import inspect
import io
import itertools
import json
import struct
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.errors import OptimizerWarning, PycifarError
from pycifar.limits import READING_MEMORY, READING_SECONDS
from tools.torture.mutation import ODD_VALUES
from tools.torture.targets import entries_of, saved_model

CONFIG, WEIGHTS, RECORD = "config.json", "model.weights.h5", "pycifar.json"
LARGE = (-1, 3_000, 10**6, 10**9, 1e30)

Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def files(every: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each file, which says what it does, and its bytes.

    Args:
        every: leave out all but one of so many.
    """
    sound = entries_of(saved_model())
    changes = itertools.chain(
        _layers(), _sequences(), _constants(), _compiled(), _stored(), _records()
    )
    for name, change in itertools.islice(changes, 0, None, every):
        yield name, _archive(change(dict(sound)))
    yield from itertools.islice(_archives(sound), 0, None, every)


def try_files(every: int = 1) -> tuple[int, dict[str, str]]:
    """Return how many files were tried, and the outcome by name of those not handled."""
    outcomes = [(name, outcome_of(content)) for name, content in files(every)]
    return len(outcomes), {name: said for name, said in outcomes if said != "handled"}


def outcome_of(content: bytes) -> str:
    """Return the outcome of a file: "handled", or what was not."""
    from pycifar import predict
    from pycifar.models.file import model_from_bytes

    before, started = _start_measuring(), time.monotonic()
    said = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizerWarning)  # the state does not fit its settings
            model = model_from_bytes(content)
        height, width, _ = model.image_shape
        predict(model, np.zeros((1, height, width, 3), np.uint8))
    except PycifarError:
        pass
    except Exception as error:
        said = f"uncaught {type(error).__name__}: {str(error)[:200]}"
    seconds, taken = time.monotonic() - started, _most_memory() - before
    if seconds > READING_SECONDS:
        said = said or f"took {seconds:.0f} s"
    if taken > READING_MEMORY:
        said = said or f"took {taken / 2**30:.1f} GB"
    return said or "handled"


def _start_measuring() -> int:
    """Return the bytes of this process now, and start to measure its peak anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _of_status("VmRSS")


def _most_memory() -> int:
    return _of_status("VmHWM")


def _of_status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _archive(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return stream.getvalue()


# Networks


def _network(change: Callable[[dict[str, Any]], None]) -> Change:
    """Return a change of the description of the network."""

    def changed(entries: dict[str, bytes]) -> dict[str, bytes]:
        config = json.loads(entries[CONFIG])
        change(config)
        return entries | {CONFIG: json.dumps(config).encode()}

    return changed


def _layer(kind: str, module: str = "keras.layers", /, **settings: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "registered_name": None, "config": settings}


def _behind_pixels(*parts: dict[str, Any]) -> Change:
    """Return a change that puts layers behind the pixels, before all others."""

    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][1:1] = parts

    return _network(change)


def _layers() -> Iterator[tuple[str, Change]]:
    """Yield each layer of Keras with each of its settings at each large number."""
    from pycifar.backend import keras

    for name in sorted(dir(keras.layers)):
        layer = getattr(keras.layers, name)
        if not (inspect.isclass(layer) and issubclass(layer, keras.layers.Layer)):
            continue
        given = _needed(layer)
        yield f"layer {name}", _behind_pixels(_layer(name, **given))
        for setting, value in itertools.product(_numbers(layer), LARGE):
            for shape in (value, [value, value]):
                part = _layer(name, **given | {setting: shape})
                yield f"layer {name}: {setting} {shape}", _behind_pixels(part)
    grown = _layer("UpSampling2D", size=[2_000, 2_000])
    for name in ("Normalization", "BatchNormalization", "LayerNormalization", "Flatten"):
        yield f"{name} of much", _behind_pixels(grown, _layer(name))
    for size in (200, 2_000, 20_000):
        both = [_layer(name, **{key: [size, size]}) for name, key in
                (("UpSampling2D", "size"), ("AveragePooling2D", "pool_size"))]  # fmt: skip
        yield f"pixels {size} times as wide and high", _behind_pixels(*both)
    for given in ({"axis": [1, 2, 3]}, {"axis": [1, 2, 3], "mean": 0.5, "variance": 1.0}):
        yield (
            "Normalization over axes of much",
            _behind_pixels(grown, _layer("Normalization", **given)),
        )
    for unit in ("LSTM", "GRU", "SimpleRNN"):
        yield (
            f"{unit} that unrolls much",
            _behind_pixels(
                _layer("Reshape", target_shape=[3_072, 1]), _layer(unit, units=1, unroll=True)
            ),
        )


def _needed(layer: type) -> dict[str, Any]:
    """Return the arguments that a layer requires, each with a valid value."""
    usual = {"layer": _layer("Dense", units=2), "cell": _layer("SimpleRNNCell", units=2)}
    return {
        name: usual.get(name, 2)
        for name, parameter in inspect.signature(layer).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and name != "self"
    }


def _numbers(layer: type) -> list[str]:
    """Return the settings of a layer that may be numbers."""
    return [
        name
        for name, parameter in inspect.signature(layer).parameters.items()
        if name not in ("self", "kwargs", "args", "name", "dtype", "seed", "data_format")
        and not isinstance(parameter.default, bool)
        and "initializer" not in name
        and "regularizer" not in name
        and "constraint" not in name
    ]


def _sequences() -> Iterator[tuple[str, Change]]:
    """Yield many layers: nested, one after the other, and the same one many times."""
    for n, name in itertools.product((50, 100, 300, 3_000), ("Activation", "BatchNormalization")):
        given = {"activation": "relu"} if name == "Activation" else {}
        yield f"{n} {name} in a row", _behind_pixels(*[_layer(name, **given)] * n)
    for n in (3, 10, 100, 150):
        part: dict[str, Any] = _layer("Activation", activation="relu")
        for number in range(n):
            part = _layer("Sequential", "keras", name=f"s{number}", layers=[part])
        yield f"{n} networks in each other", _behind_pixels(part)
    for n in (50, 1_000, 10_000):
        part = _layer("Activation", activation="relu")
        for _ in range(3):
            part = _layer("Sequential", "keras", layers=[part] * round(n ** (1 / 3)))
        yield f"{n} layers in three levels", _behind_pixels(part)
    for n in (500, 2_000, 20_000):
        yield f"{n} calls of one layer", _functional(_called_again(n))
        yield f"{n} layers back to front", _functional(_chained(n)[::-1])
        yield f"{n} layers in a chain", _functional(_chained(n))


def _functional(layers: list[dict[str, Any]]) -> Change:
    """Return a change to a network of these layers, the last of which is no output."""

    def change(config: dict[str, Any]) -> None:
        pixels = config["config"]["layers"][0] | {"name": "p", "inbound_nodes": []}
        pixels["config"] = pixels["config"] | {"name": "p", "dtype": "float32"}
        config |= {"module": "keras.src.models.functional", "class_name": "Functional"}
        config["config"] = {
            "name": "f", "trainable": True, "layers": [pixels, *layers],
            "input_layers": ["p", 0, 0], "output_layers": ["p", 0, 0],
        }  # fmt: skip

    return _network(change)


def _tensor(layer: str, node: int = 0) -> dict[str, Any]:
    shape = [None, 32, 32, 3]
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": shape, "dtype": "float32", "keras_history": [layer, node, 0]},
    }


def _node(*arguments: Any) -> dict[str, Any]:
    return {"args": list(arguments), "kwargs": {}}


def _chained(n: int) -> list[dict[str, Any]]:
    names = ["p", *(f"l{number}" for number in range(n))]
    return [
        _layer("Activation", activation="relu", name=name)
        | {"name": name, "inbound_nodes": [_node(_tensor(before))]}
        for before, name in itertools.pairwise(names)
    ]


def _called_again(n: int) -> list[dict[str, Any]]:
    nodes = [_node(_tensor("p")), *(_node(_tensor("l", number)) for number in range(n - 1))]
    return [
        _layer("Activation", activation="relu", name="l") | {"name": "l", "inbound_nodes": nodes}
    ]


def _constants() -> Iterator[tuple[str, Change]]:
    """Yield layers that are called on constants.

    They are computed where the network is built.
    """
    kinds = ("float32", "S1000000000", "U1000000000", "V1000000000", "O", "M8", "complex128", None)
    for tag, kind in itertools.product(("__numpy__", "__tensor__"), kinds):
        constant = {"class_name": tag, "config": {"value": [[[[1.0]]]], "dtype": kind}}
        part = _layer("UpSampling2D", size=[30_000, 30_000], name="l")
        part |= {"name": "l", "inbound_nodes": [_node(constant)]}
        yield f"a layer called on a {tag} of {kind}", _functional([part])
        yield (
            f"a scale that is a {tag} of {kind}",
            _behind_pixels(_layer("Rescaling", scale=constant)),
        )


def _compiled() -> Iterator[tuple[str, Change]]:
    """Yield each loss, metric and optimizer with each setting at each large number."""
    from pycifar.backend import keras

    for kind, module in (
        ("metrics", keras.metrics),
        ("loss", keras.losses),
        ("optimizer", keras.optimizers),
    ):
        for name in sorted(dir(module)):
            part = getattr(module, name)
            if not inspect.isclass(part):
                continue
            for setting, value in itertools.product(_numbers(part), (10**6, 3 * 10**7)):
                settings = {"name": "x"} | dict.fromkeys(_needed(part), 2) | {setting: value}
                yield (
                    f"{kind} {name}: {setting} {value}",
                    _compiled_with(kind, _layer(name, f"keras.{kind.rstrip('s')}s", **settings)),
                )
    pattern = _layer("Muon", "keras.optimizers", exclude_layers=["(.*.*.*.*)*x"] * 3)
    yield "an optimizer with patterns", _compiled_with("optimizer", pattern)


def _compiled_with(kind: str, part: dict[str, Any]) -> Change:
    def change(config: dict[str, Any]) -> None:
        compiled = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"}
        config["compile_config"] = compiled | {kind: [part] if kind == "metrics" else part}

    return _network(change)


# Weights


def _stored() -> Iterator[tuple[str, Change]]:
    """Yield changes of the groups and links of HDF5."""
    for name, change in _HDF5.items():
        yield f"weights: {name}", _weights(change)


def _weights(change: Callable[[Any], None]) -> Change:
    def changed(entries: dict[str, bytes]) -> dict[str, bytes]:
        import h5py

        stream = io.BytesIO(entries[WEIGHTS])
        with h5py.File(stream, "r+") as opened:
            change(opened)
        return entries | {WEIGHTS: stream.getvalue()}

    return changed


def _doubled(opened: Any) -> None:
    group = opened.create_group("first")
    for number in range(26):
        following = group.create_group("a")
        group["b"] = following
        group = opened[f"first{'/a' * (number + 1)}"]


def _repeated(opened: Any) -> None:
    values = opened.create_dataset("x", data=np.zeros(5_000_000, "u1"))
    for number in range(60):
        opened[f"x{number}"] = values


def _groups(n: int, deep: bool = False) -> Callable[[Any], None]:
    def change(opened: Any) -> None:
        group = opened
        for number in range(n):
            made = group.create_group(f"g{number}")
            group = made if deep else opened

    return change


def _circle(opened: Any) -> None:
    opened["again"] = opened["/"]


def _soft(opened: Any) -> None:
    import h5py

    opened["soft"] = h5py.SoftLink("/")


def _packed(opened: Any) -> None:
    opened.create_dataset("z", (10**8,), "u1", chunks=(10**6,), compression="gzip", fillvalue=1)
    opened["z"][:] = 1


def _text(opened: Any) -> None:
    opened.create_dataset("t", data=["x" * 1_000])


def _named(opened: Any) -> None:
    opened["kind"] = np.dtype([("a", "f4", (1_000,))])


_HDF5: dict[str, Callable[[Any], None]] = {
    "groups that hold the next one twice": _doubled,
    "an array in sixty places": _repeated,
    "30,000 empty groups": _groups(30_000),
    "100,000 empty groups": _groups(100_000),
    "300 groups in each other": _groups(300, deep=True),
    "a circle": _circle,
    "a soft link": _soft,
    "a compressed array": _packed,
    "text": _text,
    "a named type": _named,
}


# Records


def _records() -> Iterator[tuple[str, Change]]:
    """Yield the record without each of its fields, and with each odd value in it."""
    record = json.loads(entries_of(saved_model())[RECORD])
    for path in _paths(record):
        yield f"record without {'.'.join(map(str, path))}", _recorded(path)
        for value in (*ODD_VALUES, 10**9, 10_000, "x" * 20_000, "\ud800", float("nan")):
            yield f"record {'.'.join(map(str, path))}: {str(value)[:30]}", _recorded(path, value)
    for depth in (1_000, 100_000):
        nested = b'{"format": 1, "data": ' + b"[" * depth + b"]" * depth + b"}"
        yield f"record nested {depth} deep", functools.partial(_with_record, nested)
    for settings in ({"shift": 10_000}, {"cutout": 10**9}, {"flip": 3}, {"crop": 1}, {"hue": "x"}):
        yield f"augmentation {settings}", _recorded(("config", "augmentation"), settings)
    yield (
        "a history that ends at epoch 10⁹",
        _recorded(("history",), {"epoch": [10**9], "split": ["train"], "metric": ["loss"],
                                 "value": [1.0]}),
    )  # fmt: skip


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places in a record, of a list the first two."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:2])
    for key, inner in items:
        yield (*before, key)
        if isinstance(inner, (dict, list)):
            yield from _paths(inner, (*before, key))


def _with_record(content: bytes, entries: dict[str, bytes]) -> dict[str, bytes]:
    return entries | {RECORD: content}


_NOTHING = object()


def _recorded(path: tuple[Any, ...], value: Any = _NOTHING) -> Change:
    def changed(entries: dict[str, bytes]) -> dict[str, bytes]:
        record = json.loads(entries[RECORD])
        holder = record
        for key in path[:-1]:
            holder = holder[key]
        if value is _NOTHING:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        return entries | {RECORD: json.dumps(record, default=str).encode()}

    return changed


# Archives


def _archives(sound: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield archives with odd entries, and with odd bytes before and behind them."""
    whole = _archive(sound)
    for method in (1, 6, 8, 9, 12, 14, 93, 97, 99):
        yield f"compressed by method {method}", _patched(whole, 8, 10, struct.pack("<H", method))
    for flag in (1, 0x40, 0x2000):
        yield f"flag {flag}", _patched(whole, 6, 8, struct.pack("<H", flag))
    for size in (0, 2**31, 2**32 - 1):
        yield f"entries of {size} bytes", _patched(whole, 22, 24, struct.pack("<I", size))
    yield "much before it", bytes(10**6) + whole
    yield "much behind it", whole + bytes(10**6)
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as opened:
        opened["x"] = np.zeros(10)
    yield "HDF5 before it", stream.getvalue() + whole


def _patched(whole: bytes, local: int, central: int, value: bytes) -> bytes:
    """Return the archive with a field of all its headers replaced."""
    content = bytearray(whole)
    for signature, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        place = content.find(signature)
        while place >= 0:
            content[place + offset : place + offset + len(value)] = value
            place = content.find(signature, place + 4)
    return bytes(content)
