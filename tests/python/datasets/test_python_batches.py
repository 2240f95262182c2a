import io

import numpy as np
import pytest

from pycifar.datasets.python_batches import LARGEST_BATCH, read_python_batch, read_python_meta
from pycifar.errors import DataFormatError


@pytest.fixture
def images():
    return np.zeros((10_000, 3072), np.uint8)


def read(batch, images):
    return read_python_batch(io.BytesIO(batch), len(batch), "data_batch_1", images)


def test_a_batch_gives_its_pixels_and_labels(published, images):
    labels = read(published.batch, images)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, published.labels)
    assert np.array_equal(images, published.pixels)


def test_the_pixels_may_come_before_the_labels(published, images):
    items = {
        b"data": published.array(published.pixels.tobytes()),
        b"labels": published.list(map(published.integer, published.labels.tolist())),
    }
    assert np.array_equal(read(published.dictionary(items), images), published.labels)
    assert np.array_equal(images, published.pixels)


@pytest.mark.parametrize(
    ("cut", "problem"),
    [
        (slice(0), "is truncated.*has 0"),
        (slice(20_000_000), "is truncated.*has 20,000,000"),
        (slice(-1), "is truncated: its pickle has no end"),
        (slice(-150_000), "is truncated: its pickle has no end"),
    ],
)
def test_a_truncated_batch_is_refused(published, images, cut, problem):
    with pytest.raises(DataFormatError, match=f"data_batch_1 {problem}"):
        read(published.batch[cut], images)


def test_a_batch_that_ends_before_its_size_is_refused(published, images):
    stream = io.BytesIO(published.batch[:20_000_000])
    with pytest.raises(DataFormatError, match="data_batch_1 is truncated: 30,720,000 bytes"):
        read_python_batch(stream, len(published.batch), "data_batch_1", images)


def test_an_over_long_batch_is_refused(published, images):
    with pytest.raises(DataFormatError, match="too long: 1 bytes follow"):
        read(published.batch + b"\0", images)
    with pytest.raises(DataFormatError, match="is too long.*has 32,000,001"):
        read_python_batch(io.BytesIO(), LARGEST_BATCH + 1, "data_batch_1", images)


def test_a_file_of_the_right_size_but_without_pixels_is_refused(images):
    with pytest.raises(DataFormatError, match="no block of 30,720,000 pixels"):
        read(bytes(30_800_000), images)


@pytest.mark.parametrize("shape", [(3072, 10_000), (30_720_000,), (10_000, 3072, 1), ()])
def test_pixels_of_another_shape_are_refused(published, images, shape):
    batch = published.python_batch(
        published.labels.tolist(), published.array(published.pixels.tobytes(), shape)
    )
    with pytest.raises(DataFormatError, match=r"must hold an array of shape \(10000, 3072\)"):
        read(batch, images)


@pytest.mark.parametrize(
    ("labels", "came"),
    [
        ([1] * 9_999, "9,999 things"),
        ([1] * 10_001, "10,001 things"),
        ([], "0 things"),
    ],
)
def test_another_number_of_labels_is_refused(published, images, labels, came):
    batch = published.python_batch(labels, published.array(published.pixels.tobytes()))
    with pytest.raises(DataFormatError, match=f"10,000 whole numbers.*it holds {came}"):
        read(batch, images)


@pytest.mark.parametrize("label", [b"U\x011", b"\x88", b"N", b"]"])
def test_labels_that_are_no_whole_numbers_are_refused(published, images, label):
    items = {
        b"labels": published.list([label] * 10_000)[:-1] + b"e",
        b"data": published.array(published.pixels.tobytes()),
    }
    with pytest.raises(DataFormatError):
        read(published.dictionary(items), images)


def test_a_batch_without_labels_or_pixels_is_refused(published, images):
    array = published.array(published.pixels.tobytes())
    with pytest.raises(DataFormatError, match="no list"):
        read(published.dictionary({b"data": array}), images)
    with pytest.raises(DataFormatError, match='under "data"; it is missing'):
        read(published.dictionary({b"other": array}), images)


def test_the_meta_file_gives_class_names(published):
    meta = published.python_meta([b"cat", b"dog"])
    assert read_python_meta(io.BytesIO(meta), len(meta), "batches.meta") == ("cat", "dog")


@pytest.mark.parametrize("names", [b"K\x01", b"](K\x01e", b"](U\x02\xc3\xa9e"])
def test_a_meta_file_without_names_is_refused(published, names):
    meta = published.dictionary({b"label_names": names})
    with pytest.raises(DataFormatError, match="list of class names"):
        read_python_meta(io.BytesIO(meta), len(meta), "batches.meta")


@pytest.mark.parametrize("size", [0, 100_001])
def test_a_meta_file_of_an_impossible_size_is_refused(size):
    with pytest.raises(DataFormatError, match="1 to 100,000 bytes"):
        read_python_meta(io.BytesIO(bytes(size)), size, "batches.meta")
