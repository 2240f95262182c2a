from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pycifar import Augmentation
from pycifar.datasets.augmentation import resolve_augmentation
from pycifar.errors import ArgumentError, UnknownNameError

GREY = (0.299, 0.587, 0.114)
LIGHT = ("brightness", "contrast", "saturation")
EVERY = ["flip", "shift", "crop", "colour", "cutout"]


def images_of(n: int = 64, side: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (n, side, side, 3), dtype=np.uint8)


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    images = images_of()
    flipped = Augmentation(flip=True)(images, np.random.default_rng(1))
    same = (flipped == images).all(axis=(1, 2, 3))
    mirrored = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 20 < same.sum() < 44


def test_an_alternating_flip_mirrors_the_images_whose_turn_it_is():
    images = images_of(4)
    turn = np.array([True, False, True, False])
    flipped = Augmentation(flip="alternating")(images, np.random.default_rng(1), turn)
    assert (flipped[turn] == images[turn][:, :, ::-1]).all()
    assert (flipped[~turn] == images[~turn]).all()


def test_an_alternating_flip_of_images_without_turns_is_drawn():
    images = images_of()
    drawn, alternating = (
        Augmentation(flip=flip, shift=2)(images, np.random.default_rng(1))
        for flip in (True, "alternating")
    )
    assert (drawn == alternating).all()


def test_shift_moves_each_image_by_its_own_offset_and_mirrors_at_the_edge():
    images = images_of()
    shifted = Augmentation(shift=2)(images, np.random.default_rng(1))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="symmetric")
    offsets = set()
    for image, source in zip(shifted, padded, strict=True):
        fits = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if (source[row : row + 8, column : column + 8] == image).all()
        ]
        assert len(fits) == 1
        offsets.add(fits[0])
    assert len(offsets) > 10


def test_cutout_blackens_one_square_and_nothing_else():
    images = images_of(side=16)
    cut = Augmentation(cutout=4)(images, np.random.default_rng(1))
    black = (cut == 0).all(axis=-1)
    assert (cut[~black] == images[~black]).all()
    areas = black.sum(axis=(1, 2))
    assert areas.max() == 16
    assert areas.min() >= 4  # a corner's share of the square stays inside


def test_crop_shows_a_part_of_its_own_of_each_image_stretched_to_the_whole():
    height, width, n = 40, 60, 200
    images = np.zeros((n, height, width, 3), np.uint8)
    images[..., 0] = 4 * np.arange(width)  # a value tells the place that a pixel came from
    images[..., 1] = 4 * np.arange(height)[:, None]
    cropped = Augmentation(crop=0.25)(images, np.random.default_rng(1)) / 4
    # Between the middles of two pixels, away from the edge, places are as far apart as the part is
    # smaller than the image.
    share_across = (cropped[:, 20, 50, 0] - cropped[:, 20, 10, 0]) / 40
    share_down = (cropped[:, 30, 30, 1] - cropped[:, 10, 30, 1]) / 20
    area, stretch = share_across * share_down, share_across / share_down
    assert 0.24 < area.min() < 0.3
    assert 0.95 < area.max() < 1.02
    assert abs(area.mean() - 0.625) < 0.05
    assert 0.73 < stretch.min() < 0.8
    assert 1.25 < stretch.max() < 1.38
    left = cropped[:, 20, 30, 0] - 30 * share_across
    assert left.min() > -1
    assert (left + width * share_across).max() < width + 1
    assert left.max() > 15  # parts are at the right, too


def test_brightness_multiplies_each_image_by_a_factor_of_its_own():
    images = np.full((200, 4, 4, 3), (200, 100, 50), np.uint8)
    factors = Augmentation(brightness=0.25)(images, np.random.default_rng(1)) / images
    assert np.ptp(factors, axis=(1, 2, 3)).max() < 0.02
    assert 0.74 < factors.min() < 0.78
    assert 1.22 < factors.max() < 1.26


def test_what_becomes_brighter_than_white_is_white():
    bright = Augmentation(brightness=1)(images_of(), np.random.default_rng(1))
    assert ((bright == 255) & (images_of() < 255)).any()
    darkened = (bright <= images_of()).all(axis=(1, 2, 3))
    assert (darkened | (bright >= images_of()).all(axis=(1, 2, 3))).all()


def test_contrast_keeps_the_mean_grey_and_changes_the_distance_from_it():
    images = np.random.default_rng(0).integers(80, 176, (50, 16, 16, 3), np.uint8)
    changed = Augmentation(contrast=0.5)(images, np.random.default_rng(1))
    assert np.abs((changed @ GREY).mean((1, 2)) - (images @ GREY).mean((1, 2))).max() < 1
    factors = changed.std((1, 2, 3)) / images.std((1, 2, 3))
    assert 0.49 < factors.min() < 0.6
    assert 1.4 < factors.max() < 1.51


@pytest.mark.parametrize("change", [{"saturation": 0.5}, {"hue": 0.1}])
def test_saturation_and_hue_keep_the_grey_of_each_pixel(change):
    images = np.random.default_rng(0).integers(80, 176, (50, 16, 16, 3), np.uint8)
    changed = Augmentation(**change)(images, np.random.default_rng(1))
    assert np.abs(changed @ GREY - images @ GREY).max() < 1
    assert (changed != images).mean() > 0.5
    grey = images_of()[..., :1].repeat(3, axis=-1)
    assert (Augmentation(**change)(grey, np.random.default_rng(1)) == grey).all()


def test_saturation_changes_the_distance_from_the_grey_of_each_pixel():
    images = np.random.default_rng(0).integers(80, 176, (50, 16, 16, 3), np.uint8)
    changed = Augmentation(saturation=0.5)(images, np.random.default_rng(1))
    distance = images - (images @ GREY)[..., None]
    factors = (changed - (changed @ GREY)[..., None]).std((1, 2, 3)) / distance.std((1, 2, 3))
    assert 0.49 < factors.min() < 0.6
    assert 1.4 < factors.max() < 1.51


def test_hue_turns_red_towards_yellow_and_towards_violet():
    red = np.full((200, 1, 1, 3), (180, 90, 90), np.uint8)
    turned = Augmentation(hue=0.05)(red, np.random.default_rng(1))[:, 0, 0]
    _, green, blue = turned.T
    assert (green[blue < 85] > 90).all()
    assert (green[blue > 95] < 90).all()
    assert 60 < (blue < 90).sum() < 140
    # In YIQ, colours of one grey lie around it.
    to_colour = np.array([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    angles = np.arctan2(*(to_colour @ turned.T)) - np.arctan2(*(to_colour @ red[0, 0, 0]))
    assert 0.045 < np.abs(angles).max() / (2 * np.pi) < 0.053


def test_the_images_given_stay_as_they_were():
    images = images_of()
    before = images.copy()
    resolve_augmentation(EVERY)(images, np.random.default_rng(1))
    assert (images == before).all()


def test_the_same_generator_state_gives_the_same_images_in_eight_threads_as_well():
    every = resolve_augmentation(EVERY)

    def augmented(seed: int) -> bytes:
        return every(images_of(), np.random.default_rng(seed)).tobytes()

    seeds = [*range(8)] * 4
    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(augmented, seeds)] == [augmented(seed) for seed in seeds]
    assert augmented(1) != augmented(2)


def test_images_stored_plane_by_plane_are_changed_like_others():
    images = images_of()
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    every = resolve_augmentation(EVERY)
    first, second = (every(given, np.random.default_rng(5)) for given in (images, planes))
    assert (first == second).all()


def test_other_changes_leave_flip_and_shift_as_they_are_drawn():
    images = images_of()
    grey = np.broadcast_to(images[..., :1], images.shape)  # which saturation does not change
    first, second = (
        Augmentation(flip=True, shift=2, saturation=share)(grey, np.random.default_rng(5))
        for share in (0, 1)
    )
    assert (first == second).all()


def test_images_of_one_pixel_stay_of_one_pixel():
    images = np.full((20, 1, 1, 3), 100, np.uint8)
    assert (Augmentation(crop=1e-9)(images, np.random.default_rng(1)) == images).all()


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        ("none", {}),
        ([], {}),
        ("flip", {"flip": True}),
        (["flip", "shift"], {"flip": True, "shift": 4}),
        ({"shift": 2.0, "cutout": 0}, {"shift": 2}),
        ({"flip": "alternating"}, {"flip": "alternating"}),
        (["flip", "crop"], {"flip": True, "crop": 0.35}),
        ("hue", {"hue": 0.02}),
        ("colour", {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.02}),
        ({"crop": 0.5, "colour": True, "hue": 0}, {"crop": 0.5, **dict.fromkeys(LIGHT, 0.2)}),
        ({"crop": True, "shift": True, "colour": False}, {"crop": 0.35, "shift": 4}),
    ],
)
def test_augmentation_is_named_listed_or_given_with_values(given, settled):
    assert resolve_augmentation(given).to_dict() == settled


def test_an_unknown_augmentation_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match='not "flop"') as caught:
        resolve_augmentation("flop")
    assert caught.value.fix == 'Did you mean "flip"?'


@pytest.mark.parametrize("given", [3, {"shift": -1}, {"flip": "yes"}, {"shift": 1.5}])
def test_what_is_no_augmentation_is_refused(given):
    with pytest.raises(ArgumentError):
        resolve_augmentation(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"crop": 1}, "`crop` must be a number of at least 0 and below 1, not 1."),
        ({"crop": "0.5"}, '`crop` must be a number of at least 0 and below 1, not "0.5".'),
        ({"hue": 0.6}, "`hue` must be a number of at least 0 and at most 0.5, not 0.6."),
        ({"contrast": -1}, "`contrast` must be a number of at least 0 and at most 1, not -1."),
        ({"colour": 0.3}, "`colour` must be True or False, not 0.3; numbers are given to "),
    ],
)
def test_a_wrong_value_is_told_what_it_may_be(given, message):
    with pytest.raises(ArgumentError) as caught:
        resolve_augmentation(given)
    assert caught.value.message.startswith(f"In `augmentation`, {message}")


def test_the_spelling_color_is_answered_with_colour():
    with pytest.raises(UnknownNameError) as caught:
        resolve_augmentation({"color": True})
    assert caught.value.fix == 'Did you mean "colour"?'


def test_a_wrong_flip_is_told_what_it_may_be():
    with pytest.raises(ArgumentError, match='True, False or "alternating", not "alternate"'):
        Augmentation(flip="alternate")
