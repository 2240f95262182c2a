"""The ten shapes and patterns of the synthetic data set.

Each drawing is a function of four arguments for n images:

- `x` and `y`: the offsets of the pixels from the middle of the shape, to the right and down, in
  pixels, float32 of shape (n, 1, 32) and (n, 32, 1)
- `radius`: the radius of the shape in pixels, float32 of shape (n, 1, 1)
- `random`: the random generator

It returns the distance of each pixel to the nearest edge of the shape, in pixels. The distance is
positive inside the shape and negative outside.

The drawings use only additions, multiplications, divisions, roundings and square roots of float32,
because every machine rounds these alike. They avoid sine and cosine, which machines round
differently.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Drawing = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]

_HALF = np.float32(0.5)
_HALF_ROOT_3 = np.float32(0.8660254)
_HALF_ROOT_2 = np.float32(0.70710677)
_TILT = 0.2  # tangent of half the largest angle, 23 degrees in either direction
_SLIGHT_TILT = 0.1  # 11 degrees, for stripes, so that no two kinds of stripes look alike


def uniform(
    random: np.random.Generator, n: int, low: float, high: float, size: tuple[int, ...] = (1, 1)
) -> np.ndarray:
    """Return uniform random numbers from `low` to `high`, float32 of shape (n, *size)."""
    numbers = random.random((n, *size), dtype=np.float32)
    scaled: np.ndarray = numbers * np.float32(high - low) + np.float32(low)
    return scaled


def _circle(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    inside: np.ndarray = radius - np.sqrt(x * x + y * y)
    return inside


def _ring(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    distance = np.sqrt(x * x + y * y)
    hole = radius * uniform(random, len(radius), 0.6, 0.7)
    inside: np.ndarray = np.minimum(radius - distance, distance - hole)
    return inside


def _square(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    x, y = _tilted(x, y, _TILT, random)
    inside: np.ndarray = radius * np.float32(0.8) - np.maximum(abs(x), abs(y))
    return inside


def _triangle(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    x, y = _tilted(x, y, _TILT, random)
    slopes = _HALF * y - _HALF_ROOT_3 * abs(x)
    inside: np.ndarray = radius * _HALF + np.minimum(-y, slopes)
    return inside


def _cross(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    x, y = (abs(offset) for offset in _tilted(x, y, _TILT, random))
    arm = radius * uniform(random, len(radius), 0.25, 0.35)
    inside: np.ndarray = np.maximum(
        np.minimum(radius - x, arm - y), np.minimum(radius - y, arm - x)
    )
    return inside


def _horizontal_stripes(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    _, y = _tilted(x, y, _SLIGHT_TILT, random)
    return _stripes(y, uniform(random, len(radius), 4, 9), random)


def _vertical_stripes(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    x, _ = _tilted(x, y, _SLIGHT_TILT, random)
    return _stripes(x, uniform(random, len(radius), 4, 9), random)


def _diagonal_stripes(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    return _stripes((x + y) * _HALF_ROOT_2, uniform(random, len(radius), 4, 9), random)


def _checkerboard(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    period = uniform(random, len(radius), 8, 13)
    columns, rows = _stripes(x, period, random), _stripes(y, period, random)
    inside: np.ndarray = np.sign(columns) * np.sign(rows) * np.minimum(abs(columns), abs(rows))
    return inside


def _dots(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    period = uniform(random, len(radius), 7, 11)
    x, y = _repeated(x, period, random), _repeated(y, period, random)
    inside: np.ndarray = period * np.float32(0.3) - np.sqrt(x * x + y * y)
    return inside


def _tilted(
    x: np.ndarray, y: np.ndarray, tilt: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the offsets in axes that are turned by a random angle.

    `tilt` is the tangent of half the largest angle.
    """
    # The cosine and sine of an angle follow from the tangent of its half without sin() and cos().
    t = uniform(random, len(x), -tilt, tilt)
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    return cosine * x + sine * y, cosine * y - sine * x


def _stripes(offset: np.ndarray, period: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the distance to the edge of stripes across `offset`, each half a period wide."""
    inside: np.ndarray = period * np.float32(0.25) - abs(_repeated(offset, period, random))
    return inside


def _repeated(offset: np.ndarray, period: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the offsets from the middle of the nearest of many shapes.

    The shapes are one period apart, at a random phase.
    """
    turns = offset / period + uniform(random, len(period), 0, 1)
    offsets: np.ndarray = (turns - np.floor(turns) - _HALF) * period
    return offsets


DRAWINGS: dict[str, Drawing] = {
    "circle": _circle,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "horizontal_stripes": _horizontal_stripes,
    "vertical_stripes": _vertical_stripes,
    "diagonal_stripes": _diagonal_stripes,
    "checkerboard": _checkerboard,
    "dots": _dots,
}
