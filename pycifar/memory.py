"""Whether a batch fits into memory, told before it is tried: a process out of memory is ended."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pycifar.errors import ArgumentError

MEMINFO = Path("/proc/meminfo")

WIDTHS = {"uint8": 1, "bfloat16": 2, "float16": 2}  # bytes of a value; 4 of others

# What training holds at its peak, as a multiple of what comes out of the layers: that itself, what
# activations and gradients add to it, and copies in the layout that convolutions compute in.
HELD = 2.0


def check_batch_fits(model: Any, batch_size: int) -> None:
    """Raise an ArgumentError where a step would need more memory than there is.

    Args:
        model: layers whose size is not fixed are not counted, nor those of a network of NumPy,
            whose batches are small beside the data.
        batch_size: images a step.
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
    """Make an ArgumentError of it where memory ends inside.

    Args:
        what: what needs it, for the error.
    """
    try:
        yield
    except Exception as error:
        # Keras's backends have an error of their own each.
        if not (isinstance(error, MemoryError) or type(error).__name__ in _EXHAUSTED):
            raise
        raise ArgumentError(f"There is not enough memory for {what}.") from error


_EXHAUSTED = ("ResourceExhaustedError", "XlaRuntimeError", "JaxRuntimeError", "OutOfMemoryError")


def check_image_fits(model: Any) -> None:
    """Raise an ArgumentError where a prediction of one image would need more memory than there is.

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
    """How many images can be predicted at once in half of the memory that is free, at least 1."""
    available, needed = available_memory(), bytes_per_image(model)
    if available is None or needed == 0:
        return sys.maxsize
    return max(1, available // (2 * needed))


def bytes_per_image(model: Any) -> int:
    """What comes out of all layers for one image, and the scores of those that attend."""
    from pycifar.backend import keras

    total = 0
    for node in _calls(model):
        total += sum(_bytes(output) for output in node.outputs) + _scores(node)
        if isinstance(node.operation, keras.Model):
            total += bytes_per_image(node.operation)
    return total


def _calls(model: Any) -> Iterator[Any]:
    """The calls of layers that a network is made of; none where it is a class of its own."""
    function = getattr(model, "_functional", None) or model
    for nodes in getattr(function, "_nodes_by_depth", {}).values():
        yield from (node for node in nodes if not node.is_input)


def _bytes(tensor: Any) -> int:
    """The size of a tensor for one image; 0 where that is not fixed."""
    if None in tensor.shape[1:]:
        return 0
    n_values: int = math.prod(tensor.shape[1:])
    return n_values * WIDTHS.get(str(tensor.dtype), 4)


def _scores(node: Any) -> int:
    """What each position of an image says to each other one, where a layer attends."""
    if "Attention" not in type(node.operation).__name__:
        return 0
    positions = [
        math.prod(side or 1 for side in tensor.shape[1:-1]) for tensor in node.input_tensors
    ]
    heads = getattr(node.operation, "num_heads", None) or 1
    return 4 * heads * max(positions, default=0) ** 2


def available_memory(meminfo: Path = MEMINFO) -> int | None:
    """Bytes that can be had without swapping; all of the machine's where the system tells no more.

    None where it does not even tell that.
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
    """With two digits that count."""
    unit: int = 10 ** max(0, len(str(n)) - 2)
    return n // unit * unit
