import pickle

import numpy as np
import pytest

from pycifar.datasets import Dataset, Split
from pycifar.errors import ArgumentError, DataError, ImageError

IMAGES = np.random.default_rng(1).integers(0, 256, (6, 4, 5, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def make(images=IMAGES, labels=LABELS, class_names=("a", "b", "c")):
    return Dataset("mine", {"train": Split(images, labels)}, class_names)


def test_a_data_set_prints_what_it_holds():
    assert repr(make()) == "<Dataset mine: train 6 images of 4×5 in 3 classes>"


def test_a_split_prints_its_size_and_no_pixels():
    assert repr(make().split("train")) == "<Split of 6 images of 4×5>"
    batches = (("one", 2), ("two", 4))
    assert repr(Split(IMAGES, LABELS, batches)) == "<Split of 6 images of 4×5 in 2 batches>"
    assert repr(Split(np.zeros((1000, 4, 5, 3), np.uint8), np.zeros(1000, int))) == (
        "<Split of 1,000 images of 4×5>"
    )


def test_many_classes_are_counted_in_thousands():
    names = [f"class {i}" for i in range(1000)]
    assert repr(make(class_names=names)).endswith(" in 1,000 classes>")


def test_the_fingerprint_does_not_depend_on_the_order_in_memory():
    planar = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    assert not planar.flags.c_contiguous
    assert make(planar).fingerprint() == make().fingerprint()
    assert make(labels=LABELS.astype(np.uint8)).fingerprint() == make().fingerprint()


def test_the_fingerprint_changes_with_each_pixel_label_and_shape():
    pixel, label = IMAGES.copy(), LABELS.copy()
    pixel[5, 3, 4, 2] ^= 1
    label[5] = 0
    changed = [make(pixel), make(labels=label), make(IMAGES.reshape(6, 5, 4, 3))]
    assert len({dataset.fingerprint() for dataset in [make(), *changed]}) == 4


def test_a_split_that_is_missing_or_empty_is_named():
    with pytest.raises(DataError, match='has no split "test"; it has "train"'):
        make().split("test")
    with pytest.raises(DataError, match="holds no images"):
        make(IMAGES[:0], LABELS[:0]).split("train")


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES[..., :2], IMAGES.astype(float)])
def test_images_of_another_rank_or_type_are_refused(images):
    with pytest.raises(ImageError, match=r"must be uint8 of shape \(n, height, width, 3\)"):
        make(images)


def test_each_image_needs_one_label():
    with pytest.raises(DataError, match="6 images, and the labels have shape"):
        make(labels=LABELS[:5])


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classes_is_refused(label):
    labels = LABELS.copy()
    labels[1] = label
    with pytest.raises(DataError, match=f'0-2; image 2 of split "train" has label {label}'):
        make(labels=labels)


def test_labels_that_are_no_whole_numbers_are_refused():
    with pytest.raises(DataError, match="must be whole numbers"):
        make(labels=LABELS.astype(float))


def test_class_names_must_differ():
    with pytest.raises(DataError, match="must differ"):
        make(class_names=("a", "b", "a"))


def test_all_splits_hold_images_of_one_size():
    splits = {"train": Split(IMAGES, LABELS), "test": Split(IMAGES[:, :3], LABELS)}
    with pytest.raises(ImageError, match=r"one size, not \[\(3, 5\), \(4, 5\)\]"):
        Dataset("mine", splits, ("a", "b", "c"))


def numbered(n=20):
    """A data set whose images have their number as their grey, of two classes in turn."""
    images = np.zeros((n, 2, 2, 3), np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None]
    groups = tuple(str(i // 4) for i in range(n))
    weights = np.arange(n, dtype=np.float32)
    train = Split(images, np.arange(n) % 2, (), tuple(map(str, range(n))), groups, weights)
    other = Split(images[:2] + np.uint8(100), np.array([0, 1]))
    return Dataset("mine", {"train": train, "test": other}, ("even", "odd"))


def greys(split):
    return split.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    "which", [[5, 2, 11], np.isin(np.arange(20), [2, 5, 11]), np.int8([2, 5, 11])]
)
def test_a_subset_has_the_images_with_all_that_belongs_to_them(which):
    dataset = numbered()
    before = dataset.fingerprint()
    part = dataset.subset(which)
    train = part.split("train")
    assert greys(train) == [2, 5, 11]
    assert train.labels.tolist() == [0, 1, 1]
    assert train.paths == ("2", "5", "11")
    assert train.groups == ("0", "1", "2")
    assert train.weights.tolist() == [2, 5, 11]
    assert part.split("test") == dataset.split("test")
    assert part.fingerprint() != before == dataset.fingerprint()
    assert greys(dataset.subset([1], split="test").split("test")) == [101]


@pytest.mark.parametrize("which", [[], [20], [-1], [1, 1], [True], [False] * 20, 3, "a", [0.5]])
def test_a_subset_that_cannot_be_is_refused(which):
    with pytest.raises(ArgumentError, match="`which` must be different whole numbers from 0 to 19"):
        numbered().subset(which)


def test_each_image_is_in_the_validation_split_of_one_fold():
    dataset = numbered()
    folds = list(dataset.folds(5))
    assert [list(fold.splits) for fold in folds] == [["train", "validation", "test"]] * 5
    held_out = [greys(fold.split("validation")) for fold in folds]
    assert sorted(grey for fold in held_out for grey in fold) == list(range(20))
    for fold in folds:
        assert sorted(greys(fold.split("train")) + greys(fold.split("validation"))) == [*range(20)]
        assert not {*fold.split("train").groups} & {*fold.split("validation").groups}
    assert [fold.fingerprint() for fold in dataset.folds(5)] == [f.fingerprint() for f in folds]
    by_pairs = next(dataset.folds(2, groups=np.arange(20) // 2))
    assert len({*by_pairs.split("validation").groups}) == 5
    again = next(folds[0].folds(2))
    assert list(again.splits) == ["train", "validation", "test"]
    assert len(again.split("train")) + len(again.split("validation")) == 16


def test_folds_that_cannot_be_are_refused_at_once():
    for arguments in ({"k": 6}, {"k": 1}, {"seed": -1}, {"groups": [1]}, {"groups": "object"}):
        with pytest.raises(ArgumentError):
            numbered().folds(**arguments)


def test_a_data_set_made_by_hand_shares_no_array_with_its_caller():
    images, labels, weights = IMAGES.copy(), LABELS.copy(), np.ones(len(LABELS), np.float32)
    view = images[:]
    view.setflags(write=False)
    for given in (images, view):
        dataset = Dataset("mine", {"train": Split(given, labels, weights=weights)}, ["a", "b", "c"])
        before = dataset.fingerprint()
        images[:], labels[:], weights[:] = 0, 0, 2
        split = dataset.split("train")
        assert Dataset("mine", dataset.splits, ("a", "b", "c")).fingerprint() == before
        assert split.weights.max() == 1
        assert dataset.class_names == ("a", "b", "c")
        images[:], labels[:], weights[:] = IMAGES, LABELS, 1
    # What nobody can change is not copied again.
    assert Split(split.images, split.labels).images is split.images
    for part in (split.take(np.arange(2)), pickle.loads(pickle.dumps(split))):
        assert Split(part.images, part.labels).images is part.images
