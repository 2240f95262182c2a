import json
import math
import signal
import subprocess
import sys
import time

import pytest

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.errors import (
    ArgumentError,
    DataFormatError,
    InterruptedWarning,
    OutputError,
    UnknownNameError,
)
from pycifar.reproduction.systems import CASES

IN_A_CHILD = """
import sys, pycifar
dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
pycifar.reproduce(
    ["softmax", "C", "lenet5"], epochs=2, dataset=dataset, path=sys.argv[1], verbose=1
)
"""


def few(dataset, systems, **arguments):
    return pycifar.reproduce(systems, **{"epochs": 2, "dataset": dataset, "verbose": 0} | arguments)


def without_times(reproduction):
    return reproduction.runs.drop(columns=["seconds", "images_per_second"])


def test_every_architecture_belongs_to_a_system():
    own = {name for name, one in ARCHITECTURES.items() if one.image_size > 32}  # for photographs
    own.add("fastnet")  # pycifar's, of no system
    assert {case.architecture for case in CASES} == set(ARCHITECTURES) - own


def test_the_table_sets_stated_figures_beside_the_means_of_the_seeds(small_dataset):
    found = few(small_dataset, ["C", "softmax"], seeds=[3, 4])
    table = found.table.set_index("architecture")
    assert table.index.tolist() == ["softmax", "mlp_relu"]
    runs = found.runs[found.runs["architecture"] == "mlp_relu"]
    row = table.loc["mlp_relu"]
    assert row["seeds"] == [3, 4]
    assert row["test_accuracy"] == pytest.approx(runs["test_accuracy"].mean())
    assert row["test_sd"] == pytest.approx(runs["test_accuracy"].std())
    assert row["stated_test"] == 0.701
    assert row["difference"] == pytest.approx(row["test_accuracy"] - 0.701)
    assert row["data"] == small_dataset.fingerprint("train")
    assert math.isnan(table.loc["softmax"]["stated_test"])
    assert "mlp_relu      201,482     2 epochs  0." in str(found)
    assert max(map(len, str(found).splitlines())) < 100


def test_a_reproduction_shows_the_same_at_a_prompt_and_its_table_in_a_notebook(small_dataset):
    found = few(small_dataset, ["C", "softmax"])
    assert repr(found) == str(found)
    shown = found._repr_html_()
    accuracy = found.table["test_accuracy"][1]
    for cell in ("mlp_relu", "201,482", "2 epochs", f"{accuracy:.4f}", "0.7010"):
        assert f"<td>{cell}</td>" in shown
    for nothing in (str(pycifar.Reproduction((), ())), pycifar.Reproduction((), ())._repr_html_()):
        assert "no training was finished" in nothing


def test_a_run_is_that_of_train(small_dataset):
    found = few(small_dataset, "softmax", seeds=5)
    model = pycifar.train(small_dataset, "softmax", epochs=2, seed=5, validation="test", verbose=0)
    run = found.runs.iloc[0]
    assert run["weights"] == model.fingerprint()
    accuracy = pycifar.evaluate(model, small_dataset).accuracy
    assert run["test_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert found.history["value"].tolist() == model.history["value"].tolist()


def test_a_figure_is_set_beside_a_training_of_as_many_epochs_alone(small_dataset):
    table = few(small_dataset, "cnn2").table
    assert len(table) == 1  # both rows of system B come to the same
    assert math.isnan(table["stated_test"][0])


def test_a_call_goes_on_where_the_last_one_stopped(small_dataset, tmp_path):
    path = tmp_path / "found.json"
    first = few(small_dataset, "softmax", path=path)
    more = few(small_dataset, ["softmax", "C"], seeds=[1, 2], path=path)
    assert more.records[0] == first.records[0]
    assert len(more.records) == 4
    assert few(small_dataset, ["softmax", "C"], seeds=[1, 2], path=path) == more
    assert pycifar.load_reproduction(path) == more
    assert more.calls == (
        "pycifar reproduce softmax --seeds 1 --epochs 2",
        "pycifar reproduce softmax C --seeds 1,2 --epochs 2",
    )


def test_a_training_with_another_recipe_is_done_again(small_dataset, tmp_path):
    path = tmp_path / "found.json"
    few(small_dataset, "softmax", path=path)
    kept = json.loads(path.read_text())
    kept["runs"][0]["config"]["learning_rate"] = 0.5
    kept["runs"][0]["test_accuracy"] = 2.0
    path.write_text(json.dumps(kept))
    again = few(small_dataset, "softmax", path=path)
    assert len(again.records) == 1
    assert again.records[0]["test_accuracy"] <= 1


@pytest.mark.trains_in_a_child
def test_a_killed_call_goes_on_and_ends_like_one_that_was_not(small_dataset, tmp_path):
    path = tmp_path / "found.json"
    child = subprocess.Popen(
        [sys.executable, "-c", IN_A_CHILD, str(path)], stderr=subprocess.DEVNULL
    )
    while not path.exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    done = len(pycifar.load_reproduction(path).records)
    assert 1 <= done <= 3
    systems = ["softmax", "C", "lenet5"]
    resumed = few(small_dataset, systems, path=path)
    whole = few(small_dataset, systems)
    assert without_times(resumed).equals(without_times(whole))


def test_an_interrupt_keeps_what_was_finished(small_dataset, tmp_path, monkeypatch):
    from pycifar.reproduction.progress import Progress

    finished = Progress.finished

    def press(self, *arguments):
        finished(self, *arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "finished", press)
    with pytest.warns(InterruptedWarning, match="what was finished until then is kept"):
        found = few(small_dataset, ["softmax", "C"], path=tmp_path / "found.json")
    assert found.interrupted
    assert found.runs["architecture"].tolist() == ["softmax"]


def test_a_time_budget_bounds_each_training(small_dataset, clock):
    clock.tick = 0.02
    found = few(small_dataset, "softmax", epochs=None, time_budget=6, seeds=[1, 2])
    assert found.runs["budget"].tolist() == ["6 s", "6 s"]
    assert (found.runs["epochs"] > 1).all()
    assert clock.now < 12
    short = few(small_dataset, "softmax", epochs=None, time_budget=1e-9)
    assert short.runs["epochs"].tolist() == [1]


def test_progress_tells_of_each_training_and_of_the_time_left(small_dataset, capsys):
    few(small_dataset, ["softmax", "C"], verbose=2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("softmax, seed 1: epoch 1/2, test accuracy 0.")
    assert lines[2].startswith("1/2  softmax, 2 epochs, seed 1: test accuracy 0.")
    assert lines[2].endswith(" left")
    assert not lines[5].endswith(" left")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"systems": "F"}, '`systems` must be one of "baseline", "A", "B"'),
        ({"systems": []}, "`systems` must be names"),
        ({"systems": 3}, "`systems` must be names"),
        ({"seeds": []}, "`seeds` must be one or several whole numbers"),
        ({"seeds": [1, 1]}, "`seeds` must all differ"),
        ({"seeds": 1.5}, "not 1.5"),
        ({"epochs": 0}, "`epochs` must be"),
        ({"epochs": 1, "time_budget": 5}, "`time_budget` must be left out"),
        ({"epochs": None, "time_budget": 0}, "`time_budget` must be a number above 0"),
        ({"path": "found.txt"}, "`path` must end in .json"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(small_dataset, arguments, said):
    with pytest.raises(ArgumentError, match=said):
        few(small_dataset, **{"systems": "softmax"} | arguments)


def test_a_data_set_by_its_name_alone_is_refused():
    with pytest.raises(ArgumentError, match='`dataset` must be a data set, not "cifar10"'):
        pycifar.reproduce("softmax", dataset="cifar10")


def test_an_unknown_system_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        pycifar.reproduce("resnet")
    assert caught.value.fix == 'Did you mean "resnet20"?'


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 9}', '{"format": 1, "runs": 3}'])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(small_dataset, tmp_path, content):
    path = tmp_path / "found.json"
    path.write_text(content)
    with pytest.raises(DataFormatError, match="is not a reproduction, or it is damaged"):
        few(small_dataset, "softmax", path=path)
    assert path.read_text() == content


def test_trainings_on_other_images_are_not_mixed(small_dataset, tmp_path):
    path = tmp_path / "found.json"
    few(small_dataset, "softmax", path=path)
    other = pycifar.load_dataset("synthetic", n_train=210, n_test=100)
    with pytest.raises(DataFormatError, match="were on other images"):
        few(other, "softmax", path=path)


def test_a_folder_that_is_not_there_is_told_before_any_training(small_dataset, tmp_path):
    with pytest.raises(OutputError, match="there is no folder"):
        few(small_dataset, "softmax", path=tmp_path / "nowhere" / "found.json")


def test_there_is_nothing_to_load_where_there_is_no_file(tmp_path):
    with pytest.raises(DataFormatError, match="There is no file"):
        pycifar.load_reproduction(tmp_path / "found.json")


def test_the_curves_are_drawn_with_one_panel_a_network(small_dataset, tmp_path):
    found = few(small_dataset, ["softmax", "C"], seeds=[1, 2])
    figure = pycifar.plot_reproduction(found, tmp_path / "found.png")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["softmax, 2 epochs", "mlp_relu, 2 epochs"]
    assert (tmp_path / "found.png").stat().st_size > 1000
    with pytest.raises(ArgumentError, match="`reproduction` must hold"):
        pycifar.plot_reproduction(None)
    with pytest.raises(ArgumentError, match="nothing to draw: no training was finished"):
        pycifar.plot_reproduction(pycifar.Reproduction((), ()))


@pytest.mark.parametrize("architecture", ["cnn2", "softmax"])
def test_a_training_that_is_in_the_file_is_not_done_again(small_dataset, tmp_path, architecture):
    settings = {"epochs": 1, "dataset": small_dataset, "verbose": 0}
    first = pycifar.reproduce(architecture, path=tmp_path / "found.json", **settings)
    again = pycifar.reproduce(architecture, path=tmp_path / "found.json", **settings)
    assert again.records == first.records  # the seconds in them, too


@pytest.mark.parametrize("odd", [None, True, -1, 10**30, "", "x", [], {}, [["x"]], float("nan")])
def test_results_of_which_any_part_is_odd_are_refused(small_dataset, tmp_path, odd):
    path, other = tmp_path / "r.json", tmp_path / "other.json"
    pycifar.reproduce("C", epochs=1, dataset=small_dataset, path=path, verbose=0)
    accepted = []
    for holder_of in (lambda kept: kept, lambda kept: kept["runs"][0]):
        for key in holder_of(json.loads(path.read_text())):
            doctored = json.loads(path.read_text())
            holder_of(doctored)[key] = odd
            other.write_text(json.dumps(doctored))
            try:
                str(pycifar.load_reproduction(other))
            except DataFormatError:
                continue
            accepted.append(key)
    texts = {"system", "budget", "weights", "data_name", "data", "machine"}
    numbers = {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    empty = {"calls", "runs", "history"}
    allowed = {str: texts, list: empty, dict: {"versions"}, int: numbers | {"seconds"}}
    assert set(accepted) <= allowed.get(type(odd), set())
