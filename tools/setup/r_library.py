"""The private R library, .rlib: what this project installs for R, apart from the machine's own."""

import os
from pathlib import Path


def folder(root: Path) -> Path:
    """Return the folder of the library, and create it where it is missing."""
    library = root / ".rlib"
    library.mkdir(exist_ok=True)
    return library


def search_path(root: Path) -> str:
    """Return a value for R_LIBS: this library first, then those that the user has named."""
    return ":".join(filter(None, [str(folder(root)), os.environ.get("R_LIBS", "")]))
