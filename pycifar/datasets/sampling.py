"""Stratified samples of images: each class keeps its share, and a seed fixes the sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pycifar.arguments import check_count, check_number
from pycifar.errors import ArgumentError, DataWarning, first_of, warn


def stratified_indices(labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Choose `n` of the images so that each class keeps its share to within one image.

    With the same seed, a larger `n` chooses the same images and more, to within one image per
    class.

    Args:
        labels: integers, shape (images,).
        n: the number of images to choose, from 1 to the number of labels.
        seed: a whole number of at least 0; the same seed chooses the same images.

    Returns:
        The chosen indices, int64, in increasing order.

    Raises:
        ArgumentError: `n` or `seed` is out of range.

    Examples:
        >>> import numpy as np
        >>> stratified_indices(np.array([0, 0, 0, 0, 1, 1]), 3, seed=1).size
        3
    """
    labels = np.asarray(labels)
    n = check_count("n", n, 1, len(labels))
    order, counts = _shuffled_by_class(labels, check_count("seed", seed, 0))
    starts = np.cumsum(counts) - counts
    shares = _shares(counts, n)
    chosen = [order[start : start + k] for start, k in zip(starts, shares, strict=True)]
    return np.sort(np.concatenate(chosen))


def stratified_split(
    labels: np.ndarray, fraction: float, seed: int, groups: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Split images into those to keep and those to hold out, each class in the same proportion.

    Images of one group stay together. The proportions are then as near as groups, taken one by one
    in random order, come to them.

    Args:
        labels: integers, shape (images,).
        fraction: the share to hold out, above 0 and below 1. At least one image is held out, and at
            least one is kept. A class keeps at least one image, unless the share is too large for
            that.
        seed: a whole number of at least 0; the same seed holds out the same images.
        groups: the group of each image; empty if there are no groups.

    Returns:
        (keep, held_out): two int64 arrays of indices in increasing order. Each image is in one of
        them.

    Raises:
        ArgumentError: `fraction` or `seed` is out of range, or there are fewer than two images, or
            fewer than two groups.

    Examples:
        >>> import numpy as np
        >>> keep, held_out = stratified_split(np.repeat(np.arange(10), 100), 0.1, seed=1)
        >>> keep.size, held_out.size
        (900, 100)
    """
    labels = np.asarray(labels)
    fraction = check_number("fraction", fraction, 0, 1, open_minimum=True, open_maximum=True)
    if len(labels) < 2:
        raise ArgumentError(f"Holding out images takes at least 2 images, not {len(labels)}.")
    if len(groups):
        is_held = _held_out_groups(labels, groups, fraction, check_count("seed", seed, 0))
        return np.flatnonzero(~is_held), np.flatnonzero(is_held)
    n = min(max(round(len(labels) * fraction), 1), len(labels) - 1)
    order, counts = _shuffled_by_class(labels, check_count("seed", seed, 0))
    starts = np.cumsum(counts) - counts
    shares = _leaving_one(_shares(counts, n), counts)
    chosen = [order[start : start + k] for start, k in zip(starts, shares, strict=True)]
    held_out = np.sort(np.concatenate(chosen))
    is_kept = np.ones(len(labels), bool)
    is_kept[held_out] = False
    return np.flatnonzero(is_kept), held_out


def warn_of_lost_classes(before: np.ndarray, kept: np.ndarray, class_names: Sequence[str]) -> None:
    """Warn of classes that have training images, and none that is kept.

    Args:
        before: the labels of all training images, shape (images,).
        kept: the labels of those that are left for the training.
        class_names: one name per class.
    """
    if lost := [class_names[label] for label in np.setdiff1d(before, kept).tolist()]:
        warn(
            DataWarning(
                "Classes of which no image is left for the training cannot be learned: "
                f"{first_of(lost)}."
            )
        )


def fold_numbers(labels: np.ndarray, k: int, seed: int, groups: Sequence[str] = ()) -> np.ndarray:
    """Deal images into folds, each class in equal numbers to within one image.

    Images of one group stay together. The numbers are then as equal as groups, the largest first,
    allow.

    Args:
        labels: integers, shape (images,).
        k: the number of folds, from 2 to the number of images, or of groups.
        seed: a whole number of at least 0; the same seed deals the same images.
        groups: the group of each image; empty if there are no groups.

    Returns:
        The fold of each image, from 0 to k - 1, int64 of shape (images,).

    Raises:
        ArgumentError: `k` or `seed` is out of range.

    Examples:
        >>> import numpy as np
        >>> np.bincount(fold_numbers(np.repeat([0, 1], 30), 3, seed=1)).tolist()
        [20, 20, 20]
    """
    labels, seed = np.asarray(labels), check_count("seed", seed, 0)
    numbers = np.empty(len(labels), np.int64)
    if not len(groups):
        k = check_count("k", k, 2, max(2, len(labels)))
        numbers[_shuffled_by_class(labels, seed)[0]] = np.arange(len(labels)) % k
        return numbers
    of_image, counts = _counted_by_group(labels, groups)
    k = check_count("k", k, 2, max(2, len(counts)))
    keys = np.random.default_rng(seed).random(len(counts))
    shares = counts / counts.sum(axis=0)  # so that rare classes count as much as others
    folds, filled = np.empty(len(counts), np.int64), np.zeros((k, counts.shape[1]))
    for group in np.lexsort((keys, -counts.sum(axis=1))):
        # The sum of squares over all folds grows by this and a constant.
        fold = np.lexsort((filled.sum(axis=1), np.round(filled @ shares[group], 12)))[0]
        folds[group] = fold
        filled[fold] += shares[group]
    numbers[:] = folds[of_image]
    return numbers


def _held_out_groups(
    labels: np.ndarray, groups: Sequence[str], fraction: float, seed: int
) -> np.ndarray:
    """Return whether each image is held out, with the images of a group together."""
    of_image, counts = _counted_by_group(labels, groups)
    if len(counts) < 2:
        raise ArgumentError("Holding out images by group takes at least 2 groups, not 1.")
    shares = counts / counts.sum(axis=0)
    order = np.argsort(np.random.default_rng(seed).random(len(counts)))
    held, missing = np.zeros(len(counts), bool), np.full(counts.shape[1], fraction)
    for group in order:
        if ((missing - shares[group]) ** 2).sum() < (missing**2).sum():
            held[group] = True
            missing = missing - shares[group]
    if not held.any() or held.all():  # at least one is held out, and at least one is kept
        nearest = np.abs((fraction if not held.any() else 1 - fraction) - shares).sum(axis=1)
        held[np.argmin(nearest)] ^= True
    is_held: np.ndarray = held[of_image]
    return is_held


def _counted_by_group(labels: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the group of each image, and the images by group and class."""
    names, of_image = np.unique(np.asarray(groups), return_inverse=True)
    classes, of_class = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (of_image, of_class), 1)
    return of_image, counts


def _shuffled_by_class(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all indices, class after class and shuffled in each, and the size of each class."""
    # Sorted by random numbers, because Generator.permutation may change with the version of NumPy,
    # and a validation split is drawn again when a model goes on, maybe years later.
    keys = np.random.default_rng(seed).random(len(labels))
    _, counts = np.unique(labels, return_counts=True)
    return np.lexsort((keys, labels)), counts


def _shares(counts: np.ndarray, n: int) -> np.ndarray:
    """Return how many images to take of each class: `n` in all, in proportion to `counts`.

    The numbers are rounded by the method of largest remainders.
    """
    exact = counts * n
    shares: np.ndarray = exact // counts.sum()
    largest = np.argsort(-(exact % counts.sum()), kind="stable")
    shares[largest[: n - shares.sum()]] += 1
    return shares


def _leaving_one(shares: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return shares of the same sum that take no class whole; the same ones where there are none.

    What is too much of one class is taken of the classes that have the most images left.
    """
    left = counts - shares
    excess = int((left == 0).sum())
    if not excess or shares.sum() > (counts - 1).sum():
        return shares
    shares = shares - (left == 0)
    for _ in range(excess):
        shares[np.argmax(counts - shares)] += 1
    return shares
