import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas
import pytest

import pycifar
from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_output,
    check_path,
    check_seed,
    describe,
    nearest_name,
)
from pycifar.errors import (
    ArgumentError,
    DataError,
    OutputError,
    OutputExistsError,
    UnknownNameError,
)


@pytest.mark.parametrize(
    "value", [10, 10.0, np.int64(10), np.uint8(10), np.float32(10), Fraction(10)]
)
def test_whole_numbers_of_any_type_count(value):
    count = check_count("epochs", value)
    assert count == 10
    assert type(count) is int


@pytest.mark.parametrize(
    ("value", "came"),
    [
        (0, "0"),
        (-1, "-1"),
        (2.5, "2.5"),
        (Fraction(5, 2), "Fraction"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("ten", '"ten"'),
        ("10", '"10"'),
        (True, "True"),
        (np.True_, "True"),
        (None, "None"),
        ([1, 2], r"\[1, 2\] \(list\)"),
        (np.array([1, 2]), r"shape \(2,\)"),
        (1 + 0j, "complex"),
    ],
)
def test_what_is_no_count_is_refused(value, came):
    with pytest.raises(ArgumentError, match=f"^`epochs` must be a whole number.*1, not .*{came}"):
        check_count("epochs", value)


def test_a_count_keeps_to_its_range():
    assert check_count("n", 3, 3, 3) == 3
    for value in (2, 4, 10**400):
        with pytest.raises(ArgumentError, match="`n` must be a whole number from 3 to 3, not"):
            check_count("n", value, 3, 3)


def test_a_large_count_keeps_each_digit():
    assert check_count("n", 2**60 + 1) == 2**60 + 1


def test_a_number_keeps_to_its_range():
    assert check_number("rate", 1, 0, 1) == 1.0
    assert type(check_number("rate", np.float32(0.5))) is float
    for value in (-0.001, 1.001, float("nan"), float("inf"), 10**400):
        with pytest.raises(ArgumentError, match="`rate` must be a number of at least 0 and at"):
            check_number("rate", value, 0, 1)


@pytest.mark.parametrize(
    ("limits", "refused", "allowed"),
    [
        ({}, float("inf"), "a finite number"),
        ({"minimum": 0}, -1, "a number of at least 0"),
        ({"maximum": 1}, 2, "a number at most 1"),
        ({"minimum": 0, "open_minimum": True}, 0, "a number above 0"),
        ({"maximum": 1, "open_maximum": True}, 1, "a number below 1"),
        ({"minimum": 0, "maximum": 1}, "half", "a number of at least 0 and at most 1"),
    ],
)
def test_an_error_says_which_numbers_are_allowed(limits, refused, allowed):
    with pytest.raises(ArgumentError, match=f"`rate` must be {allowed}, not "):
        check_number("rate", refused, **limits)


def test_a_seed_fits_an_integer_of_r_and_is_drawn_where_there_is_none():
    assert check_seed(0) == 0
    assert check_seed(2**31 - 1) == 2**31 - 1
    assert 0 <= check_seed(None) < 2**31
    assert check_seed(None) != check_seed(None)
    for value in (-1, 2**31, 1.5, "one"):
        with pytest.raises(ArgumentError, match="`seed` must be a whole number from 0 to"):
            check_seed(value)


def test_flags_are_true_or_false_alone():
    assert check_flag("shuffle", True) is True
    assert check_flag("shuffle", np.False_) is False
    for value in (1, 0, "yes", None, [True], np.array([True])):
        with pytest.raises(ArgumentError, match="`shuffle` must be True or False, not "):
            check_flag("shuffle", value)


def test_a_choice_is_one_of_the_names():
    choice = check_choice("kind", np.str_("a"), iter(["a", "b"]))
    assert choice == "a"
    assert type(choice) is str
    for value in ("c", 1, None, ["a"]):
        with pytest.raises(UnknownNameError, match='`kind` must be one of "a", "b", not '):
            check_choice("kind", value, ["a", "b"])


@pytest.mark.parametrize(
    ("value", "nearest"),
    [("cnn_2", "cnn2"), ("CNN4", "cnn4"), ("cnn_4", "cnn4"), ("lenet", "lenet5"), ("xyz", None)],
)
def test_the_nearest_name_is_suggested(value, nearest):
    names = ["cnn2", "cnn4", "lenet5", "resnet20"]
    assert nearest_name(value, names) == nearest
    with pytest.raises(UnknownNameError) as caught:
        check_choice("architecture", value, names)
    assert caught.value.fix == (f'Did you mean "{nearest}"?' if nearest else None)


def test_paths_may_be_text_or_paths_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_path("path", "~/a") == tmp_path / "a"
    assert check_path("path", Path("a")) == Path("a")


@pytest.mark.parametrize("value", [None, 3, "", "a\0b", b"a", ["a"]])
def test_what_is_no_path_is_refused(value):
    with pytest.raises(ArgumentError, match="`path` must be a path, not "):
        check_path("path", value)


def test_the_home_folder_of_nobody_is_refused():
    with pytest.raises(ArgumentError, match="there is no such user"):
        check_path("path", "~no-such-user/a")


def test_an_output_is_a_new_file_in_a_folder_that_exists(tmp_path):
    path = tmp_path / "plot.PNG"
    assert check_output("path", str(path), (".png", ".pdf"), overwrite=False) == path
    path.write_text("precious")
    with pytest.raises(OutputExistsError, match=f"{path} exists already") as caught:
        check_output("path", path, (".png",), overwrite=False)
    assert "overwrite" in caught.value.fix
    assert check_output("path", path, (".png",), overwrite=True) == path
    assert path.read_text() == "precious"


def test_an_output_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"`path` must end in \.png or \.pdf, not "):
        check_output("path", tmp_path / "plot.doc", (".png", ".pdf"), overwrite=False)


def test_an_output_to_an_impossible_place_is_refused(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    for name, problem in (
        ("folder.png", "is a folder"),
        ("nowhere/plot.png", "there is no folder"),
        ("file/plot.png", "there is no folder"),
        (f"{'x' * 300}.png", "cannot be written: File name too long"),
    ):
        with pytest.raises(OutputError, match=problem):
            check_output("path", tmp_path / name, (".png",), overwrite=False)


def test_an_output_to_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    # By way of os.access, for to root all folders are open.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match=f"can be written to: {tmp_path}"):
        check_output("path", tmp_path / "plot.png", (".png",), overwrite=False)


@pytest.mark.parametrize(
    ("value", "description"),
    [
        (None, "None"),
        (2.5, "2.5"),
        ('a "b" é', '"a \\"b\\" é"'),
        ([1], "[1] (list)"),
        (np.zeros((2, 3)), "an array of shape (2, 3) and type float64"),
        (pandas.DataFrame({"a": [1, 2]}), "an array of shape (2, 1)"),
        (np.float64(1), "1.0"),
    ],
)
def test_values_are_described_with_their_type(value, description):
    assert describe(value) == description


def test_a_value_that_shows_several_lines_is_described_by_the_first():
    class Table:
        def __repr__(self):
            return "two rows\n1\n2"

    assert describe(Table()) == "two rows... (Table)"


def test_long_values_are_described_in_short():
    assert len(describe("x" * 1000)) == 80
    assert len(describe(list(range(1000)))) < 100


@pytest.mark.parametrize(
    "call",
    [
        lambda d, m: d.split([]),
        lambda d, m: pycifar.evaluate(m, d, split=[]),
        lambda d, m: pycifar.build_model("softmax", n_classes=1e9),
        lambda d, m: pycifar.build_model("mlp_relu", hidden=[10**9]),
        lambda d, m: pycifar.build_model("cnn2", input_shape=(10**6, 10**6, 3)),
        lambda d, m: pycifar.find_learning_rate(d, "softmax", steps=1e9),
        lambda d, m: pycifar.train(d, "softmax", augmentation={"shift": 10_000}),
        lambda d, m: pycifar.load_model("a\udc80b"),
        lambda d, m: pycifar.load_dataset("folder", data_dir="a\udc80b"),
        lambda d, m: pycifar.predict(m, "a\udc80b"),
    ],
)
def test_what_cannot_be_is_an_error_of_pycifar_s(small_dataset, small_model, call):
    with pytest.raises(pycifar.PycifarError) as error:
        call(small_dataset, small_model)
    str(error.value).encode()  # can be shown


def test_of_many_names_an_error_lists_the_first(small_model):
    names = [f"class {i}" for i in range(1000)]
    with pytest.raises(UnknownNameError, match=r'"class 19", … \(1,000 in all\), not 5\.$'):
        check_choice("class_name", 5, names)
    images = np.zeros((1, 4, 4, 3), np.uint8)
    with pytest.raises(DataError, match=r"class 19, … \(1,000 in all\)\.$") as error:
        pycifar.load_dataset({"train": (images, ["cat"])}, class_names=names)
    assert len(str(error.value)) < 400
    with pytest.raises(DataError, match=r"\(1,000 in all\)\. They differ from class 1 on\."):
        small_model.check_classes(tuple(names))


def test_a_lack_of_memory_is_told():
    from pycifar.memory import lack_of_memory_named

    with (
        pytest.raises(ArgumentError, match="not enough memory for this"),
        lack_of_memory_named("this"),
    ):
        bytearray(2**60)
