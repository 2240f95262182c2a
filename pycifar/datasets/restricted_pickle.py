"""Unpickling of untrusted files: plain values, and a NumPy array without its bytes.

A pickle may refer only to the names by which NumPy restores an array. Even these do not give it
NumPy's own functions, but stand-ins, which check their arguments and neither allocate memory nor
call anything. The opcodes of a pickle could also make the unpickler allocate too much memory, or
nest values until the stack overflows. So all opcodes are checked before the pickle is loaded.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any

from pycifar.errors import DataFormatError

PIXELS = b"<pixels>"  # replaces the bytes of the array in the pickle

# The opcodes that published files use, with the number of bytes that follow each. For a string,
# these bytes are its length; for an opcode of the memo, they are an index.
_NUMBERS = {pickle.BININT1: 1, pickle.BININT2: 2, pickle.BININT: 4, pickle.PROTO: 1}
_STRINGS = {pickle.SHORT_BINSTRING: 1, pickle.BINSTRING: 4}
_MEMO = {pickle.BINPUT: 1, pickle.LONG_BINPUT: 4, pickle.BINGET: 1, pickle.LONG_BINGET: 4}
_STRUCTURE = (
    pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.EMPTY_TUPLE, pickle.MARK, pickle.APPEND,
    pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2,
    pickle.TUPLE3, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.REDUCE, pickle.BUILD,
)  # fmt: skip

_LARGEST_MEMO = 100_000  # the unpickler allocates memory up to the largest index
_MOST_STRUCTURE = 1000  # opcodes, which bounds the depth of nesting; published files have about 100

# Nearly all opcodes are labels, short file names and small memo indices. A regular expression skips
# 30,000 of them in one millisecond, for which a loop in Python takes ten.
_MANY = re.compile(
    b"(?:K.|q.|r..\0\0|U(?:%s))*" % b"|".join(b"\\x%02x.{%d}" % (n, n) for n in range(64)),
    re.DOTALL,
)

# The kinds of opcodes.
_NUMBER, _STRING, _INDEX, _SHELL, _NAME, _STOP, _OTHER = range(7)


def unpickle(pickled: bytes, name: str) -> dict[Any, Any]:
    """Return the dictionary in a pickle of protocol 2, which holds plain values and arrays.

    Args:
        pickled: the pickle, in which `PIXELS` replaces the bytes of an array.
        name: the name of the file, for error messages.

    Returns:
        The dictionary, with strings as bytes and an array as `PixelArray`.

    Raises:
        DataFormatError: the pickle holds anything else, or is damaged.
    """
    _check_opcodes(pickled, name)
    try:
        value = _ArrayUnpickler(io.BytesIO(pickled), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise DataFormatError(f"{name} is no file of CIFAR-10: {error}.") from error
    if type(value) is not dict:
        raise DataFormatError(f"{name} must hold a dictionary, not a {type(value).__name__}.")
    return value


class PixelArray:
    """A stand-in for a NumPy array of pixels, whose bytes are elsewhere."""

    shape: tuple[int, ...] = ()

    def __setstate__(self, state: Any) -> None:
        """Check the state of the array, and take its shape."""
        version, shape, dtype, is_fortran, data = state
        if version != 1 or type(dtype) is not _Uint8 or is_fortran or data != PIXELS:
            raise pickle.UnpicklingError("the array must be of uint8 in C order, with its pixels")
        if type(shape) is not tuple or any(type(n) is not int for n in shape):
            raise pickle.UnpicklingError("the array's shape must be whole numbers")
        self.shape = shape


class _Uint8:
    """A stand-in for the dtype uint8 of NumPy."""

    def __setstate__(self, state: Any) -> None:
        if state[1] != b"|":
            raise pickle.UnpicklingError("the array must be of uint8")


# The following stand-ins have no attributes that the opcode BUILD could set: no __dict__, no slots.
class _NdarrayDouble:
    """A stand-in for `numpy.ndarray`, which cannot be called."""

    __slots__ = ()


class _ReconstructDouble:
    """A stand-in for NumPy's `_reconstruct`, which makes an empty array."""

    __slots__ = ()

    def __call__(self, kind: Any, shape: Any, code: Any) -> PixelArray:
        if type(kind) is not _NdarrayDouble or shape != (0,) or code != b"b":
            raise pickle.UnpicklingError("only an empty array can be filled")
        return PixelArray()


class _DtypeDouble:
    """A stand-in for `numpy.dtype`, which makes only uint8."""

    __slots__ = ()

    def __call__(self, code: Any, *_: Any) -> _Uint8:
        if code != b"u1":
            raise pickle.UnpicklingError("the array must be of uint8")
        return _Uint8()


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _ReconstructDouble(),
    ("numpy._core.multiarray", "_reconstruct"): _ReconstructDouble(),
    ("numpy", "ndarray"): _NdarrayDouble(),
    ("numpy", "dtype"): _DtypeDouble(),
}


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that finds only the stand-ins."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            asked = f"{module}.{name}"[:80]
            raise pickle.UnpicklingError(f"it asks for {asked}, and only NumPy arrays are allowed")
        return _ALLOWED[module, name]


def _check_opcodes(pickled: bytes, name: str) -> None:  # noqa: C901 - a branch per kind
    """Raise a DataFormatError for opcodes that published files do not use.

    The same holds for opcodes that could exhaust memory or the stack, for a pickle that has no end,
    and for bytes after its end.
    """
    position = n_structure = 0
    try:
        while True:
            position = _MANY.match(pickled, position).end()  # type: ignore[union-attr]
            opcode = pickled[position]
            kind, width = _KINDS[opcode]
            start = position + 1
            position = start + width
            if kind == _STRING:
                position += int.from_bytes(pickled[start:position], "little")
            elif kind == _INDEX:
                if int.from_bytes(pickled[start:position], "little") > _LARGEST_MEMO:
                    raise DataFormatError(f"{name} is no file of CIFAR-10: a memo index too large.")
            elif kind == _SHELL:
                n_structure += 1
                if n_structure > _MOST_STRUCTURE:
                    raise DataFormatError(f"{name} is no file of CIFAR-10: too much structure.")
            elif kind == _NAME:  # two lines follow: a module and a name in it
                position = pickled.index(b"\n", pickled.index(b"\n", start) + 1) + 1
            elif kind == _STOP:
                break
            elif kind == _OTHER:
                raise DataFormatError(
                    f"{name} is no file of CIFAR-10: byte {start:,} of its pickle is the opcode "
                    f"{bytes([opcode])!r}, which published files do not use."
                )
    except (IndexError, ValueError):
        raise DataFormatError(f"{name} is truncated: its pickle has no end.") from None
    if position != len(pickled):
        raise DataFormatError(
            f"{name} is too long: {len(pickled) - position:,} bytes follow its pickle."
        )


def _kinds() -> list[tuple[int, int]]:
    """Return the kind of each opcode, and how many bytes follow it."""
    kinds = [(_OTHER, 0)] * 256
    for table, kind in ((_NUMBERS, _NUMBER), (_STRINGS, _STRING), (_MEMO, _INDEX)):
        for opcode, width in table.items():
            kinds[opcode[0]] = (kind, width)
    for opcode in _STRUCTURE:
        kinds[opcode[0]] = (_SHELL, 0)
    kinds[pickle.GLOBAL[0]] = (_NAME, 0)
    kinds[pickle.STOP[0]] = (_STOP, 0)
    return kinds


_KINDS = _kinds()
