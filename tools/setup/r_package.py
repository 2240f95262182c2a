"""The R package, installed into the private library whenever its sources have changed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from . import r_library
from .step import announce, run

# The R package carries the Python package's source with it.
SOURCES = ["DESCRIPTION", "NAMESPACE", "LICENSE", "R", "inst", "man", "pycifar"]


def install(root: Path) -> None:
    """Install the R package, unless the installed one was made from the same sources.

    Args:
        root: the project's folder.

    Raises:
        SetupError: when the package does not build.
    """
    stamp = r_library.folder(root) / "pycifar-sources"
    wanted = fingerprint(root)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    announce("Installing the R package into .rlib")
    run(
        ["R", "CMD", "INSTALL", f"--library={r_library.folder(root)}", root],
        "Installing the R package",
        R_LIBS=r_library.search_path(root),
    )
    stamp.write_text(wanted)


def fingerprint(root: Path) -> str:
    """Return the SHA-256 of the names and contents of all source files.

    Times are left out, as a checkout changes the times of files that it does not change.
    """
    digest = hashlib.sha256(str(root).encode())
    for path in sources(root):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def sources(root: Path) -> Iterator[Path]:
    """Yield the files that go into the installed package, in a fixed order."""
    for name in SOURCES:
        top = root / name
        inside = sorted(top.rglob("*")) if top.is_dir() else [top]
        yield from (p for p in inside if p.is_file() and "__pycache__" not in p.parts)
