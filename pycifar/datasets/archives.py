"""Reading of the published archives of CIFAR-10, with or without unpacking them to a folder.

An archive is not trusted. Only files of an expected name, type and size are read, and not much more
is decompressed than a published archive holds.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from io import BufferedIOBase, BufferedReader
from pathlib import Path, PurePosixPath
from typing import cast

from pycifar.datasets.cifar10_location import Layout
from pycifar.errors import DataFormatError, OutputError

_MOST_MEMBERS = 100  # members of an archive; a published one has 9
_CHUNK = 1 << 20  # bytes read at a time


def _opened(path: Path) -> BufferedReader:
    """Open an archive; raise a DataFormatError if it cannot be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise DataFormatError(f"{path} cannot be read: {error.strerror}.") from error


def read_members(
    path: Path, layout: Layout, use: Callable[[str, BufferedIOBase, int], None]
) -> None:
    """Call `use` for each file of CIFAR-10 in an archive, in the order of the archive.

    Args:
        path: the archive, a gzipped tar file.
        layout: the layout that it must have; other files in it are skipped.
        use: called with the name of a file, a stream of its bytes, and its size in bytes.

    Raises:
        DataFormatError: the archive is damaged, or an expected file is missing, occurs twice, is
            too large or is not a regular file.
    """
    missing = {*layout.batches}
    seen: set[str] = set()
    with _opened(path) as zipped:
        source = _Unzipped(zipped, path, limit=layout.largest * (len(layout.batches) + 2))
        try:
            with tarfile.open(fileobj=source, mode="r|", bufsize=_CHUNK) as tar:  # type: ignore[call-overload]
                for member in tar:
                    name = _expected_name(member, layout)
                    _check_member(member, name, path, layout, seen)
                    if name is not None:
                        use(name, cast(BufferedIOBase, tar.extractfile(member)), member.size)
                        missing.discard(name)
            source.finish()
        except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
            raise DataFormatError(f"{path} is no sound archive: {error}.") from error
    if missing:
        raise DataFormatError(f"{path} lacks {', '.join(sorted(missing))}.")


def unpack(path: Path, layout: Layout, parent: Path) -> Path:
    """Unpack the files of CIFAR-10 from an archive to ``parent/<the layout's folder>``.

    The folder appears only when it is complete. If another process has created it meanwhile, that
    folder is kept.

    Returns:
        The folder.

    Raises:
        DataFormatError: as for `read_members`.
        OutputError: the files cannot be written.
    """
    folder = parent / layout.folder
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=parent) as temporary:
            unpacked = Path(temporary) / layout.folder
            unpacked.mkdir()

            def write(name: str, stream: BufferedIOBase, n_bytes: int) -> None:
                # The name is one of the layout's own, so it cannot point outside the folder.
                with (unpacked / name).open("wb") as target:
                    shutil.copyfileobj(stream, target, _CHUNK)

            read_members(path, layout, write)
            if not folder.is_dir():
                unpacked.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be unpacked to {parent}: {os.strerror(error.errno or 0)}."
        ) from error
    return folder


class _Unzipped:
    """A gzipped file that tarfile can read.

    Reading raises a DataFormatError if the file is damaged, or longer than a limit in bytes.
    """

    def __init__(self, zipped: BufferedIOBase, path: Path, limit: int) -> None:
        self._unzipped = gzip.GzipFile(fileobj=zipped)
        self._path = path
        self._limit = limit
        self._n_read = 0

    def read(self, n_bytes: int) -> bytes:
        try:
            data = self._unzipped.read(n_bytes)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataFormatError(
                f"{self._path} is truncated or damaged: it must be a sound gzip file ({error})."
            ) from error
        self._n_read += len(data)
        if self._n_read > self._limit:
            raise DataFormatError(
                f"{self._path} is too long: it must hold at most {self._limit:,} bytes, "
                "and it holds more."
            )
        return data

    def finish(self) -> None:
        """Read to the end of the file, where gzip verifies its checksum."""
        while self.read(_CHUNK):
            pass


def _expected_name(member: tarfile.TarInfo, layout: Layout) -> str | None:
    """Return the name that a member has in the layout, or None if it is not in the layout."""
    parts = PurePosixPath(member.name).parts
    if parts[:-1] == (layout.folder,) and parts[-1] in (*layout.batches, layout.meta):
        return parts[-1]
    return None


def _check_member(
    member: tarfile.TarInfo, name: str | None, path: Path, layout: Layout, seen: set[str]
) -> None:
    """Raise a DataFormatError for a member that occurs twice, or is expected but unsuitable.

    An expected member must be a regular file that is not larger than the layout allows. The number
    of members is limited, too.
    """
    full_name = str(PurePosixPath(member.name))
    if full_name in seen or len(seen) == _MOST_MEMBERS:
        raise DataFormatError(f"{path} holds too many files, or {full_name[:80]} twice.")
    seen.add(full_name)
    if name is None:
        return
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise DataFormatError(f"{path} holds {name} as something other than a plain file.")
    if not 0 <= member.size <= layout.largest:
        raise DataFormatError(
            f"{name} in {path} is too long: at most {layout.largest:,} bytes are expected, and "
            f"it has {member.size:,}."
        )
