import dataclasses
import fcntl
import hashlib
import io
import json
import socket
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest
from web_server import CONTENT

from pycifar.datasets.cifar10 import CIFAR10_ARCHIVE, LOCK, fetch_cifar10, load_cifar10
from pycifar.datasets.cifar10_location import PYTHON
from pycifar.download import RemoteFile, download_file
from pycifar.errors import DownloadError, OutputError


def test_a_file_is_downloaded_once(server, tmp_path):
    path = download_file(server.remote(), tmp_path / "new" / "folder", verbose=False)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["archive.tar.gz"]
    assert download_file(server.remote(), path.parent, verbose=False) == path
    assert server.ranges == [None]


def test_a_connection_that_breaks_is_resumed(server, tmp_path):
    server.break_after = [300_000, 1, 300_000]
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-", "bytes=300001-", "bytes=600001-"]


def test_what_came_is_kept_for_the_next_call(server, tmp_path):
    server.break_after = [300_000, 0, 0, 0]
    with pytest.raises(DownloadError, match="connection ended after 300,000 bytes"):
        download_file(server.remote(), tmp_path, verbose=False)
    assert [p.name for p in tmp_path.iterdir()] == ["archive.tar.gz.part"]
    assert (tmp_path / "archive.tar.gz.part").read_bytes() == CONTENT[:300_000]
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=300000-"


def test_an_interrupt_keeps_what_came(server, tmp_path, monkeypatch):
    def interrupt(bar, share, text):
        if share > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setattr("pycifar.console.Bar.update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download_file(server.remote(), tmp_path)
    part = (tmp_path / "archive.tar.gz.part").read_bytes()
    assert len(part) > 500_000
    assert part == CONTENT[: len(part)]


def test_a_server_that_does_not_resume_starts_anew(server, tmp_path):
    server.resumes = False
    server.break_after = [300_000]
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT


@pytest.mark.parametrize("offset", [0, 5])
def test_a_server_that_sends_another_part_starts_anew(server, tmp_path, offset):
    (tmp_path / "archive.tar.gz.part").write_bytes(CONTENT[:1000])
    server.sends_from = offset
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT


def test_a_stale_part_that_the_server_refuses_starts_anew(server, tmp_path):
    (tmp_path / "archive.tar.gz.part").write_bytes(b"of another file")
    server.statuses = [416]
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT
    assert server.ranges == ["bytes=15-", None]


def test_a_part_that_is_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / "archive.tar.gz.part").write_bytes(bytes(2_000_000))
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT


def test_what_does_not_have_the_published_checksum_is_deleted(server, tmp_path):
    with pytest.raises(DownloadError, match=r"SHA-256 must be 0000.* deleted"):
        download_file(server.remote(checksum="0" * 64), tmp_path, verbose=False)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_found_by_the_checksum(server, tmp_path):
    (tmp_path / "archive.tar.gz.part").write_bytes(bytes(300_000))
    with pytest.raises(DownloadError, match="not the published file"):
        download_file(server.remote(), tmp_path, verbose=False)
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT


def test_another_size_is_refused_before_it_is_downloaded(server, tmp_path):
    with pytest.raises(DownloadError, match="1000000 bytes are offered, not 5"):
        download_file(server.remote(n_bytes=5), tmp_path, verbose=False)
    assert (tmp_path / "archive.tar.gz.part").read_bytes() == b""


def test_a_file_of_unknown_size_is_resumed_and_checked_by_its_md5(server, tmp_path):
    server.break_after = [300_000, 1]
    md5 = hashlib.md5(CONTENT).hexdigest()
    remote = server.remote(n_bytes=None, checksum=md5)
    assert download_file(remote, tmp_path, verbose=False).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-", "bytes=300001-"]
    (tmp_path / "archive.tar.gz").rename(tmp_path / "archive.tar.gz.part")  # it is all there
    assert download_file(remote, tmp_path, verbose=False).read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="its MD5 must be 0000"):
        download_file(server.remote(n_bytes=None, checksum="0" * 32), tmp_path, verbose=False)


def test_a_size_that_the_server_does_not_say_or_that_is_too_large_is_refused(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr("pycifar.download.LARGEST_DOWNLOAD", 999_999)
    with pytest.raises(DownloadError, match="1000000 bytes are offered, not up to 999,999"):
        download_file(server.remote(n_bytes=None), tmp_path, verbose=False)
    server.says_size = False
    with pytest.raises(DownloadError, match="None bytes are offered"):
        download_file(server.remote(n_bytes=None), tmp_path, verbose=False)


@pytest.mark.parametrize(("statuses", "n_tries"), [([404], 1), ([403], 1), ([503] * 3, 3)])
def test_a_server_that_refuses_is_named_with_a_way_out(server, tmp_path, statuses, n_tries):
    server.statuses = list(statuses)
    with pytest.raises(DownloadError, match=f"127.0.0.1.*{statuses[0]}|127.0.0.1") as caught:
        download_file(server.remote(), tmp_path, verbose=False)
    assert len(server.ranges) == n_tries
    assert "`data_dir`" in caught.value.fix
    assert '"synthetic"' in caught.value.fix


def test_a_server_that_is_busy_at_first_is_asked_again(server, tmp_path):
    server.statuses = [503, 429, 200]
    assert download_file(server.remote(), tmp_path, verbose=False).read_bytes() == CONTENT


def test_offline_the_error_names_data_dir_and_synthetic(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/archive.tar.gz"
        remote = RemoteFile(url, 5, "0" * 64, CIFAR10_ARCHIVE.fix, attempts=2, wait=0.001)
        with pytest.raises(DownloadError, match="cannot be downloaded: .*refused") as caught:
            download_file(remote, tmp_path, verbose=False)
    assert "`data_dir`" in caught.value.fix
    assert '"synthetic"' in caught.value.fix


def test_a_name_that_cannot_be_resolved_is_not_tried_again(tmp_path, monkeypatch):
    calls = []

    def fail(*arguments, **_):
        calls.append(arguments)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    remote = RemoteFile("http://no-such-host.invalid/a", 5, "0" * 64, "wait.")
    with pytest.raises(DownloadError, match="name resolution"):
        download_file(remote, tmp_path, verbose=False)
    assert len(calls) == 1


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        download_file(server.remote(), tmp_path / "file" / "folder", verbose=False)


class Terminal:
    """Text that was written to what says it is a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return True


def test_progress_is_a_bar_on_a_terminal(server, tmp_path, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    download_file(server.remote(), tmp_path)
    assert "archive.tar.gz" in terminal.text
    assert "1.0/1 MB" in terminal.text
    assert capsys.readouterr().out == ""


def test_progress_is_two_lines_elsewhere_and_silence_where_asked(server, tmp_path, capsys):
    download_file(server.remote(), tmp_path / "a")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 2
    assert "Downloading http://127.0.0.1" in shown.err
    download_file(server.remote(), tmp_path / "b", verbose=False)
    assert capsys.readouterr().err == ""


def test_the_published_archive_is_the_one_that_others_check():
    assert CIFAR10_ARCHIVE.url == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert CIFAR10_ARCHIVE.name == PYTHON.archive
    assert CIFAR10_ARCHIVE.n_bytes == 170_498_071
    assert CIFAR10_ARCHIVE.checksum.startswith("6d958be074577803d12ecdefd02955f3")


@pytest.fixture
def archive(published, tmp_path):
    """An archive of six Python batches of black images."""
    batch = published.python_batch(
        published.labels.tolist(), published.array(bytes(published.pixels.size))
    )
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name in PYTHON.batches:
            info = tarfile.TarInfo(f"{PYTHON.folder}/{name}")
            info.size = len(batch)
            tar.addfile(info, io.BytesIO(batch))
    content = path.read_bytes()
    path.unlink()
    return content


def test_cifar10_is_downloaded_to_the_cache_once_and_read_from_there(
    archive, published, server, tmp_path, monkeypatch
):
    server.content = archive
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYCIFAR_DATA_DIR", raising=False)
    monkeypatch.setattr("pycifar.datasets.cifar10.CIFAR10_ARCHIVE", server.remote())
    for _ in range(2):
        dataset = load_cifar10(verbose=False)
        assert np.array_equal(dataset.split("test").labels, published.labels)
    assert server.ranges == [None]
    check_and_remove(tmp_path)


def check_and_remove(folder):
    """In `folder` are the batches alone, no archive; pytest would keep their 180 MB."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {*PYTHON.batches, LOCK}
    for path in files:
        path.unlink()


FETCH = """
import json, sys
from pathlib import Path
from pycifar.datasets.cifar10 import fetch_cifar10
from pycifar.download import RemoteFile
print(fetch_cifar10(RemoteFile(**json.loads(sys.argv[1])), Path(sys.argv[2]), True).path)
"""


def test_processes_that_download_and_unpack_at_once_all_end_well(archive, server, tmp_path):
    server.content = archive
    server.break_after = [len(archive) // 2]
    about = json.dumps(dataclasses.asdict(server.remote(wait=0.5)))
    command = [sys.executable, "-c", FETCH, about, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(3)]
    told = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], told
    assert {output.strip() for output, _ in told} == {str(tmp_path / PYTHON.folder)}
    assert len(server.ranges) == 2  # one download, in two parts
    check_and_remove(tmp_path)


def test_a_process_that_downloads_is_awaited(archive, server, tmp_path, capsys):
    server.content = archive
    with (tmp_path / LOCK).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Thread(target=fetch_cifar10, args=(server.remote(), tmp_path, True))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert server.ranges == []
    waiting.join(60)
    assert "Waiting for another process" in capsys.readouterr().err
    check_and_remove(tmp_path)


def test_nothing_is_unpacked_before_the_checksum_holds(server, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("unpacked")

    monkeypatch.setattr("pycifar.datasets.cifar10.unpack", refuse)
    with pytest.raises(DownloadError):
        fetch_cifar10(server.remote(checksum="0" * 64), tmp_path, verbose=False)
