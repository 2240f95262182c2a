import io
import os
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from pycifar.datasets import CIFAR10_CLASS_NAMES, load_dataset
from pycifar.datasets.cifar10 import load_cifar10
from pycifar.datasets.cifar10_location import BINARY
from pycifar.errors import DataFormatError, DataNotFoundError


def linked(batches_dir, folder):
    """The same batches in a folder of the test's own."""
    for path in batches_dir.iterdir():
        os.link(path, folder / path.name)
    return folder


def replace(path, content):
    path.unlink(missing_ok=True)  # not written in place: the file is a link
    path.write_bytes(content)


def test_images_are_the_published_planes_as_pixels(published, batches_dir):
    dataset = load_cifar10(batches_dir)
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert train.images.shape == (50_000, 32, 32, 3)
    assert test.images.shape == (10_000, 32, 32, 3)
    for image, row in ((0, 0), (9_999, 9_999), (10_000, 9_999), (49_999, 0)):
        planes = published.pixels[row].reshape(3, 32, 32)
        assert np.array_equal(train.images[image], np.moveaxis(planes, 0, 2))
    assert np.array_equal(train.labels[:10_000], published.labels)
    assert np.array_equal(train.labels[10_000:20_000], published.labels[::-1])
    assert np.array_equal(test.labels, published.labels)
    assert train.labels.dtype == np.int64
    assert train.batches == tuple((f"data_batch_{i}", 10_000) for i in range(1, 6))
    assert dataset.class_names == CIFAR10_CLASS_NAMES
    assert str(batches_dir) in dataset.source


def test_the_images_are_in_memory_once(batches_dir):
    tracemalloc.start()
    try:
        dataset = load_cifar10(batches_dir)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    n_bytes = sum(split.images.nbytes for split in dataset.splits.values())
    assert held < n_bytes + 2_000_000
    assert peak < n_bytes + 10_000_000


def test_class_names_come_from_the_meta_file(published, batches_dir, tmp_path):
    folder = linked(batches_dir, tmp_path)
    names = [b"Flugzeug", b"Auto", b"Vogel", b"Katze", b"Reh", b"Hund", b"Frosch", b"Pferd",
             b"Schiff", b"Laster"]  # fmt: skip
    replace(folder / "batches.meta", published.python_meta(names))
    assert load_cifar10(folder).class_names == tuple(name.decode() for name in names)


@pytest.mark.parametrize("names", [[b"cat"], [b"cat"] * 10, [b"%d" % i for i in range(11)]])
def test_a_meta_file_without_ten_names_is_refused(published, batches_dir, tmp_path, names):
    folder = linked(batches_dir, tmp_path)
    replace(folder / "batches.meta", published.python_meta(names))
    with pytest.raises(DataFormatError, match=r"batches\.meta must hold ten different class names"):
        load_cifar10(folder)


def test_missing_batches_are_named(batches_dir, tmp_path):
    folder = linked(batches_dir, tmp_path)
    (folder / "data_batch_4").unlink()
    (folder / "test_batch").unlink()
    with pytest.raises(DataFormatError, match="it lacks data_batch_4, test_batch"):
        load_cifar10(folder)


@pytest.mark.parametrize("content", [b"", b"no pickle", b"x" * 31_000_000])
def test_a_batch_that_is_none_is_named(batches_dir, tmp_path, content):
    folder = linked(batches_dir, tmp_path)
    replace(folder / "data_batch_2", content)
    with pytest.raises(DataFormatError, match=f"{folder / 'data_batch_2'} is"):
        load_cifar10(folder)


@pytest.mark.parametrize("label", [10, 255, -1])
def test_a_label_outside_0_to_9_is_refused(published, batches_dir, tmp_path, label):
    folder = linked(batches_dir, tmp_path)
    labels = published.labels.tolist()
    labels[6] = label
    array = published.array(published.pixels.tobytes())
    replace(folder / "data_batch_5", published.python_batch(labels, array))
    with pytest.raises(DataFormatError, match=f"data_batch_5 must.*image 7 has the label {label}"):
        load_cifar10(folder)


def test_an_archive_of_binary_batches_is_read_in_passing(published, tmp_path):
    path = write_binary_archive(published.labels, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    dataset = load_cifar10(path)
    assert sorted(tmp_path.rglob("*")) == before
    train = dataset.split("train")
    assert train.images[::10_000, 5, 6, 2].tolist() == [1, 2, 3, 4, 5]
    assert train.images[9_999::10_000, 31, 31, 0].tolist() == [1, 2, 3, 4, 5]
    assert (dataset.split("test").images == 0).all()
    assert np.array_equal(dataset.split("test").labels, published.labels)
    assert dataset.class_names == CIFAR10_CLASS_NAMES


def write_binary_archive(labels, folder):
    """An archive whose batches hold their number as each pixel, and come in reverse order."""
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:

        def add(name, content):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))

        add("readme.html", b"about")
        for number, name in reversed([*enumerate(BINARY.train, start=1), (0, BINARY.test)]):
            records = np.full((10_000, 3073), number, np.uint8)
            records[:, 0] = labels
            add(name, records.tobytes())
        add("batches.meta.txt", "\n".join([*CIFAR10_CLASS_NAMES, "", ""]).encode())
    return path


def test_without_data_and_download_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYCIFAR_DATA_DIR", raising=False)
    with pytest.raises(DataNotFoundError, match="was not to be downloaded") as caught:
        load_cifar10(download=False)
    assert "`data_dir`" in caught.value.fix
    assert '"synthetic"' in caught.value.fix


def test_all_published_forms_of_the_real_data_hold_the_same(cifar10_dir):
    forms = ["cifar-10-batches-py", "cifar-10-batches-bin", "cifar-10-python.tar.gz",
             "cifar-10-binary.tar.gz"]  # fmt: skip
    there = [cifar10_dir / form for form in forms if (cifar10_dir / form).exists()]
    datasets = [load_dataset("cifar10", data_dir=form) for form in there or [cifar10_dir]]
    for dataset in datasets:
        assert dataset.class_names == CIFAR10_CLASS_NAMES
        assert np.bincount(dataset.splits["train"].labels).tolist() == [5000] * 10
        assert np.bincount(dataset.splits["test"].labels).tolist() == [1000] * 10
    assert len({dataset.fingerprint("train") for dataset in datasets}) == 1
    assert len({dataset.fingerprint("test") for dataset in datasets}) == 1


def test_an_archive_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"x")

    def refuse(self, *arguments, **named):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataFormatError, match=r"tar.gz cannot be read: Permission denied"):
        load_dataset("cifar10", data_dir=tmp_path, verbose=False)
