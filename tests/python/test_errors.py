import inspect
import traceback

import pytest

from pycifar import errors
from pycifar.errors import ArgumentError, PycifarError

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, PycifarError)
]


def test_each_error_has_a_kind_of_its_own():
    kinds = [error.kind for error in CLASSES]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("error", CLASSES)
def test_the_tree_at_the_top_shows_each_error_under_its_parent(error):
    lines = errors.__doc__.splitlines()
    shown = {}  # the name in each column of the tree, and of each name its parent
    parents = {}
    for line in lines:
        stripped = line.lstrip(" │├└─")
        if stripped.split("Error")[0].isalpha() and "Error" in stripped.split(" ")[0]:
            column = len(line) - len(stripped)
            shown[column] = stripped.split(" ")[0]
            above = [name for place, name in sorted(shown.items()) if place < column]
            parents[shown[column]] = above[-1] if above else None
            shown = {place: name for place, name in shown.items() if place <= column}
    expected = next((base.__name__ for base in error.__bases__ if base in CLASSES), None)
    assert parents[error.__name__] == expected


def test_kinds_go_from_special_to_general_without_the_root():
    assert errors.ImageError.kinds() == ["image", "data"]
    assert errors.UnknownNameError.kinds() == ["unknown_name", "argument"]
    assert PycifarError.kinds() == []


def test_an_error_carries_its_message_and_its_fix():
    error = errors.DataError("What is wrong.", fix="What to do.")
    assert str(error) == error.message == "What is wrong."
    assert error.fix == "What to do."
    assert errors.DataError("What is wrong.").fix is None


def test_a_wrong_argument_is_a_value_error_too():
    assert issubclass(errors.ArgumentError, ValueError)


def test_an_error_survives_pickling():
    import pickle

    error = pickle.loads(pickle.dumps(errors.DataError("What is wrong.", fix="What to do.")))
    assert (error.message, error.fix) == ("What is wrong.", "What to do.")


def test_a_traceback_shows_what_to_do():
    error = ArgumentError("It is wrong.", fix="Do it right.")
    assert str(error) == "It is wrong."
    assert traceback.format_exception(error)[-1] == "Do it right.\n"
