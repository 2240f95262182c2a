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

_CHUNK = 1 << 18  # bytes read at a time


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, and how often and how long a download of it is tried.

    Args:
        url: the address of the file.
        n_bytes: its published size in bytes.
        sha256: its published SHA-256, in hexadecimal.
        attempts: the number of attempts in a row that receive no byte, after which the download
            fails.
        wait: seconds to wait after an attempt that received bytes and then failed. Each failed
            attempt in a row that receives no byte doubles this.
        timeout: seconds without any byte after which an attempt fails.
    """

    url: str
    n_bytes: int
    sha256: str
    attempts: int = 4
    wait: float = 1.0
    timeout: float = 30.0

    @property
    def name(self) -> str:
        """The name of the file, without its path."""
        return self.url.rsplit("/", 1)[-1]


CIFAR10_ARCHIVE = RemoteFile(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    n_bytes=170_498_071,
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)


def download_file(remote: RemoteFile, folder: Path, verbose: bool = True) -> Path:
    """Download a file to a folder, unless it is there already, and check its SHA-256.

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
        if path.is_file() and _sha256(path) == remote.sha256:
            return path
        with part.open("ab") as target:
            _fetch_all(remote, target, verbose)
            os.fsync(target.fileno())
        _check_sum(remote, part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{part} cannot be written: {error.strerror or error}.") from error
    return path


def _fetch_all(remote: RemoteFile, target: BinaryIO, verbose: bool) -> None:
    """Download until the file has its published size, in several attempts if needed.

    Raises:
        DownloadError: an error is final, or too many attempts in a row received no byte.
    """
    failures = 0
    if target.tell() > remote.n_bytes:
        target.truncate(0)
    with _progress(remote, verbose) as show:
        while (before := target.seek(0, os.SEEK_END)) < remote.n_bytes:
            try:
                _fetch(remote, target, show)
            except _NETWORK_ERRORS as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()  # the error keeps the connection open
                    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                        target.truncate(0)  # the bytes so far are not of this file
                        continue
                failures = 0 if target.seek(0, os.SEEK_END) > before else failures + 1
                if _is_final(error) or failures == remote.attempts:
                    raise _failed(remote, str(getattr(error, "reason", error))) from error
                time.sleep(remote.wait * 2**failures)


_NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


def _fetch(remote: RemoteFile, target: BinaryIO, show: Callable[[int], None]) -> None:
    """Make one attempt to download the missing bytes and append them to `target`."""
    n_have = target.tell()
    headers = {"User-Agent": "pycifar", **({"Range": f"bytes={n_have}-"} if n_have else {})}
    request = urllib.request.Request(remote.url, headers=headers)
    with urllib.request.urlopen(request, timeout=remote.timeout) as response:
        if _offset(response, n_have, target) == 0:  # the server sends the whole file
            n_have = 0
            target.truncate(0)
        n_offered = response.headers.get("Content-Length")
        if n_offered is not None and n_offered != str(remote.n_bytes - n_have):
            raise _failed(remote, f"{n_offered} bytes are offered, not {remote.n_bytes - n_have}")
        while n_have < remote.n_bytes:
            data = response.read(min(_CHUNK, remote.n_bytes - n_have))
            if not data:
                raise ConnectionError(f"the connection ended after {n_have:,} bytes")
            target.write(data)
            n_have += len(data)
            show(n_have)


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


def _failed(remote: RemoteFile, problem: str) -> DownloadError:
    return DownloadError(
        f"{remote.url} cannot be downloaded: {problem}.",
        fix="Try again when online (it resumes), name a folder that holds CIFAR-10 with "
        '`data_dir`, or use the data set "synthetic", which needs no network.',
    )


def _check_sum(remote: RemoteFile, part: Path) -> None:
    """Delete a file and raise a DownloadError unless it has the published SHA-256."""
    came = _sha256(part)
    if came != remote.sha256:
        part.unlink()
        raise DownloadError(
            f"What came from {remote.url} is not the published file: its SHA-256 must be "
            f"{remote.sha256}, and it is {came}. It was deleted.",
            fix="Try again, or name a folder that holds CIFAR-10 with `data_dir`.",
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _progress(remote: RemoteFile, verbose: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows how many bytes of the file there are.

    On a terminal it updates a bar. Elsewhere, one line is written at the start and one at the end.
    """
    megabytes = f"{remote.n_bytes / 1e6:.0f} MB"
    if not verbose:
        yield lambda n_bytes: None
    elif is_watched():
        bar = Bar()
        try:
            yield lambda n: bar.update(
                n / remote.n_bytes, f"{remote.name}  {n / 1e6:.1f}/{megabytes}"
            )
        finally:
            bar.close()
    else:
        say(f"Downloading {remote.url} ({megabytes}) ...")
        yield lambda n_bytes: None
        say(f"Downloaded {remote.name}.")
