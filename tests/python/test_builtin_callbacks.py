"""Keras's own callbacks and optimizers do here what they do in `fit`, or are refused before."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import pycifar
from pycifar.backend import seeded
from pycifar.errors import ArgumentError, CallbackError, OptimizerWarning
from pycifar.learners.optimizers import REFUSED
from pycifar.models.file_check import OPTIMIZER_PARTS

SIZE, EPOCHS = 50, 4


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


def network(middle=lambda: keras.layers.Conv2D(6, 5, strides=3, activation="relu")):
    layers = keras.layers
    with seeded(3):
        return keras.Sequential(
            [
                keras.Input((32, 32, 3), dtype="uint8"),
                layers.Rescaling(1 / 255),
                middle(),
                layers.Flatten(),
                layers.Dense(10, activation="softmax"),
            ]
        )


def batches(dataset, epochs):
    """The batches of a training with seed 1, without augmentation, one epoch after the other."""
    split = dataset.split("train")
    for epoch in epochs:
        order = np.random.default_rng([1, 1, epoch]).permutation(len(split))
        for start in range(0, len(split), SIZE):
            chosen = order[start : start + SIZE]
            yield np.ascontiguousarray(split.images[chosen]), split.labels[chosen]


def fit(model, dataset, epochs, callbacks=(), **validation):
    """Train a compiled model by Keras's `fit`; epochs count from 1."""
    steps = len(dataset.split("train")) // SIZE
    settings = {"epochs": len(epochs), "steps_per_epoch": steps, "shuffle": False, "verbose": 0}
    model.fit(batches(dataset, epochs), callbacks=list(callbacks), **settings, **validation)


def fitted(dataset, optimizer, callbacks):
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(optimizer, loss, metrics=["accuracy"])
    test = dataset.split("test")
    held_out = np.ascontiguousarray(test.images), test.labels
    validation = {"validation_data": held_out, "validation_batch_size": SIZE}
    fit(model, dataset, range(1, EPOCHS + 1), callbacks, **validation)
    return model


def trained(dataset, optimizer, callbacks, **settings):
    every = {"epochs": EPOCHS, "batch_size": SIZE, "validation": "test", "seed": 1, "verbose": 0}
    model = network()
    return pycifar.train(
        dataset, model, optimizer=optimizer, callbacks=callbacks, **(every | settings)
    )


def agree(ours, theirs):
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return all(np.allclose(one, other, rtol=1e-3, atol=1e-4) for one, other in pairs)


def sgd(**averages):
    return keras.optimizers.SGD(0.05, momentum=0.9, **averages)


CALLBACKS = {
    "none": lambda folder: [],
    "ReduceLROnPlateau": lambda folder: [
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=0, min_delta=10.0)
    ],
    "LearningRateScheduler": lambda folder: [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.02 / (epoch + 1))
    ],
    "EarlyStopping": lambda folder: [
        keras.callbacks.EarlyStopping("val_loss", patience=0, restore_best_weights=True)
    ],
    "ModelCheckpoint": lambda folder: [keras.callbacks.ModelCheckpoint(folder / "m.keras")],
    "CSVLogger": lambda folder: [keras.callbacks.CSVLogger(folder / "log.csv")],
    "ProgbarLogger": lambda folder: [keras.callbacks.ProgbarLogger()],
    "TerminateOnNaN": lambda folder: [keras.callbacks.TerminateOnNaN()],
    "History": lambda folder: [keras.callbacks.History()],
    "LambdaCallback": lambda folder: [
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    ],
    "TensorBoard": lambda folder: [keras.callbacks.TensorBoard(folder)],
    "SwapEMAWeights": lambda folder: [keras.callbacks.SwapEMAWeights()],
    "RemoteMonitor": lambda folder: [keras.callbacks.RemoteMonitor()],
}


@pytest.mark.parametrize("name", list(CALLBACKS))
def test_a_callback_of_keras_gives_the_weights_of_fit(dataset, name, tmp_path, monkeypatch):
    if name == "TensorBoard":
        pytest.importorskip("tensorboard", reason="needs TensorBoard")
    posted = []
    if name == "RemoteMonitor":
        pytest.importorskip("requests", reason="needs requests")
        monkeypatch.setattr("requests.post", lambda url, form, headers: posted.append(form["data"]))
    averages = {"use_ema": True, "ema_momentum": 0.9} if name == "SwapEMAWeights" else {}
    folders = [tmp_path / "ours", tmp_path / "theirs"]
    for folder in folders:
        folder.mkdir()
    ours = trained(dataset, sgd(**averages), CALLBACKS[name](folders[0]))
    theirs = fitted(dataset, sgd(**averages), CALLBACKS[name](folders[1]))
    assert agree(ours.network, theirs), name
    made = [sorted(path.name.partition(".")[0] for path in folder.iterdir()) for folder in folders]
    assert made[0] == made[1]
    sent = [json.loads(data) for data in posted]
    assert [set(logs) for logs in sent[:EPOCHS]] == [set(logs) for logs in sent[EPOCHS:]]
    assert len(sent) == (2 * EPOCHS if name == "RemoteMonitor" else 0)


def test_every_callback_of_keras_is_tried_or_refused():
    bases = ("Callback", "CallbackList")
    known = {name for name in dir(keras.callbacks) if name[0].isupper()} - set(bases)
    refused = {"BackupAndRestore"}
    needs_more = {"OrbaxCheckpoint"}  # the package of that name
    assert known <= set(CALLBACKS) | refused | needs_more


def of_keras(name):
    return getattr(keras.optimizers, name)


PLAIN = (
    *("SGD", "Adam", "AdamW", "RMSprop", "Nadam", "Adagrad", "Adadelta", "Adamax", "Adafactor"),
    *("Ftrl", "Lion", "Lamb", "Muon"),
)
OPTIMIZERS = {name: of_keras(name) for name in PLAIN} | {
    "LossScaleOptimizer": lambda rate: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(rate, momentum=0.9)
    ),
    "with moving averages": lambda rate: keras.optimizers.SGD(rate, use_ema=True, ema_momentum=0.9),
    "with clipped norms": lambda rate: keras.optimizers.SGD(rate, clipnorm=0.1),
    "with accumulated gradients": lambda rate: keras.optimizers.SGD(
        rate, momentum=0.9, gradient_accumulation_steps=4
    ),
    "Adam with accumulated gradients": lambda rate: keras.optimizers.Adam(
        rate, gradient_accumulation_steps=4
    ),
    "AdamW with accumulated gradients": lambda rate: keras.optimizers.AdamW(
        rate, weight_decay=0.01, gradient_accumulation_steps=3
    ),
}


def test_every_optimizer_of_keras_is_tried_or_refused():
    kind = keras.optimizers.Optimizer
    kinds = {n: of_keras(n) for n in dir(keras.optimizers) if isinstance(of_keras(n), type)}
    known = {name for name, found in kinds.items() if issubclass(found, kind)} - {"Optimizer"}
    assert known - set(REFUSED) == set(OPTIMIZERS) & known
    assert known - set(REFUSED) == OPTIMIZER_PARTS["keras.optimizers"]


def dense():
    return network(lambda: keras.layers.AveragePooling2D(8))


def first_of_several():
    """Restores the weights of the first epoch: no later one is so much better."""
    return keras.callbacks.EarlyStopping(
        "loss", min_delta=10.0, patience=9, restore_best_weights=True
    )


@pytest.mark.parametrize("with_schedule", [False, True], ids=["rate", "schedule"])
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_optimizer_of_keras_gives_the_weights_of_fit(dataset, name, with_schedule, tmp_path):
    """Also where it goes on, from memory or a file, and where the weights of an epoch come back."""

    def optimizer():
        rate = keras.optimizers.schedules.CosineDecay(0.01, 30) if with_schedule else 0.01
        return OPTIMIZERS[name](rate)

    theirs = dense()
    theirs.compile(optimizer(), "sparse_categorical_crossentropy", jit_compile=False)
    fit(theirs, dataset, [1])
    settings = {"batch_size": SIZE, "validation": None, "seed": 1}
    ours = pycifar.train(dataset, dense(), optimizer=optimizer(), epochs=1, verbose=0, **settings)
    assert agree(ours.network, theirs)
    assert ours.config.schedule == ("CosineDecay" if with_schedule else "constant")
    if with_schedule:
        path = pycifar.save_model(ours, tmp_path / "model.keras")
        assert pycifar.inspect_model(path).loadable
        ours = pycifar.load_model(path)
    fit(theirs, dataset, [2, 3], [first_of_several()])
    further = pycifar.train(dataset, ours, epochs=2, callbacks=first_of_several(), verbose=0)
    assert agree(further.network, theirs)
    assert further.best_epoch == 2


def test_what_cannot_work_is_refused_before_the_training(dataset, tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    for given in (backup, keras.callbacks.CallbackList([backup]), [[backup]]):
        with pytest.raises(ArgumentError, match="BackupAndRestore") as caught:
            pycifar.train(dataset, "softmax", callbacks=given)
        assert "`checkpoint_dir`" in caught.value.fix
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    with pytest.raises(ArgumentError, match='`schedule` must then be "constant", not "cosine"'):
        pycifar.train(dataset, "softmax", schedule="cosine", callbacks=scheduler)
    # Follows tensorflow/tensorflow #36612.
    plateau = keras.callbacks.ReduceLROnPlateau()
    rate = keras.optimizers.schedules.CosineDecay(0.1, 20)
    for callback in (scheduler, plateau):
        optimizer = keras.optimizers.SGD(rate)
        with pytest.raises(ArgumentError, match="is a CosineDecay") as caught:
            pycifar.train(dataset, "softmax", optimizer=optimizer, callbacks=callback)
        assert "a number" in caught.value.fix


def test_an_optimizer_that_no_training_can_have_is_refused_before_it(dataset, tmp_path):
    made = keras.optimizers
    several = made.MultiOptimizer(made.OptimizerMap(made.SGD(0.1), {".*kernel": made.Adam()}))
    refused = {
        "a MultiOptimizer has no learning rate": several,
        "a ScheduleFreeAdamW loses its averages": made.ScheduleFreeAdamW(0.1),
        "its learning rate is a function": made.SGD(lambda: 0.1),
    }
    settings = {"epochs": 1, "seed": 1, "verbose": 0}
    for message, optimizer in refused.items():
        with pytest.raises(ArgumentError, match=message) as caught:
            pycifar.train(dataset, "softmax", optimizer=optimizer, **settings)
        assert "AdamW" in caught.value.fix
    compiled = dense()
    compiled.compile(several, "sparse_categorical_crossentropy")
    with pytest.raises(ArgumentError, match="than was given or compiled with"):
        pycifar.train(dataset, compiled, **settings)
    assert pycifar.train(dataset, compiled, optimizer="sgd", **settings).epochs_done == 1
    compiled.save(tmp_path / "plain.keras")
    for model in (compiled, tmp_path / "plain.keras"):
        with pytest.warns(OptimizerWarning, match=r"was loaded without .*MultiOptimizer[^.]*\.$"):
            assert pycifar.adopt_model(model, dataset.class_names).config.optimizer == "sgd"


class Halve(keras.callbacks.Callback):
    """Halves the learning rate after the second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            rate = self.model.optimizer.learning_rate
            self.model.optimizer.learning_rate = float(rate) / 2


class Rates(keras.callbacks.Callback):
    """Notes the learning rate of each step."""

    def __init__(self):
        super().__init__()
        self.found = []

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(float(self.model.optimizer.learning_rate))


@pytest.mark.parametrize("architecture", ["softmax", "mlp_relu"])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle", "averaging"])
def test_a_callback_scales_the_schedule(dataset, architecture, schedule, tmp_path):
    settings = {"epochs": 4, "batch_size": 50, "seed": 1, "verbose": 0, "validation": None}
    settings |= {"schedule": schedule, "optimizer": "sgd", "learning_rate": 0.1}

    def rates(*callbacks, **more):
        noted = Rates()
        model = pycifar.train(
            dataset, architecture, callbacks=[*callbacks, noted], **settings, **more
        )
        return np.array(noted.found), model

    (usual, _), (halved, model) = rates(), rates(Halve())
    assert halved[:8] == pytest.approx(usual[:8])
    assert halved[8:] == pytest.approx(usual[8:] / 2)
    assert model.config.rate_factor == 0.5

    class CutError(Exception):
        pass

    class Cut(Halve):
        def on_train_batch_begin(self, batch, logs=None):
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps == 11:
                raise CutError

    kept = {"checkpoint_dir": tmp_path, "checkpoint_every": 1}
    with pytest.raises(CallbackError):
        rates(Cut(), **kept)
    _, resumed = rates(Halve(), resume=True, **kept)
    assert resumed.fingerprint() == model.fingerprint()
    assert resumed.config == model.config


def test_going_on_begins_at_the_rate_that_a_callback_reached(dataset, tmp_path):
    settings = {"epochs": 2, "batch_size": 50, "seed": 1, "verbose": 0, "learning_rate": 0.1}
    settings |= {"schedule": "constant", "validation": None}
    model = pycifar.train(dataset, "softmax", optimizer="sgd", callbacks=Halve(), **settings)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "m.keras"))
    for earlier in (model, loaded):
        noted = Rates()
        further = pycifar.train(dataset, earlier, epochs=1, callbacks=noted, verbose=0)
        assert noted.found == pytest.approx([0.05] * 4)
        assert further.config.learning_rate == pytest.approx(0.05)


class SetRates(Rates):
    """Sets the learning rate of each epoch, and notes that of each step."""

    def __init__(self, *rates):
        super().__init__()
        self.rates = rates

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = self.rates[epoch % len(self.rates)]


RATED = {"batch_size": 50, "seed": 1, "verbose": 0, "validation": None}


@pytest.mark.parametrize("architecture", ["softmax", "mlp_relu"])
def test_a_callback_may_begin_at_a_rate_of_0(dataset, architecture, tmp_path):
    settings = RATED | {"epochs": 3, "optimizer": "sgd", "learning_rate": 0.1, "schedule": "cosine"}
    usual, warm = Rates(), SetRates(0.0, 0.05, 0.1)
    pycifar.train(dataset, architecture, callbacks=usual, **settings)
    model = pycifar.train(dataset, architecture, callbacks=warm, **settings)
    assert warm.found[:4] == [0.0] * 4
    # Each rate is that of the step before it, and scales the schedule from then on.
    factors = [rate / usual.found[step] for rate, step in ((0.05, 3), (0.1, 7))]
    expected = np.repeat(factors, 4) * usual.found[4:]
    assert warm.found[4:] == pytest.approx(expected.tolist())

    class Cut(SetRates):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyError
            super().on_epoch_begin(epoch, logs)

    with pytest.raises(CallbackError):
        pycifar.train(
            dataset, architecture, callbacks=Cut(0.0), checkpoint_dir=tmp_path, **settings
        )
    again = SetRates(0.0, 0.05, 0.1)
    kept = {"checkpoint_dir": tmp_path, "resume": True}
    assert pycifar.train(dataset, architecture, callbacks=again, **kept, **settings) == model


def test_going_on_from_a_rate_of_0(dataset):
    settings = RATED | {"epochs": 2, "optimizer": "sgd", "learning_rate": 0.1}
    settings |= {"schedule": "constant"}
    model = pycifar.train(dataset, "softmax", callbacks=SetRates(0.0, 0.05), **settings)
    noted = Rates()
    pycifar.train(dataset, model, epochs=1, callbacks=noted, verbose=0)
    assert noted.found == pytest.approx([0.05] * 4)
    model = pycifar.train(dataset, "softmax", callbacks=SetRates(0.05, 0.0), **settings)
    with pytest.raises(ArgumentError, match="`learning_rate` must be given: a callback set"):
        pycifar.train(dataset, model, epochs=1, verbose=0)
    pycifar.train(dataset, model, epochs=1, learning_rate=0.1, verbose=0)
    # A Keras optimizer goes on at its own rate, whatever that is.
    warm_up = keras.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=6)
    model = pycifar.train(
        dataset, "softmax", **RATED, epochs=1, optimizer=keras.optimizers.SGD(warm_up)
    )
    whole = pycifar.train(
        dataset, "softmax", **RATED, epochs=2, optimizer=keras.optimizers.SGD(warm_up)
    )
    assert pycifar.train(dataset, model, epochs=1, verbose=0) == whole


def test_what_a_callback_adds_to_the_logs_is_in_the_history(dataset):
    class Measure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_f1"] = 0.25 * epoch
            logs["norm"] = 2.0

    def measure(epoch, logs):
        logs |= {"val_f1": 0.25 * (epoch - 1), "norm": 2.0}

    stopping = keras.callbacks.EarlyStopping("val_f1", mode="max", restore_best_weights=True)
    both = keras.callbacks.CallbackList([Measure(), stopping])
    for callbacks in (both, {"on_epoch_end": measure}):
        model = pycifar.train(dataset, "softmax", epochs=2, seed=1, verbose=0, callbacks=callbacks)
        found = model.history[model.history["metric"].isin(["f1", "norm"])].to_numpy().tolist()
        assert found == [
            [1, "validation", "f1", 0.0],
            [1, "train", "norm", 2.0],
            [2, "validation", "f1", 0.25],
            [2, "train", "norm", 2.0],
        ]
        assert model.best_epoch == (2 if callbacks is both else None)


def test_the_hooks_of_a_validation_are_called(dataset):
    called = []

    class Tests(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            called.append("begin")

        def on_test_batch_begin(self, batch, logs=None):
            called.append(batch)

        def on_test_batch_end(self, batch, logs=None):
            assert set(logs) == {"loss", "accuracy"}

        def on_test_end(self, logs=None):
            called.append("end")

    settings = {"epochs": 1, "seed": 1, "verbose": 0, "batch_size": 20, "validation": "test"}
    pycifar.train(dataset, "softmax", callbacks=Tests(), **settings)
    assert called == ["begin", 0, 1, 2, "end"]
