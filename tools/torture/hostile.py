"""Hostile input, case by case: each is written to an empty folder and read as a user would.

A case is handled where all of this holds: pycifar raises its own error, or none where the input is
odd but harmless; no file is made, changed or removed anywhere; memory and time stay bounded.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.torture.targets import entries_of, saved_model


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Args:
        kind: what it attacks.
        name: what it does.
        write: puts it into an empty folder.
        read: reads that as a user would.
        harmless: whether it is to be read like any other.
    """

    kind: str
    name: str
    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    harmless: bool = False


def cases() -> list[Case]:
    """Return all cases."""
    return [*_batches(), *_archives(), *_images(), *_folders(), *_models(), *_checkpoints()]


# Batches

N_BLOCK = 30_720_000


class _Call:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def _batches() -> list[Case]:
    mark = "touch made-by-a-pickle"
    block = pickle.BINSTRING + struct.pack("<i", N_BLOCK) + bytes(N_BLOCK)
    pickles = {
        "runs a shell command": pickle.dumps({b"data": _Call(os.system, mark)}, 2),
        "evaluates code": pickle.dumps({b"data": _Call(eval, "open('made-by-a-pickle', 'w')")}, 2),
        "opens a file": pickle.dumps({b"data": _Call(open, "made-by-a-pickle", "w")}, 2),
        "maps a file": pickle.dumps({b"data": _Call(np.memmap, "made-by-a-pickle", "u1", "w+")}, 2),
        "nests 100,000 lists": b"\x80\x02" + b"(" * 100_000 + b"l" * 100_000 + b".",
        "claims a string of 2 GB": b"\x80\x02}X" + struct.pack("<I", 2**31 - 1) + b"x.",
        "claims a memo of 4 billion": b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b".",
        "doubles a list 60 times": b"\x80\x02" + b"]q\x00(" + b"h\x00h\x00e" * 60 + b".",
        "has no end": b"\x80\x02}(",
        "is of protocol 5": pickle.dumps({b"data": b"x" * 100}, 5),
        "is empty": b"",
    }
    found = [
        Case("batch", name, _writes_batch(content + block), _load_cifar10)
        for name, content in pickles.items()
    ]
    return [*found, Case("batch", "is shorter than its pixels", _writes_batch(b"x"), _load_cifar10)]


def _writes_batch(content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        batches = folder / "cifar-10-batches-py"
        batches.mkdir()
        names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch", "batches.meta"]
        for name in names:
            (batches / name).write_bytes(content if name == "data_batch_1" else b"x")

    return write


def _load_cifar10(folder: Path) -> None:
    import pycifar

    pycifar.load_dataset("cifar10", data_dir=folder, verbose=False)


# Archives


def _archives() -> list[Case]:
    base = "cifar-10-batches-py"

    def plain(name: str, content: bytes = b"x", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        for key, value in more.items():
            setattr(info, key, value)
        return info, content

    link = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
    members = {
        "an absolute path": [plain("/tmp/made-by-an-archive")],
        "a path that leads up": [plain("../made-by-an-archive")],
        "a path that leads up from within": [plain(f"{base}/../../made-by-an-archive")],
        "a link that leads out": [plain(f"{base}/data_batch_1", b"", **link)],
        "a hard link": [
            plain(f"{base}/data_batch_1", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")
        ],
        "a folder that is a link, then a file in it": [
            plain(base, b"", type=tarfile.SYMTYPE, linkname="/tmp"),
            plain(f"{base}/data_batch_1"),
        ],
        "a device": [plain(f"{base}/data_batch_1", b"", type=tarfile.CHRTYPE, devmajor=1)],
        "a pipe": [plain(f"{base}/data_batch_1", b"", type=tarfile.FIFOTYPE)],
        "a file twice": [plain(f"{base}/data_batch_1"), plain(f"{base}/data_batch_1")],
        "200 files": [plain(f"{base}/{number}") for number in range(200)],
        "other files": [plain("a"), plain("b")],
    }
    found = [
        Case("archive", name, _writes_archive(_tar(content)), _load_cifar10)
        for name, content in members.items()
    ]
    sound = _tar([plain(f"{base}/data_batch_1", bytes(10_000))])
    claims = bytearray(sound)
    claims[124:136] = b"77777777777\0"  # 8 GB
    bomb = gzip.compress(_tar([plain("readme.html", bytes(100_000_000))]), 9)
    raw = {
        "a file that claims 8 GB": gzip.compress(bytes(claims)),
        "a bomb": bomb,
        "a wrong checksum": gzip.compress(sound)[:-8] + bytes(8),
        "bytes behind the end": gzip.compress(sound) + b"more",
        "half of it": gzip.compress(sound)[:100],
        "no compression": sound,
        "nothing": b"",
    }
    return found + [
        Case("archive", name, _writes_archive(content, zipped=True), _load_cifar10)
        for name, content in raw.items()
    ]


def _tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _writes_archive(content: bytes, zipped: bool = False) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        whole = content if zipped else gzip.compress(content)
        (folder / "cifar-10-python.tar.gz").write_bytes(whole)

    return write


# Images


def _images() -> list[Case]:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    def png(width: int, height: int, content: bytes) -> bytes:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        parts = chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + parts

    small = png(2, 1, zlib.compress(b"\0" + bytes(6)))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 9))
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(made) (w) file\n"
    files = {
        "claims 4 billion pixels": png(65_535, 65_535, zlib.compress(b"")),
        "is 100 million equal pixels": png(10_000, 10_000, zlib.compress(bytes(300_010_000), 1)),
        "claims 2 billion columns": png(2**31 - 1, 1, zlib.compress(b"")),
        "has a text that expands to 200 MB": small[:33] + text + small[33:],
        "ends in its pixels": small[:45],
        "is another format: PostScript": postscript,
        "is another format: SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "is text": b"not this",
        "is empty": b"",
    }
    found = [Case("image", name, _writes(content), _read_image) for name, content in files.items()]
    both = small + b"PK\x03\x04" + b"<script>alert(1)</script>"
    return [*found, Case("image", "is an archive as well", _writes(both), _read_image, True)]


def _writes(content: bytes, name: str = "image.png") -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


def _read_image(folder: Path) -> None:
    from pycifar.datasets.image_files import read_image

    assert read_image(folder / "image.png").shape == (32, 32, 3)


# Folders


def _folders() -> list[Case]:
    def tree(folder: Path, *classes: str, file: str = "1.png") -> Path:
        from PIL import Image

        for name in classes or ("cat", "dog"):
            (folder / name).mkdir()
            Image.new("RGB", (3, 3)).save(folder / name / file)
        return folder

    def link_out(folder: Path) -> None:
        (tree(folder) / "cat" / "out.png").symlink_to("/etc/passwd")

    def class_out(folder: Path) -> None:
        (tree(folder) / "etc").symlink_to("/etc")

    def link_to_itself(folder: Path) -> None:
        (tree(folder) / "cat" / "loop.png").symlink_to(folder / "cat" / "loop.png")

    def circle(folder: Path) -> None:
        (tree(folder) / "cat" / "again").symlink_to(folder)

    def pipe(folder: Path) -> None:
        os.mkfifo(tree(folder) / "cat" / "pipe.png")

    def empty_class(folder: Path) -> None:
        (tree(folder) / "cow").mkdir()

    odd = ("with space", "new\nline", "Ünïcødé 猫", "-rf", "$(touch made)", "'; DROP TABLE--", "%s")
    return [
        Case("folder", "has a link that leads out", link_out, _load_folder),
        Case("folder", "has a class that leads out", class_out, _load_folder),
        Case("folder", "has a link to itself", link_to_itself, _load_folder),
        Case("folder", "has a circle of folders", circle, _load_folder),
        Case("folder", "has a pipe among its files", pipe, _load_folder),
        Case("folder", "has a class without images", empty_class, _load_folder),
        Case("folder", "has odd names", lambda folder: tree(folder, *odd), _load_folder, True),
        Case("folder", "has odd files", lambda folder: tree(folder, file="a\n%s;.png"),
             _load_folder, True),
    ]  # fmt: skip


def _load_folder(folder: Path) -> None:
    import pycifar

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pycifar.errors.DataWarning)  # of classes of one image
        pycifar.load_dataset("folder", data_dir=folder)


# Models


def _models() -> list[Case]:
    def layer(name: str, **settings: Any) -> dict[str, Any]:
        return {"module": "keras.layers", "class_name": name, "config": settings}

    def instead(part: Any) -> Callable[[dict[str, Any]], None]:
        """Return a change that puts a part in place of the first layer behind the pixels."""
        return lambda config: config["config"]["layers"].__setitem__(1, part)

    def units(config: dict[str, Any]) -> None:
        config["config"]["layers"][-1]["config"]["units"] = 10**9

    code = ["4wEAAAAAAAAAAAAAAAEAAAADAAAA8wAAAA==", None, None]
    lambda_layer = layer("Lambda", function={"class_name": "__lambda__", "config": {"code": code}})
    fetch = {
        "module": "keras.utils", "class_name": "get_file", "registered_name": "get_file",
        "config": {"origin": "file:///etc/passwd", "fname": "made-by-a-model"},
    }  # fmt: skip
    foreign = {"module": "os", "class_name": "system", "config": {"command": "touch made"}}
    function = {"module": "builtins", "class_name": "function", "config": "eval",
                "registered_name": "eval"}  # fmt: skip
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    changes: dict[str, Callable[[dict[str, Any]], None]] = {
        "has a Lambda layer": instead(lambda_layer),
        "calls a function that fetches files": instead(fetch),
        "calls a function of another module": instead(foreign),
        "has a layer of a package that is not there": instead(
            {"module": "made", "class_name": "Up", "config": {}}
        ),
        "reads a vocabulary from a file": instead(layer("StringLookup", vocabulary="/etc/passwd")),
        "runs a saved graph": instead(layer("TFSMLayer", filepath="/tmp")),
        "unpickles a module of PyTorch": instead(layer("TorchModuleWrapper", module="gASVKA==")),
        "has eval as its activation": instead(layer("Activation", activation=function)),
        "has a layer with a billion units": units,
        "has a lambda as its initializer": instead(
            layer("Dense", units=1, kernel_initializer={"class_name": "__lambda__", "config": {}})
        ),
    }
    found = [Case("model", name, _writes_model(config=change), _load_model)
             for name, change in changes.items()]  # fmt: skip

    entries: dict[str, Callable[[Path], None]] = {
        "is compressed without end": _writes_model(compressed=True),
        "has a file that leads out": _writes_model(extra={"../made-by-a-model": b"x"}),
        "has assets": _writes_model(extra={"assets/vocabulary.txt": b"x"}),
        "has an entry twice": _writes_model(twice="config.json"),
        "has no network": _writes_model(drop="config.json"),
        "has no weights": _writes_model(drop="model.weights.h5"),
        "nests its configuration 50,000 deep": _writes_model(raw={"config.json": _nested(50_000)}),
        "has weights that are no HDF5": _writes_model(raw={"model.weights.h5": b"x" * 10_000}),
        "has half of its weights": _writes_model(half="model.weights.h5"),
        "has weights that lead to another file": _writes_model(weights=_external_link),
        "has weights that lie in another file": _writes_model(weights=_external_data),
        "has weights that are not there": _writes_model(weights=_absent),
        "has other weights": _writes_model(weights=_emptied),
        "has a history of text": _writes_model(record={"history": {"epoch": ["x"]}}),
        "has numbers as class names": _writes_model(record={"class_names": list(range(10))}),
        "has too few class names": _writes_model(record={"class_names": ["cat", "dog"]}),
        "has settings that do not exist": _writes_model(record={"config": {"a": 1}}),
        "has an optimizer state of objects": _writes_model(
            extra={"pycifar-optimizer.npz": _objects_npz()}
        ),
    }
    found += [Case("model", name, write, _load_model) for name, write in entries.items()]
    return found


def _writes_model(  # noqa: PLR0913 - the ways in which a file can be changed
    config: Callable[[dict[str, Any]], None] | None = None,
    record: dict[str, Any] | None = None,
    weights: Callable[[Any, Path], None] | None = None,
    raw: dict[str, bytes] | None = None,
    extra: dict[str, bytes] | None = None,
    drop: str | None = None,
    half: str | None = None,
    twice: str | None = None,
    compressed: bool = False,
) -> Callable[[Path], None]:
    """Return a function that writes a saved model with something about it changed."""

    def write(folder: Path) -> None:
        entries = entries_of(saved_model())
        if config is not None:
            changed = json.loads(entries["config.json"])
            config(changed)
            entries["config.json"] = json.dumps(changed).encode()
        if record is not None:
            changed = json.loads(entries["pycifar.json"]) | record
            entries["pycifar.json"] = json.dumps(changed).encode()
        if weights is not None:
            entries["model.weights.h5"] = _changed_weights(
                entries["model.weights.h5"], weights, folder
            )
        if half is not None:
            entries[half] = entries[half][: len(entries[half]) // 2]
        entries |= (raw or {}) | (extra or {})
        entries.pop(drop or "", None)
        if compressed:
            entries["model.weights.h5"] = bytes(200_000_000)
        kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        with warnings.catch_warnings(), zipfile.ZipFile(folder / "m.keras", "w", kind) as target:
            warnings.simplefilter("ignore", UserWarning)  # of an entry that comes twice
            for name, content in entries.items():
                target.writestr(name, content)
            if twice is not None:
                target.writestr(twice, entries[twice])

    return write


def _changed_weights(content: bytes, change: Callable[[Any, Path], None], folder: Path) -> bytes:
    import h5py

    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as opened:
        change(opened, folder)
    return stream.getvalue()


def _first_weights(opened: Any) -> tuple[Any, str]:
    import h5py

    found: list[str] = []
    opened.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
    )
    name = sorted(found)[0]
    return opened[name.rpartition("/")[0]], name.rpartition("/")[2]


def _external_link(opened: Any, folder: Path) -> None:
    import h5py

    group, name = _first_weights(opened)
    del group[name]
    group[name] = h5py.ExternalLink("/etc/hostname", "/x")


def _external_data(opened: Any, folder: Path) -> None:
    group, name = _first_weights(opened)
    shape = group[name].shape
    del group[name]
    group.create_dataset(name, shape, "f4", external=[("/etc/hostname", 0, 2**30)])


def _absent(opened: Any, folder: Path) -> None:
    group, name = _first_weights(opened)
    del group[name]
    group.create_dataset(name, (100_000, 100_000), "f4", chunks=(1000, 1000))


def _emptied(opened: Any, folder: Path) -> None:
    group, name = _first_weights(opened)
    del group[name]


def _objects_npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.array([_Call(os.system, "touch made")], object))
    return stream.getvalue()


def _nested(depth: int) -> bytes:
    return b'{"class_name": "Functional", "config": ' + b"[" * depth + b"]" * depth + b"}"


def _load_model(folder: Path) -> None:
    import pycifar

    pycifar.load_model(folder / "m.keras")


# Checkpoints


def _checkpoints() -> list[Case]:
    objects = {"about": np.array([_Call(os.system, "touch made")], object)}
    about = np.frombuffer(json.dumps({"format": 1, "config": {}}).encode(), np.uint8)
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        huge, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    )

    def npz(**entries: Any) -> bytes:
        stream = io.BytesIO()
        np.savez(stream, **entries)
        return stream.getvalue()

    def claims(folder: Path) -> None:
        with zipfile.ZipFile(folder / "checkpoint.npz", "w") as target:
            target.writestr("about.npy", huge.getvalue())

    return [
        Case("checkpoint", "runs code", _writes(npz(**objects), "checkpoint.npz"), _resume),
        Case("checkpoint", "claims 8 TB", claims, _resume),
        Case("checkpoint", "is of nothing", _writes(npz(about=about), "checkpoint.npz"), _resume),
        Case("checkpoint", "is text", _writes(b"not this", "checkpoint.npz"), _resume),
    ]


def _resume(folder: Path) -> None:
    import pycifar

    dataset = pycifar.load_dataset("synthetic", n_train=40, n_test=10)
    pycifar.train(
        dataset, "softmax", epochs=1, seed=1, verbose=0, checkpoint_dir=folder, resume=True
    )
