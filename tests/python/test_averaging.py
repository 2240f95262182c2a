"""The schedule "averaging": a model that ends with the mean of the weights it went through."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import CallbackError, InterruptedWarning
from pycifar.training.averaging import WeightAverage

N_STEPS = 80  # 20 epochs of 4 steps
BEFORE = 32  # two fifths of them


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


def trained(dataset, architecture="mlp_relu", **settings):
    usual = {"batch_size": 50, "seed": 1, "verbose": 0, "validation": None, "epochs": 20}
    return pycifar.train(dataset, architecture, **(usual | {"schedule": "averaging"} | settings))


class Weights(keras.callbacks.Callback):
    """Notes the weights after each step, and interrupts the training after so many."""

    def __init__(self, until=None):
        super().__init__()
        self.found, self.until = [], until

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(self.model.get_weights())
        if len(self.found) == self.until:
            raise KeyboardInterrupt


def test_the_mean_is_numpy_s():
    moments = np.random.default_rng(1).normal(size=(7, 3, 2)).astype(np.float32)
    mean = WeightAverage(learner=None, steps_per_epoch=1)
    for weights in moments:
        mean.add([weights, weights[0]])
    assert mean.number == 7
    assert np.allclose(mean.arrays[0], moments.mean(0, dtype=np.float64), rtol=1e-12)
    assert np.allclose(mean.arrays[1], moments[:, 0].mean(0, dtype=np.float64), rtol=1e-12)


def test_the_model_ends_with_the_mean_of_the_last_three_fifths(dataset):
    note = Weights()
    model = trained(dataset, callbacks=note)
    passed = note.found
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


def validated(model, metric):
    history = model.history
    rows = history[(history["split"] == "validation") & (history.metric == metric)]
    return rows.set_index("epoch").value


@pytest.fixture(scope="module")
def whole(dataset):
    return trained(dataset, "fastnet", validation="test")


def test_the_history_ends_with_what_the_model_ends_with(dataset, whole):
    accuracy = pycifar.evaluate(whole, dataset).accuracy
    assert validated(whole, "accuracy")[20] == pytest.approx(accuracy)


def test_a_validation_is_of_the_mean_so_far_and_changes_nothing(dataset, whole):
    assert whole.fingerprint() == trained(dataset, "fastnet").fingerprint()
    stopped = trained(
        dataset, "fastnet", validation="test", callbacks={"on_epoch_end": lambda e, logs: e < 15}
    )
    assert len(stopped.seconds) == 15
    for metric in ("loss", "accuracy"):
        assert validated(stopped, metric)[15] == validated(whole, metric)[15]
    accuracy = pycifar.evaluate(stopped, dataset).accuracy
    assert validated(stopped, "accuracy")[15] == pytest.approx(accuracy)


def test_the_best_weights_are_a_mean(dataset):
    model = trained(dataset, "fastnet", validation="test", best_weights=True)
    losses = validated(model, "loss")
    assert model.best_epoch == losses.idxmin()
    accuracy = pycifar.evaluate(model, dataset).accuracy
    assert validated(model, "accuracy")[model.best_epoch] == pytest.approx(accuracy)


def test_an_interrupt_leaves_the_mean_so_far(dataset):
    note = Weights(until=BEFORE + 10)
    with pytest.warns(InterruptedWarning):
        model = trained(dataset, callbacks=note)
    for ended, *moments in zip(model.network.get_weights(), *note.found[BEFORE:], strict=True):
        assert np.allclose(ended, np.mean(moments, axis=0), atol=1e-7)


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


def test_a_time_budget_leaves_room_for_the_end(dataset, clock, monkeypatch):
    monkeypatch.setattr(
        "pycifar.training.batches.IMAGES_TO_NORMALISE_BY", 1000
    )  # images, so 20 batches of 50
    clock.tick = 0.1
    model = trained(dataset, "mlp_relu", epochs=None, time_budget=20)
    assert model.config.passes > 12
    assert 17 < clock.now < 20 - clock.tick * 3
