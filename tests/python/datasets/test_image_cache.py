import os
import resource
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.datasets import load_dataset
from pycifar.errors import (
    ArgumentError,
    CacheWarning,
    DataError,
    DataFormatError,
    DataNotFoundError,
    OutputError,
)
from pycifar.files import awaited


@pytest.fixture
def tree(tmp_path):
    draws = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(5):
            pixels = draws.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    return tmp_path / "pets"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "caches"


def load(tree, place, **options):
    return load_dataset("folder", tree, cache_dir=place, **{"image_size": 16} | options)


def caches(place):
    return sorted(place.glob("pycifar-images-*.cache"))


def same(dataset, tree, **options):
    whole = load_dataset("folder", tree, in_memory=True, **{"image_size": 16} | options)
    return dataset == whole


def test_a_cache_is_written_once_and_read_from_then_on(tree, place):
    assert same(load(tree, place), tree)
    (cache,) = caches(place)
    assert cache.stat().st_size == 512 + 10 * 16 * 16 * 3
    written = cache.stat().st_mtime_ns
    assert same(load(tree, place), tree)
    assert cache.stat().st_mtime_ns == written
    assert same(load(tree, place, resize="crop", image_size=(8, 12)), tree, resize="crop",
                image_size=(8, 12))  # fmt: skip
    assert same(load(tree, place, n_train=4), tree, n_train=4)
    assert len(caches(place)) == 3
    assert cache.stat().st_mtime_ns == written


def test_a_data_set_reads_its_cache_where_its_files_have_changed_since(tree, place):
    dataset = load(tree, place)
    before = np.asarray(dataset.split("train").images)
    (tree / "cat" / "0.png").unlink()
    assert np.array_equal(np.asarray(dataset.split("train").images), before)


def test_a_cache_of_changed_files_is_written_anew_with_a_warning(tree, place):
    load(tree, place)
    Image.new("RGB", (16, 16), "red").save(tree / "cat" / "0.png")
    with pytest.warns(CacheWarning, match="written anew: its image files have changed") as caught:
        dataset = load(tree, place)
    assert caught[0].filename == __file__
    assert same(dataset, tree)
    assert len(caches(place)) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.replace(b'"version": 1', b'"version": 9'), "another version"),
        (lambda content: content[:-1], "it is truncated or damaged"),
        (lambda content: content + b" ", "it is truncated or damaged"),
        (lambda content: content[:100], "it is damaged, or no cache"),
        (lambda content: b"", "it is damaged, or no cache"),
        (lambda content: b"\x00" + content[1:], "it is damaged, or no cache"),
        (lambda content: b"[1]".ljust(512) + content[512:], "it is damaged, or no cache"),
    ],
)
def test_a_cache_that_is_damaged_or_of_another_version_is_written_anew(tree, place, change, told):
    load(tree, place)
    (cache,) = caches(place)
    sound = cache.read_bytes()
    cache.write_bytes(change(sound))
    with pytest.warns(CacheWarning, match=told):
        assert same(load(tree, place), tree)
    assert cache.read_bytes() == sound


def test_a_cache_that_is_truncated_or_removed_while_it_is_used_is_an_error(tree, place):
    dataset = load(tree, place)
    (cache,) = caches(place)
    os.truncate(cache, 1000)
    assert dataset.split("train").images[:0].shape == (0, 16, 16, 3)
    with pytest.raises(DataError, match="has changed or is gone since the data set was loaded"):
        dataset.split("train").images[3]
    assert pycifar.clear_cache(place) == 1000
    with pytest.raises(DataError, match="has changed or is gone since the data set was loaded"):
        dataset.split("train").images[0]


def test_a_disk_that_is_full_leaves_no_part_of_a_cache(tree, place, monkeypatch):
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, unlimited[1]))
    try:
        with pytest.raises(OutputError, match=r"\.cache cannot be written: File too large"):
            load(tree, place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert [path.suffix for path in place.iterdir()] == [".lock"]
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 2**10}))
    with pytest.raises(OutputError, match=r"needs 0\.0 GB of disk, and 0\.0 GB are free"):
        load(tree, place)


def test_an_image_that_cannot_be_read_leaves_no_part_of_a_cache(tree, place):
    (tree / "dog" / "4.png").write_bytes(b"no image")
    with pytest.raises(DataFormatError, match=r"dog/4\.png cannot be read as an image"):
        load(tree, place)
    assert [path.suffix for path in place.iterdir()] == [".lock"]


def test_a_folder_that_cannot_be_written_is_refused(tree, place):
    place.write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        load(tree, place)


LOAD = """
import sys
import pycifar
dataset = pycifar.load_dataset("folder", sys.argv[1], image_size=16, cache_dir=sys.argv[2])
print(dataset.fingerprint())
"""


def test_processes_that_write_the_same_cache_at_once_agree(tree, place):
    command = [sys.executable, "-c", LOAD, str(tree), str(place)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    found = {process.communicate()[0].strip() for process in started}
    assert found == {load(tree, place).fingerprint()}
    assert len(list(place.iterdir())) == 2  # the cache and its lock


def test_a_process_waits_for_another_one_that_writes_the_cache(tree, place):
    load(tree, place)
    (cache,) = caches(place)
    sound = cache.read_bytes()
    cache.unlink()
    loaded = []
    waiting = threading.Thread(target=lambda: loaded.append(load(tree, place)))
    with awaited(cache.with_suffix(".lock")):
        waiting.start()
        waiting.join(0.5)
        assert not loaded
        cache.write_bytes(sound)
        written = cache.stat().st_mtime_ns
    waiting.join()
    assert same(loaded[0], tree)
    assert cache.stat().st_mtime_ns == written


def test_caches_are_removed_and_other_files_stay(tree, place):
    load(tree, place)
    load(tree, place, image_size=8)
    sizes = sum(path.stat().st_size for path in caches(place))
    killed = place / f".{caches(place)[0].stem}-left.cache"
    for path in (killed, place / "pycifar-images-of-me.png"):
        path.write_text("0")
    assert pycifar.clear_cache(place) == sizes
    assert [path.name for path in place.iterdir()] == ["pycifar-images-of-me.png"]
    assert pycifar.clear_cache(place) == 0
    with pytest.raises(DataNotFoundError, match="there is none at"):
        pycifar.clear_cache(place / "none")
    with pytest.raises(ArgumentError, match="`cache_dir` must be a path"):
        pycifar.clear_cache(3)
