"""The numbers that a network computes with: float32, or bfloat16 where the machine has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pycifar.arguments import check_choice
from pycifar.errors import ArgumentError
from pycifar.processor import find_processor

# Keras's name for each: with bfloat16, weights, losses and updates stay float32.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

PRECISIONS = ("auto", *POLICIES)

# Instructions that multiply matrices of bfloat16; without them it is emulated, and slow.
NATIVE = {"AVX512-BF16", "AMX", "BF16"}

# The first compute capability of NVIDIA's that has bfloat16, Ampere's.
AMPERE = (8, 0)


def has_bfloat16() -> bool:
    """Whether what computes here, a GPU or the processor, has bfloat16 of its own."""
    from pycifar.backend import compute_capabilities, list_devices

    if any(device.startswith("gpu") for device in list_devices()):
        return min(compute_capabilities(), default=AMPERE) >= AMPERE
    return bool(NATIVE & set(find_processor().instructions or ()))


def resolve_precision(precision: Any, preferred: str) -> str:
    """What a training computes with, "float32" or "bfloat16".

    Args:
        precision: one of `PRECISIONS`; "auto" is `preferred` where the machine has it.
        preferred: what suits the network.

    Raises:
        ArgumentError: it is none of these, or the machine lacks it.
    """
    chosen = check_choice("precision", precision, PRECISIONS)
    if chosen == "auto":
        return preferred if preferred == "float32" or has_bfloat16() else "float32"
    if chosen == "bfloat16" and not has_bfloat16():
        raise ArgumentError(
            '`precision` must be "auto" or "float32" on this machine, not "bfloat16": neither its '
            f"processor ({find_processor().name}) nor a GPU of it computes that natively."
        )
    return chosen


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Have Keras build layers that compute in `precision`, a key of `POLICIES`."""
    from pycifar.backend import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def precision_of(model: Any) -> str:
    """What a Keras model computes with: "bfloat16" where any of its layers does."""
    computed = {layer.compute_dtype for layer in getattr(model, "layers", ())}
    return "bfloat16" if "bfloat16" in computed else "float32"
