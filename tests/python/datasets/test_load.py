import numpy as np
import pandas
import pytest

import pycifar
from pycifar.datasets import explore, load_dataset
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataNotFoundError,
    DataWarning,
    ImageError,
    UnknownNameError,
)

IMAGES = np.random.default_rng(1).integers(0, 256, (6, 4, 5, 3), np.uint8)
NAMES = ["dog", "cat", "ant"] * 2


def test_arrays_are_a_data_set():
    dataset = load_dataset(
        {"train": (IMAGES[2:], NAMES[2:]), "test": (IMAGES[:2] / 255, NAMES[:2])}
    )
    assert dataset.class_names == ("ant", "cat", "dog")
    assert np.array_equal(dataset.split("train").images, IMAGES[2:])
    assert np.array_equal(dataset.split("test").images, IMAGES[:2])
    assert dataset.split("test").labels.tolist() == [2, 1]


def test_a_data_set_does_not_change_with_the_arrays_that_it_was_made_of():
    for images in (IMAGES.copy(), IMAGES[::-1].copy()[::-1]):
        dataset = load_dataset({"train": (images, NAMES)})
        before = dataset.fingerprint("train")
        images[:] = 0
        assert np.array_equal(dataset.split("train").images, IMAGES)
        assert load_dataset({"train": (IMAGES, NAMES)}).fingerprint("train") == before
    for values in (dataset.split("train").images, dataset.split("train").labels):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0


def test_data_sets_are_equal_if_all_that_they_hold_is():
    one, same = (load_dataset({"train": (IMAGES, NAMES)}) for _ in range(2))
    other = load_dataset({"train": (IMAGES[::-1], NAMES)})
    assert one == same
    assert one != other
    assert one.split("train") == same.split("train")
    assert one != "arrays"
    assert hash(one) == hash(same)
    assert len({one, same, other}) == 2
    assert explore(one) == explore(same)


def test_arrays_of_numbers_take_given_names():
    dataset = load_dataset({"train": (IMAGES, [3, 3, 2, 0, 0, 0])}, class_names=list("abcd"))
    assert dataset.class_names == ("a", "b", "c", "d")
    with pytest.raises(DataError, match="Labels must lie in 0-1"):
        load_dataset({"train": (IMAGES, [2] * 6)}, class_names=["a", "b"])


@pytest.mark.parametrize("source", [{"train": IMAGES}, {"train": (IMAGES,)}, {1: (IMAGES, NAMES)}])
def test_arrays_must_be_pairs_by_split(source):
    with pytest.raises(ArgumentError, match=r'given as \{"train": \(images, labels\)'):
        load_dataset(source)


def test_no_arrays_are_refused():
    with pytest.raises(DataError, match="at least one split"):
        load_dataset({})
    with pytest.raises(ImageError, match="at least one image"):
        load_dataset({"train": (IMAGES[:0], [])})


@pytest.mark.parametrize("class_names", ["abc", [], ["a", "a"], ["a", 1], [""]])
def test_class_names_must_be_different_names(class_names):
    with pytest.raises(ArgumentError, match="`class_names` must be a list of different names"):
        load_dataset({"train": (IMAGES, NAMES)}, class_names=class_names)


@pytest.mark.parametrize(
    ("source", "nearest"), [("cifar", "cifar10"), ("sinthetic", "synthetic"), ("Folder", "folder")]
)
def test_an_unknown_source_is_refused_with_the_nearest(source, nearest):
    with pytest.raises(UnknownNameError, match='"cifar10", "synthetic", "folder"') as caught:
        load_dataset(source)
    assert caught.value.fix == f'Did you mean "{nearest}"?'


@pytest.mark.parametrize(
    "arguments",
    [
        {"source": "synthetic", "data_dir": "images"},
        {"source": "synthetic", "class_names": ["a"]},
        {"source": "cifar10", "image_size": 64},
        {"source": {"train": (IMAGES, NAMES)}, "data_dir": "images"},
    ],
)
def test_an_option_that_the_source_would_not_look_at_is_refused(arguments):
    name = list(arguments)[1]
    with pytest.raises(ArgumentError, match=f"`{name}` is for .* alone") as caught:
        load_dataset(**arguments)
    assert f"Leave out `{name}`" in caught.value.fix


@pytest.mark.parametrize("arguments", [{"download": "yes"}, {"verbose": 3}, {"seed": -1}])
def test_options_of_another_type_or_range_are_refused(arguments):
    with pytest.raises(ArgumentError, match=f"`{next(iter(arguments))}` must be"):
        load_dataset("synthetic", **arguments)


def test_fewer_images_keep_each_class_and_are_counted_by_batch(batches_dir):
    dataset = load_dataset("cifar10", data_dir=batches_dir, n_train=500, n_test=100, seed=3)
    whole = load_dataset("cifar10", data_dir=batches_dir)
    share = np.bincount(whole.split("train").labels) / 100
    assert (abs(np.bincount(dataset.split("train").labels) - share) < 1).all()
    batches = explore(dataset).batches.groupby("batch")["n"].sum()
    assert batches.sum() == 600
    assert (batches > 50).all()
    again = load_dataset("cifar10", data_dir=batches_dir, n_train=500, n_test=100, seed=3)
    assert again.fingerprint() == dataset.fingerprint()
    other = load_dataset("cifar10", data_dir=batches_dir, n_train=500, n_test=100, seed=4)
    assert other.fingerprint() != dataset.fingerprint()


def test_chosen_images_belong_to_their_labels():
    images = np.zeros((30, 2, 2, 3), np.uint8)
    labels = np.arange(30) % 3
    images[:] = labels[:, None, None, None]
    part = load_dataset({"train": (images, labels)}, n_train=12).split("train")
    assert np.array_equal(part.images[:, 0, 0, 0], part.labels)
    assert np.bincount(part.labels).tolist() == [4, 4, 4]


def test_more_images_than_there_are_are_refused():
    with pytest.raises(ArgumentError, match="`n_train` must be a whole number from 1 to 6, not 7"):
        load_dataset({"train": (IMAGES, NAMES)}, n_train=7)
    with pytest.raises(DataError, match='has no split "test"'):
        load_dataset({"train": (IMAGES, NAMES)}, n_test=1)


def test_a_data_dir_without_cifar10_is_not_made_up_for_by_a_download(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not hold CIFAR-10"):
        load_dataset("cifar10", data_dir=str(tmp_path))


def test_labels_come_as_keras_and_pandas_have_them():
    expected = [1, 0, 2, 1, 0, 2]
    rows = np.eye(3)[expected]
    for labels in (rows, rows.astype(bool), np.array(expected, float), np.array(expected)):
        dataset = load_dataset({"train": (IMAGES, labels)}, class_names=["a", "b", "c"])
        assert dataset.split("train").labels.tolist() == expected
    flags = load_dataset({"train": (IMAGES, np.array(expected) > 0)}, class_names=["no", "yes"])
    assert flags.split("train").labels.tolist() == [1, 0, 1, 1, 0, 1]
    names = [["big", "small", "tiny"][label] for label in expected]
    order = ["tiny", "small", "big", "none"]
    for labels in (
        pandas.Categorical(names, order),
        pandas.Series(pandas.Categorical(names, order)),
    ):
        dataset = load_dataset({"train": (IMAGES, labels)})
        assert dataset.class_names == tuple(order)
        assert dataset.split("train").labels.tolist() == [order.index(name) for name in names]
    for odd in (rows * 2, rows[:, :2], np.array([0.5] * 6)):
        with pytest.raises(DataError, match="one-hot rows|whole numbers or names"):
            load_dataset({"train": (IMAGES, odd)}, class_names=["a", "b", "c"])


def arrays_of(*counts, **arguments):
    """Load arrays with so many images of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 3), np.uint8)
    return pycifar.load_dataset({"train": (images, labels)}, **arguments)


def test_classes_that_are_held_out_as_a_whole_are_told():
    told = r"no image is left for the training cannot be learned: \d+"
    with pytest.warns(DataWarning, match=told) as caught:
        arrays_of(*[2] * 20, test_fraction=0.3, validation_fraction=0.3)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(DataWarning, match=told):
        arrays_of(*[4] * 5, n_train=3)
    settings = {"epochs": 1, "batch_size": 4, "seed": 1, "verbose": 0}
    with pytest.warns(DataWarning, match=told):
        pycifar.train(arrays_of(*[1] * 30), "softmax", validation=0.1, **settings)
    grouped = arrays_of(4, 4, 4, groups=[name for name in "abc" for _ in range(4)])
    with pytest.warns(DataWarning, match=told):
        pycifar.train(grouped, "softmax", validation=0.3, **settings)
    with pytest.warns(DataWarning, match=told):
        next(grouped.folds(3))


def test_the_columns_of_a_one_hot_table_are_the_class_names():
    table = pandas.get_dummies(pandas.Series(NAMES))
    other = pandas.get_dummies(pandas.Series(["dog", "ant"] * 3))  # has no column "cat"
    for labels in (table, table.astype(object)):
        dataset = load_dataset({"train": (IMAGES, labels), "test": (255 - IMAGES, other)})
        assert dataset.class_names == ("ant", "cat", "dog")
        assert dataset.split("train").labels.tolist() == [2, 1, 0] * 2
        assert dataset.split("test").labels.tolist() == [2, 0] * 3
    counted = pandas.DataFrame(table.to_numpy())
    named = load_dataset({"train": (IMAGES, counted)}, class_names=["a", "c", "d"])
    assert named.class_names == ("a", "c", "d")


def test_numbers_of_python_in_an_array_of_objects_are_labels():
    labels = np.array([0, 1, 2] * 2, object)
    assert load_dataset({"train": (IMAGES, labels)}).split("train").labels.tolist() == [0, 1, 2] * 2
    for wrong in ([0, 1, None] * 2, [0, 1, "a"] * 2, [0, 1, 0.5] * 2):
        with pytest.raises(DataError, match="must be whole numbers or names"):
            load_dataset({"train": (IMAGES, np.array(wrong, object))})
