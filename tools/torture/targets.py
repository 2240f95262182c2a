"""The readers of files from strangers, each as a function of bytes.

A target returns where the bytes are sound. It raises one of `EXPECTED` where they are refused. Any
other error is a bug.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import io
import json
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pycifar.errors import PycifarError

EXPECTED = (PycifarError,)
MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def file_of(data: bytes, suffix: str) -> Iterator[Path]:
    """Yield a file with these bytes, in memory where there is such a place."""
    folder = MEMORY if MEMORY.is_dir() else None
    handle, name = tempfile.mkstemp(suffix, "pycifar-", folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield Path(name)
    finally:
        Path(name).unlink()


def image(data: bytes) -> None:
    """Read an image file."""
    from pycifar.datasets.image_files import read_image

    with file_of(data, ".png") as path:
        pixels = read_image(path, 8)
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8


def batch(data: bytes) -> None:
    """Read the pickle of a published batch, but for its pixels."""
    from pycifar.datasets.restricted_pickle import unpickle

    assert type(unpickle(data, "batch")) is dict


def meta(data: bytes) -> None:
    """Read the two files of class names."""
    from pycifar.datasets.binary_batches import read_binary_meta
    from pycifar.datasets.python_batches import read_python_meta

    readers = (read_python_meta, read_binary_meta)
    for read in readers:
        with contextlib.suppress(*EXPECTED):
            assert all(isinstance(name, str) for name in read(io.BytesIO(data), len(data), "meta"))


def archive(data: bytes) -> None:
    """Read a published archive of smaller batches, from the bytes of the tar file."""
    zipped_archive(gzip.compress(data, 1))


def zipped_archive(data: bytes) -> None:
    """Read a published archive from its compressed bytes."""
    from pycifar.datasets.archives import read_members
    from pycifar.datasets.cifar10_location import PYTHON

    layout = dataclasses.replace(PYTHON, largest=10_000)
    with file_of(data, ".tar.gz") as path:
        read_members(path, layout, _pass_over)


def _pass_over(name: str, stream: io.BufferedIOBase, size: int) -> None:
    """Read a file of an archive to its end."""
    stream.read(size)


def arrays(data: bytes) -> None:
    """Read an archive of arrays, such as a checkpoint."""
    from pycifar.npz import read_npz

    with contextlib.suppress(ValueError):
        read_npz(io.BytesIO(data))


def model(data: bytes) -> None:
    """Read a saved model."""
    from pycifar.models.file import model_from_bytes

    model_from_bytes(data)


def config(data: bytes) -> None:
    """Read a sound model file whose network is described by these bytes."""
    model(_rewritten("config.json", data))


def record(data: bytes) -> None:
    """Read a sound model file whose record is these bytes."""
    model(_rewritten("pycifar.json", data))


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (image, batch, meta, archive, zipped_archive, arrays, model, config, record)
}


def seeds(name: str) -> list[bytes]:
    """Return sound inputs of a target, from which others are made; some are committed."""
    folder = Path(__file__).parent / "corpus" / name
    kept = [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []
    return kept + _MAKERS.get(name, list)()


def _images() -> list[bytes]:
    from PIL import Image

    values = np.random.default_rng(1).integers(0, 256, (5, 7, 4), np.uint8)
    found = []
    for mode in ("RGB", "RGBA", "L", "P", "1"):
        picture = Image.fromarray(values, "RGBA").convert(mode)
        for kind in ("PNG", "GIF", "BMP", "JPEG", "WEBP", "PPM"):
            stream = io.BytesIO()
            with contextlib.suppress(OSError, ValueError):  # not every format has every mode
                picture.save(stream, kind)
                found.append(stream.getvalue())
    return found


def _archives() -> list[bytes]:
    from pycifar.datasets.cifar10_location import PYTHON

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in (*PYTHON.batches, "batches.meta"):
            info = tarfile.TarInfo(f"{PYTHON.folder}/{name}")
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return [stream.getvalue()]


def _npz() -> list[bytes]:
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(6.0).reshape(2, 3), b=np.array(1), c=np.zeros(0, np.uint8))
    return [stream.getvalue()]


@functools.cache
def saved_model(name: str = "lenet5") -> bytes:
    """Return the file of a small network that was trained a little."""
    import pycifar
    from pycifar.models.file import model_bytes

    dataset = pycifar.load_dataset("synthetic", n_train=40, n_test=10)
    return model_bytes(pycifar.train(dataset, name, epochs=1, seed=1, verbose=0))


def entries_of(archive: bytes) -> dict[str, bytes]:
    """Return the entries of a zip archive by name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _entry(name: str) -> list[bytes]:
    return [json.dumps(json.loads(entries_of(saved_model())[name])).encode()]


def _rewritten(name: str, content: bytes) -> bytes:
    """Return a saved model with one entry replaced."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for entry, own in entries_of(saved_model()).items():
            target.writestr(entry, content if entry == name else own)
    return stream.getvalue()


_MAKERS: dict[str, Callable[[], list[bytes]]] = {
    "image": _images,
    "archive": _archives,
    "zipped_archive": lambda: [gzip.compress(content) for content in _archives()],
    "arrays": _npz,
    "model": lambda: [saved_model("softmax"), saved_model()],
    "config": lambda: _entry("config.json"),
    "record": lambda: _entry("pycifar.json"),
}
