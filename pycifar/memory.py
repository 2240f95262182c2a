"""Checks of whether a batch fits into memory, before it is computed.

The system may end a process that runs out of memory, so the process cannot report it afterwards.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pycifar.errors import ArgumentError

MEMINFO = Path("/proc/meminfo")

WIDTHS = {"uint8": 1, "bfloat16": 2, "float16": 2}  # bytes per value; 4 for all other types

# Peak memory of a training step, as a multiple of the outputs of all layers. It consists of these
# outputs, what activations and gradients add, and copies in the memory layout of convolutions.
HELD = 2.0


def check_batch_fits(model: Any, batch_size: int) -> None:
    """Raise an ArgumentError if a training step would need more memory than is free.

    Args:
        model: the network. Layers whose output size is not fixed are not counted. Nothing is
            counted for a network in NumPy, whose batches are small compared with the data.
        batch_size: images per step.
    """
    available = available_memory()
    needed = HELD * bytes_per_image(model)
    if available is None or needed * batch_size <= available:
        return
    fits = max(1, int(available / needed))
    raise ArgumentError(
        f"`batch_size` must be at most about {_rounded_down(fits):,} for this network here: "
        f"{batch_size:,} images a step need about {needed * batch_size / 2**30:,.0f} GB of "
        f"memory, and {available / 2**30:.1f} GB are free."
    )


@contextmanager
def lack_of_memory_named(what: str) -> Iterator[None]:
    """Raise an ArgumentError if memory runs out inside the context.

    Args:
        what: what needs the memory, for the error message.
    """
    try:
        yield
    except Exception as error:
        # Each backend of Keras has error classes of its own, so these are compared by name.
        if not (isinstance(error, MemoryError) or type(error).__name__ in _EXHAUSTED):
            raise
        raise ArgumentError(f"There is not enough memory for {what}.") from error


_EXHAUSTED = ("ResourceExhaustedError", "XlaRuntimeError", "JaxRuntimeError", "OutOfMemoryError")


def check_image_fits(model: Any) -> None:
    """Raise an ArgumentError if the prediction of one image would need more memory than is free.

    Args:
        model: see `check_batch_fits`.
    """
    available, needed = available_memory(), bytes_per_image(model)
    if available is not None and needed > available:
        raise ArgumentError(
            f"`model` needs about {needed / 2**30:,.0f} GB of memory for one image, and "
            f"{available / 2**30:.1f} GB are free."
        )


def images_that_fit(model: Any) -> int:
    """Return how many images can be predicted at once in half of the free memory, at least 1.

    The result is `sys.maxsize` if the free memory is unknown, or if no layer is counted.
    """
    available, needed = available_memory(), bytes_per_image(model)
    if available is None or needed == 0:
        return sys.maxsize
    return max(1, available // (2 * needed))


def bytes_per_image(model: Any) -> int:
    """Return the bytes that the outputs and attention scores of all layers take for one image."""
    from pycifar.backend import keras

    total = 0
    for node in _calls(model):
        total += sum(_bytes(output) for output in node.outputs) + _scores(node)
        if isinstance(node.operation, keras.Model):
            total += bytes_per_image(node.operation)
    return total


def _calls(model: Any) -> Iterator[Any]:
    """Yield the calls of layers in a network; none for a subclass of `keras.Model`."""
    function = getattr(model, "_functional", None) or model
    for nodes in getattr(function, "_nodes_by_depth", {}).values():
        yield from (node for node in nodes if not node.is_input)


def _bytes(tensor: Any) -> int:
    """Return the bytes of a tensor for one image, or 0 if its shape is not fixed."""
    if None in tensor.shape[1:]:
        return 0
    n_values: int = math.prod(tensor.shape[1:])
    return n_values * WIDTHS.get(str(tensor.dtype), 4)


def _scores(node: Any) -> int:
    """Return the bytes of the scores of an attention layer for one image; 0 for other layers.

    The scores are float32: one for each pair of positions in each head.
    """
    if "Attention" not in type(node.operation).__name__:
        return 0
    positions = [
        math.prod(side or 1 for side in tensor.shape[1:-1]) for tensor in node.input_tensors
    ]
    heads = getattr(node.operation, "num_heads", None) or 1
    return 4 * heads * max(positions, default=0) ** 2


def free_unused_memory() -> None:
    """Give the system what freed memory the C library keeps for each thread, as that of Linux does.

    It keeps as much as a thread ever held at a time, unless it is asked.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def available_memory(meminfo: Path = MEMINFO) -> int | None:
    """Return the bytes of memory that are free without swapping.

    Without ``/proc/meminfo``, these are all bytes of the machine, or None if that is unknown, too.
    """
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _rounded_down(n: int) -> int:
    """Return a whole number, rounded down to two significant digits."""
    unit: int = 10 ** max(0, len(str(n)) - 2)
    return n // unit * unit
