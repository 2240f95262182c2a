"""Whether a batch fits into memory, told before it is tried: a process out of memory is ended."""

from __future__ import annotations

import math
import os
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


def bytes_per_image(model: Any) -> int:
    """What comes out of all layers for one image."""
    from pycifar.backend import keras

    total = 0
    for layer in getattr(model, "layers", ()):
        # Without inputs of a known shape a layer has no output yet.
        for output in keras.tree.flatten(getattr(layer, "output", ())):
            if None not in output.shape[1:]:
                total += math.prod(output.shape[1:]) * WIDTHS.get(str(output.dtype), 4)
    return total


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
    unit = 10 ** max(0, len(str(n)) - 2)
    return n // unit * unit
