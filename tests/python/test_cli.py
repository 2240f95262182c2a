import csv
import inspect
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.cli import main
from pycifar.cli.parser import COMMANDS, command_parser, read_command_line
from pycifar.cli.training_options import SEARCH_OPTIONS, TRAINING_OPTIONS
from pycifar.cli.values import dataset_arguments, training_arguments
from pycifar.config import SEARCH_DEFAULTS, UNSAID
from pycifar.errors import ArgumentError

DATA = ["--dataset", "synthetic", "--n-train", "100", "--n-test", "50"]
TRAIN = ["train", *DATA, "--epochs", "1", "--batch-size", "50", "--seed", "1"]


@pytest.fixture
def run(capsys):
    """Runs a command line in this process: its exit code, output and errors."""

    def call(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in argv])
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def model_path(small_model, tmp_path_factory) -> Path:
    return pycifar.save_model(small_model, tmp_path_factory.mktemp("model") / "small.keras")


@pytest.fixture
def image_path(small_dataset, tmp_path) -> Path:
    from PIL import Image

    path = tmp_path / "image.png"
    Image.fromarray(np.ascontiguousarray(small_dataset.split("test").images[0])).save(path)
    return path


def child(*argv: object, **options) -> subprocess.Popen:
    """A real process that runs a command line."""
    return subprocess.Popen(
        [sys.executable, "-m", "pycifar", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(pycifar.__file__).parents[1])},
        **options,
    )


# Help


def test_alone_it_prints_help_that_names_every_command(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert run("--help") == (0, out, "")


def test_every_command_has_help_with_examples(run):
    for command in COMMANDS:
        code, out, _ = run(command, "--help")
        assert code == 0
        assert f"examples:\n  pycifar {command}" in out


def test_the_version_is_that_of_the_package(run):
    assert run("--version") == (0, f"pycifar {pycifar.__version__}\n", "")


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from pycifar.cli import main; main(['train', '--help']);"
        "heavy = {'numpy', 'pandas', 'keras', 'tensorflow', 'rich', 'matplotlib'};"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(pycifar.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)


def test_settings_arguments_and_options_have_the_same_names():
    arguments = inspect.signature(pycifar.train).parameters
    assert set(arguments) - {"dataset", "architecture", "callbacks", "verbose"} == set(UNSAID)
    assert set(TRAINING_OPTIONS) == {"architecture", *UNSAID}
    for name, unsaid in UNSAID.items():
        assert arguments[name].default == unsaid, name
    options = {action.dest for action in command_parser("train")._actions}
    assert set(TRAINING_OPTIONS) <= options
    search = inspect.signature(pycifar.find_learning_rate).parameters
    assert set(SEARCH_OPTIONS) == set(search) - {"dataset", "verbose", *SEARCH_DEFAULTS}


# Usage


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["trian"], 'There is no command "trian".\n  Did you mean train?'),
        (["--vresion"], 'There is no option "--vresion".\n  Did you mean --version?'),
        (["train", "--epoch", "3"], 'no option "--epoch".\n  Did you mean --epochs?'),
        (["train", "--lr", "3"], 'no option "--lr".\n  Did you mean --learning-rate?'),
        (["train", "--validation-split=1"], "Did you mean --validation?"),
        (["find-learning-rate", "--num_it", "9"], "Did you mean --steps?"),
        (["train", "--epochs"], "Argument --epochs: expected one argument."),
        (["train", "3"], 'There is one argument too many: "3".'),
        (["predict", "model.keras"], "required: IMAGE."),
        (["train", "--epochs", "0"], "`--epochs` must be a whole number of at least 1, not 0."),
        (["train", "--epochs", "-1"], "`--epochs` must be a whole number of at least 1, not -1."),
        (["train", "--epochs", "2.5"], "not 2.5."),
        (["train", "--epochs", "ten"], 'not "ten".'),
        (["train", "--epochs", ""], 'not "".'),
        (["train", "--seed", "-1"], "`--seed` must be a whole number from 0 to 2147483647"),
        (["train", "--learning-rate", "nan"], "`--learning-rate` must be a number above 0"),
        (["train", "--architecture", "cnn22"], 'Did you mean "cnn2"?'),
        (["train", "--optimizer", "adm"], 'Did you mean "adam"?'),
        (["train", "--schedule", "cosin"], 'Did you mean "cosine"?'),
        (["train", "--augmentation", "flip,shfit"], 'Did you mean "shift"?'),
        (["train", "--validation", "1.5"], "`--validation` must be a number above 0 and below 1"),
        (["train", "--dataset", "sinthetic"], 'Did you mean "synthetic"?'),
        (["train", "--dataset", "folder"], 'The source "folder" needs `--data-dir`'),
        (["train", "--n-train", "none"], "`--n-train` must be a whole number"),
        (["train", "--output", "model.h5"], "`--output` must end in .keras"),
        (["explore", "--plot", "samples.gif"], "`--plot` must end in .png, .pdf or .svg"),
        (["predict", "--top", "0", "model.keras", "a.png"], "`--top` must be a whole number"),
        ([*TRAIN, "--validation", "tset"], 'Did you mean "test"?'),
        (["train", *DATA, "--batch-size", "1e6"], "`--batch-size` must be at most the number"),
    ],
)
def test_a_wrong_command_line_is_one_clear_sentence_and_code_2(run, argv, said):
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert said in err
    assert err.rstrip().endswith("--help`.")


# Each is wrong whatever the data set, the model and the images are.
WRONG_IN_ITSELF = [
    ("train --label-smoothing 2", "`--label-smoothing` must be a number of at least 0 and below 1"),
    ("train --label-smoothing -0.1", "not -0.1."),
    ("train --weight-decay -1", "`--weight-decay` must be a number of at least 0, not -1."),
    ("train --class-weights balance", '`--class-weights` must be "balanced" or numbers'),
    ("train --class-weights cat=-1", "must be a number of at least 0, not -1."),
    ("train --class-weights cat=x", 'not "x".'),
    ("train --augmentation shift=-1", "must be a whole number of at least 0, not -1."),
    ("train --validation 0", "`--validation` must be a number above 0 and below 1, not 0."),
    ("train --precision float64", "`--precision` must be one of"),
    ("train --epochs 3 --time-budget 60", "`--time-budget` must be left out where `--epochs`"),
    ("train --resume", "`--resume` must be left out where there is no `--checkpoint-dir`"),
    ("train --checkpoint-every 3", "`--checkpoint-every` must be left out where there is no"),
    ("train --architecture mlp_relu --optimizer adam", '`--optimizer` must be "sgd" for a network'),
    ("train --architecture mlp_relu --label-smoothing 0.1", "must be 0 for a network of NumPy"),
    ("train --architecture mlp_relu --class-weights balanced", "must be left out for a network"),
    ("train --image-size 64", "`--image-size` is for"),
    ("train --dataset synthetic --data-dir there", "`--data-dir` is for"),
    ("train --dataset folder --data-dir pets --image-size 5000", "from 1 to 1024, not 5000."),
    ("train --model nowhere.keras --epochs 0", "`--epochs` must be a whole number of at least 1"),
    ("train --model nowhere.keras --dataset pets", "`--dataset` must be one of"),
    ("find-learning-rate --steps 3", "`--steps` must be a whole number from 10 to 1000000, not 3."),
    ("find-learning-rate --lowest 0", "`--lowest` must be a number above 0, not 0."),
    ("find-learning-rate --lowest 20", "`--highest` must be a number above 20, not 10.0."),
    ("find-learning-rate --lowest 2 --highest 1", "`--highest` must be a number above 2, not 1."),
    ("evaluate nowhere.keras --dataset pets", "`--dataset` must be one of"),
    ("evaluate nowhere.keras --n-test 0", "`--n-test` must be a whole number of at least 1"),
    ("evaluate nowhere.keras --dataset synthetic --n-test 1e9", "from 1 to 1000000, not"),
    ("evaluate nowhere.keras --dataset folder", 'The source "folder" needs `--data-dir`'),
    ("predict nowhere.keras --top 0 a.png", "`--top` must be a whole number of at least 1"),
    (
        "calibrate nowhere.keras --coverage 2 --output o.keras",
        "`--coverage` must be a number above",
    ),
    ("export nowhere.keras model.pt", "`path` must end in .onnx, .tflite, .xml or .savedmodel"),
    ("export nowhere.keras m.savedmodel --quantize int8", "`--quantize` is for .onnx and .tflite"),
    ("export nowhere.keras m.tflite --quantize int4", '`--quantize` must be "int8", not "int4".'),
    ("card nowhere.keras card.txt", "`path` must end in .md or .html"),
    ("explore --n-train 2.5", "`--n-train` must be a whole number of at least 1, not 2.5."),
    ("reproduce Z", "must be one of"),
    ("reproduce A --seeds 1,1", "`--seeds` must all differ"),
    ("reproduce A --seeds x", '`--seeds` must be a whole number from 0 to 2147483647, not "x".'),
    ("reproduce A --epochs 0", "`--epochs` must be a whole number of at least 1, not 0."),
    ("reproduce A --epochs 1 --time-budget 2", "`--time-budget` must be left out"),
]


@pytest.mark.parametrize(("line", "said"), WRONG_IN_ITSELF)
def test_what_cannot_be_right_is_refused_before_anything_is_loaded(run, monkeypatch, line, said):
    def load(*arguments, **named):
        raise AssertionError("loaded before it was refused")

    monkeypatch.setattr("pycifar.datasets.load.load_dataset", load)
    monkeypatch.setattr("pycifar.datasets.load_dataset", load)
    monkeypatch.setattr("pycifar.models.file.load_model", load)
    code, out, err = run(*line.split())
    assert (code, out) == (2, "")
    assert said in err


def test_what_the_shell_refuses_the_function_refuses_in_the_same_words(small_dataset):
    for settings, said in (
        ({"label_smoothing": 2}, "`label_smoothing` must be a number of at least 0 and below 1"),
        ({"resume": True}, "`resume` must be left out where there is no `checkpoint_dir`"),
        ({"architecture": "mlp_relu", "optimizer": "adam"}, '`optimizer` must be "sgd" for a'),
    ):
        with pytest.raises(ArgumentError, match=said):
            pycifar.train(small_dataset, **settings)


def test_what_is_left_out_is_left_to_the_functions():
    _, options = read_command_line(["train"])
    assert training_arguments(options) == {}
    assert dataset_arguments(options) == {"verbose": True}


def test_every_option_of_training_reaches_the_argument_of_its_name(tmp_path):
    line = (
        "train --architecture cnn4 --epochs 3 --batch-size 64 --optimizer adam --learning-rate 1e-3"
        " --schedule cosine --weight-decay 0.01 --momentum 0.8 --validation none"
        " --early-stopping 2 --best-weights --seed 7 --quiet --dataset folder --data-dir pets"
        " --n-train 9 --n-test 8 --label-smoothing 0.1 --precision float32"
        " --class-weights cat=2,dog=0.5 --checkpoint-dir there --augmentation flip,cutout"
        " --checkpoint-every 50 --resume --loss huber --metrics top_5,f1 --monitor f1"
    )
    _, options = read_command_line(line.split())
    arguments = training_arguments(options)
    assert arguments == {
        "architecture": "cnn4",
        "epochs": 3,
        "batch_size": 64,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "schedule": "cosine",
        "weight_decay": 0.01,
        "momentum": 0.8,
        "augmentation": pycifar.Augmentation(flip=True, cutout=8),
        "validation": None,
        "early_stopping": 2,
        "best_weights": True,
        "seed": 7,
        "label_smoothing": 0.1,
        "class_weights": {"cat": 2.0, "dog": 0.5},
        "precision": "float32",
        "checkpoint_dir": Path("there"),
        "checkpoint_every": 50,
        "resume": True,
        "loss": "huber",
        "metrics": ["top_5", "f1"],
        "monitor": "f1",
        "verbose": 0,
    }
    missing = set(inspect.signature(pycifar.train).parameters) - set(arguments)
    new = {"weights", "frozen_epochs", "fine_tune_rate"}
    assert missing == {"dataset", "callbacks", "time_budget", "sample_weight", *new}
    line = ["train", "--weights", "imagenet", "--frozen-epochs", "3", "--fine-tune-rate", "1e-4"]
    assert training_arguments(read_command_line(line)[1]) == {
        "weights": "imagenet",
        "frozen_epochs": 3,
        "fine_tune_rate": 1e-4,
    }
    _, in_its_place = read_command_line(["train", "--time-budget", "60"])
    assert training_arguments(in_its_place) == {"time_budget": 60.0}
    weights = tmp_path / "weights.txt"
    weights.write_text("1\n0.5\n\n2\n")
    _, weighted = read_command_line(["train", "--sample-weight", str(weights)])
    assert list(training_arguments(weighted)["sample_weight"]) == [1.0, 0.5, 2.0]
    assert dataset_arguments(options) == {
        "source": "folder",
        "data_dir": Path("pets"),
        "n_train": 9,
        "n_test": 8,
        "verbose": False,
    }


# Commands


def test_training_saves_draws_and_reports(run, tmp_path):
    model, curves = tmp_path / "model.keras", tmp_path / "curves.png"
    code, out, err = run(*TRAIN, "--output", model, "--plot", curves)
    assert code == 0
    assert "epoch 1/1" in err
    trained = pycifar.load_model(model)
    assert curves.is_file()
    assert out.startswith("cnn2 on synthetic: 1 of 1 epochs in ")
    assert "validation loss  validation accuracy  learning_rate\n    1  " in out
    assert f"weights: {trained.fingerprint()}\nmodel: {model}\ncurves: {curves}\n" in out


def test_the_optimizer_may_be_left_out_of_the_file(run, tmp_path):
    whole, small = tmp_path / "whole.keras", tmp_path / "small.keras"
    line = ["train", *DATA, "--architecture", "softmax", "--epochs", 1, "--seed", 1, "--quiet"]
    assert run(*line, "--output", whole)[0] == 0
    assert run(*line, "--output", small, "--without-optimizer")[0] == 0
    assert small.stat().st_size < 0.7 * whole.stat().st_size
    assert pycifar.load_model(small) == pycifar.load_model(whole)
    code, _, err = run(*line, "--without-optimizer")
    assert code == 2
    assert "`--without-optimizer` is for `--output`, which must be given" in err


def test_a_model_that_is_not_saved_is_told_of(run):
    code, _, err = run(*TRAIN)
    assert code == 0
    assert "the model was not saved; give --output" in err


def test_images_of_a_folder_have_the_size_of_the_model(run, tmp_path):
    top, path = tmp_path / "squares", tmp_path / "model.keras"
    for split in ("train", "test"):
        for grey, name in ((0, "black"), (255, "white")):
            for i in range(4):
                file = top / split / name / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (20, 30), grey).save(file)
    data = ["--dataset", "folder", "--data-dir", top]
    line = ["train", *data, "--image-size", 16, "--architecture", "softmax", "--epochs", 1]
    assert run(*line, "--validation", "test", "--output", path, "--quiet")[0] == 0
    assert pycifar.load_model(path).image_shape == (16, 16, 3)
    assert run("evaluate", path, *data)[0] == 0
    assert run("train", "--model", path, *data, "--epochs", 1, "--quiet")[0] == 0
    code, _, err = run("evaluate", path, *data, "--image-size", 32)
    assert code != 0
    assert "16×16" in err


def test_training_as_json_is_the_whole_record_and_the_run_of_python(run):
    more = ("--class-weights", "0=2,ring=0.5")  # by number and by name
    code, out, err = run(*TRAIN, "--validation", "test", "--json", "--quiet", *more)
    record = json.loads(out)
    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=50)
    settings = {"epochs": 1, "batch_size": 50, "validation": "test", "seed": 1, "verbose": 0}
    model = pycifar.train(dataset, class_weights={"circle": 2, "ring": 0.5}, **settings)
    assert (code, err) == (0, "")
    assert record["fingerprint"] == model.fingerprint()
    assert record["config"] == model.config.to_dict()
    assert record["history"] == model.history.to_dict("records")
    assert record["data"] == model.data
    assert record["versions"] == model.versions
    assert record["output"] is record["plot"] is None
    assert record["images_per_second"] == pytest.approx(150 / record["seconds"][0])


def test_a_search_tells_where_the_loss_falls(run, tmp_path):
    picture = tmp_path / "rates.png"
    line = ["find-learning-rate", *DATA, "--architecture", "softmax", "--steps", 20, "--seed", 1]
    code, out, _ = run(*line, "--plot", picture, "--json")
    record = json.loads(out)
    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=50)
    expected = pycifar.find_learning_rate(dataset, "softmax", steps=20, seed=1)
    assert code == 0
    assert record["table"] == expected.table.to_dict("records")
    assert (record["suggestion"], record["reason"]) == (expected.suggestion, expected.reason)
    assert record["plot"] == str(picture)
    assert picture.is_file()
    assert run(*line)[1] == f"{expected}\n"


def test_a_search_that_finds_no_rate_says_why(run):
    line = ["find-learning-rate", *DATA, "--architecture", "softmax", "--steps", 20, "--seed", 1]
    line += ["--lowest", 1e-9, "--highest", 1e-8, "--batch-size", 20]
    code, out, _ = run(*line, "--json")
    record = json.loads(out)
    assert code == 0
    reason = "the loss was lowest near the highest rate"
    assert (record["suggestion"], record["reason"]) == (None, reason)
    assert [list(row) for row in record["trials"][:1]] == [["learning_rate", "loss"]]
    assert run(*line)[1].endswith(f": no suggestion, because {reason}\n")


def test_a_saved_model_goes_on(run, model_path, small_model, small_dataset, tmp_path):
    further = tmp_path / "further.keras"
    sizes = ["--dataset", "synthetic", "--n-train", 200, "--n-test", 100]
    code, out, _ = run(
        "train", "--model", model_path, *sizes, "--epochs", 1, "--output", further, "--json",
        "--quiet",
    )  # fmt: skip
    expected = pycifar.train(small_dataset, small_model, epochs=1, verbose=0)
    assert code == 0
    assert json.loads(out)["fingerprint"] == expected.fingerprint()
    assert pycifar.load_model(further).epochs_done == small_model.epochs_done + 1
    code, _, err = run("train", "--model", model_path, "--architecture", "cnn2")
    assert code == 2
    assert "exclude each other" in err


def test_where_the_output_cannot_go_nothing_is_trained(run, tmp_path, monkeypatch):
    monkeypatch.setattr("pycifar.training.train.train", None)
    existing = tmp_path / "model.keras"
    existing.write_text("mine")
    code, _, err = run(*TRAIN, "--output", existing)
    assert code == 1
    assert "exists already" in err
    assert existing.read_text() == "mine"
    code, _, err = run(*TRAIN, "--output", tmp_path / "nowhere" / "model.keras")
    assert code == 1
    assert "there is no folder" in err


def test_without_matplotlib_a_plot_is_refused_before_training(run, tmp_path, monkeypatch):
    monkeypatch.setattr("pycifar.training.train.train", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = run(*TRAIN, "--plot", tmp_path / "curves.png")
    assert code == 1
    assert "pip install matplotlib" in err


def test_a_file_is_inspected(run, model_path, small_model, tmp_path):
    code, out, _ = run("inspect", model_path)
    assert code == 0
    assert out.startswith(f"{model_path} can be loaded\n")
    assert json.loads(run("inspect", model_path, "--json")[1])["fingerprint"] == (
        small_model.fingerprint()
    )
    other = tmp_path / "other.keras"
    other.write_text("not this")
    code, out, _ = run("inspect", other)
    assert code == 1
    assert "cannot be loaded" in out
    assert run("inspect", tmp_path / "none.keras")[0] == 1


def test_evaluation_is_on_what_the_model_was_trained_on(
    run, model_path, small_model, small_dataset, tmp_path
):
    picture = tmp_path / "confusion.svg"
    sizes = ["--n-train", 200, "--n-test", 100]
    code, out, _ = run("evaluate", model_path, *sizes, "--plot", picture, "--json")
    record = json.loads(out)
    expected = pycifar.evaluate(small_model, small_dataset)
    assert code == 0
    assert record["data"]["name"] == "synthetic"
    assert record["accuracy"] == expected.accuracy
    assert record["confusion"] == expected.confusion.to_numpy().tolist()
    assert record["per_class"] == expected.per_class.to_dict("records")
    assert record["plot"] == str(picture)
    assert picture.is_file()
    code, out, _ = run("evaluate", model_path, *sizes, "--split", "train")
    assert code == 0
    assert out.startswith("synthetic, split train: 200 images\naccuracy ")
    code, out, _ = run("evaluate", model_path, *sizes, "--split", "validation", "--json")
    assert code == 0
    accuracy = small_model.final("validation", "accuracy")
    assert json.loads(out)["accuracy"] == pytest.approx(accuracy, abs=1e-6)


def test_a_model_of_arrays_needs_a_data_set_to_be_named(run, small_dataset, tmp_path):
    split = small_dataset.split("train")
    arrays = pycifar.load_dataset({"train": (split.images[:20], split.labels[:20] % 2)})
    model = pycifar.train(arrays, epochs=1, batch_size=10, verbose=0)
    path = pycifar.save_model(model, tmp_path / "arrays.keras")
    code, _, err = run("evaluate", path)
    assert code == 2
    assert "`--dataset` must be given: the model was trained on arrays" in err
    code, _, err = run("evaluate", path, "--dataset", "synthetic", "--n-test", 50)
    assert code == 1
    assert "must have the model's classes" in err


def test_a_prediction_is_a_line_with_tabs(run, model_path, image_path, small_model):
    code, out, err = run("predict", model_path, image_path, image_path, "--top", 2)
    probabilities = pycifar.predict(small_model, image_path, "prob")[0]
    first, second = np.argsort(-probabilities)[:2]
    lines = [
        f"{image_path}\t{small_model.class_names[label]}\t{probabilities[label]:.4f}"
        for label in (first, second)
    ]
    assert (code, err) == (0, "")
    assert out.splitlines() == lines * 2


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_predicted(
    run, model_path, image_path, tmp_path
):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    code, out, err = run("predict", model_path, bad, image_path, "missing.png")
    assert code == 1
    assert out.startswith(f"{image_path}\t")
    assert out.count("\n") == 1
    assert f"{bad} cannot be read as an image" in err
    assert "There is no image file missing.png." in err
    code, out, err = run("predict", model_path, bad, image_path, "--json")
    failed, predicted = json.loads(out)
    assert code == 1
    assert (failed["path"], failed["class"]) == (str(bad), None)
    assert "cannot be read" in failed["error"]
    assert sum(predicted["probabilities"].values()) == pytest.approx(1)
    assert predicted["probability"] == max(predicted["probabilities"].values())
    assert predicted["error"] is None


def test_an_image_that_cannot_be_read_stops_or_is_skipped_if_told(
    run, model_path, image_path, tmp_path
):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    code, out, err = run("predict", model_path, bad, image_path, "--top", 2, "--on-error", "skip")
    assert code == 0
    assert out.splitlines()[0] == f"{bad}\t\t"
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == [str(image_path)] * 2
    assert f"{bad} cannot be read as an image" in err
    code, out, _ = run("predict", model_path, bad, "--on-error", "skip", "--json")
    assert code == 0
    assert json.loads(out)[0]["class"] is None
    code, out, err = run("predict", model_path, image_path, bad, image_path, "--on-error", "stop")
    assert code == 1
    assert out.count("\n") == 1
    assert f"{bad} cannot be read as an image" in err
    code, _, err = run("predict", model_path, bad, "--on-error", "pass")
    assert code == 2
    assert '`--on-error` must be one of "stop", "skip"' in err


def test_a_file_that_is_no_model_is_code_1(run, image_path):
    other = image_path.rename(image_path.with_suffix(".data"))
    for command in (["evaluate"], ["predict", "image.png"]):
        code, out, err = run(command[0], other, *command[1:])
        assert (code, out) == (1, "")
        assert "is not a model file" in err


def test_exploring_prints_tables_and_draws_samples(run, tmp_path):
    picture = tmp_path / "samples.png"
    code, out, err = run("explore", *DATA[:2], "--plot", picture)
    assert (code, err) == (0, "")
    assert "Images in each split" in out
    assert out.endswith(f"picture: {picture}\n")
    assert picture.is_file()
    changed = tmp_path / "changed.png"
    run("explore", *DATA[:2], "--plot", changed, "--augmentation", "flip,crop=0.5")
    assert changed.read_bytes() != picture.read_bytes()
    code, _, err = run("explore", *DATA[:2], "--augmentation", "flip")
    assert code == 2
    assert "`--augmentation` is for `--plot`, which must be given." in err
    code, out, _ = run("explore", *DATA, "--json")
    record = json.loads(out)
    assert sum(row["n"] for row in record["splits"]) == 150
    assert [row["channel"] for row in record["channels"]] == ["red", "green", "blue"]


def test_the_architectures_are_those_of_the_package(run):
    names = pycifar.list_architectures()["architecture"].tolist()
    code, out, _ = run("architectures")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == names
    assert "  4,210,090 parameters, " in out
    assert "weights: imagenet (Apache-2.0), from the Python package" in out
    code, out, _ = run("architectures", "--json")
    rows = json.loads(out)["architectures"]
    assert [row["architecture"] for row in rows] == names
    assert rows[names.index("cnn2")]["epochs"] == 10


def test_the_doctor_fails_where_there_is_a_problem(run, small_model, monkeypatch, tmp_path):
    monkeypatch.setenv("PYCIFAR_DATA_DIR", str(tmp_path))
    code, out, _ = run("doctor")
    assert code == 1
    assert "problem  CIFAR-10" in out
    monkeypatch.delenv("PYCIFAR_DATA_DIR")
    code, out, _ = run("doctor", "--json")
    assert code == 0
    assert json.loads(out)["ok"] is True


# Failing


def test_what_nobody_expected_is_one_line_and_a_traceback_only_on_request(run, monkeypatch):
    def fail(options):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("pycifar.cli.commands.architectures", fail)
    monkeypatch.delenv("PYCIFAR_DEBUG", raising=False)
    code, out, err = run("architectures")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "pycifar architectures: unexpected RuntimeError: first line"
    assert "Traceback" not in err
    monkeypatch.setenv("PYCIFAR_DEBUG", "1")
    assert "Traceback" in run("architectures")[2]


def test_an_interrupt_without_a_result_is_code_1(run, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("pycifar.cli.commands.architectures", interrupted)
    assert run("architectures") == (
        1,
        "",
        "pycifar architectures: interrupted before it was done.\n",
    )


def test_a_signal_whose_exception_was_lost_is_raised_at_the_end(run, monkeypatch):
    def deaf(options):
        with suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("pycifar.cli.commands.architectures", deaf)
    assert run("architectures") == (128 + signal.SIGTERM, "", "")
    monkeypatch.undo()
    assert run("architectures")[0] == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_who_leaves_early_costs_one_sentence():
    process = child("architectures")
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == (
        "pycifar architectures: the result cannot be shown: Broken pipe. "
        "Files that were asked for are kept.\n"
    )
    process.stderr.close()


@pytest.mark.trains_in_a_child
def test_interrupted_training_keeps_what_was_learned(tmp_path):
    model = tmp_path / "model.keras"
    long = ["--epochs", "1000", "--output", model, "--json"]
    process = child(*TRAIN, *long, stdin=subprocess.DEVNULL)
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert first.startswith("epoch    1/1000  loss ")
    assert process.returncode == 1
    record = json.loads(out)
    assert record["interrupted"] is True
    kept = f"of 1000 epochs; what was learned is in {model}.\n"
    assert err.endswith(kept)
    loaded = pycifar.load_model(model)
    assert loaded.fingerprint() == record["fingerprint"]
    assert loaded.epochs_done == record["epochs_done"] >= 1


# Features


def test_features_are_csv_with_all_digits(run, model_path, image_path, tmp_path, small_model):
    expected = pycifar.extract_features(small_model, [image_path] * 2, layer="pool1")
    command = ["features", model_path, image_path, image_path, "--layer", "pool1"]
    code, out, err = run(*command)
    assert (code, err) == (0, "")
    header, *lines = csv.reader(io.StringIO(out))
    assert header == ["path", *(f"feature_{number}" for number in range(1, 33))]
    assert [line[0] for line in lines] == [str(image_path)] * 2
    assert (np.array([line[1:] for line in lines], float) == expected).all()
    table = tmp_path / "features.csv"
    assert run(*command, "--output", table) == (0, f"features: {table}\n", "")
    assert table.read_text("utf-8") == out
    assert run(*command, "--output", table)[0] == 1
    assert run(*command, "--output", table, "--overwrite")[0] == 0
    assert run(*command, "--output", tmp_path / "features.txt")[0] == 2
    assert run(*command, "--overwrite")[0] == 2
    code, out, _ = run(*command, "--json")
    records = json.loads(out)
    assert (code, [record["path"] for record in records]) == (0, [str(image_path)] * 2)
    assert (np.array([record["features"] for record in records]) == expected).all()


def test_features_of_images_alone_are_those_of_the_model_of_the_package(run, image_path):
    code, out, err = run("features", image_path, "--json")
    assert (code, err) == (
        0,
        "pycifar features: the model is fastnet-cifar10, which is part of pycifar.\n",
    )
    assert len(json.loads(out)[0]["features"]) == 128
    code, _, err = run("features", "model.keras")
    assert code == 2
    assert "The following arguments are required: IMAGE." in err


def test_an_image_without_features_is_told(run, model_path, image_path, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    command = ["features", model_path, bad, image_path]
    code, out, err = run(*command)
    assert code == 1
    assert [line.partition(",")[0] for line in out.splitlines()] == ["path", str(image_path)]
    assert f"pycifar features: {bad} cannot be read as an image" in err
    code, out, err = run(*command, "--on-error", "skip")
    assert code == 0
    assert out.splitlines()[1] == str(bad) + 512 * ","
    assert f"{bad} cannot be read" in err
    code, out, _ = run(*command, "--json")
    assert code == 1
    assert json.loads(out)[0]["features"] is None
    assert "cannot be read" in json.loads(out)[0]["error"]
    code, out, err = run(*command, "--on-error", "stop")
    assert (code, out) == (1, "")
    code, _, err = run(*command, "--layer", "pool2")
    assert code == 2
    assert 'Did you mean "pool1"?' in err


# Explain


def test_an_explanation_is_told_and_drawn(run, model_path, image_path, tmp_path, small_model):
    picture = tmp_path / "where.png"
    found = pycifar.explain(small_model, image_path)
    code, out, err = run("explain", model_path, image_path, "--plot", picture)
    assert (code, err) == (0, "")
    line = f"{image_path}\t{found.class_name}\t{found.probability:.4f}\tpool1"
    assert out == f"{line}\npicture: {picture}\n"
    assert picture.stat().st_size > 1000
    code, out, _ = run("explain", model_path, image_path, "--class", "dots", "--json")
    record = json.loads(out)
    assert (code, record["class"]) == (0, "dots")
    assert np.shape(record["heatmap"]) == (32, 32)


def test_a_layer_or_class_that_does_not_exist_is_refused(run, model_path, image_path):
    code, _, err = run("explain", model_path, image_path, "--layer", "pool2")
    assert code == 2
    assert 'Did you mean "pool1"?' in err
    code, _, err = run("explain", model_path, image_path, "--class", "unicorn")
    assert code == 2
    assert "`--class`" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", {}),
        ("flip,shift", {"flip": True, "shift": 4}),
        ("flip,shift=2", {"flip": True, "shift": 2}),
        ("cutout=6", {"cutout": 6}),
        ("flip=alternating,shift=2", {"flip": "alternating", "shift": 2}),
        ("flip,crop=0.5", {"flip": True, "crop": 0.5}),
        ("crop,hue=0.1", {"crop": 0.35, "hue": 0.1}),
        ("colour,brightness=0,hue=0", {"contrast": 0.2, "saturation": 0.2}),
    ],
)
def test_augmentation_may_have_values(text, expected):
    _, options = read_command_line(["train", "--augmentation", text])
    assert training_arguments(options)["augmentation"].to_dict() == expected


@pytest.mark.parametrize(
    "text",
    ["shift=x", "shift=-1", "turn=2", "shift=", "flip=1", "flip=", "crop=1", "hue=x", "colour=1"],
)
def test_augmentation_of_other_values_is_refused(run, text):
    code, _, err = run(*TRAIN, "--augmentation", text)
    assert code == 2
    assert "augmentation" in err


def test_a_folder_that_is_passed_over_is_named_in_one_line(run, tmp_path):
    for folder in ("cat", "dog", "@eaDir"):
        (tmp_path / folder).mkdir()
        for name in ("a.png", "b.png"):
            Image.new("RGB", (9, 9)).save(tmp_path / folder / name)
    code, _, err = run("explore", "--dataset", "folder", "--data-dir", tmp_path)
    assert code == 0
    assert err == (
        f"pycifar explore: In {tmp_path}, files and folders were passed over: 1 hidden, or added "
        "by a system (@eaDir).\n"
    )


def test_a_csv_file_is_trained_on_and_measured_on_with_groups_held_out(run, tmp_path):
    rows = ["path,label,object"]
    for i in range(24):
        Image.new("L", (9, 9), 10 * i).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{'dark' if i < 12 else 'light'},{i // 3}")
    rows.append("missing.png,dark,9")
    table, path = tmp_path / "photos.csv", tmp_path / "model.keras"
    table.write_text("\n".join(rows))
    data = ["--dataset", table, "--test-fraction", 0.25, "--groups", "object"]
    line = ["train", *data, "--architecture", "softmax", "--epochs", 1, "--seed", 1, "--quiet"]
    code, _, err = run(*line, "--output", path, "--image-size", 9)
    assert code != 0
    assert "There is no image file" in err
    skip = ["--on-error", "skip", "--validation-fraction", 0.25]
    code, _, err = run(*line, *skip, "--output", path, "--image-size", 9)
    assert code == 0, err
    assert "1 that cannot be read as images" in err
    assert pycifar.load_model(path).config.validation == "validation"
    code, out, _ = run("evaluate", path, *data, *skip, "--json")
    assert json.loads(out)["n"] == 6
    for option in (["--groups", "thing"], ["--on-error", "go"], ["--test-fraction", 2]):
        assert run("explore", "--dataset", table, *option)[0] == 2
    assert run("explore", "--follow-links", "--dataset", "synthetic")[0] == 2
