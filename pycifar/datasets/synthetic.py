"""Synthetic images of ten classes of shapes and patterns, drawn by code and without any file.

Each image shows one shape or pattern with a random place, size, angle and colours, and with noise.
Both colours are random, so that neither a colour nor a single pixel reveals the class. So a linear
model is little better than guessing, while a small CNN learns the classes well.

The same seed draws the same bytes on every machine; `drawings` says why.
"""

from __future__ import annotations

import numpy as np

from pycifar.datasets.arrays import frozen
from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.drawings import DRAWINGS, Drawing, uniform

SIZE = 32  # height and width in pixels
MOST = 1_000_000  # images of a split, which take 3 GB
DEFAULT_TRAIN = 5000  # images
DEFAULT_TEST = 1000

_RADIUS = (9.0, 13.0)  # pixels from the middle of a shape to its edge
_LARGEST_SHIFT = 3.0  # pixels from the middle of the image to the middle of the shape
_LEAST_CONTRAST = 0.35  # share of the full range, between shape and background in each channel
_NOISE = 0.06  # the largest change of a value, as a share of the full range
_BLOCK = 500  # images drawn at a time


def draw_dataset(n_train: int | None, n_test: int | None, seed: int) -> Dataset:
    """Draw a data set; its splits come from independent random numbers.

    Args:
        n_train: the number of training images, 5,000 if None; at most `MOST`.
        n_test: the number of test images, 1,000 if None; at most `MOST`.
        seed: a whole number of at least 0; the same seed draws the same images.
    """
    sizes = {
        "train": DEFAULT_TRAIN if n_train is None else n_train,
        "test": DEFAULT_TEST if n_test is None else n_test,
    }
    splits = {
        split: _draw_split(n, np.random.default_rng([seed, i]))
        for i, (split, n) in enumerate(sizes.items())
    }
    source = f"synthetic images, drawn by pycifar with seed {seed}; no photographs"
    return Dataset("synthetic", splits, tuple(DRAWINGS), source)


def _draw_split(n: int, random: np.random.Generator) -> Split:
    """Draw images of all classes, in numbers that are equal to within one, in random order."""
    labels = np.arange(n) % len(DRAWINGS)
    labels = labels[np.argsort(random.random(n), kind="stable")]
    images = np.empty((n, SIZE, SIZE, 3), np.uint8)
    for label, drawing in enumerate(DRAWINGS.values()):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), _BLOCK):
            block = members[start : start + _BLOCK]
            images[block] = _coloured(_covered(drawing, len(block), random), random)
    return Split(frozen(images), labels)


def _covered(drawing: Drawing, n: int, random: np.random.Generator) -> np.ndarray:
    """Return the share of each pixel that the shape covers, float32 of shape (n, 32, 32)."""
    radius = uniform(random, n, *_RADIUS)
    grid = np.arange(SIZE, dtype=np.float32) - np.float32((SIZE - 1) / 2)
    x = grid[np.newaxis, np.newaxis, :] - _shift(radius, random)
    y = grid[np.newaxis, :, np.newaxis] - _shift(radius, random)
    inside = drawing(x, y, radius, random)
    covered = np.clip(inside + np.float32(0.5), 0, 1)  # a pixel on the edge is half covered
    return np.broadcast_to(covered, (n, SIZE, SIZE))


def _shift(radius: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the offset of each shape from the middle of its image, in pixels.

    A circle of that radius stays inside the image.
    """
    room = np.minimum(np.float32(SIZE / 2) - radius, np.float32(_LARGEST_SHIFT))
    shift: np.ndarray = uniform(random, len(radius), -1, 1) * room
    return shift


def _coloured(covered: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw each shape in a random colour on a background of another, with noise, as uint8."""
    n = len(covered)
    ground = uniform(random, n, 0, 1, (1, 1, 3))
    # In each channel, the shape is the background plus 0.35 to 0.65, modulo 1. So the two differ by
    # `_LEAST_CONTRAST` at least.
    shape = ground + uniform(random, n, _LEAST_CONTRAST, 1 - _LEAST_CONTRAST, (1, 1, 3))
    shape -= np.floor(shape)
    images = ground + covered[..., np.newaxis] * (shape - ground)
    images += uniform(random, n, -_NOISE, _NOISE, images.shape[1:])
    pixels: np.ndarray = np.rint(np.clip(images, 0, 1) * np.float32(255)).astype(np.uint8)
    return pixels
