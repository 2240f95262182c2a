"""Download of a file, which resumes after a failure and is checked before it is used."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pycifar.console import Bar, is_watched, say
from pycifar.errors import DownloadError, OutputError
from pycifar.limits import LARGEST_DOWNLOAD

_CHUNK = 1 << 18  # bytes read at a time


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, and how often and how long a download of it is tried.

    Args:
        url: the address of the file.
        n_bytes: its published size in bytes. None takes what the server says, up to
            `limits.LARGEST_DOWNLOAD`.
        checksum: its published SHA-256 or MD5, in hexadecimal.
        fix: what else can be done where it cannot be downloaded, in words that follow "Try again".
        attempts: the number of attempts in a row that receive no byte, after which the download
            fails.
        wait: seconds to wait after an attempt that received bytes and then failed. Each failed
            attempt in a row that receives no byte doubles this.
        timeout: seconds without any byte after which an attempt fails.
    """

    url: str
    n_bytes: int | None
    checksum: str
    fix: str
    attempts: int = 4
    wait: float = 1.0
    timeout: float = 30.0

    @property
    def name(self) -> str:
        """The name of the file, without its path."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def algorithm(self) -> str:
        """The name of the checksum: an MD5 has 32 digits, and a SHA-256 has 64."""
        return "MD5" if len(self.checksum) == 32 else "SHA-256"

    def is_at(self, path: Path) -> bool:
        """Return whether a file is there and has the published checksum."""
        return path.is_file() and _checksum(self, path) == self.checksum


def download_file(remote: RemoteFile, folder: Path, verbose: bool = True) -> Path:
    """Download a file to a folder, unless it is there already, and check its checksum.

    If the download breaks off, by an error or an interrupt, the bytes so far stay in
    ``<name>.part``, and the next call resumes from there. The caller must keep other processes from
    downloading to the same folder.

    Args:
        remote: the file.
        folder: the folder to download to; it is created if needed.
        verbose: whether to show progress on stderr.

    Returns:
        The path of the downloaded file.

    Raises:
        DownloadError: the server cannot be reached, or sends another file.
        OutputError: the file cannot be written.
    """
    path, part = folder / remote.name, folder / f"{remote.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if remote.is_at(path):
            return path
        with part.open("ab") as target:
            _fetch_all(remote, target, verbose, path)
            os.fsync(target.fileno())
        _check_sum(remote, part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{part} cannot be written: {error.strerror or error}.") from error
    return path


def _fetch_all(remote: RemoteFile, target: BinaryIO, verbose: bool, path: Path) -> None:
    """Download until the file has its size, in several attempts if needed.

    It is downloaded because it is not at `path`, or what is there is another file.

    Raises:
        DownloadError: an error is final, or too many attempts in a row received no byte.
    """
    failures, n_bytes = 0, remote.n_bytes
    if n_bytes is not None and target.tell() > n_bytes:
        target.truncate(0)
    with _progress(remote, verbose) as show:
        while (before := target.seek(0, os.SEEK_END)) != n_bytes:
            try:
                n_bytes = _fetch(remote, target, show)
            except _NETWORK_ERRORS as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()  # the error keeps the connection open
                    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                        target.truncate(0)  # the bytes so far are not of this file
                        continue
                failures = 0 if target.seek(0, os.SEEK_END) > before else failures + 1
                if _is_final(error) or failures == remote.attempts:
                    raise _failed(remote, str(getattr(error, "reason", error)), path) from error
                time.sleep(remote.wait * 2**failures)


_NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


def _fetch(remote: RemoteFile, target: BinaryIO, show: Callable[[int, int], None]) -> int:
    """Download the missing bytes in one attempt, append them, and return the size of the file."""
    n_have = target.tell()
    headers = {"User-Agent": "pycifar", **({"Range": f"bytes={n_have}-"} if n_have else {})}
    request = urllib.request.Request(remote.url, headers=headers)
    with urllib.request.urlopen(request, timeout=remote.timeout) as response:
        if _offset(response, n_have, target) == 0:  # the server sends the whole file
            n_have = 0
            target.truncate(0)
        n_bytes = _size(remote, response.headers.get("Content-Length"), n_have)
        while n_have < n_bytes:
            data = response.read(min(_CHUNK, n_bytes - n_have))
            if not data:
                raise ConnectionError(f"the connection ended after {n_have:,} bytes")
            target.write(data)
            n_have += len(data)
            show(n_have, n_bytes)
    return n_bytes


def _size(remote: RemoteFile, offered: str | None, n_have: int) -> int:
    """Return the size of the file, of which the server offers what is missing.

    Raises:
        DownloadError: the server offers another number of bytes, or too many, or does not say.
    """
    if remote.n_bytes is not None:
        if offered is not None and offered != str(remote.n_bytes - n_have):
            raise _failed(remote, f"{offered} bytes are offered, not {remote.n_bytes - n_have}")
        return remote.n_bytes
    if offered is None or not offered.isdecimal() or int(offered) + n_have > LARGEST_DOWNLOAD:
        raise _failed(remote, f"{offered} bytes are offered, not up to {LARGEST_DOWNLOAD:,}")
    return int(offered) + n_have


def _offset(response: http.client.HTTPResponse, n_have: int, target: BinaryIO) -> int:
    """Return the position in the file of the first byte that the server sends: 0 or `n_have`."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    content_range = response.headers.get("Content-Range", "")
    for offset in (n_have, 0):
        if content_range.startswith(f"bytes {offset}-"):
            return offset
    target.truncate(0)  # so that the next attempt asks for the whole file
    raise http.client.HTTPException(f"byte {n_have} on was asked for, {content_range!r} came")


def _is_final(error: Exception) -> bool:
    """Return whether another attempt in a few seconds would fail, too."""
    if isinstance(error, urllib.error.HTTPError):
        # 408 is a timeout of the request, and 429 means too many requests.
        return error.code < 500 and error.code not in (408, 429)
    reason = getattr(error, "reason", None)
    return isinstance(reason, (socket.gaierror, ssl.SSLCertVerificationError))


def _failed(remote: RemoteFile, problem: str, path: Path | None = None) -> DownloadError:
    is_other = ""
    if path is not None and path.is_file():
        is_other = f" The file {path} is not the published one: it has another {remote.algorithm}."
    return DownloadError(
        f"{remote.url} cannot be downloaded: {problem}.{is_other}",
        fix=f"Try again when online (it resumes), {remote.fix}",
    )


def _check_sum(remote: RemoteFile, part: Path) -> None:
    """Delete a file and raise a DownloadError unless it has the published checksum."""
    came = _checksum(remote, part)
    if came != remote.checksum:
        part.unlink()
        raise DownloadError(
            f"What came from {remote.url} is not the published file: its {remote.algorithm} must "
            f"be {remote.checksum}, and it is {came}. It was deleted.",
            fix=f"Try again, {remote.fix}",
        )


def _checksum(remote: RemoteFile, path: Path) -> str:
    algorithm = remote.algorithm.replace("-", "").lower()
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()


@contextmanager
def _progress(remote: RemoteFile, verbose: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how many bytes of the file there are, and of how many.

    On a terminal it updates a bar. Elsewhere, one line is written at the start and one at the end.
    """
    if not verbose:
        yield lambda n_have, n_bytes: None
    elif is_watched():
        bar = Bar()
        try:
            yield lambda n_have, n_bytes: bar.update(
                n_have / n_bytes, f"{remote.name}  {n_have / 1e6:.1f}/{n_bytes / 1e6:.0f} MB"
            )
        finally:
            bar.close()
    else:
        size = "" if remote.n_bytes is None else f" ({remote.n_bytes / 1e6:.0f} MB)"
        say(f"Downloading {remote.url}{size} ...")
        yield lambda n_have, n_bytes: None
        say(f"Downloaded {remote.name}.")
