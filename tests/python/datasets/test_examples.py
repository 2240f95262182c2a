import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pycifar.datasets import load_dataset
from pycifar.errors import ArgumentError, DataError, DataWarning, ImageError

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.integers(0, 256, (12, 6, 5, 3), np.uint8)
LABELS = np.arange(12) % 3


def images_of(dataset, split="train"):
    return dataset.split(split).images


def test_what_keras_datasets_return_is_a_data_set():
    dataset = load_dataset(((IMAGES[:8], LABELS[:8, None]), (IMAGES[8:], LABELS[8:, None])))
    assert [len(split) for split in dataset.splits.values()] == [8, 4]
    assert np.array_equal(images_of(dataset, "test"), IMAGES[8:])
    grey = RANDOM.integers(0, 256, (12, 7, 7), np.uint8)  # as mnist
    dataset = load_dataset(((grey[:8], LABELS[:8]), (grey[8:], LABELS[8:])))
    assert dataset.image_shape == (7, 7, 3)
    assert np.array_equal(images_of(dataset)[..., 2], grey[:8])
    assert len(load_dataset((IMAGES, LABELS)).split("train")) == 12


@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("scale", [1, 255])
def test_a_dataset_of_tensorflow_is_a_data_set(batch_size, scale):
    floats = (IMAGES / 255 * scale).astype(np.float32)
    floats[0] = 0  # black alone tells no scale
    data = tf.data.Dataset.from_tensor_slices((floats, LABELS))
    dataset = load_dataset(data if batch_size is None else data.batch(batch_size))
    assert np.array_equal(images_of(dataset)[1:], IMAGES[1:])
    assert dataset.split("train").labels.tolist() == LABELS.tolist()


def test_datasets_of_tensorflow_have_names_one_hot_rows_weights_and_an_end():
    names = np.array(["b", "a", "c"])[LABELS]
    data = tf.data.Dataset.from_tensor_slices((IMAGES, names, np.arange(12.0)))
    dataset = load_dataset({"train": data.take(8), "test": data.skip(8)})
    assert dataset.class_names == ("a", "b", "c")
    assert dataset.split("test").labels.tolist() == [2, 1, 0, 2]
    assert dataset.split("test").weights.tolist() == [8, 9, 10, 11]
    rows = tf.data.Dataset.from_tensor_slices((IMAGES, np.eye(3)[LABELS])).batch(4)
    assert load_dataset(rows).split("train").labels.tolist() == LABELS.tolist()
    with pytest.raises(DataError, match='split "train" must end'):
        load_dataset(data.repeat())
    with pytest.raises(DataError, match="gives no images"):
        load_dataset(data.take(0))


@pytest.mark.parametrize("mode", ["int", "categorical"])
def test_what_keras_reads_of_a_folder_is_a_data_set(tmp_path, mode):
    for i, image in enumerate(IMAGES):
        (tmp_path / "dcb"[LABELS[i]]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "dcb"[LABELS[i]] / f"{i:02}.png")
    read = {"image_size": (6, 5), "label_mode": mode, "shuffle": False, "verbose": False}
    dataset = load_dataset(keras.utils.image_dataset_from_directory(tmp_path, **read))
    assert dataset.class_names == ("b", "c", "d")
    assert np.array_equal(images_of(dataset)[-4:], IMAGES[LABELS == 0])
    read |= {"validation_split": 0.25, "subset": "both", "seed": 1, "shuffle": True}
    both = load_dataset(keras.utils.image_dataset_from_directory(tmp_path, **read))
    assert {name: len(split) for name, split in both.splits.items()} == {
        "train": 9,
        "validation": 3,
    }


class Photos(keras.utils.PyDataset):
    """Batches of four, without an end for whoever does not ask for their number."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        chosen = slice(4 * (index % 3), 4 * (index % 3) + 4)
        return IMAGES[chosen], LABELS[chosen]


def test_a_pydataset_of_keras_is_a_data_set():
    dataset = load_dataset(Photos())
    assert np.array_equal(images_of(dataset), IMAGES)
    assert dataset.split("train").labels.tolist() == LABELS.tolist()


def test_pairs_of_pillow_images_and_labels_are_a_data_set():
    pairs = [(Image.fromarray(image), "abc"[i % 3]) for i, image in enumerate(IMAGES)]
    for source in (pairs, iter(pairs), pairs[:2] + pairs[2:], {"train": (pair for pair in pairs)}):
        dataset = load_dataset(source)
        assert np.array_equal(images_of(dataset), IMAGES)
        assert dataset.class_names == ("a", "b", "c")
    assert len(load_dataset(pairs[:2]).split("train")) == 2
    grey = [(Image.fromarray(IMAGES[0, :, :, 0]), "a"), pairs[1]]
    assert images_of(load_dataset(grey)).shape == (2, 6, 5, 3)


def test_pictures_of_several_sizes_take_an_image_size():
    pictures = [Image.fromarray(image).resize((5 + i, 6)) for i, image in enumerate(IMAGES)]
    with pytest.raises(ImageError, match=r"`image_size` must be given; they have 12 sizes"):
        load_dataset({"train": (pictures, LABELS)})
    dataset = load_dataset({"train": (pictures, LABELS)}, image_size=4)
    assert dataset.image_shape == (4, 4, 3)
    same = load_dataset(zip(pictures, LABELS, strict=True), image_size=4)
    assert same.fingerprint() == dataset.fingerprint()
    resized = load_dataset({"train": (IMAGES / 255, LABELS)}, image_size=4)
    assert resized.image_shape == (4, 4, 3)


def test_examples_that_are_none_are_refused():
    for source in (IMAGES, [1, 2], {"train": iter(IMAGES)}, {"train": None}, [(IMAGES[0],)]):
        with pytest.raises(ArgumentError, match=r'given as \{"train": \(images, labels\)'):
            load_dataset(source)
    with pytest.raises(ImageError, match="not from -1 to 2"):
        load_dataset([(np.array([[[-1.0, 2, 0]]]), 0)])


def test_arrays_are_held_out_by_class_and_by_group():
    dataset = load_dataset({"train": (IMAGES, LABELS)}, test_fraction=0.25)
    assert np.bincount(dataset.split("test").labels).tolist() == [1, 1, 1]
    groups = np.arange(12) // 3
    dataset = load_dataset({"train": (IMAGES, LABELS)}, test_fraction=0.5, groups=groups)
    assert len({*dataset.split("test").groups}) == 2
    assert not {*dataset.split("test").groups} & {*dataset.split("train").groups}
    with pytest.raises(ArgumentError, match="takes at least 2 groups"):
        load_dataset({"train": (IMAGES, LABELS)}, test_fraction=0.5, groups=[1] * 12)


def test_equal_arrays_in_two_splits_are_told():
    with pytest.warns(DataWarning, match=r'others as well: 2 of "test" \(image 1, image 3\)'):
        load_dataset({"train": (IMAGES[:6], LABELS[:6]), "test": (IMAGES[[2, 7, 3]], [2, 1, 0])})
