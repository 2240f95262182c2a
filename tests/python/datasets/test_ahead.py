import threading

import pytest

from pycifar.datasets.ahead import DEPTH, made_in_turn


def test_results_come_in_order_and_no_thread_is_left():
    for ahead in (False, True):
        with made_in_turn(lambda n: n * n, range(10), ahead) as made:
            assert list(made) == [n * n for n in range(10)]
    assert threading.active_count() == 1


def test_no_more_is_made_than_is_ahead():
    begun = []
    with made_in_turn(begun.append, range(100), ahead=True) as made:
        for _ in range(3):
            next(made)
    assert 3 <= len(begun) <= 3 + DEPTH
    assert threading.active_count() == 1


def test_an_error_is_raised_where_its_result_would_come():
    def make(number):
        if number == 2:
            raise ValueError("the third")
        return number

    taken = []
    with pytest.raises(ValueError, match="the third"), made_in_turn(make, range(9), True) as made:
        taken.extend(iter(lambda: next(made), None))
    assert taken == [0, 1]
    assert threading.active_count() == 1
