import numpy as np
import pytest

from pycifar import Augmentation
from pycifar.datasets.augmentation import resolve_augmentation
from pycifar.errors import ArgumentError, UnknownNameError


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


def test_the_images_given_stay_as_they_were():
    images = images_of()
    before = images.copy()
    Augmentation(flip=True, shift=4, cutout=4)(images, np.random.default_rng(1))
    assert (images == before).all()


def test_the_same_generator_state_gives_the_same_images():
    every = Augmentation(flip=True, shift=4, cutout=4)
    first, second = (every(images_of(), np.random.default_rng(5)) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        ("none", {}),
        ([], {}),
        ("flip", {"flip": True}),
        (["flip", "shift"], {"flip": True, "shift": 4}),
        ({"shift": 2.0, "cutout": 0}, {"shift": 2}),
        ({"flip": "alternating"}, {"flip": "alternating"}),
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


def test_a_wrong_flip_is_told_what_it_may_be():
    with pytest.raises(ArgumentError, match='True, False or "alternating", not "alternate"'):
        Augmentation(flip="alternate")
