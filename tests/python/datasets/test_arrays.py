import tracemalloc

import numpy as np
import pytest
from PIL import Image

from pycifar.datasets.arrays import check_images, check_labels, number_labels
from pycifar.datasets.image_files import read_image
from pycifar.errors import DataError, ImageError

IMAGES = np.random.default_rng(1).integers(0, 256, (5, 4, 6, 3), np.uint8)


def test_uint8_images_pass_without_a_copy():
    assert check_images(IMAGES) is IMAGES


def test_one_image_becomes_a_set_of_one():
    assert check_images(IMAGES[0]).shape == (1, 4, 6, 3)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int64, np.uint64])
def test_other_whole_numbers_become_uint8(dtype):
    checked = check_images(IMAGES.astype(dtype))
    assert checked.dtype == np.uint8
    assert np.array_equal(checked, IMAGES)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_become_the_nearest_uint8(dtype):
    assert np.array_equal(check_images((IMAGES / 255).astype(dtype)), IMAGES)


def test_nested_lists_are_images_too():
    assert np.array_equal(check_images(IMAGES.tolist()), IMAGES)


def test_floats_are_converted_without_a_second_float_copy():
    floats = np.zeros((5000, 32, 32, 3), np.float32)
    tracemalloc.start()
    try:
        check_images(floats)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < floats.nbytes


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (np.zeros(32, np.uint8), r"shape \(32,\)"),
        (np.zeros((2, 3, 32, 32), np.uint8), r"shape \(2, 3, 32, 32\)"),
        (np.zeros((2, 32, 32, 2), np.uint8), r"shape \(2, 32, 32, 2\)"),
        (np.zeros((1, 2, 32, 32, 3), np.uint8), r"shape \(1, 2, 32, 32, 3\)"),
        (np.uint8(1), r"shape \(\)"),
        ([[1, 2], [3]], "list"),
        ("cat", '"cat"'),
        (None, "None"),
    ],
)
def test_another_rank_or_number_of_channels_is_refused(images, came):
    with pytest.raises(ImageError, match=rf"shape \(n, height, width, 3\).*not .*{came}"):
        check_images(images)


@pytest.mark.parametrize("dtype", [bool, complex, object, "U1"])
def test_another_type_is_refused(dtype):
    with pytest.raises(ImageError, match="not of type"):
        check_images(np.zeros((1, 2, 2, 3), dtype))


@pytest.mark.parametrize("shape", [(0, 32, 32, 3), (1, 0, 32, 3)])
def test_no_images_are_refused(shape):
    with pytest.raises(ImageError, match="at least one image"):
        check_images(np.zeros(shape, np.uint8))


def test_images_of_another_size_than_the_models_are_refused():
    assert check_images(IMAGES, (4, 6, 3)) is IMAGES
    with pytest.raises(ImageError, match=r"32×32 pixels.*not an array of shape \(5, 4, 6, 3\)"):
        check_images(IMAGES, (32, 32, 3))


@pytest.mark.parametrize(
    ("value", "came"),
    [
        (1.01, "values from 0 to 1.01"),
        (-0.01, "values from -0.01 to 0"),
        (np.nan, "NaN"),
        (np.inf, "inf"),
        (-np.inf, "-inf"),
    ],
)
def test_floats_outside_0_to_1_are_refused(value, came):
    images = np.zeros((3, 2, 2, 3))
    images[1, 1, 0, 2] = value
    with pytest.raises(ImageError, match=f"floats must lie in 0-1, but these hold .*{came}"):
        check_images(images)


def test_floats_from_0_to_255_get_the_advice_to_divide():
    with pytest.raises(ImageError) as caught:
        check_images(IMAGES.astype(float))
    assert caught.value.fix == "Divide the images by 255, or convert them to uint8."


@pytest.mark.parametrize("value", [-1, 256])
def test_whole_numbers_outside_0_to_255_are_refused(value):
    images = np.zeros((3, 2, 2, 3), np.int32)
    images[2, 0, 0, 0] = value
    with pytest.raises(ImageError, match=r"whole numbers must lie in 0-255"):
        check_images(images)


def test_labels_may_be_numbers_or_names_in_a_list_or_a_column():
    assert check_labels([1, 0], 2, "train").tolist() == [1, 0]
    assert check_labels(np.array([[1], [0]], np.uint8), 2, "train").tolist() == [1, 0]
    assert check_labels(["cat", "dog"], 2, "train").tolist() == ["cat", "dog"]
    assert check_labels(np.array(["cat", "dog"], object), 2, "train").dtype.kind == "U"


@pytest.mark.parametrize("labels", [[0.5, 1], [None, "a"], [[1], [2, 3]], 3])
def test_labels_of_another_type_or_shape_are_refused(labels):
    with pytest.raises(DataError, match='labels of split "train" must be whole numbers or names'):
        check_labels(labels, 2, "train")


def test_a_label_too_few_is_refused():
    with pytest.raises(DataError, match="3 images and 2 labels"):
        check_labels([0, 1], 3, "train")


def number(train, test, class_names=None):
    labels = {"train": np.array(train), "test": np.array(test)}
    numbered, names = number_labels(labels, class_names)
    assert all(array.dtype == np.int64 for array in numbered.values())
    return numbered["train"].tolist(), numbered["test"].tolist(), names


def test_names_are_numbered_in_alphabetical_order_over_all_splits():
    assert number(["dog", "cat"], ["ant"]) == ([2, 1], [0], ("ant", "cat", "dog"))


def test_names_are_numbered_in_a_given_order():
    names = ("dog", "cat", "ant")
    assert number(["dog", "cat"], ["cat"], names) == ([0, 1], [1], names)


def test_numbers_name_themselves_where_no_names_are_given():
    assert number([1, 2], [0]) == ([1, 2], [0], ("0", "1", "2"))


def test_a_name_that_is_not_given_is_refused_with_the_nearest():
    with pytest.raises(DataError, match='has the label "cat", which is not among') as caught:
        number(["cat"], ["dog"], ["cats", "dog"])
    assert caught.value.fix == 'Did you mean "cats"?'


@pytest.mark.parametrize(("train", "missing"), [([1, 2], 0), ([0, 2], 1), ([-1, 0], 0)])
def test_numbers_that_do_not_count_from_0_are_refused(train, missing):
    with pytest.raises(DataError, match=f"no image has the label {missing}") as caught:
        number(train, train)
    assert "Subtract 1" in caught.value.fix


def test_numbers_and_names_do_not_mix():
    with pytest.raises(DataError, match="all must be names"):
        number([0, 1], ["cat", "dog"])


def test_grey_transparent_and_deep_arrays_are_taken_as_files_are(tmp_path):
    draws = np.random.default_rng(1)
    grey = draws.integers(0, 256, (2, 5, 4, 1), np.uint8)
    assert np.array_equal(check_images(grey), np.repeat(grey, 3, axis=-1))
    assert np.array_equal(check_images(grey[0]), np.repeat(grey[:1], 3, axis=-1))
    clear = draws.integers(0, 256, (2, 5, 4, 4), np.uint8)
    for number, image in enumerate(check_images(clear)):
        path = tmp_path / f"{number}.png"
        Image.fromarray(clear[number]).save(path)
        assert np.abs(read_image(path, (5, 4)).astype(int) - image).max() <= 1
    deep = draws.integers(0, 65536, (1, 5, 4, 3)).astype(np.uint16)
    assert np.array_equal(check_images(deep), np.rint(deep / 257).astype(np.uint8))
    assert np.array_equal(check_images(grey / 255), np.repeat(grey, 3, axis=-1))
