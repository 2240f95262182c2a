import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import (
    ArgumentError,
    ModelFileError,
    ModelVersionError,
    OptimizerWarning,
    OutputError,
    OutputExistsError,
    UnsavedWarning,
)
from pycifar.keras_files import CONFIG, ENTRY, STATE, checked_entries
from pycifar.models.file_check import checked_network


@pytest.fixture
def saved(small_model, tmp_path):
    return pycifar.save_model(small_model, tmp_path / "model.keras")


def rewrite_entry(path, change):
    """The archive again, with pycifar's entry changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["pycifar.json"] = change(entries["pycifar.json"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def test_a_loaded_model_is_the_saved_one(small_model, small_dataset, saved):
    loaded = pycifar.load_model(saved)
    assert loaded.fingerprint() == small_model.fingerprint()
    assert loaded.history.equals(small_model.history)
    for name in ("config", "class_names", "data", "seconds", "versions", "interrupted"):
        assert getattr(loaded, name) == getattr(small_model, name)
    images = small_dataset.split("test").images
    first, second = (pycifar.predict(m, images, "prob") for m in (small_model, loaded))
    assert (first == second).all()


@pytest.mark.parametrize("architecture", ["cnn2", "cnn4", "fastnet"])
def test_plain_keras_predicts_the_same_without_pycifar(small_dataset, tmp_path, architecture):
    model = pycifar.train(small_dataset, architecture, epochs=1, seed=1, verbose=0)
    pycifar.save_model(model, tmp_path / "model.keras")
    images = np.ascontiguousarray(small_dataset.split("test").images)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import keras, numpy, sys; "
        "model = keras.models.load_model('model.keras'); "
        "numpy.save('plain.npy', model.predict_on_batch(numpy.load('images.npy'))); "
        "assert not [name for name in sys.modules if name.startswith('pycifar')]"
    )
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)
    ours = pycifar.predict(model, images, "prob")
    assert (np.load(tmp_path / "plain.npy") == ours).all()
    loaded = pycifar.load_model(tmp_path / "model.keras")
    assert (pycifar.predict(loaded, images, "prob") == ours).all()
    assert model.network.compiled  # it can be trained further as it is


def test_an_optimizer_of_one_backend_is_saved_under_its_public_name(small_dataset, tmp_path):
    class SGD(keras.optimizers.SGD):
        pass

    SGD.__module__ = "keras.src.backend.torch.optimizers.torch_sgd"  # as Keras has it on PyTorch
    model = pycifar.train(small_dataset, epochs=1, optimizer=SGD(0.01), seed=1, verbose=0)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    assert type(loaded.network.optimizer) is keras.optimizers.SGD
    assert loaded.fingerprint() == model.fingerprint()


@pytest.mark.parametrize(
    ("architecture", "optimizer"),
    [("softmax", "adam"), ("softmax", "muon"), ("mlp_relu", "sgd"), ("softmax", None)],
)
def test_a_file_without_the_optimizer_is_smaller_and_goes_on_with_a_new_one(
    architecture, optimizer, small_dataset, tmp_path
):
    given = optimizer or keras.optimizers.Nadam(0.01)
    settings = {"optimizer": given, "epochs": 1, "seed": 1, "verbose": 0}
    model = pycifar.train(small_dataset, architecture, **settings)
    whole = pycifar.save_model(model, tmp_path / "whole.keras")
    path = pycifar.save_model(model, tmp_path / "model.keras", include_optimizer=False)
    assert path.stat().st_size < 0.7 * whole.stat().st_size
    assert pycifar.load_model(whole) == model
    loaded = pycifar.load_model(path)
    assert loaded == model
    assert pycifar.inspect_model(path).loadable
    if optimizer is None:
        with pytest.raises(
            ArgumentError, match="`optimizer` must be given: the model's own, Nadam"
        ):
            pycifar.train(small_dataset, loaded, epochs=1, verbose=0)
        given = keras.optimizers.Nadam(0.01)
        pycifar.train(small_dataset, loaded, optimizer=given, epochs=1, verbose=0)
        return
    n = len(
        model.network.trainable_variables if architecture == "softmax" else model.network.weights
    )
    with pytest.warns(
        OptimizerWarning, match=f"starts anew for {n} weights.* without its optimizer"
    ):
        further = pycifar.train(small_dataset, loaded, epochs=1, verbose=0)
    assert further.epochs_done == 2
    assert pycifar.train(small_dataset, further, epochs=1, verbose=0).epochs_done == 3


def test_whether_the_optimizer_is_included_is_true_or_false(small_model, tmp_path):
    with pytest.raises(ArgumentError, match="`include_optimizer` must be True or False, not 1"):
        pycifar.save_model(small_model, tmp_path / "model.keras", include_optimizer=1)


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(small_model, saved):
    before = saved.read_bytes()
    with pytest.raises(OutputExistsError, match="exists already"):
        pycifar.save_model(small_model, saved)
    assert saved.read_bytes() == before
    pycifar.save_model(small_model, saved, overwrite=True)
    assert pycifar.load_model(saved).fingerprint() == small_model.fingerprint()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(small_model, saved, monkeypatch):
    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    before = saved.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        pycifar.save_model(small_model, saved, overwrite=True)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def test_a_folder_that_does_not_exist_is_named(small_model, tmp_path):
    with pytest.raises(OutputError, match="no folder"):
        pycifar.save_model(small_model, tmp_path / "missing" / "model.keras")


def test_a_folder_in_the_place_of_the_file_is_refused(small_model, tmp_path):
    (tmp_path / "model.keras").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        pycifar.save_model(small_model, tmp_path / "model.keras")


def test_another_ending_is_refused(small_model, tmp_path):
    with pytest.raises(ArgumentError, match=r"must end in \.keras"):
        pycifar.save_model(small_model, tmp_path / "model.h5")


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="no model file"):
        pycifar.load_model(tmp_path / "missing.keras")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("not a model")
    with pytest.raises(ModelFileError, match="not a model file"):
        pycifar.load_model(path)


def test_a_plain_keras_file_is_refused_with_the_way_to_use_it(tmp_path):
    path = tmp_path / "plain.keras"
    pycifar.build_model("cnn2", seed=1).save(path)
    with pytest.raises(ModelFileError, match="not saved by pycifar") as caught:
        pycifar.load_model(path)
    assert "adopt_model" in caught.value.fix


def test_a_truncated_file_is_refused(saved):
    saved.write_bytes(saved.read_bytes()[:100_000])
    with pytest.raises(ModelFileError, match="damaged"):
        pycifar.load_model(saved)


def test_a_file_from_a_newer_pycifar_is_refused(saved):
    rewrite_entry(saved, lambda entry: json.dumps({**json.loads(entry), "format": 2}))
    with pytest.raises(ModelVersionError, match=r"format 2; pycifar .* reads up to 1") as caught:
        pycifar.load_model(saved)
    assert caught.value.fix == "Update pycifar."


@pytest.mark.parametrize("entry", ["[]", "{}", "{", '{"format": 1}', '{"format": "x"}'])
def test_a_doctored_entry_is_refused(saved, entry):
    rewrite_entry(saved, lambda _: entry)
    with pytest.raises(ModelFileError):
        pycifar.load_model(saved)


def test_a_network_that_was_refused_is_forgotten(saved):
    entries = checked_entries(saved.read_bytes(), (ENTRY, STATE))
    config = json.loads(entries[CONFIG])
    config["config"]["layers"][-1]["config"]["units"] = 10**9
    with pytest.raises(ValueError, match="weights, and it has .* bytes of them"):
        checked_network(entries | {CONFIG: json.dumps(config).encode()})
    outside = keras.layers.Dense(3)
    with keras.StatelessScope():  # at whose end Keras gives values to the weights that have none
        outside.build((None, 2))
    assert outside.kernel.value.shape == (2, 3)


def test_what_is_no_model_is_not_saved(tmp_path):
    with pytest.raises(ArgumentError, match="must be a trained model"):
        pycifar.save_model("cnn2", tmp_path / "model.keras")


def test_an_interrupted_model_stays_one(small_model, tmp_path):
    cut = replace(small_model, interrupted=True)
    assert pycifar.load_model(pycifar.save_model(cut, tmp_path / "cut.keras")).interrupted


def test_a_network_that_keras_cannot_write_is_refused(small_dataset, tmp_path):
    class Twist(keras.layers.Layer):
        def __init__(self, function, **named):
            super().__init__(**named)
            self.function = function

        def call(self, values):
            return self.function(values)

    def network(input_shape, n_classes):
        last = keras.layers.Dense(n_classes, activation="softmax")
        layers = [keras.Input(input_shape), keras.layers.Flatten(), Twist(abs), last]
        return keras.Sequential(layers)

    with pytest.warns(UnsavedWarning, match="Twist"):
        model = pycifar.train(small_dataset, network, epochs=1, verbose=0)
    with pytest.raises(ArgumentError, match="cannot be saved: .*Twist"):
        pycifar.save_model(model, tmp_path / "twisted.keras")
    assert not list(tmp_path.iterdir())


def lambda_network(input_shape, n_classes):
    layers = keras.layers
    start = keras.Input(input_shape, dtype="uint8")
    values = layers.Lambda(lambda pixels: pixels / 255)(layers.Rescaling(1.0)(start))
    values = layers.Flatten()(values)
    return keras.Model(start, layers.Dense(n_classes, activation="softmax")(values))


def test_a_network_that_cannot_be_loaded_again_is_told_before_it_is_trained_and_saved(
    small_dataset, tmp_path
):
    told = "that can be loaded again: .*Lambda"
    with pytest.warns(UnsavedWarning, match=told):
        model = pycifar.train(small_dataset, lambda_network, epochs=1, seed=1, verbose=0)
    with pytest.warns(UnsavedWarning, match=told):
        path = pycifar.save_model(model, tmp_path / "own.keras")
    with pytest.raises(ModelFileError, match="Lambda, which is not safe"):
        pycifar.load_model(path, custom_objects={"Lambda": keras.layers.Lambda})


def test_slices_and_operations_in_a_network_are_harmless(small_dataset, tmp_path):
    def make(input_shape, n_classes):
        layers = keras.layers
        start = keras.Input(input_shape, dtype="uint8")
        values = layers.Rescaling(1 / 255)(start)
        left, right = values[:, :, :16], values[:, ::2, 16:]
        parts = [layers.GlobalAveragePooling2D()(part) for part in (left, right)]
        values = keras.ops.concatenate(parts, axis=-1) + 0.5
        return keras.Model(start, layers.Dense(n_classes, activation="softmax")(values))

    model = pycifar.train(small_dataset, make, epochs=1, seed=1, verbose=0)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "sliced.keras"))
    assert loaded == model
