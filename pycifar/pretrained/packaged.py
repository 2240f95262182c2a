"""Weights that a Python package carries as a file."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from pycifar.errors import WeightsError
from pycifar.language import install


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
