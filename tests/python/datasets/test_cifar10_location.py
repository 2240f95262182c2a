import sys
from pathlib import Path

import pytest

from pycifar.datasets.cifar10_location import BINARY, PYTHON, find_cifar10
from pycifar.errors import ArgumentError, DataNotFoundError
from pycifar.files import cache_folder


def make(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYCIFAR_DATA_DIR", raising=False)


@pytest.mark.parametrize(
    ("file", "data_dir", "found", "layout"),
    [
        ("cifar-10-batches-py/data_batch_1", "", "cifar-10-batches-py", PYTHON),
        ("cifar-10-batches-py/test_batch", "cifar-10-batches-py", "cifar-10-batches-py", PYTHON),
        ("renamed/data_batch_3", "renamed", "renamed", PYTHON),
        ("cifar-10-batches-bin/data_batch_1.bin", "", "cifar-10-batches-bin", BINARY),
        ("renamed/test_batch.bin", "renamed", "renamed", BINARY),
        ("cifar-10-python.tar.gz", "", "cifar-10-python.tar.gz", PYTHON),
        ("cifar-10-python.tar.gz", "cifar-10-python.tar.gz", "cifar-10-python.tar.gz", PYTHON),
        ("cifar-10-binary.tar.gz", "", "cifar-10-binary.tar.gz", BINARY),
    ],
)
def test_each_published_form_is_found(tmp_path, file, data_dir, found, layout):
    make(tmp_path / "data" / file)
    location = find_cifar10(tmp_path / "data" / data_dir)
    assert location.path == tmp_path / "data" / found
    assert location.layout is layout
    assert location.is_archive == found.endswith(".tar.gz")


def test_folders_go_before_archives_and_python_before_binary(tmp_path):
    for file in ("cifar-10-python.tar.gz", "cifar-10-batches-bin/test_batch.bin"):
        make(tmp_path / file)
    assert find_cifar10(tmp_path).path.name == "cifar-10-batches-bin"
    make(tmp_path / "cifar-10-batches-py" / "test_batch")
    assert find_cifar10(tmp_path).path.name == "cifar-10-batches-py"


def test_a_place_without_cifar10_is_an_error_that_names_what_was_looked_for(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not hold CIFAR-10") as caught:
        find_cifar10(tmp_path)
    for name in ("`data_dir`", str(tmp_path), "cifar-10-batches-py/", "cifar-10-binary.tar.gz"):
        assert name in caught.value.message
    assert '"synthetic"' in caught.value.fix
    with pytest.raises(DataNotFoundError, match="does not exist"):
        find_cifar10(tmp_path / "nowhere")


def test_another_archive_is_not_taken_for_cifar10(tmp_path):
    make(tmp_path / "cifar-100-python.tar.gz")
    with pytest.raises(DataNotFoundError):
        find_cifar10(tmp_path / "cifar-100-python.tar.gz")


def test_the_environment_variable_is_looked_at_before_the_cache(tmp_path, monkeypatch):
    make(cache_folder() / "cifar-10-batches-py" / "test_batch")
    make(tmp_path / "mine" / "test_batch")
    assert find_cifar10().path == cache_folder() / "cifar-10-batches-py"
    monkeypatch.setenv("PYCIFAR_DATA_DIR", str(tmp_path / "mine"))
    assert find_cifar10().path == tmp_path / "mine"
    monkeypatch.setenv("PYCIFAR_DATA_DIR", str(tmp_path / "other"))
    with pytest.raises(DataNotFoundError, match="PYCIFAR_DATA_DIR names"):
        find_cifar10()


def test_nothing_is_found_in_an_empty_cache():
    assert find_cifar10() is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: other caches lie elsewhere")
def test_the_cache_lies_where_the_system_says(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "cache" / "pycifar"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "pycifar"


@pytest.mark.parametrize("data_dir", [3, "", "a\0b"])
def test_a_data_dir_that_is_no_path_is_refused(data_dir):
    with pytest.raises(ArgumentError, match="`data_dir` must be a path"):
        find_cifar10(data_dir)
