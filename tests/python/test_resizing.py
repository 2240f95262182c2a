"""A model does with image files what was done with those that it learned from."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar import cli
from pycifar.datasets.image_files import read_image
from pycifar.datasets.resizing import Resize
from pycifar.errors import ModelFileError, ResizeWarning
from pycifar.models.file import _model_in, model_bytes
from pycifar.models.record import checked_resize

RULE = Resize("crop", "bilinear")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Photographs of 30×70 pixels: the middle is dark or light, and the edges tell nothing."""
    top, draws = tmp_path_factory.mktemp("shades"), np.random.default_rng(1)
    for split, n in (("train", 12), ("test", 4)):
        for name, low in (("dark", 0), ("light", 150)):
            (top / split / name).mkdir(parents=True)
            for i in range(n):
                pixels = draws.integers(0, 256, (30, 70, 3), np.uint8)
                pixels[:, 20:50] = draws.integers(low, low + 100, (30, 30, 3))
                Image.fromarray(pixels).save(top / split / name / f"{i}.png")
    return top


@pytest.fixture(scope="module")
def dataset(tree):
    return pycifar.load_dataset("folder", tree, image_size=(24, 16), resize=RULE)


@pytest.fixture(scope="module")
def model(dataset):
    return pycifar.train(dataset, "softmax", epochs=2, batch_size=8, seed=1, verbose=0)


def test_files_are_resized_as_those_of_the_training_were(model, dataset, tree):
    assert model.resize == RULE
    test = dataset.split("test")
    of_pixels = pycifar.predict(model, dataset, "prob")
    assert np.array_equal(pycifar.predict(model, list(test.paths), "prob"), of_pixels)
    pictures = [Image.open(path) for path in test.paths]
    assert np.array_equal(pycifar.predict(model, pictures, "prob"), of_pixels)
    squashed = np.array([read_image(path, (24, 16)) for path in test.paths])
    assert not np.array_equal(pycifar.predict(model, squashed, "prob"), of_pixels)


def test_a_picture_that_is_explained_is_resized_so(dataset):
    model = pycifar.train(dataset, "lenet5", epochs=1, seed=1, verbose=0)
    test = dataset.split("test")
    found = pycifar.explain(model, test.paths[0])
    assert np.array_equal(found.image, test.images[0])
    assert found.heatmap.shape == (24, 16)


def test_the_rule_is_in_the_file_and_in_what_is_shown_of_it(model, tmp_path):
    path = pycifar.save_model(model, tmp_path / "model.keras")
    assert pycifar.load_model(path).resize == RULE
    assert pycifar.inspect_model(path).resize == RULE
    assert pycifar.inspect_model(path).to_dict()["resize"] == RULE.to_dict()
    assert "resize:       crop, bilinear" in repr(pycifar.inspect_model(path))
    assert "resize: crop, bilinear" in model.summary()


def test_a_file_of_an_older_version_squashes(model, small_model, tmp_path, tree, monkeypatch):
    assert small_model.resize is None
    monkeypatch.setattr(Resize, "to_dict", lambda rule: None)
    older = _model_in(model_bytes(model), "It", None)
    assert older.resize is None
    path = tree / "test" / "dark" / "0.png"
    squashed = pycifar.predict(older, read_image(path, (24, 16)), "prob")
    assert np.array_equal(pycifar.predict(older, path, "prob"), squashed)


@pytest.mark.parametrize(
    "value",
    ["crop", {"how": "crop"}, {"how": "crop", "filter": "sharp"}, [], {"how": 1, "filter": "box"}],
)
def test_a_rule_in_a_file_is_checked(value, model, monkeypatch):
    with pytest.raises(ValueError, match="resize"):
        checked_resize(value)
    monkeypatch.setattr(Resize, "to_dict", lambda rule: value)
    content = model_bytes(model)
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        _model_in(content, "It", None)


def test_images_that_were_resized_otherwise_are_told(model, tree):
    other = pycifar.load_dataset("folder", tree, image_size=(24, 16))
    for use in (pycifar.evaluate, pycifar.predict):
        with pytest.warns(ResizeWarning, match='by "squash, bilinear".* by "crop, bil') as caught:
            use(model, other)
        assert [warning.filename for warning in caught] == [__file__]


def test_a_model_goes_on_with_the_rule_of_its_new_images(model, tree):
    other = pycifar.load_dataset("folder", tree, image_size=(24, 16), resize="pad")
    on = pycifar.train(other, model, epochs=1, seed=1, verbose=0)
    assert on.resize == Resize("pad")


def test_the_shell_resizes_as_the_training_did(model, dataset, tree, tmp_path, capsys):
    path = str(pycifar.save_model(model, tmp_path / "model.keras"))
    files = list(dataset.split("test").paths)
    assert cli.main(["predict", path, *files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = pycifar.predict(model, dataset, "prob")
    names = model.class_names
    read = [[row["probabilities"][name] for name in names] for row in found]
    assert np.allclose(read, expected, atol=1e-6)
    given = ["evaluate", path, "--dataset", "folder", "--data-dir", str(tree), "--json"]
    assert cli.main(given) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["accuracy"] == pycifar.evaluate(model, dataset).accuracy


def test_the_shell_trains_with_a_rule_and_sides_of_two_lengths(tree, tmp_path, dataset, model):
    path = tmp_path / "model.keras"
    given = [
        *("train", "--dataset", "folder", "--data-dir", str(tree), "--image-size", "24x16"),
        *("--resize", "crop:bilinear", "--architecture", "softmax", "--epochs", "2"),
        *("--batch-size", "8", "--seed", "1", "--quiet", "--output", str(path)),
    ]
    assert cli.main(given) == 0
    assert pycifar.load_model(path) == model


READING = """
import sys, threading
from pycifar import cli, console, load_dataset
console._LINE_AFTER = console._LINE_EVERY = 0
{}
"""
IN_PYTHON = """
try:
    load_dataset("folder", sys.argv[1], image_size=1024, in_memory=True)
except KeyboardInterrupt:
    print(*(t.name for t in threading.enumerate()))
    sys.exit(130)
"""
IN_THE_SHELL = """
given = ["explore", "--dataset", "folder", "--data-dir", sys.argv[1], "--image-size", "1024"]
given += ["--in-memory", "yes"]  # where each image is told, and not each block
sys.exit(cli.main(given))
"""


@pytest.mark.parametrize("code", [IN_PYTHON, IN_THE_SHELL])
def test_reading_can_be_interrupted(code, tmp_path):
    (tmp_path / "shade").mkdir()
    for i in range(3000):
        Image.new("RGB", (9, 9)).save(tmp_path / "shade" / f"{i}.png")
    command = [sys.executable, "-c", READING.format(code), str(tmp_path)]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    assert "1 of 3,000 images" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    if code == IN_PYTHON:
        assert (child.returncode, out) == (130, "MainThread\n")
    else:
        assert child.returncode == 1
        assert err.endswith("pycifar explore: interrupted before it was done.\n")
    assert "2,999 of 3,000" not in err
