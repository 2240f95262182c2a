import json

import pytest

import pycifar
from pycifar.cli import main
from pycifar.cli.parser import read_command_line
from pycifar.cli.values import reproduction_arguments

DATA = ["--dataset", "synthetic", "--n-train", "100", "--n-test", "50"]


@pytest.fixture
def run(capsys):
    """Runs `pycifar reproduce` in this process: its exit code, output and errors."""

    def call(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["reproduce", *map(str, argv), *DATA])
        return code, *capsys.readouterr()

    return call


def test_the_table_the_file_and_the_curves_are_what_the_package_gives(run, tmp_path):
    path, picture = tmp_path / "found.json", tmp_path / "found.png"
    options = ["softmax", "C", "--seeds", "1,2", "--epochs", "1"]
    code, out, err = run(*options, "--output", path, "--plot", picture)
    found = pycifar.load_reproduction(path)
    assert code == 0
    assert out == f"{found}\nresults: {path}\ncurves: {picture}\n"
    assert err.count("\n") == 4
    assert picture.stat().st_size > 1000
    code, out, err = run(*options, "--output", path, "--json")
    record = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["architecture"] for row in record["table"]] == ["softmax", "mlp_relu"]
    assert record["table"][0]["stated_test"] is None
    assert len(record["runs"]) == 4


def test_all_systems_are_meant_where_none_is_named():
    _, options = read_command_line(["reproduce", "--epochs", "1"])
    assert reproduction_arguments(options) == {"epochs": 1}


def test_it_is_the_same_training_as_that_of_train(run, capsys):
    _, out, _ = run("softmax", "--epochs", "1", "--seeds", "3", "--quiet", "--json")
    capsys.readouterr()
    training = ["--architecture", "softmax", "--epochs", "1", "--seed", "3", "--validation", "test"]
    main(["train", *DATA, *training, "--quiet", "--json"])
    trained = json.loads(capsys.readouterr().out)
    assert json.loads(out)["runs"][0]["weights"] == trained["fingerprint"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["F"], '`systems` must be one of "baseline", "A"'),
        (["A", "--seeds", "1,x"], '`--seeds` must be a whole number from 0 to 2147483647, not "x"'),
        (["A", "--seeds", "1,1"], "`--seeds` must all differ"),
        (["A", "--time-budget", "0"], "`--time-budget` must be a number above 0"),
        (["A", "--epochs", "1", "--time-budget", "9"], "`--time-budget` must be left out"),
        (["A", "--output", "found.txt"], "`--output` must end in .json"),
    ],
)
def test_a_wrong_option_is_refused_with_code_2(run, options, said):
    code, out, err = run(*options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_file_of_another_kind_is_left_as_it_is(run, tmp_path):
    path = tmp_path / "found.json"
    path.write_text("{}")
    code, _, err = run("softmax", "--epochs", "1", "--output", path)
    assert code == 1
    assert "is not a reproduction" in err
    assert path.read_text() == "{}"
