import numpy as np
import pytest

from pycifar.datasets.sampling import fold_numbers, stratified_indices, stratified_split
from pycifar.errors import ArgumentError

LABELS = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 100))


def test_each_class_keeps_its_share():
    chosen = stratified_indices(LABELS, 200, seed=1)
    assert np.bincount(LABELS[chosen]).tolist() == [20] * 10


@pytest.mark.parametrize("n", [1, 7, 33, 99, 100])
def test_shares_that_do_not_come_out_even_are_off_by_less_than_one(n):
    labels = np.repeat([0, 1, 2, 3], [50, 30, 19, 1])
    counts = np.bincount(labels[stratified_indices(labels, n, seed=1)], minlength=4)
    assert counts.sum() == n
    assert (abs(counts - np.array([0.5, 0.3, 0.19, 0.01]) * n) < 1).all()


def test_indices_are_different_and_increase():
    chosen = stratified_indices(LABELS, 501, seed=1)
    assert chosen.dtype == np.int64
    assert (np.diff(chosen) > 0).all()


def test_the_seed_alone_decides():
    np.random.seed(1)
    first = stratified_indices(LABELS, 100, seed=7)
    np.random.seed(2)
    assert np.array_equal(stratified_indices(LABELS, 100, seed=7), first)
    assert not np.array_equal(stratified_indices(LABELS, 100, seed=8), first)


def test_more_images_with_the_same_seed_are_the_same_and_more():
    few, many = (stratified_indices(LABELS, n, seed=3) for n in (100, 400))
    assert set(few) < set(many)


def test_all_images_may_be_chosen():
    assert stratified_indices(LABELS, 1000, seed=1).tolist() == list(range(1000))


@pytest.mark.parametrize("n", [0, -1, 1001, 2.5, "ten", None])
def test_an_impossible_number_is_refused(n):
    with pytest.raises(ArgumentError, match="whole number from 1 to 1000"):
        stratified_indices(LABELS, n, seed=1)


def test_a_split_holds_each_image_once_and_each_class_in_proportion():
    keep, held_out = stratified_split(LABELS, 0.1, seed=1)
    assert np.array_equal(np.sort(np.concatenate([keep, held_out])), np.arange(1000))
    assert np.bincount(LABELS[held_out]).tolist() == [10] * 10
    assert np.bincount(LABELS[keep]).tolist() == [90] * 10


def test_a_split_holds_out_at_least_one_and_keeps_at_least_one():
    assert [len(part) for part in stratified_split(np.zeros(2, int), 0.01, seed=1)] == [1, 1]
    assert [len(part) for part in stratified_split(np.zeros(2, int), 0.99, seed=1)] == [1, 1]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.1, float("nan"), "a tenth", True])
def test_an_impossible_fraction_is_refused(fraction):
    with pytest.raises(ArgumentError, match="`fraction` must be a number above 0 and below 1"):
        stratified_split(LABELS, fraction, seed=1)


def test_one_image_cannot_be_split():
    with pytest.raises(ArgumentError, match="at least 2 images, not 1"):
        stratified_split(np.zeros(1, int), 0.5, seed=1)


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("counts", [[1, 1, 1, 50], [2, 3, 4], [1, 20, 20], [1] * 30 + [40]])
def test_a_split_leaves_an_image_of_each_class_where_that_is_possible(fraction, counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    keep, held_out = stratified_split(labels, fraction, seed=1)
    assert len(held_out) == max(1, round(len(labels) * fraction))
    assert sorted([*keep, *held_out]) == list(range(len(labels)))
    if len(held_out) <= len(labels) - len(counts):
        assert set(labels[keep]) == set(labels)


def test_groups_are_held_out_whole_and_each_class_in_proportion():
    random = np.random.default_rng(1)
    groups = np.sort(random.integers(0, 200, 1000)).astype(str)
    keep, held_out = stratified_split(LABELS, 0.2, 1, groups)
    assert not {*groups[keep]} & {*groups[held_out]}
    assert abs(np.bincount(LABELS[held_out]) - 20).max() <= 8
    assert 180 <= len(held_out) <= 230
    assert len(stratified_split(LABELS, 0.2, 2, groups)[1]) != 0
    for fraction in (0.01, 0.99):
        parts = stratified_split(np.zeros(6, int), fraction, 1, list("aaabbb"))
        assert [len(part) for part in parts] == [3, 3]
    with pytest.raises(ArgumentError, match="at least 2 groups, not 1"):
        stratified_split(LABELS, 0.2, 1, ["a"] * 1000)


def test_folds_have_equal_numbers_of_each_class():
    labels = np.repeat([0, 1, 2], [50, 23, 7])
    numbers = fold_numbers(labels, 4, seed=1)
    counts = np.array([np.bincount(labels[numbers == fold], minlength=3) for fold in range(4)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()
    assert (fold_numbers(labels, 4, seed=1) == numbers).all()
    assert (fold_numbers(labels, 4, seed=2) != numbers).any()


def test_folds_keep_groups_together():
    groups = (np.arange(1000) // 7).astype(str)
    numbers = fold_numbers(LABELS, 5, 1, groups)
    assert all(len({*numbers[groups == group]}) == 1 for group in np.unique(groups))
    counts = np.array([np.bincount(LABELS[numbers == fold]) for fold in range(5)])
    assert (abs(counts - 20) <= 4).all()


@pytest.mark.parametrize(("k", "groups"), [(1, ()), (1001, ()), (3, ["a", "b"] * 500), (2.5, ())])
def test_an_impossible_number_of_folds_is_refused(k, groups):
    with pytest.raises(ArgumentError, match="`k` must be a whole number from 2 to"):
        fold_numbers(LABELS, k, 1, groups)
