import io

import numpy as np
import pytest

from pycifar.datasets.binary_batches import read_binary_batch, read_binary_meta
from pycifar.errors import DataFormatError


@pytest.fixture(scope="module")
def batch(published):
    labels = published.labels.astype(np.uint8)[:, np.newaxis]
    return np.hstack([labels, published.pixels]).tobytes()


@pytest.fixture
def images():
    return np.zeros((10_000, 3072), np.uint8)


def test_a_batch_gives_its_pixels_and_labels(published, batch, images):
    labels = read_binary_batch(io.BytesIO(batch), len(batch), "data_batch_1.bin", images)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, published.labels)
    assert np.array_equal(images, published.pixels)


@pytest.mark.parametrize(
    ("size", "problem"), [(0, "truncated"), (30_729_999, "truncated"), (30_730_001, "too long")]
)
def test_a_batch_of_another_size_is_refused(batch, images, size, problem):
    with pytest.raises(DataFormatError, match=f"data_batch_1.bin is {problem}.*{size:,}"):
        read_binary_batch(io.BytesIO(batch), size, "data_batch_1.bin", images)


def test_a_batch_that_ends_before_its_size_is_refused(batch, images):
    with pytest.raises(DataFormatError, match="is truncated"):
        read_binary_batch(io.BytesIO(batch[:-1]), len(batch), "data_batch_1.bin", images)


def test_the_meta_file_gives_class_names():
    meta = b"cat\ndog\n\n"
    assert read_binary_meta(io.BytesIO(meta), len(meta), "batches.meta.txt") == ("cat", "dog")


@pytest.mark.parametrize("meta", [b"", b"caf\xc3\xa9\n", bytes(10_001)])
def test_a_meta_file_that_is_none_is_refused(meta):
    with pytest.raises(DataFormatError, match=r"batches\.meta\.txt must"):
        read_binary_meta(io.BytesIO(meta), len(meta), "batches.meta.txt")
