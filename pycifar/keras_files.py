"""The containers of Keras's files, checked before anything in them is used.

A model file is a zip archive with an entry of weights; a file of weights is that entry alone. Both
may come from an untrusted source.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from pycifar.arguments import describe
from pycifar.limits import DEEPEST_STORED, LARGEST_TEXT, MOST_STORED

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# The entries that pycifar adds: its record, and the variables of an optimizer that Keras cannot
# load.
ENTRY, STATE = "pycifar.json", "pycifar-optimizer.npz"
HDF5 = b"\x89HDF\r\n\x1a\n"  # how a file of weights begins


def checked_entries(content: bytes, own: tuple[str, ...] = (ENTRY, STATE)) -> dict[str, bytes]:
    """Return the entries of a model file by name.

    Args:
        content: the bytes of the file.
        own: names of the entries that pycifar adds to Keras's.

    Raises:
        ValueError: it is no zip archive; or an entry is unknown, damaged, compressed, encrypted,
            too large, or has the name of another.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                _check_entry(entry, own)
            names = archive.namelist()
            if len(set(names)) < len(names):
                raise ValueError("it has two entries of one name")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(str(error)) from error


def _check_entry(entry: zipfile.ZipInfo, own: tuple[str, ...]) -> None:
    name = entry.filename
    if name not in {CONFIG, METADATA, WEIGHTS, *own}:
        raise ValueError(f"it has an entry {describe(name)}, which no model of images has")
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"its entry {name} is compressed")
    if entry.flag_bits & 1:
        raise ValueError(f"its entry {name} is encrypted")
    if name.endswith(".json") and entry.file_size > LARGEST_TEXT:
        raise ValueError(f"its entry {name} is too large")


def check_weights(file: Any) -> None:
    """Raise a ValueError if weights are in other files, or claim more bytes than the file has.

    Args:
        file: an HDF5 file, as a path or an open file.
    """
    import h5py

    with h5py.File(file, "r") as opened:
        waiting = [(opened, 0)]
        seen = 0
        while waiting:
            group, depth = waiting.pop()
            seen += len(group)
            if seen > MOST_STORED or depth > DEEPEST_STORED:
                raise ValueError(
                    f"its weights are more than {MOST_STORED:,} arrays and groups, or more than "
                    f"{DEEPEST_STORED} deep"
                )
            for name in group:
                if type(group.get(name, getlink=True)) is not h5py.HardLink:
                    raise ValueError("its weights lead to another place")
                item = group[name]
                if h5py.h5o.get_info(item.id).rc != 1:
                    raise ValueError("its weights have a part that stands in two places")
                if isinstance(item, h5py.Group):
                    waiting.append((item, depth + 1))
                else:
                    _check_array(item)


def shapes_in_optimizer(weights: bytes) -> list[tuple[int, ...]]:
    """Return the shapes of the variables of an optimizer that an HDF5 file has, in their order."""
    import h5py

    with h5py.File(io.BytesIO(weights), "r") as opened:
        stored = opened.get("optimizer/vars", {})
        return [stored[str(number)].shape for number in range(len(stored))]


def _check_array(item: Any) -> None:
    import h5py

    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biufV":
        raise ValueError("its weights are no numbers")
    if item.is_virtual or item.external:
        raise ValueError("its weights are no numbers in the file")
    if item.nbytes > item.id.get_storage_size():
        raise ValueError("its weights are not all there")
    if item.id.get_create_plist().get_nfilters():
        raise ValueError("its weights are compressed")
