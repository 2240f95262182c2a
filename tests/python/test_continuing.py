"""A trained model that goes on."""

from __future__ import annotations

import gc

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import ArgumentError, DataError, OptimizerWarning
from pycifar.learners.keras_learner import KerasLearner, built_for
from pycifar.precision import has_bfloat16

OTHER_PRECISION = "float32" if has_bfloat16() else "bfloat16"  # than that of cnn2 here


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


def trained(dataset, architecture="cnn2", epochs=1, **settings):
    return pycifar.train(dataset, architecture, epochs=epochs, seed=1, verbose=0, **settings)


SETTINGS = [
    ("cnn2", {}),  # dropout
    ("cnn2", {"optimizer": "adamw"}),
    ("cnn4", {"schedule": "constant"}),  # augmentation
    ("fastnet", {"schedule": "constant", "batch_size": 64}),  # Muon
    ("mlp_relu", {"schedule": "constant"}),  # of NumPy
    ("mlp_relu", {"schedule": "constant", "augmentation": {"crop": 0.5, "colour": True}}),
]


@pytest.mark.parametrize(("architecture", "settings"), SETTINGS)
@pytest.mark.parametrize("saved", [False, True])
def test_one_epoch_and_one_more_are_two(dataset, architecture, settings, saved, tmp_path):
    whole = trained(dataset, architecture, epochs=2, **settings)
    first = trained(dataset, architecture, **settings)
    before = first.fingerprint()
    if saved:
        first = pycifar.load_model(pycifar.save_model(first, tmp_path / "first.keras"))
    further = pycifar.train(first, epochs=1, verbose=0)
    assert further.fingerprint() == whole.fingerprint()
    assert further.history.equals(whole.history)
    assert further.config == whole.config
    assert further.epochs_done == len(further.seconds) == 2
    assert first.fingerprint() == before
    assert first.epochs_done == 1


def test_a_schedule_begins_anew(dataset):
    first = trained(dataset, "fastnet", batch_size=64)
    rates = []
    note = {"on_train_batch_end": lambda batch, logs: rates.append(batch)}
    further = pycifar.train(first, epochs=2, verbose=0, callbacks=note, learning_rate=0.05)
    assert further.config.learning_rate == 0.05
    assert (further.config.epochs, further.epochs_done, len(rates)) == (3, 3, 6)
    assert float(further.network.optimizer.learning_rate) < 0.05


def test_other_settings_and_images_may_come(dataset):
    first = trained(dataset)
    others = pycifar.load_dataset("synthetic", n_train=100, n_test=50)
    further = pycifar.train(others, first, epochs=1, optimizer="adam", batch_size=10, verbose=0)
    assert further.config.optimizer == "adam"
    assert further.data["fingerprint"] == others.fingerprint("train")


def test_a_time_budget_is_for_what_is_new(dataset, clock):
    clock.tick = 0.05
    further = pycifar.train(trained(dataset, "softmax"), time_budget=3, verbose=0)
    assert further.config.passes > 2
    assert further.epochs_done == further.config.epochs == np.ceil(further.config.passes)


def test_an_optimizer_of_the_callers_own_goes_on(dataset):
    makes = [
        lambda: keras.optimizers.Nadam(0.001),
        lambda: keras.optimizers.Adam(0.001, gradient_accumulation_steps=4),
    ]
    for make in makes:
        whole = trained(dataset, "softmax", optimizer=make(), epochs=2, batch_size=30)
        first = trained(dataset, "softmax", optimizer=make(), epochs=1, batch_size=30)
        further = pycifar.train(first, epochs=1, verbose=0)
        assert further.config.optimizer == type(make()).__name__
        assert further == whole


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 2}, "`seed` must be left out where a model goes on, which keeps 1; 2 was given."),
        ({"validation": 0.2}, "`validation` must be left out"),
        ({"precision": OTHER_PRECISION}, "`precision` must be left out"),
        ({"architecture": "cnn4"}, "`architecture` must be left out where a trained model comes"),
        ({"epochs": 0}, "`epochs` must be"),
    ],
)
def test_what_is_the_models_own_stays(dataset, settings, message):
    with pytest.raises(ArgumentError, match=message):
        pycifar.train(trained(dataset), verbose=0, **settings)


def test_other_classes_or_sizes_are_refused(dataset):
    images = np.zeros((20, 32, 32, 3), np.uint8)
    others = pycifar.load_dataset({"train": (images, ["a", "b"] * 10)})
    with pytest.raises(DataError, match="must have the model's classes"):
        pycifar.train(others, trained(dataset), verbose=0)
    smaller = pycifar.load_dataset(
        {"train": (images[:, :16, :16], list(dataset.class_names) * 2)},
        class_names=list(dataset.class_names),
    )
    with pytest.raises(DataError, match="32×32 pixels"):
        pycifar.train(smaller, trained(dataset), verbose=0)


def test_images_that_are_gone_are_asked_for(dataset):
    images = np.random.default_rng(1).integers(0, 256, (20, 32, 32, 3), np.uint8)
    gone = pycifar.load_dataset({"train": (images, ["a", "b"] * 10)})
    model = pycifar.train(gone, epochs=1, seed=1, verbose=0)
    del gone
    gc.collect()
    with pytest.raises(DataError, match="is not loaded") as caught:
        pycifar.train(model, epochs=1)
    assert "load_dataset()" in caught.value.fix


def test_a_name_beside_a_model_that_goes_on_is_refused_whatever_it_is(small_dataset, small_model):
    for name in ("cnn2", "cnn4"):
        with pytest.raises(ArgumentError, match="`architecture` must be left out"):
            pycifar.train(small_model, name, epochs=1)


def test_a_validation_that_a_model_does_not_keep_is_refused_the_usual_one_too(small_dataset):
    settings = {"epochs": 1, "seed": 1, "verbose": 0}
    model = pycifar.train(small_dataset, "softmax", validation="test", **settings)
    for validation in (0.1, 0.2, None):
        with pytest.raises(ArgumentError, match='`validation` must be left out .* keeps "test"'):
            pycifar.train(model, epochs=1, validation=validation)
    assert pycifar.train(model, epochs=1, validation="test", verbose=0).config.validation == "test"
    without = pycifar.train(small_dataset, "softmax", validation=None, **settings)
    assert pycifar.train(without, epochs=1, verbose=0).config.validation is None


def set_trainable(network, trainable):
    """Freeze or unfreeze all layers but the last."""
    for layer in network.layers[:-1]:
        layer.trainable = trainable


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
def test_layers_may_be_frozen_and_unfrozen_before_going_on(small_dataset, optimizer, tmp_path):
    settings = {"epochs": 1, "batch_size": 50, "seed": 1, "verbose": 0, "validation": None}
    network = pycifar.build_model("lenet5", seed=1)
    set_trainable(network, False)
    first = pycifar.train(small_dataset, network, optimizer=optimizer, **settings)
    (kernel, _) = first.network.get_layer("conv1").get_weights()
    assert np.array_equal(kernel, network.get_layer("conv1").get_weights()[0])
    loaded = pycifar.load_model(pycifar.save_model(first, tmp_path / "first.keras"))
    set_trainable(first.network, True)
    set_trainable(loaded.network, True)
    saved = pycifar.load_model(pycifar.save_model(first, tmp_path / "unfrozen.keras"))
    further = {}
    further = {}
    for model in (first, loaded, saved):
        with pytest.warns(OptimizerWarning, match="starts anew for 8 weights"):
            went_on = pycifar.train(small_dataset, model, epochs=1, verbose=0)
        further[went_on.fingerprint()] = went_on
    assert len(further) == 1
    assert not np.array_equal(kernel, went_on.network.get_layer("conv1").get_weights()[0])
    again = pycifar.train(small_dataset, went_on, epochs=1, verbose=0)  # without a warning
    set_trainable(again.network, False)
    saved = pycifar.load_model(pycifar.save_model(again, tmp_path / "frozen.keras"))
    for model in (again, saved):
        pycifar.train(small_dataset, model, epochs=1, verbose=0)


def test_what_both_trained_goes_on_with_its_momenta(small_dataset):
    settings = {"epochs": 1, "batch_size": 200, "seed": 1, "verbose": 0, "validation": None}
    settings |= {"optimizer": "sgd", "schedule": "constant", "learning_rate": 0.01}
    network = pycifar.build_model("lenet5", seed=1)
    set_trainable(network, False)
    first = pycifar.train(small_dataset, network, **settings)
    kept = [variable.numpy() for variable in first.network.optimizer.variables][2:]
    assert all(np.any(values) for values in kept)
    seen = []

    class First(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            optimizer = self.model.optimizer
            seen.extend(v.numpy() for v in optimizer.variables if "probabilities" in v.path)

    set_trainable(first.network, True)
    with pytest.warns(OptimizerWarning):
        pycifar.train(small_dataset, first, epochs=1, callbacks=First(), verbose=0)
    assert len(seen) == len(kept) == 2
    assert all(np.array_equal(a, b) for a, b in zip(seen, kept, strict=True))


def nested(kind):
    """A network around another one, "base", whose layers are "inner" and one of statistics."""
    layers, image = keras.layers, keras.Input((32, 32, 3), dtype="uint8")
    start = keras.Input((8, 8, 3))
    dense, norm = layers.Dense(4, name="inner"), layers.BatchNormalization(name="norm")
    base = keras.Sequential([start, dense, norm], name="base")
    if kind == "functional":
        base = keras.Model(start, norm(dense(start)), name="base")
    values = base(layers.AveragePooling2D(4)(layers.Rescaling(1 / 255)(image)))
    return keras.Model(image, layers.Dense(10, "softmax", name="head")(layers.Flatten()(values)))


def moved(before, after):
    """Which weights differ."""
    pairs = zip(before.network.get_weights(), after.network.get_weights(), strict=True)
    return [not np.array_equal(one, other) for one, other in pairs]


FAST = {"epochs": 1, "batch_size": 100, "seed": 1, "verbose": 0, "validation": None}


@pytest.mark.parametrize("kind", ["functional", "Sequential"])
def test_a_nested_network_may_be_unfrozen_as_a_whole(small_dataset, kind, tmp_path):
    network = nested(kind)
    network.get_layer("base").trainable = False
    first = pycifar.train(small_dataset, network, optimizer="sgd", **FAST)
    loaded = pycifar.load_model(pycifar.save_model(first, tmp_path / "first.keras"))
    first.keras_model.save(tmp_path / "plain.keras")
    adopted = pycifar.adopt_model(tmp_path / "plain.keras", first.class_names)
    in_memory = pycifar.adopt_model(first.keras_model, first.class_names)
    for model in (first, loaded, adopted, in_memory):
        base = model.keras_model.get_layer("base")
        assert not base.trainable
        base.trainable = True
        if not model.adopted:
            with pytest.warns(OptimizerWarning, match="starts anew for 4 weights"):
                further = pycifar.train(small_dataset, model, epochs=1, verbose=0)
            assert all(moved(model, further))
        assert len(model.keras_model.trainable_variables) == 6


@pytest.mark.parametrize("kind", ["functional", "Sequential"])
def test_a_layer_may_learn_inside_of_a_frozen_network(small_dataset, kind, tmp_path):
    network = nested(kind)
    network.get_layer("base").trainable = False
    network.get_layer("base").get_layer("inner").trainable = True
    learned = [True, True, False, False, False, False, True, True]  # as in `fit`
    first = pycifar.train(small_dataset, network, optimizer="sgd", **FAST)
    assert moved(pycifar.adopt_model(network, first.class_names), first) == learned
    loaded = pycifar.load_model(pycifar.save_model(first, tmp_path / "first.keras"))
    for model in (first, loaded):
        further = pycifar.train(small_dataset, model, epochs=1, verbose=0)
        assert moved(model, further) == learned


def twins():
    """A network of two nested ones, whose layers have one name, before a head."""
    layers, image = keras.layers, keras.Input((4, 4, 3))

    def branch(name):
        start = keras.Input((4, 4, 3))
        return keras.Model(start, layers.Dense(3, name="same")(start), name=name)

    both = layers.Concatenate()([branch("one")(image), branch("two")(image)])
    return keras.Model(image, layers.Dense(2, "softmax", name="head")(layers.Flatten()(both)))


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adafactor", "Muon", "LossScaleOptimizer"])
def test_what_both_trained_keeps_its_momenta_where_layers_have_one_name(name):
    made, learners = keras.optimizers, []
    for is_first in (True, False):
        optimizer = made.SGD(0.1, momentum=0.9)
        if name == "LossScaleOptimizer":
            optimizer = made.LossScaleOptimizer(optimizer)
        elif name != "SGD":
            optimizer = getattr(made, name)(0.1)
        network = twins()
        network.get_layer("head").trainable = is_first
        network.compile(built_for(network, optimizer))
        learners.append(KerasLearner(network))
    earlier, learner = learners
    for number, variable in enumerate(earlier.network.optimizer.variables):
        variable.assign(np.full(variable.shape, number).astype(variable.dtype))
    assert learner.take_optimizer_state(earlier) == 0
    found = learner.optimizer_state()  # the variables of the head were the last ones
    kept = earlier.optimizer_state()[: len(found)]
    assert all(np.array_equal(one, other) for one, other in zip(found, kept, strict=True))
