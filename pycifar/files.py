"""Writing files so that a failure leaves what was there, and one process at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from pycifar.console import say
from pycifar.errors import OutputError, PycifarError

LOOK_EVERY = 0.2  # seconds between two looks at a lock that is awaited


def write_atomically(target: Path, write: Callable[[Path], Any]) -> None:
    """Call `write` with a temporary path beside `target`, then rename it to `target`."""
    temporary = None
    try:
        handle, name = tempfile.mkstemp(target.suffix, f".{target.stem}-", target.parent)
        temporary = Path(name)
        os.close(handle)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp gives the owner alone access
        temporary.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        raise _output_error(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def read_file(path: Path, follow_links: bool = True) -> bytes:
    """What is in a file, read once.

    Args:
        path: the file.
        follow_links: whether it may be a link to a file.

    Raises:
        OSError: it cannot be read, or is no plain file: a pipe or a device may never end.
    """
    with _opened_plain(path, os.O_RDONLY, "rb", follow_links) as file:
        return file.read()


def _opened_plain(path: Path, flags: int, mode: str, follow_links: bool) -> BinaryIO:
    """A plain file, opened without waiting for what a pipe or a device would have."""
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise OSError(error.errno, "it is no plain file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return cast("BinaryIO", os.fdopen(handle, mode))


def remove_leftovers(target: Path) -> None:
    """Remove what `write_atomically` leaves beside `target` where its process is killed.

    Only for a target that no other process can be writing.
    """
    for leftover in target.parent.glob(f".{target.stem}-*{target.suffix}"):
        leftover.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, in_use: PycifarError, folder: Path | None = None) -> Iterator[None]:
    """Keep other processes out of what `path` stands for; the lock ends with this process.

    Args:
        path: a file, made with its folder where there is none, that stays.
        in_use: the error where another process has the lock.
        folder: is locked too, where the system can do that: somebody may delete the file.

    Raises:
        OutputError: the file cannot be opened.
    """
    with _opened(path) as lock, _locked_folder(folder, in_use):
        if not _try_lock(lock.fileno()):
            raise in_use
        yield


@contextmanager
def _locked_folder(folder: Path | None, in_use: PycifarError) -> Iterator[None]:
    try:
        handle = None if folder is None else os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens none
        handle = None
    if handle is None:
        yield
        return
    try:
        with contextlib.suppress(OSError):  # network file systems lock files alone
            if not _try_lock(handle):
                raise in_use
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)


@contextmanager
def awaited(path: Path, waiting: str = "") -> Iterator[None]:
    """The same, but where another process has the lock, its end is awaited.

    Args:
        path: a file, made with its folder where there is none, that stays.
        waiting: what to say on stderr where it has to be awaited.

    Raises:
        OutputError: the file cannot be opened.
    """
    with _opened(path) as lock:
        if not _try_lock(lock.fileno()):
            if waiting:
                say(waiting)
            while not _try_lock(lock.fileno()):
                time.sleep(LOOK_EVERY)
        yield


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _opened_plain(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, "ab", False)
    except OSError as error:
        raise _output_error(path, error) from error


def _try_lock(handle: int) -> bool:
    """Lock an open file or folder, unless another process has; it is unlocked when closed."""
    try:
        import fcntl
    except ImportError:  # Windows has no such locks
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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


def _flush_folder(folder: Path) -> None:
    """Have the new name survive a loss of power, where the system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _output_error(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target} cannot be written: {error.strerror or error}.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
