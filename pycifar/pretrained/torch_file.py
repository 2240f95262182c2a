"""Reading weights that PyTorch saved, without PyTorch.

The file has to be in the format that PyTorch wrote before version 1.6: a pickle that describes
tensors, and the numbers of these after it. The pickle may name what describes tensors of numbers,
and nothing else. Stand-ins take the place of PyTorch's own functions.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np

from pycifar.errors import DataFormatError

_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler for the descriptions of tensors alone."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _DTYPES:
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}"[:80])

    def persistent_load(self, pid: Any) -> Any:
        """Return the type, the key and the length of a storage, which has the numbers."""
        _, kind, key, _, length, _ = pid
        return _DTYPES[kind], key, length


def read_state(content: bytes, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a state dict by name, float32 or int64.

    Args:
        content: the bytes of the file.
        name: the name of the file, for error messages.

    Raises:
        DataFormatError: the file is damaged, or holds something else.
    """
    try:
        return _read(io.BytesIO(content))
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise DataFormatError(f"{name} has no weights of PyTorch: {error}.") from error


def _read(file: io.BytesIO) -> dict[str, np.ndarray]:
    for _ in range(3):  # a number by which to know the format, its version, and sizes of types
        _TensorUnpickler(file).load()
    tensors = _TensorUnpickler(file).load()
    order = _TensorUnpickler(file).load()
    kinds = {key: (dtype, length) for (dtype, key, length), *_ in tensors.values()}
    numbers = {}
    for key in order:
        dtype, length = kinds[key]
        if int.from_bytes(file.read(8), "little") != length:
            raise ValueError("its numbers do not follow in their order")
        numbers[key] = np.frombuffer(file.read(length * np.dtype(dtype).itemsize), dtype)
        if len(numbers[key]) != length:
            raise ValueError("it is truncated")
    return {
        name: _tensor(numbers[storage[1]], offset, shape, strides)
        for name, (storage, offset, shape, strides) in tensors.items()
    }


def _tensor(
    numbers: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    """Return a tensor whose numbers lie in a row, with these distances between neighbours."""
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    inside = math.prod(shape) <= len(numbers) and (last < len(numbers) or 0 in shape)
    if min((offset, *shape, *strides)) < 0 or not inside:
        raise ValueError("a tensor lies outside of its numbers")
    steps = [stride * numbers.itemsize for stride in strides]
    view = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps)
    return np.ascontiguousarray(view)
