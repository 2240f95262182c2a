"""What a model file may hold: each attack that once came through, and what must still be read."""

import hashlib
import io
import json
import os
import zipfile

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import ArgumentError, ModelFileError
from pycifar.keras_files import CONFIG, ENTRY, checked_entries
from pycifar.models import file as model_file
from pycifar.models.file_check import PARTS, check_parts


@pytest.fixture
def saved(small_model, tmp_path):
    return pycifar.save_model(small_model, tmp_path / "model.keras")


def rewritten(path, name, change):
    """The file again, with one of its entries of JSON changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    value = json.loads(entries[name])
    change(value)
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in (entries | {name: json.dumps(value).encode()}).items():
            archive.writestr(entry, content)
    return path


def test_the_ending_of_a_file_decides_nothing(small_model, saved, tmp_path):
    other = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    both = tmp_path / "both.h5"
    other.save(both)
    both.write_bytes(both.read_bytes() + saved.read_bytes())
    assert pycifar.load_model(both).fingerprint() == small_model.fingerprint()


def test_what_was_checked_is_what_is_loaded(small_model, saved, monkeypatch):
    def check_and_swap(content):
        saved.write_bytes(b"another file")
        return checked_entries(content)

    monkeypatch.setattr(model_file, "checked_entries", check_and_swap)
    assert pycifar.load_model(saved).fingerprint() == small_model.fingerprint()


def test_a_file_must_have_the_sha256_that_is_expected(small_model, saved):
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    loaded = pycifar.load_model(saved, sha256=digest.upper())
    assert loaded.fingerprint() == small_model.fingerprint()
    with pytest.raises(ModelFileError, match=f"its SHA-256 is {digest}, not {'0' * 64}"):
        pycifar.load_model(saved, sha256="0" * 64)
    with pytest.raises(ArgumentError, match="`sha256` must be 64 hexadecimal digits"):
        pycifar.load_model(saved, sha256="abc")


def test_a_pipe_is_no_model_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ModelFileError, match="it is no plain file"):
        pycifar.load_model(tmp_path / "pipe.keras")


def test_weights_must_be_those_that_the_file_says(saved):
    rewritten(saved, "pycifar.json", lambda record: record.update(fingerprint="0" * 64))
    with pytest.raises(ModelFileError, match="its weights are not those that it says it has"):
        pycifar.load_model(saved)


def test_losses_and_metrics_of_a_file_are_not_built(small_model, saved):
    huge = {
        "module": "keras.metrics", "class_name": "MeanIoU", "registered_name": None,
        "config": {"num_classes": 25_000},
    }  # fmt: skip

    rewritten(saved, CONFIG, lambda config: config.update(compile_config={"metrics": [huge]}))
    with pytest.raises(ModelFileError, match="its optimizer is None"):
        pycifar.load_model(saved)


def test_a_history_cannot_make_a_training_go_on_for_ever(saved):
    history = {"epoch": [10**9], "split": ["train"], "metric": ["loss"], "value": [1.0]}
    rewritten(saved, "pycifar.json", lambda record: record.update(history=history))
    with pytest.raises(ModelFileError, match="`epoch` must be a whole number from 1"):
        pycifar.load_model(saved)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ({"class_name": "Lambda", "registered_name": "pycifar_tests>Mine"}, "which is Mine"),
        ({"class_name": "function", "config": "eval", "registered_name": "pycifar_tests>Mine"},
         "asks for \"eval\", which"),
    ],
)  # fmt: skip
def test_a_part_is_made_by_the_name_that_was_checked(part, wrong):
    @keras.saving.register_keras_serializable("pycifar_tests", "Mine")
    class Mine(keras.layers.Layer):
        pass

    with pytest.raises(ValueError, match=wrong):
        check_parts(part | {"module": None}, PARTS)
    check_parts({"class_name": "Mine", "registered_name": "pycifar_tests>Mine"}, PARTS)


def test_an_array_in_two_places_is_refused(saved, tmp_path):
    import h5py

    with zipfile.ZipFile(saved) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    stream = io.BytesIO(entries["model.weights.h5"])
    with h5py.File(stream, "r+") as opened:
        opened["x"] = np.zeros(10)
        opened["y"] = opened["x"]
    with zipfile.ZipFile(saved, "w") as archive:
        for entry, content in (entries | {"model.weights.h5": stream.getvalue()}).items():
            archive.writestr(entry, content)
    with pytest.raises(ModelFileError, match="a part that stands in two places"):
        pycifar.load_model(saved)


def test_a_file_is_inspected_without_being_loaded(small_model, saved):
    found = pycifar.inspect_model(saved)
    assert found.loadable
    assert found.fingerprint == small_model.fingerprint()
    assert found.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert found.n_bytes == saved.stat().st_size
    assert found.parameters == small_model.network.count_params()
    assert found.class_names == small_model.class_names
    assert found.image_shape == small_model.image_shape
    assert found.versions == small_model.versions
    assert str(found).splitlines()[0] == f"{saved} can be loaded"
    assert json.loads(json.dumps(found.to_dict()))["loadable"]
    assert {found, pycifar.inspect_model(saved)} == {found}


def test_a_file_that_would_be_refused_says_why(saved, tmp_path):
    rewritten(saved, CONFIG, lambda config: config["config"]["layers"][1].update(
        class_name="Lambda", module="keras.layers"))  # fmt: skip
    found = pycifar.inspect_model(saved)
    assert not found.loadable
    assert found.problem == "it asks for keras.layers.Lambda, which is not safe"
    assert found.architecture is not None
    assert found.parameters is None
    other = tmp_path / "text.keras"
    other.write_text("not this")
    assert "It is not a model file" in pycifar.inspect_model(other).problem
    with pytest.raises(ModelFileError, match="There is no model file"):
        pycifar.inspect_model(tmp_path / "none.keras")


@pytest.mark.parametrize(
    ("entry", "change", "problem"),
    [
        (
            CONFIG,
            lambda config: config["compile_config"]["optimizer"].update(
                class_name="MultiOptimizer"
            ),
            "it asks for keras.optimizers.MultiOptimizer, which is not safe",
        ),
        (ENTRY, lambda record: record.update(frozen="all"), "`frozen` is "),
        (ENTRY, lambda record: record.update(frozen=[-1]), "`frozen` must be"),
    ],
)
def test_what_loading_refuses_is_told(saved, entry, change, problem):
    rewritten(saved, entry, change)
    assert pycifar.inspect_model(saved).problem.startswith(problem)
    with pytest.raises(ModelFileError, match=f"cannot be loaded as a model: {problem}"):
        pycifar.load_model(saved)


ODD_NAME = "cat\t0.99\x1b[31m\nforged"


@pytest.fixture
def oddly_named(saved):
    def rename(record):
        record["class_names"][0] = ODD_NAME
        record["data"]["name"] = ODD_NAME

    return rewritten(saved, "pycifar.json", rename)


def test_names_of_a_stranger_are_shown_escaped(oddly_named, small_dataset, tmp_path, capsys):
    from PIL import Image

    from pycifar.cli import main

    model = pycifar.load_model(oddly_named)
    assert model.class_names[0] == ODD_NAME
    shown = [repr(model), model.summary(), str(pycifar.inspect_model(oddly_named))]
    images, labels = small_dataset.split("test").images, small_dataset.split("test").labels
    named = pycifar.load_dataset(
        {"train": (255 - images, labels), "test": (images, labels)}, class_names=model.class_names
    )
    found = pycifar.evaluate(model, named)
    shown += [repr(found), found._repr_html_(), repr(pycifar.explore(named)), repr(named)]
    with pytest.raises(pycifar.PycifarError) as error:
        pycifar.evaluate(model, small_dataset)
    shown += [str(error.value)]
    Image.fromarray(np.ascontiguousarray(images[0])).save(tmp_path / "a.png")
    main(["predict", str(oddly_named), str(tmp_path / "a.png"), "--top", "10"])
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 10
    assert all(line.count("\t") == 2 for line in printed.splitlines())
    for text in (*shown, printed):
        assert "\x1b" not in text
        assert "\nforged" not in text
    assert "\\x1b[31m\\nforged" in printed
