"""The precision of computations: float32, or bfloat16 where the machine computes it natively."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pycifar.arguments import check_choice
from pycifar.errors import ArgumentError
from pycifar.layer_calls import layers_of
from pycifar.processor import find_processor

# Keras's dtype policy for each precision. With bfloat16, weights, losses and updates stay float32.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

PRECISIONS = ("auto", *POLICIES)

# Instruction sets that multiply matrices of bfloat16. Without them, bfloat16 is emulated and slow.
NATIVE = {"AVX512-BF16", "AMX", "BF16"}

# The lowest compute capability of an NVIDIA GPU with bfloat16: that of the Ampere generation.
AMPERE = (8, 0)


def has_bfloat16() -> bool:
    """Return whether the GPUs here, or else the processor, compute bfloat16 natively."""
    from pycifar.backend import compute_capabilities, list_devices

    # GPUs of other makers than NVIDIA have no compute capability and count as having bfloat16.
    if any(device.startswith("gpu") for device in list_devices()):
        return min(compute_capabilities(), default=AMPERE) >= AMPERE
    return bool(NATIVE & set(find_processor().instructions or ()))


def resolve_precision(precision: Any, preferred: str) -> str:
    """Return the precision that a training computes in, "float32" or "bfloat16".

    Args:
        precision: one of `PRECISIONS`. "auto" is `preferred` if the machine computes it natively,
            and else "float32".
        preferred: the precision that suits the network.

    Raises:
        ArgumentError: `precision` is none of these, or the machine does not compute it natively.
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
    """Let layers that are built inside the context compute in `precision`, a key of `POLICIES`."""
    from pycifar.backend import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def precision_of(model: Any) -> str:
    """Return the precision of a model: the type of half the width that any layer computes in.

    Without such a layer it is "float64" if all layers with weights compute in that, and else
    "float32". The layers inside of nested networks count, and the networks themselves do not.
    """
    layers = [layer for layer in layers_of(model) if not hasattr(layer, "layers")]
    computed = {layer.compute_dtype for layer in layers}
    halves = [name for name in ("bfloat16", "float16") if name in computed]
    weighted = {layer.compute_dtype for layer in layers if layer.weights}
    return halves[0] if halves else "float64" if weighted == {"float64"} else "float32"
