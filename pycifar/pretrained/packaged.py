"""Weights that a Python package carries as a file."""

from __future__ import annotations

import hashlib
import importlib.util
from contextlib import suppress
from pathlib import Path

import numpy as np

from pycifar.errors import OutputError, WeightsError
from pycifar.files import cache_folder, write_atomically
from pycifar.language import install
from pycifar.npz import read_npz
from pycifar.pretrained.torch_file import read_state

SUFFIX = ".npz"


def packaged_state(package: str, file: str, sha256: str) -> dict[str, np.ndarray]:
    """Return the arrays of a file of PyTorch's in an installed package, by name.

    The file is checked in each call. The first one keeps the arrays in pycifar's cache, as a file
    of NumPy's that holds numbers alone, which later ones read in place of PyTorch's format. Where
    the cache cannot be written, each call reads that.

    Args:
        package: as for `packaged_file`.
        file: as for `packaged_file`.
        sha256: as for `packaged_file`.

    Raises:
        WeightsError: the package is not installed, or the file is missing or another one.
    """
    content, kept = packaged_file(package, file, sha256), cache_folder() / f"{sha256}{SUFFIX}"
    with suppress(OSError, ValueError):  # there is none, or it is damaged
        return read_npz(kept)
    state = read_state(content, file)
    with suppress(OSError, OutputError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, lambda path: np.savez(path, **state))  # type: ignore[arg-type]
    return state


def packaged_file(package: str, file: str, sha256: str) -> bytes:
    """Return the content of a file of an installed package, none of whose code is run.

    Args:
        package: the name of the package in the Python Package Index.
        file: the path of the file, with slashes, from the folder of its module on.
        sha256: what the file must have, as 64 hexadecimal digits.

    Raises:
        WeightsError: the package is not installed, or the file is missing or another one.
    """
    module, _, rest = file.partition("/")
    spec = importlib.util.find_spec(module)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    if not folders:
        raise WeightsError(
            f"The weights are in the Python package {package}, which is not installed.",
            fix=install(package),
        )
    path = Path(folders[0]) / rest
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise WeightsError(
            f"{path} must have the SHA-256 {sha256}; it has {found}.",
            fix=install(package, anew=True),
        )
    return content
