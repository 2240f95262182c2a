"""Files in the published layouts, made of seeded random pixels."""

from __future__ import annotations

import itertools
import os
import pickle
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

N_BLOCK = 30_720_000


def _string(text: bytes) -> bytes:
    if len(text) < 256:
        return pickle.SHORT_BINSTRING + bytes([len(text)]) + text
    return pickle.BINSTRING + struct.pack("<i", len(text)) + text


def _integer(number: int) -> bytes:
    if 0 <= number < 256:
        return pickle.BININT1 + bytes([number])
    return pickle.BININT + struct.pack("<i", number)


def _list(items: Iterable[bytes]) -> bytes:
    chunks = iter(items)
    parts = [pickle.EMPTY_LIST]
    while chunk := b"".join(itertools.islice(chunks, 1000)):
        parts.append(b"(" + chunk + b"e")
    return b"".join(parts)


def _array(
    pixels: bytes,
    shape: tuple[int, ...] = (10_000, 3072),
    dtype: bytes = b"u1",
    fortran: bytes = pickle.NEWFALSE,
) -> bytes:
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    sizes = b"(" + b"".join(map(_integer, shape)) + b"t"
    kind = b"cnumpy\ndtype\n" + _string(dtype) + b"K\x00K\x01\x87R(K\x03U\x01|NNN"
    kind += 2 * _integer(-1) + b"K\x00tb"
    return empty + b"(K\x01" + sizes + kind + fortran + _string(pixels) + b"tb"


def _dictionary(items: dict[bytes, bytes]) -> bytes:
    return b"\x80\x02}(" + b"".join(_string(k) + v for k, v in items.items()) + b"u."


def _python_batch(labels: Iterable[int], array: bytes) -> bytes:
    """A batch with memo opcodes after its strings, as the published ones have them."""
    names = (
        _string(b"image_s_%06d.png" % i) + pickle.LONG_BINPUT + struct.pack("<i", 20 + i)
        for i in range(10_000)
    )
    return _dictionary(
        {
            b"batch_label": _string(b"training batch 1 of 5") + b"q\x03",
            b"labels": _list(map(_integer, labels)),
            b"data": array,
            b"filenames": _list(names),
        }
    )


def _python_meta(names: Iterable[bytes]) -> bytes:
    return _dictionary({b"num_vis": _integer(3072), b"label_names": _list(map(_string, names))})


@pytest.fixture(scope="session")
def published() -> SimpleNamespace:
    """Writers of the published formats, and the content of one batch."""
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, N_BLOCK, np.uint8)
    labels = random.integers(0, 10, 10_000)
    return SimpleNamespace(
        pixels=pixels.reshape(10_000, 3072),
        labels=labels,
        string=_string,
        integer=_integer,
        list=_list,
        array=_array,
        dictionary=_dictionary,
        python_batch=_python_batch,
        python_meta=_python_meta,
        batch=_python_batch(labels.tolist(), _array(pixels.tobytes())),
    )


@pytest.fixture(scope="session")
def batches_dir(
    published: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder of six Python batches; the second to fifth are the first turned upside down."""
    folder = tmp_path_factory.mktemp("published") / "cifar-10-batches-py"
    folder.mkdir()
    reverse = _python_batch(
        published.labels[::-1].tolist(), _array(published.pixels[::-1].tobytes())
    )
    (folder / "data_batch_1").write_bytes(published.batch)
    (folder / "data_batch_2").write_bytes(reverse)
    for name in ("data_batch_3", "data_batch_4", "data_batch_5"):
        os.link(folder / "data_batch_2", folder / name)
    os.link(folder / "data_batch_1", folder / "test_batch")
    yield folder
    shutil.rmtree(folder)  # pytest would keep 60 MB of it
