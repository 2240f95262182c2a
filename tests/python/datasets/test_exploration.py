import numpy as np
import pytest

from pycifar.datasets import Dataset, Split, explore, load_dataset, sample_images
from pycifar.datasets.cifar10 import load_cifar10
from pycifar.errors import ArgumentError

IMAGES = np.random.default_rng(1).integers(0, 256, (60, 4, 5, 3), np.uint8)
LABELS = np.arange(60) % 3


@pytest.fixture
def dataset():
    splits = {
        "train": Split(IMAGES, LABELS, (("one", 31), ("two", 29))),
        "test": Split(IMAGES[:6], LABELS[:6], (("last", 6),)),
    }
    return Dataset("mine", splits, ("ant", "bee", "cat"), "drawn by lot")


def test_images_are_counted_by_split_batch_and_class(dataset):
    found = explore(dataset)
    assert found.splits.to_dict("list") == {
        "split": ["train"] * 3 + ["test"] * 3,
        "class": ["ant", "bee", "cat"] * 2,
        "n": [20, 20, 20, 2, 2, 2],
    }
    assert found.batches.to_dict("list") == {
        "batch": ["one"] * 3 + ["two"] * 3 + ["last"] * 3,
        "split": ["train"] * 6 + ["test"] * 3,
        "class": ["ant", "bee", "cat"] * 3,
        "n": [11, 10, 10, 9, 10, 10, 2, 2, 2],
    }


def test_means_and_deviations_are_those_of_all_training_pixels(dataset):
    channels = explore(dataset).channels
    assert channels["channel"].tolist() == ["red", "green", "blue"]
    assert channels["mean"].tolist() == pytest.approx(IMAGES.mean(axis=(0, 1, 2)).tolist())
    deviations = IMAGES.std(axis=(0, 1, 2)).tolist()
    assert channels["standard_deviation"].tolist() == pytest.approx(deviations)


def test_pixels_that_are_all_alike_do_not_deviate():
    images = np.full((2500, 4, 4, 3), 201, np.uint8)
    dataset = Dataset("grey", {"train": Split(images, np.zeros(2500, int))}, ("grey",))
    assert explore(dataset).channels["standard_deviation"].tolist() == [0, 0, 0]


def test_an_exploration_prints_its_tables(dataset):
    assert (
        str(explore(dataset))
        == """\
mine: 66 images of 4×5 in 3 classes
drawn by lot

Images in each split
     train  test
ant     20     2
bee     20     2
cat     20     2
all     60     6

Images in each batch
     one  two  last
ant   11    9     2
bee   10   10     2
cat   10   10     2
all   31   29     6

Pixels of the training split (0-255)
channel   mean  standard_deviation
    red 123.03               72.76
  green 129.86               73.87
   blue 127.12               73.63"""
    )


def test_an_exploration_shows_the_same_at_a_prompt_and_its_tables_in_a_notebook(dataset):
    found = explore(dataset)
    assert repr(found) == str(found)
    shown = found._repr_html_()
    assert shown.startswith("<p>mine: 66 images of 4×5 in 3 classes<br>drawn by lot</p>")
    assert shown.count("<table") == 3
    assert "<p>Pixels of the training split (0-255)</p>" in shown
    assert "<td>123.03</td>" in shown


def test_an_exploration_of_many_classes_is_shown_in_short():
    names = tuple(f"<class {i}>" for i in range(1000))
    images = np.zeros((1000, 4, 4, 3), np.uint8)
    found = explore(Dataset("<many>", {"train": Split(images, np.arange(1000))}, names, "a/<b>"))
    assert len(str(found).splitlines()) < 30
    assert str(found).startswith("<many>: 1,000 images of 4×4 in 1,000 classes\na/<b>\n")
    for shown in ("<class 0>", "<class 999>", "all", "1001 rows"):
        assert shown in str(found)
    page = found._repr_html_()
    assert "&lt;class 0&gt;" in page
    assert "&lt;many&gt;" in page
    assert "a/&lt;b&gt;" in page
    assert "<class" not in page
    assert len(page) < 5000


def test_a_source_without_batches_prints_none():
    found = explore(load_dataset("synthetic", n_train=20, n_test=10))
    assert found.batches.empty
    assert "batch" not in str(found)
    assert "batch" not in found._repr_html_()


def test_published_batches_are_counted_as_they_are(batches_dir, published):
    counts = explore(load_cifar10(batches_dir)).batches.pivot(
        index="batch", columns="class", values="n"
    )
    assert counts.index.tolist() == [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    assert counts.loc["data_batch_2", "dog"] == (published.labels == 5).sum()


def test_real_cifar10_has_the_known_means(cifar10_dir):
    channels = explore(load_dataset("cifar10", data_dir=cifar10_dir)).channels
    assert channels["mean"].tolist() == pytest.approx([125.3, 122.95, 113.87], abs=0.5)
    deviations = channels["standard_deviation"].tolist()
    assert deviations == pytest.approx([62.99, 62.09, 66.70], abs=1)


def test_samples_are_random_images_of_each_class(dataset):
    samples = sample_images(dataset, n_per_class=4, seed=1)
    assert samples.shape == (3, 4, 4, 5, 3)
    for label, images in enumerate(samples):
        of_class = {image.tobytes() for image in IMAGES[label == LABELS]}
        shown = {image.tobytes() for image in images}
        assert len(shown) == 4
        assert shown < of_class
    assert np.array_equal(sample_images(dataset, n_per_class=4, seed=1), samples)
    assert not np.array_equal(sample_images(dataset, n_per_class=4, seed=2), samples)


def test_a_class_of_fewer_images_has_a_shorter_row_of_samples():
    split = Split(IMAGES[:4], np.array([0, 2, 0, 0]))
    samples = sample_images(Dataset("mine", {"train": split}, ("ant", "bee", "cat"), ""))
    assert samples.shape == (3, 3, 4, 5, 3)
    assert (samples < 255).any(axis=(2, 3, 4)).sum(axis=1).tolist() == [3, 0, 1]
    assert np.array_equal(samples[2, 0], IMAGES[1])


def test_what_is_no_data_set_is_refused():
    with pytest.raises(ArgumentError, match='`dataset` must be a data set, not "cifar10"'):
        explore("cifar10")
    with pytest.raises(ArgumentError, match="`dataset` must be a data set"):
        sample_images(None)
