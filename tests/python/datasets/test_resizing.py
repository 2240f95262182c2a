import numpy as np
import pytest
from PIL import Image

from pycifar.datasets.resizing import FILTERS, Resize, resolve_resize
from pycifar.errors import ArgumentError


def stripes():
    """100 pixels wide and 40 high: red, green and blue from left to right, 30, 40 and 30 wide."""
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, :30, 0] = pixels[:, 30:70, 1] = pixels[:, 70:, 2] = 255
    return Image.fromarray(pixels)


def colours(image, row):
    return ["rgb"[pixel.argmax()] if pixel.any() else "-" for pixel in np.asarray(image)[row]]


def test_squash_keeps_the_whole_image():
    image = Resize("squash", "nearest")(stripes(), (10, 10))
    assert colours(image, 0) == colours(image, 9) == [*"rrrggggbbb"]


def test_crop_keeps_the_proportions_and_the_centre():
    assert colours(Resize("crop", "nearest")(stripes(), (10, 10)), 0) == [*"gggggggggg"]
    wide = Resize("crop", "nearest")(stripes(), (10, 20))
    assert wide.size == (20, 10)
    assert colours(wide, 5) == [*"rrrrrggggggggggbbbbb"]


def test_pad_keeps_the_proportions_and_the_whole_image_on_black():
    image = Resize("pad", "nearest")(stripes(), (10, 10))
    assert colours(image, 2) == colours(image, 7) == [*"----------"]
    assert colours(image, 3) == colours(image, 6) == [*"rrrggggbbb"]


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (7, 1), (1, 7), (33, 20), (40, 100), (200, 30)])
def test_every_image_gets_the_size_that_was_asked_for(how, size):
    for original in ((1, 1), (1000, 1), (1, 1000), (100, 40), (31, 77)):
        image = Resize(how)(Image.new("RGB", original, "white"), size)
        assert image.size == size[::-1]
        if how != "pad":
            assert (np.asarray(image) == 255).all()


def test_an_image_of_the_size_is_not_changed():
    for how in ("squash", "crop", "pad"):
        assert Resize(how)(stripes(), (40, 100)).tobytes() == stripes().tobytes()


def test_each_filter_is_pillow_s():
    draws = np.random.default_rng(1)
    image = Image.fromarray(draws.integers(0, 256, (50, 70, 3), np.uint8))
    results = set()
    for name in FILTERS:
        expected = image.resize((32, 32), Image.Resampling[name.upper()])
        assert Resize(filter=name)(image, (32, 32)).tobytes() == expected.tobytes()
        results.add(expected.tobytes())
    assert len(results) == len(FILTERS)


def test_a_rule_is_given_by_name_by_its_fields_or_as_itself():
    rule = Resize("crop", "bilinear")
    assert resolve_resize(rule) is rule
    assert resolve_resize({"how": "crop", "filter": "bilinear"}) == rule
    assert resolve_resize("pad") == Resize("pad")
    assert resolve_resize({"filter": "box"}) == Resize("squash", "box")
    assert resolve_resize(rule.to_dict()) == rule


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("cropp", '`resize` must be one of "squash", "crop", "pad", not "cropp"'),
        (3, '`resize` must be one of "squash", "crop", "pad", or `how` and `filter` by name'),
        ({"how": "crop", "fill": 1}, '`resize` must be one of "how", "filter", not "fill"'),
        ({"filter": "sharp"}, "In `resize`, `filter` must be one of"),
        ({"how": None}, "In `resize`, `how` must be one of"),
    ],
)
def test_another_rule_is_refused(value, message):
    with pytest.raises(ArgumentError, match=message):
        resolve_resize(value)
