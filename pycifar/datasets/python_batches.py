"""Reading of the published Python batches, which are pickles of Python 2, without trusting them.

A batch is a dictionary of 10,000 labels, 10,000 file names and one block of 30,720,000 bytes of
pixels. The block is read directly into the array of images. `restricted_pickle` reads the rest,
about 300 kB.
"""

from __future__ import annotations

import pickle
import struct
from io import BufferedIOBase

import numpy as np

from pycifar.datasets.restricted_pickle import PIXELS, PixelArray, unpickle
from pycifar.errors import DataFormatError

N_IMAGES = 10_000  # in each batch
N_PIXELS = 3072  # bytes per image: a red, a green and a blue plane of 32 rows of 32 pixels
LARGEST_BATCH = 32_000_000  # bytes; the published files have about 31,036,000
LARGEST_META = 100_000  # bytes; the published file has 158

_N_BLOCK = N_IMAGES * N_PIXELS
_CHUNK = 4 << 20  # bytes read at a time; reading from an archive takes as much memory again
# The beginning of the block in a pickle, and the short string that replaces the block.
_BLOCK_START = pickle.BINSTRING + struct.pack("<i", _N_BLOCK)
_BLOCK_STAND_IN = pickle.SHORT_BINSTRING + bytes([len(PIXELS)]) + PIXELS


def read_python_batch(
    stream: BufferedIOBase, n_bytes: int, name: str, images: np.ndarray
) -> np.ndarray:
    """Read one Python batch: write its pixels to `images`, and return its labels.

    Args:
        stream: the file, open for reading bytes from its start.
        n_bytes: the size of the file.
        name: the name of the file, for error messages.
        images: uint8, shape (10000, 3072), contiguous; it is overwritten.

    Returns:
        The labels, int64, shape (10000,). The caller checks their range.

    Raises:
        DataFormatError: the file is not a Python batch.
    """
    if not _N_BLOCK <= n_bytes <= LARGEST_BATCH:
        problem = "is truncated" if n_bytes < _N_BLOCK else "is too long"
        raise DataFormatError(
            f"{name} {problem}: a Python batch of CIFAR-10 has {_N_BLOCK:,} bytes of pixels and "
            f"at most {LARGEST_BATCH:,} bytes in all; this file has {n_bytes:,}."
        )
    batch = unpickle(_read_around_block(stream, n_bytes, name, images), name)
    data = batch.get(b"data")
    if type(data) is not PixelArray or data.shape != (N_IMAGES, N_PIXELS):
        came = f"has the shape {data.shape}" if type(data) is PixelArray else "is missing"
        raise DataFormatError(
            f'{name} must hold an array of shape ({N_IMAGES}, {N_PIXELS}) under "data"; it {came}.'
        )
    return _labels(batch.get(b"labels"), name)


def read_python_meta(stream: BufferedIOBase, n_bytes: int, name: str) -> tuple[str, ...]:
    """Read the class names from the published ``batches.meta``.

    Raises:
        DataFormatError: the file is empty, too large, or holds no list of class names.
    """
    if not 0 < n_bytes <= LARGEST_META:
        raise DataFormatError(
            f"{name} must have 1 to {LARGEST_META:,} bytes; this file has {n_bytes:,}."
        )
    names = unpickle(stream.read(n_bytes), name).get(b"label_names")
    if type(names) is not list or not all(type(n) is bytes and n.isascii() for n in names):
        raise DataFormatError(f'{name} must hold a list of class names under "label_names".')
    return tuple(n.decode("ascii") for n in names)


def _read_around_block(
    stream: BufferedIOBase, n_bytes: int, name: str, images: np.ndarray
) -> bytes:
    """Read the block of pixels into `images`, and return the rest with a short string in its place.

    The result is a pickle that `unpickle` reads.
    """
    head = stream.read(n_bytes - _N_BLOCK)  # always ends within the block
    start = head.find(_BLOCK_START)
    if start < 0:
        raise DataFormatError(
            f"{name} is no Python batch of CIFAR-10: it has no block of {_N_BLOCK:,} pixels "
            f"({N_IMAGES:,} images of {N_PIXELS:,})."
        )
    pixels = images.data.cast("B")
    in_head = head[start + len(_BLOCK_START) :]
    pixels[: len(in_head)] = in_head
    filled = len(in_head)
    while filled < _N_BLOCK:
        n_read = stream.readinto(pixels[filled : filled + _CHUNK])
        if not n_read:
            raise DataFormatError(
                f"{name} is truncated: {_N_BLOCK:,} bytes of pixels were expected, "
                f"and {filled:,} came."
            )
        filled += n_read
    n_behind = n_bytes - start - len(_BLOCK_START) - _N_BLOCK
    return head[:start] + _BLOCK_STAND_IN + stream.read(max(n_behind, 0))


def _labels(labels: object, name: str) -> np.ndarray:
    """Check that there is one whole number per image, and return them as int64."""
    if type(labels) is not list or len(labels) != N_IMAGES or set(map(type, labels)) != {int}:
        came = f"{len(labels):,} things" if type(labels) is list else "no list"
        raise DataFormatError(
            f'{name} must hold a list of {N_IMAGES:,} whole numbers under "labels"; '
            f"it holds {came}."
        )
    return np.array(labels, np.int64)
