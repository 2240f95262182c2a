"""Atomic writing of files, and locks that exclude other processes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from pycifar.console import say
from pycifar.errors import OutputError, PycifarError

LOOK_EVERY = 0.2  # seconds between two attempts to get a lock that another process holds


def cache_folder() -> Path:
    """Return the user's cache folder for pycifar on this system; it may not exist yet."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "pycifar"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "pycifar"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "pycifar"


def write_atomically(target: Path, write: Callable[[Path], Any]) -> None:
    """Call `write` with the path of a temporary file beside `target`, then rename it to `target`.

    After a failure, an existing `target` is unchanged and the temporary file is gone.

    Raises:
        OutputError: the file cannot be written.
    """
    temporary = None
    try:
        handle, name = tempfile.mkstemp(target.suffix, f".{target.stem}-", target.parent)
        temporary = Path(name)
        os.close(handle)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # before the rename, which may reach the disk first
        temporary.chmod(0o666 & ~_umask())  # mkstemp gives only the owner access
        temporary.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        raise output_error(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def read_file(path: Path, follow_links: bool = True) -> bytes:
    """Return the content of a regular file.

    Args:
        path: the file.
        follow_links: whether `path` may be a symbolic link to a file.

    Raises:
        OSError: the file cannot be read, or is not a regular file. Reading a pipe or a device might
            never end.
    """
    with _opened_plain(path, os.O_RDONLY, "rb", follow_links) as file:
        return file.read()


def _opened_plain(path: Path, flags: int, mode: str, follow_links: bool) -> BinaryIO:
    """Open a regular file; raise an OSError for any other, without waiting for a pipe or device."""
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        # ELOOP: a symbolic link. ENXIO: a pipe that nobody reads.
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise OSError(error.errno, "it is no plain file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return cast("BinaryIO", os.fdopen(handle, mode))


def remove_leftovers(target: Path) -> None:
    """Remove the temporary files of `write_atomically` that killed processes left beside `target`.

    Call it only while no other process can be writing `target`.
    """
    for leftover in target.parent.glob(f".{target.stem}-*{target.suffix}"):
        leftover.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, in_use: PycifarError, folder: Path | None = None) -> Iterator[None]:
    """Lock a file inside the context, or raise `in_use` if another process has locked it.

    The system releases the lock when this process ends, even if it is killed.

    Args:
        path: the lock file. It is created with its folder if needed, and is not deleted.
        in_use: the error to raise if another process holds the lock.
        folder: a folder to lock as well, on systems that can lock folders, because somebody may
            delete the lock file.

    Raises:
        OutputError: the lock file cannot be opened.
    """
    with _opened(path) as lock, _locked_folder(folder, in_use):
        if not _try_lock(lock.fileno()):
            raise in_use
        yield


@contextmanager
def _locked_folder(folder: Path | None, in_use: PycifarError) -> Iterator[None]:
    """Lock a folder inside the context, if one is given and the system can lock it."""
    try:
        handle = None if folder is None else os.open(folder, os.O_RDONLY)
    except OSError:  # Windows cannot open folders
        handle = None
    if handle is None:
        yield
        return
    try:
        with contextlib.suppress(OSError):  # network file systems can lock only files
            if not _try_lock(handle):
                raise in_use
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)


@contextmanager
def awaited(path: Path, waiting: str = "") -> Iterator[None]:
    """Lock a file inside the context; wait first until no other process holds the lock.

    Args:
        path: the lock file. It is created with its folder if needed, and is not deleted.
        waiting: the message to write to stderr before waiting; none if empty.

    Raises:
        OutputError: the lock file cannot be opened.
    """
    with _opened(path) as lock:
        if not _try_lock(lock.fileno()):
            if waiting:
                say(waiting)
            while not _try_lock(lock.fileno()):
                time.sleep(LOOK_EVERY)
        yield


def _opened(path: Path) -> BinaryIO:
    """Open a lock file, and create it with its folder if needed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _opened_plain(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, "ab", False)
    except OSError as error:
        raise output_error(path, error) from error


def _try_lock(handle: int) -> bool:
    """Lock an open file or folder, and return whether that succeeded.

    It fails if another process holds the lock. Closing the file releases the lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such locks, so nothing is locked
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def check_writable(target: Path) -> None:
    """Raise an OutputError unless a file can be created beside `target`.

    This is called before long work whose result is written there. It creates and deletes a
    temporary file, because permissions do not show that a disk is full or read-only.
    """
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise output_error(target, error) from error


def _flush_folder(folder: Path) -> None:
    """Flush a folder to disk, where the system can, so that a rename survives a loss of power."""
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


def output_error(target: Path, error: OSError) -> OutputError:
    """Return the error that a file cannot be written."""
    return OutputError(f"{target} cannot be written: {error.strerror or error}.")


def _umask() -> int:
    """Return the umask of this process, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
