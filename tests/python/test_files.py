import sys
from pathlib import Path

import pytest

from pycifar.errors import OutputError
from pycifar.files import check_writable, write_atomically


def test_a_file_appears_whole_and_readable_for_others(tmp_path):
    target = tmp_path / "result.txt"
    write_atomically(target, lambda path: path.write_text("all of it"))
    assert target.read_text() == "all of it"
    ordinary = tmp_path / "ordinary.txt"
    ordinary.touch()
    assert target.stat().st_mode == ordinary.stat().st_mode


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    def fail(path):
        path.write_text("half of it")
        raise OSError(28, "No space left on device")

    target = tmp_path / "result.txt"
    target.write_text("mine")
    with pytest.raises(OutputError, match=r"cannot be written: No space left on device\."):
        write_atomically(target, fail)
    assert target.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [target]


def test_asking_whether_a_file_can_be_written_leaves_nothing(tmp_path):
    check_writable(tmp_path / "result.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root writes to")
def test_a_folder_that_takes_no_files_is_told_beforehand():
    with pytest.raises(OutputError, match=r"/proc/result\.txt cannot be written"):
        check_writable(Path("/proc/result.txt"))
