import copy
import os
import pickle

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.datasets import explore, load_dataset, sample_images
from pycifar.datasets.stored_images import StoredImages, blocks_of
from pycifar.errors import ArgumentError, DataError, DataFormatError


@pytest.fixture
def tree(tmp_path):
    draws = np.random.default_rng(1)
    for split, n in (("train", 12), ("test", 4)):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            for number in range(n):
                pixels = draws.integers(0, 256, (20, 24, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path / "pets"


def load(tree, **options):
    return load_dataset("folder", tree, image_size=16, **options)


@pytest.fixture(params=["files", "cache"])
def stored(request, tree, tmp_path):
    return load(tree, in_memory=False, cache_dir=tmp_path if request.param == "cache" else None)


def test_images_that_are_not_in_memory_are_indexed_as_an_array(tree, stored):
    images, array = stored.split("train").images, load(tree).split("train").images
    assert isinstance(images, StoredImages)
    assert (images.shape, images.dtype, images.ndim, len(images)) == (array.shape, "uint8", 4, 24)
    keys = (0, -1, slice(2, 9), slice(None, None, -3), [5, 1, 5], np.array([[1, 2], [3, 4]]))
    for key in (*keys, array[:, 0, 0, 0] > 99, (3, slice(4)), (slice(2), ..., 0), []):
        assert np.array_equal(images[key], array[key]), key
    assert np.array_equal(np.asarray(images), array)
    assert np.array_equal(np.stack(list(images)), array)
    assert np.array_equal(np.asarray(images, np.float32), array)
    with pytest.raises(IndexError):
        images[24]
    with pytest.raises(TypeError):
        images / 255
    with pytest.raises(ValueError, match="only as a copy"):
        np.array(images, copy=False)


def test_a_data_set_is_the_same_in_memory_and_not(tree, stored):
    whole = load(tree, in_memory=True)
    assert whole == stored
    assert stored == whole
    for split in ("train", "test"):
        assert stored.fingerprint(split) == whole.fingerprint(split)
    assert explore(stored) == explore(whole)
    assert np.array_equal(sample_images(stored), sample_images(whole))
    fewer = load(tree, in_memory=True, n_train=5)
    assert load(tree, in_memory=False, n_train=5) == fewer
    assert fewer != stored
    part = np.arange(0, 24, 5)
    assert isinstance(stored.split("train").take(part).images, StoredImages)
    assert stored.split("train").take(part) == whole.split("train").take(part)


def test_a_data_set_says_where_its_images_are(tree, tmp_path, monkeypatch):
    assert repr(load(tree)).endswith("in 2 classes, in memory>")
    assert repr(load(tree, in_memory=False)).endswith(", read from their files as needed>")
    cached = load(tree, cache_dir=tmp_path / "caches")
    assert f"read from the cache {tmp_path / 'caches'}" in repr(cached)
    assert "16×16, read from" in repr(cached.split("train").images)
    monkeypatch.setattr("pycifar.datasets.storage.available_memory", lambda: 2 * 32 * 16 * 16 * 3)
    assert load(tree).storage == "in memory"
    monkeypatch.setattr("pycifar.datasets.storage.available_memory", lambda: 2 * 32 * 16 * 16 * 2)
    assert load(tree).storage == "read from their files as needed"
    assert load(tree, in_memory=True).storage == "in memory"
    monkeypatch.setattr("pycifar.datasets.storage.available_memory", lambda: None)
    assert load(tree).storage == "in memory"


def test_images_that_are_not_in_memory_can_be_copied_pickled_and_given_anew(stored):
    assert pickle.loads(pickle.dumps(stored)) == stored
    assert copy.deepcopy(stored) == stored
    train = stored.split("train")
    again = load_dataset({"train": (train.images, train.labels)}, class_names=stored.class_names)
    assert again.fingerprint() == stored.fingerprint()


def test_a_file_that_cannot_be_read_is_named_at_once(tree):
    (tree / "test" / "dog" / "03.png").write_bytes(b"no image")
    with pytest.raises(DataFormatError, match=r"dog/03\.png cannot be read as an image"):
        load(tree, in_memory=False)


def test_files_that_change_or_vanish_are_an_error_where_they_are_read(tree):
    for change in (
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"no image"),
        lambda path: os.utime(path, (1, 1)),
    ):
        dataset = load(tree, in_memory=False)
        path = tree / "train" / "cat" / "01.png"
        content = path.read_bytes()
        change(path)
        images = dataset.split("train").images
        assert images[0].shape == (16, 16, 3)
        with pytest.raises(DataError, match=r"01\.png has changed or is gone since"):
            images[:3]
        path.write_bytes(content)


def test_options_without_effect_are_refused(tree, tmp_path):
    for options in ({"in_memory": False}, {"cache_dir": tmp_path}):
        with pytest.raises(ArgumentError, match='is for "folder" and tables alone'):
            load_dataset("synthetic", **options)
    with pytest.raises(ArgumentError, match="`cache_dir` is for images that are not in memory"):
        load(tree, in_memory=True, cache_dir=tmp_path)
    with pytest.raises(ArgumentError, match="`in_memory` must be True or False"):
        load(tree, in_memory="no")
    with pytest.raises(ArgumentError, match="`cache_dir` must be a path"):
        load(tree, cache_dir=3)


def test_blocks_cover_all_images_with_at_least_one_each(monkeypatch):
    images = np.zeros((7, 8, 8, 3), np.uint8)
    assert list(blocks_of(images)) == [slice(0, 7)]
    monkeypatch.setattr("pycifar.datasets.stored_images.BLOCK_BYTES", 2 * 8 * 8 * 3)
    assert list(blocks_of(images, 1, 6)) == [slice(1, 3), slice(3, 5), slice(5, 6)]
    monkeypatch.setattr("pycifar.datasets.stored_images.BLOCK_BYTES", 1)
    assert len(list(blocks_of(images))) == 7


def test_the_fingerprint_does_not_depend_on_blocks(monkeypatch):
    dataset = pycifar.load_dataset("synthetic", n_train=1500, n_test=10)
    before = dataset.fingerprint()
    monkeypatch.setattr("pycifar.datasets.stored_images.BLOCK_BYTES", 100_000)
    assert pycifar.load_dataset("synthetic", n_train=1500, n_test=10).fingerprint() == before
