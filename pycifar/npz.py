"""Reading of NumPy's archives of arrays (`.npz`) that come from an untrusted source."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

SUFFIX = ".npy"  # of the name of each entry
LONGEST_HEADER = 10_000  # bytes; the header of an array without fields has about 100


def read_npz(source: Path | IO[bytes]) -> dict[str, np.ndarray]:
    """Return the arrays by name of an uncompressed archive, as `numpy.savez` writes it.

    An array is read only if the size in its header is the size of its entry. So memory is bounded
    by the size of the file. No Python objects are unpickled.

    Raises:
        ValueError: the archive is damaged, compressed, or holds anything but numbers.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            return {
                entry.filename.removesuffix(SUFFIX): _read(archive, entry)
                for entry in archive.infolist()
            }
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """Return the array of one entry; raise a ValueError if its header does not fit its size."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"{entry.filename!r} is compressed")
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"{entry.filename!r} has version {version}")
        shape, by_columns, kind = _header(stream)
        n_bytes = math.prod(shape) * kind.itemsize
        if kind.hasobject or min(shape, default=0) < 0:
            raise ValueError(f"{entry.filename!r} holds no numbers")
        if n_bytes != entry.file_size - stream.tell():
            raise ValueError(f"{entry.filename!r} has not the size of its shape, {shape}")
        values = np.frombuffer(stream.read(), kind)
    return values.reshape(shape, order="F" if by_columns else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return the shape of an array, whether it is in Fortran order, and its dtype."""
    try:
        return np.lib.format.read_array_header_1_0(stream, LONGEST_HEADER)
    except Exception as error:  # NumPy parses it as Python code, which can fail in many ways
        raise ValueError(f"the header of an array cannot be read ({error})") from error
