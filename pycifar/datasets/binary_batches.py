"""Reading of the published binary batches: 10,000 records of a label byte and 3,072 pixel bytes."""

from __future__ import annotations

from io import BufferedIOBase

import numpy as np

from pycifar.datasets.python_batches import N_IMAGES, N_PIXELS
from pycifar.errors import DataFormatError

BATCH_SIZE = N_IMAGES * (1 + N_PIXELS)  # bytes
LARGEST_META = 10_000  # bytes; the published file has 61

_RECORDS = 500  # read at a time, few enough to stay in the processor's cache


def read_binary_batch(
    stream: BufferedIOBase, n_bytes: int, name: str, images: np.ndarray
) -> np.ndarray:
    """Read one binary batch: write its pixels to `images`, and return its labels.

    Args:
        stream: the file, open for reading bytes from its start.
        n_bytes: the size of the file.
        name: the name of the file, for error messages.
        images: uint8, shape (10000, 3072), contiguous; it is overwritten.

    Returns:
        The labels, int64, shape (10000,). The caller checks their range.

    Raises:
        DataFormatError: the file does not have the size of a binary batch.
    """
    if n_bytes != BATCH_SIZE:
        problem = "is truncated" if n_bytes < BATCH_SIZE else "is too long"
        raise DataFormatError(
            f"{name} {problem}: a binary batch of CIFAR-10 has exactly {BATCH_SIZE:,} bytes; "
            f"this file has {n_bytes:,}."
        )
    labels = np.empty(N_IMAGES, np.int64)
    records = np.empty((_RECORDS, 1 + N_PIXELS), np.uint8)
    for start in range(0, N_IMAGES, _RECORDS):
        _fill(stream, records.data.cast("B"), name)
        labels[start : start + _RECORDS] = records[:, 0]
        images[start : start + _RECORDS] = records[:, 1:]
    return labels


def read_binary_meta(stream: BufferedIOBase, n_bytes: int, name: str) -> tuple[str, ...]:
    """Read the class names from the published ``batches.meta.txt``, which has one per line.

    Raises:
        DataFormatError: the file is empty, too large, or not plain ASCII.
    """
    if not 0 < n_bytes <= LARGEST_META:
        raise DataFormatError(
            f"{name} must have 1 to {LARGEST_META:,} bytes; this file has {n_bytes:,}."
        )
    text = stream.read(n_bytes)
    if not text.isascii():
        raise DataFormatError(f"{name} must hold class names in plain ASCII.")
    return tuple(text.decode("ascii").split())


def _fill(stream: BufferedIOBase, room: memoryview, name: str) -> None:
    """Fill `room` from a stream, which may return fewer bytes at a time."""
    filled = 0
    while filled < len(room):
        n_read = stream.readinto(room[filled:])
        if not n_read:
            raise DataFormatError(f"{name} is truncated: it ended before its {BATCH_SIZE:,} bytes.")
        filled += n_read
