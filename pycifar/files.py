"""Writing files so that a failure leaves what was there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pycifar.errors import OutputError


def write_atomically(target: Path, write: Callable[[Path], Any]) -> None:
    """Call `write` with a temporary path beside `target`, then rename it to `target`."""
    temporary = None
    try:
        handle, name = tempfile.mkstemp(target.suffix, f".{target.stem}-", target.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp gives the owner alone access
        temporary.replace(target)
    except OSError as error:
        raise _output_error(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_writable(target: Path) -> None:
    """Raise an OutputError where no file can be made beside `target`; leaves nothing behind.

    Asked before long work whose result goes there. Permissions alone would not tell of a disk
    that is full or read-only.
    """
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise _output_error(target, error) from error


def _output_error(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target} cannot be written: {error.strerror or error}.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
