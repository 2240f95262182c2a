import time

import numpy as np
import pytest

from pycifar.datasets import load_dataset
from pycifar.datasets.drawings import DRAWINGS
from pycifar.datasets.synthetic import draw_dataset
from pycifar.errors import ArgumentError


def test_there_are_5000_and_1000_images_of_ten_classes_by_default():
    dataset = draw_dataset(None, None, seed=1)
    for name, n in (("train", 5000), ("test", 1000)):
        split = dataset.split(name)
        assert split.images.shape == (n, 32, 32, 3)
        assert split.labels.dtype == np.int64
        assert np.bincount(split.labels).tolist() == [n // 10] * 10
    assert dataset.class_names == tuple(DRAWINGS)
    assert "synthetic" in dataset.source


def test_the_same_seed_draws_the_same_bytes_on_every_machine():
    dataset = draw_dataset(200, 20, seed=1)
    assert dataset.fingerprint("train").startswith("dc58dc4860e4d8d4")
    assert dataset.fingerprint("test").startswith("3e51e0c85657b063")


def test_another_seed_draws_other_images():
    assert draw_dataset(20, 20, 2).fingerprint() != draw_dataset(20, 20, 1).fingerprint()


def test_the_splits_come_from_independent_numbers():
    few, many = draw_dataset(100, 50, seed=1), draw_dataset(300, 50, seed=1)
    assert few.fingerprint("test") == many.fingerprint("test")
    same_size = draw_dataset(50, 50, seed=1)
    assert same_size.fingerprint("train") != same_size.fingerprint("test")


@pytest.mark.parametrize("n", [1, 9, 11, 5003])
def test_any_number_of_images_is_drawn(n):
    labels = draw_dataset(n, 1, seed=1).split("train").labels
    counts = np.bincount(labels, minlength=10)
    assert counts.sum() == n
    assert np.ptp(counts) <= 1


def test_6000_images_are_drawn_in_a_second_and_a_half():
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        draw_dataset(None, None, seed=1)
        durations.append(time.perf_counter() - start)
        if durations[-1] < 1.5:
            break
    assert min(durations) < 1.5


def test_shape_and_ground_differ_in_each_image():
    images = draw_dataset(200, 1, seed=1).split("train").images.reshape(200, -1, 3)
    assert (np.ptp(images, axis=1) > 0.3 * 255).all()


def test_a_linear_model_learns_next_to_nothing():
    dataset = load_dataset("synthetic", n_train=2000, n_test=500)
    train, test = dataset.split("train"), dataset.split("test")

    def features(split):
        pixels = split.images.reshape(len(split), -1) / np.float32(255)
        return np.hstack([pixels - np.float32(0.5), np.ones((len(split), 1), np.float32)])

    x, y = features(train), np.eye(10, dtype=np.float32)[train.labels]
    # Ridge regression on the pixels, in its dual form.
    weights = x.T @ np.linalg.solve(x @ x.T + 100 * np.eye(len(x), dtype=np.float32), y)
    accuracy = ((features(test) @ weights).argmax(axis=1) == test.labels).mean()
    assert accuracy < 0.4


@pytest.mark.parametrize("n", [0, -1, 2.5, "ten"])
def test_an_impossible_number_is_refused(n):
    with pytest.raises(ArgumentError, match="`n_train` must be a whole number from 1"):
        load_dataset("synthetic", n_train=n)
    with pytest.raises(ArgumentError, match="`n_test` must be a whole number from 1"):
        load_dataset("synthetic", n_test=n)
