"""The schedule "averaging": a model that ends with the mean of the weights it went through."""

from __future__ import annotations

import time

import numpy as np
import pytest

import pycifar
from pycifar.averaging import WeightMean
from pycifar.errors import CallbackError

N_STEPS = 80  # 20 epochs of 4 steps
BEFORE = 32  # two fifths of them


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


def trained(dataset, architecture="mlp_relu", **settings):
    usual = {"batch_size": 50, "seed": 1, "verbose": 0, "validation": None, "epochs": 20}
    return pycifar.train(dataset, architecture, **(usual | {"schedule": "averaging"} | settings))


def test_the_mean_is_numpy_s():
    moments = np.random.default_rng(1).normal(size=(7, 3, 2)).astype(np.float32)
    mean = WeightMean()
    for weights in moments:
        mean.add([weights, weights[0]])
    assert mean.number == 7
    assert np.allclose(mean.arrays[0], moments.mean(0, dtype=np.float64), rtol=1e-12)
    assert np.allclose(mean.arrays[1], moments[:, 0].mean(0, dtype=np.float64), rtol=1e-12)


def test_the_model_ends_with_the_mean_of_the_last_three_fifths(dataset):
    network = pycifar.build_model("mlp_relu", seed=1)
    passed = []

    def note(batch, logs):
        passed.append(network.get_weights())

    model = trained(dataset, network, callbacks={"on_train_batch_end": note})
    assert len(passed) == N_STEPS
    for ended, *moments in zip(model.network.get_weights(), *passed[BEFORE:], strict=True):
        assert np.allclose(ended, np.mean(moments, axis=0), atol=1e-7)
        assert not np.array_equal(ended, moments[-1])


def test_normalisation_is_measured_anew(dataset):
    model = trained(dataset, "fastnet", precision="float32")
    images = dataset.split("train").images
    before = model.network.get_layer("conv1_1_norm")
    within = pycifar.backend.keras.Model(model.network.inputs, before.input)
    maps = within.predict(np.ascontiguousarray(images), verbose=0)
    assert np.allclose(before.moving_mean, maps.mean((0, 1, 2)), rtol=1e-3, atol=1e-4)
    assert before.momentum == 0.6


def test_the_history_ends_with_what_the_model_ends_with(dataset):
    model = trained(dataset, "fastnet", validation="test")
    history = model.history
    last = history[(history.epoch == 20) & (history["split"] == "validation")]
    accuracy = last.value[last.metric == "accuracy"].item()
    assert accuracy == pytest.approx(pycifar.evaluate(model, dataset).accuracy)


@pytest.mark.parametrize("architecture", ["mlp_relu", "fastnet"])
def test_a_cut_between_two_weights_of_the_mean_changes_nothing(dataset, architecture, tmp_path):
    class CutError(Exception):
        pass

    steps = []

    def cut(batch, logs):
        steps.append(batch)
        if len(steps) == BEFORE + 8:
            raise CutError

    kept = {"checkpoint_dir": tmp_path, "checkpoint_every": 1, "resume": True}
    with pytest.raises(CallbackError):
        trained(dataset, architecture, **kept, callbacks={"on_train_batch_end": cut})
    whole = trained(dataset, architecture)
    for _ in range(2):  # and once more where it has ended
        assert trained(dataset, architecture, **kept).fingerprint() == whole.fingerprint()


def test_fewer_passes_are_those_of_the_inverse_root(dataset):
    short = [trained(dataset, epochs=11, schedule=s) for s in ("averaging", "inverse_sqrt")]
    assert short[0].fingerprint() == short[1].fingerprint()


def test_a_time_budget_leaves_room_for_the_end(dataset):
    started = time.monotonic()
    model = trained(dataset, "fastnet", epochs=None, time_budget=20)
    assert time.monotonic() - started < 20
    assert model.config.passes > 12
