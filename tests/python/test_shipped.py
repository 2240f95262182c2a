"""The models that are part of the package."""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.cli import main
from pycifar.errors import ModelFileError
from pycifar.shipped import DEFAULT_MODEL, SHIPPED

NAME = "fastnet-cifar10"
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def model() -> pycifar.TrainedModel:
    return pycifar.load_model(NAME)


@pytest.fixture(scope="module")
def report() -> dict:
    return json.loads(SHIPPED[NAME].with_suffix(".json").read_text())


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (300, 200), "skyblue").save(path)
    return path


@pytest.fixture
def run(capsys):
    def call(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        return main([str(argument) for argument in argv]), *capsys.readouterr()

    return call


def test_each_is_a_file_of_at_most_2_mb_beside_its_report():
    folder = SHIPPED[NAME].parent
    assert DEFAULT_MODEL in SHIPPED
    assert {path.stem for path in folder.glob("*.keras")} == set(SHIPPED)
    assert {path.stem for path in folder.glob("*.json")} == set(SHIPPED)
    assert all(path.stat().st_size <= 2_000_000 for path in SHIPPED.values())


def test_the_report_is_of_the_file_and_says_how_it_was_made(model, report):
    assert report["sha256"] == hashlib.sha256(SHIPPED[NAME].read_bytes()).hexdigest()
    assert report["fingerprint"] == model.fingerprint()
    assert report["data"] == model.data
    assert (report["epochs"], report["seed"]) == (model.epochs_done, model.config.seed)
    assert report["seconds"] >= sum(model.seconds)
    assert report["command"].startswith("python benchmarks/shipped_fastnet.py --output pycifar/")
    assert report["test_accuracy"] >= 0.89
    assert f"{report['test_accuracy']:.4f}" in README.read_text("utf-8")


def test_it_knows_the_ten_classes_and_computes_the_same_on_every_processor(model):
    assert list(model.class_names) == CLASSES
    assert model.image_shape == (32, 32, 3)
    assert model.config.architecture == "fastnet"
    assert model.config.precision == "float32"
    assert {layer.compute_dtype for layer in model.network.layers} == {"float32"}


def test_a_name_needs_no_network_and_no_cifar10(photo, monkeypatch, tmp_path):
    def refuse(*arguments):
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("PYCIFAR_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert pycifar.predict(pycifar.load_model(NAME), photo, "prob").shape == (1, 10)


def test_plain_keras_opens_the_file_and_predicts_the_same(model, small_dataset, tmp_path):
    images = np.ascontiguousarray(small_dataset.split("test").images)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import keras, numpy, sys; "
        "model = keras.models.load_model(sys.argv[1]); "
        "numpy.save('plain.npy', model.predict_on_batch(numpy.load('images.npy')))"
    )
    subprocess.run([sys.executable, "-P", "-c", code, SHIPPED[NAME]], cwd=tmp_path, check=True)
    assert (np.load(tmp_path / "plain.npy") == pycifar.predict(model, images, "prob")).all()


def test_the_stated_accuracy_is_that_on_the_test_images(model, report, cifar10_dir):
    dataset = pycifar.load_dataset("cifar10", data_dir=cifar10_dir)
    same = dataset.fingerprint() == report["data"]["fingerprint"]
    assert pycifar.evaluate(model, dataset).accuracy == pytest.approx(
        report["test_accuracy"], abs=0.0005 if same else 0.03
    )


def test_a_file_of_that_name_comes_first_and_a_folder_does_not(
    model, small_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path(NAME).mkdir()
    assert pycifar.load_model(NAME) == model
    Path(NAME).rmdir()
    shutil.copy(pycifar.save_model(small_model, "small.keras"), NAME)
    assert pycifar.load_model(NAME) == small_model


@pytest.mark.parametrize("path", ["fastnet", "fastnet-cifar10.keras", "./fastnet-cifar10"])
def test_another_name_is_an_error_that_lists_the_names(path):
    with pytest.raises(ModelFileError, match="There is no model file") as caught:
        pycifar.load_model(path)
    assert caught.value.fix.endswith(f"part of the package: {NAME}.")


def test_a_name_is_a_path_wherever_a_model_file_is_taken(model, report):
    found = pycifar.inspect_model(NAME)
    assert found.loadable
    assert (found.sha256, found.fingerprint) == (report["sha256"], model.fingerprint())
    assert found.path == str(SHIPPED[NAME])
    with pytest.raises(ModelFileError, match="was saved by pycifar"):
        pycifar.adopt_model(NAME, class_names=CLASSES)


# The shell


def test_a_photograph_is_predicted_at_once_and_the_model_is_named(run, model, photo):
    probabilities = pycifar.predict(model, photo, "prob")[0]
    label = int(probabilities.argmax())
    line = f"{photo}\t{CLASSES[label]}\t{probabilities[label]:.4f}\n"
    code, out, err = run("predict", photo)
    assert (code, out) == (0, line)
    assert err == "pycifar predict: the model is fastnet-cifar10, which is part of pycifar.\n"
    assert run("predict", NAME, photo) == (0, line, "")
    upper = photo.rename(photo.with_suffix(".JPG"))
    code, out, err = run("predict", upper, "--top", 2, upper)
    assert (code, len(out.splitlines())) == (0, 4)
    assert NAME in err


def test_the_first_argument_is_the_model_unless_it_ends_as_an_image(run, photo, tmp_path):
    assert run("predict", photo.with_suffix(""), photo)[0] == 1
    code, _, err = run("predict", "photo")
    assert code == 2
    assert "required: IMAGE.\n" in err
    assert '"photo" is the model, since it has no ending of an image: .apng, .bmp' in err


@pytest.mark.parametrize(
    "line",
    [
        "small.keras photo.jpg photo.jpg",
        "small.keras --top 1 photo.jpg photo.jpg",
        "--top 1 small.keras photo.jpg --tta photo.jpg",
        "small.keras -- photo.jpg -odd.jpg",
        "-- small.keras photo.jpg -odd.jpg",
        "small.keras --top 1 -- photo.jpg -odd.jpg",
    ],
)
def test_a_model_may_stand_before_options_and_after_them(
    run, line, photo, small_model, monkeypatch
):
    monkeypatch.chdir(photo.parent)
    pycifar.save_model(small_model, "small.keras")
    shutil.copy(photo, "-odd.jpg")
    code, out, err = run("predict", *line.split())
    assert (code, err) == (0, "")
    label, *others = (row.split("\t")[1] for row in out.splitlines())
    assert label in small_model.class_names
    assert others == [label]


def test_the_name_is_a_path_in_the_shell(run, model, photo, small_model, monkeypatch, tmp_path):
    code, out, _ = run("inspect", NAME, "--json")
    assert (code, json.loads(out)["fingerprint"]) == (0, model.fingerprint())
    code, out, _ = run("explain", NAME, photo)
    assert (code, out.split("\t")[0]) == (0, str(photo))
    folder = tmp_path / "images" / "test"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        shutil.copy(photo, folder / name / "1.jpg")
    shutil.copytree(folder, folder.with_name("train"))
    code, out, _ = run(
        "evaluate", NAME, "--dataset", "folder", "--data-dir", folder.parent, "--json", "--quiet"
    )
    assert (code, json.loads(out)["accuracy"]) == (0, 0.1)
    assert json.loads(out)["model"] == NAME


def test_the_help_says_which_model_is_used(run):
    _, out, _ = run("predict", "--help")
    assert "[MODEL] IMAGE [IMAGE ...]" in out
    assert f"{NAME} if the first" in out


def test_a_training_goes_on_from_it(model, small_dataset):
    renamed = pycifar.load_dataset(
        {
            "train": (
                np.ascontiguousarray(small_dataset.split("train").images),
                small_dataset.split("train").labels,
            )
        },
        class_names=CLASSES,
    )
    with pytest.warns(pycifar.errors.OptimizerWarning, match="starts anew"):
        further = pycifar.train(renamed, model, epochs=1, verbose=0)
    assert further.epochs_done == model.epochs_done + 1
