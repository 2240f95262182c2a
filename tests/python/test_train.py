import copy
import math
import os
import pickle
import random
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

import pycifar
from pycifar.config import Settings
from pycifar.errors import (
    ArgumentError,
    DataError,
    DivergenceError,
    InterruptedWarning,
    TimeBudgetWarning,
)
from pycifar.scratch import NumpyModel
from pycifar.training.prepare import prepare

SETTINGS = {"epochs": 2, "batch_size": 50, "seed": 1, "verbose": 0}

CHILD = """
import pycifar
dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
print(pycifar.train(dataset, "cnn2", epochs=2, batch_size=50, seed=1, verbose=0).fingerprint())
"""


def test_the_same_seed_gives_the_same_weights_in_another_process(small_model):
    child = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == small_model.fingerprint()


@pytest.mark.parametrize("architecture", ["cnn2", "cnn4"])
def test_the_same_seed_gives_the_same_weights_and_history(small_dataset, architecture):
    every = {"augmentation": ["flip", "shift", "cutout"], "schedule": "cosine", **SETTINGS}
    first, again = (pycifar.train(small_dataset, architecture, **every) for _ in range(2))
    assert first.fingerprint() == again.fingerprint()
    assert first.history.equals(again.history)


def test_another_seed_gives_other_weights(small_dataset, small_model):
    other = pycifar.train(small_dataset, **{**SETTINGS, "seed": 2})
    assert other.fingerprint() != small_model.fingerprint()


def test_a_seed_that_was_drawn_is_told_and_gives_the_same_again(small_dataset):
    first = pycifar.train(small_dataset, **{**SETTINGS, "epochs": 1, "seed": None})
    again = pycifar.train(small_dataset, **{**SETTINGS, "epochs": 1, "seed": first.config.seed})
    assert first.fingerprint() == again.fingerprint()


def test_training_leaves_the_generators_of_the_caller_alone(small_dataset):
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.random()
    random.seed(3)
    np.random.seed(3)
    pycifar.train(small_dataset, **{**SETTINGS, "epochs": 1})
    assert (random.random(), np.random.random()) == expected


def test_the_history_is_one_tidy_table(small_model):
    history = small_model.history
    assert history.columns.tolist() == ["epoch", "split", "metric", "value"]
    assert history["epoch"].tolist() == [1] * 5 + [2] * 5
    keys = history[["split", "metric"]].agg(" ".join, axis=1).tolist()
    measured = ["train loss", "train accuracy", "validation loss", "validation accuracy"]
    assert keys == [*measured, "train learning_rate"] * 2
    assert len(small_model.seconds) == 2


def test_validation_holds_out_a_balanced_tenth_by_default(small_model):
    assert small_model.config.validation == 0.1


def test_validating_on_test_is_recorded_and_trains_on_every_image(small_dataset):
    batches = []
    model = pycifar.train(
        small_dataset,
        validation="test",
        callbacks={"on_train_batch_end": lambda batch, logs: batches.append(batch)},
        **{**SETTINGS, "epochs": 1},
    )
    assert model.config.validation == "test"
    assert len(batches) == 4  # 200 images by 50
    measured = pycifar.evaluate(model, small_dataset)
    assert model.final("validation", "accuracy") == pytest.approx(measured.accuracy)
    assert model.final("validation", "loss") == pytest.approx(measured.loss, rel=1e-4)


def test_without_validation_the_history_holds_training_alone(small_dataset):
    model = pycifar.train(small_dataset, validation=None, **{**SETTINGS, "epochs": 1})
    assert set(model.history["split"]) == {"train"}


def test_early_stopping_ends_when_the_loss_no_longer_falls(small_dataset):
    settings = {**SETTINGS, "epochs": 10}
    model = pycifar.train(
        small_dataset, optimizer="adam", learning_rate=1e-12, early_stopping=2, **settings
    )
    losses = model.history.query("split == 'validation' and metric == 'loss'")["value"].tolist()
    assert model.epochs_done == len(losses) < 10
    assert min(losses[-2:]) >= min(losses[:-2])


def test_best_weights_are_those_of_the_epoch_with_the_lowest_loss(small_dataset, tmp_path):
    settings = {**SETTINGS, "epochs": 6, "learning_rate": 0.2, "optimizer": "sgd"}
    model = pycifar.train(small_dataset, validation="test", best_weights=True, **settings)
    losses = model.history.query("split == 'validation' and metric == 'loss'")["value"]
    measured = pycifar.evaluate(model, small_dataset).loss
    assert losses.iloc[-1] > losses.min()  # else this run could not tell best from last
    assert measured == pytest.approx(losses.min(), rel=1e-3)
    assert model.final("validation", "loss") == losses.min()
    assert f"6 of 6 epochs, weights of epoch {model.best_epoch}, " in repr(model)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "best.keras"))
    assert repr(loaded) == repr(model)


def test_an_interrupt_leaves_a_usable_model_with_the_history_so_far(small_dataset):
    def interrupt(batch, logs):
        calls.append(batch)
        if len(calls) == 6:
            raise KeyboardInterrupt

    calls = []
    with pytest.warns(InterruptedWarning, match="after 1 of 5 epochs"):
        model = pycifar.train(
            small_dataset, callbacks={"on_train_batch_end": interrupt}, **{**SETTINGS, "epochs": 5}
        )
    assert model.interrupted
    assert model.epochs_done == 1
    assert pycifar.evaluate(model, small_dataset).n == 100


def test_ctrl_c_waits_for_the_end_of_the_step(small_dataset):
    def press(batch, logs):
        os.kill(os.getpid(), signal.SIGINT)
        reached.append(batch)

    reached = []
    handler = signal.getsignal(signal.SIGINT)
    with pytest.warns(InterruptedWarning, match="after 0 of 2 epochs"):
        model = pycifar.train(small_dataset, callbacks={"on_train_batch_end": press}, **SETTINGS)
    assert reached == [1]
    assert model.interrupted
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_does_not_wait(small_dataset):
    def press_twice(batch, logs):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        reached.append(batch)

    reached = []
    with pytest.warns(InterruptedWarning):
        pycifar.train(small_dataset, callbacks={"on_train_batch_end": press_twice}, **SETTINGS)
    assert reached == []


def test_an_interrupt_soon_after_one_ends_the_loop_and_a_later_one_does_not(
    small_dataset, monkeypatch
):
    def train_and_interrupt(now):
        monkeypatch.setattr("pycifar.interrupts.time.monotonic", lambda: now)
        return pycifar.train(small_dataset, callbacks={"on_train_batch_end": press}, **SETTINGS)

    def press(batch, logs):
        raise KeyboardInterrupt

    for now in (0, 10):
        with pytest.warns(InterruptedWarning):
            assert train_and_interrupt(now).interrupted
    with pytest.raises(KeyboardInterrupt):
        train_and_interrupt(19)
    with pytest.warns(InterruptedWarning):
        train_and_interrupt(30)


def test_a_loss_that_is_no_number_stops_the_training_and_says_where(small_dataset):
    with pytest.raises(DivergenceError, match=r"step \d+ of epoch \d+") as caught:
        pycifar.train(small_dataset, "cnn4", learning_rate=1e30, **SETTINGS)
    assert "below 1e+30" in caught.value.fix


@pytest.mark.parametrize("architecture", ["cnn4", "mlp_relu"])
def test_the_last_weights_with_a_finite_loss_are_kept(small_dataset, architecture):
    with pytest.raises(DivergenceError, match="of epoch 1") as caught:
        pycifar.train(small_dataset, architecture, learning_rate=1e30, **SETTINGS)
    untrained = pycifar.build_model(architecture, seed=SETTINGS["seed"])
    kept = caught.value.model
    pairs = zip(kept.network.get_weights(), untrained.get_weights(), strict=True)
    assert all((a == b).all() for a, b in pairs)
    assert kept.epochs_done == 0
    assert np.isfinite(pycifar.evaluate(kept, small_dataset).loss)


def test_a_keras_model_and_a_function_that_makes_one_are_trained(small_dataset):
    def make(input_shape, n_classes):
        import keras

        layers = [
            keras.Input(input_shape, dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
        return keras.Sequential(layers)

    from_function = pycifar.train(small_dataset, make, **SETTINGS)
    own = pycifar.build_model(make, seed=SETTINGS["seed"])
    before = own.get_weights()
    found = [pycifar.train(small_dataset, own, **SETTINGS) for _ in range(2)]
    from_model = found[0]
    assert from_function.config.architecture == from_model.config.architecture == "custom"
    assert from_function.fingerprint() == from_model.fingerprint()
    assert from_model == found[1]  # what is given stays as it is
    assert from_model.network is not found[1].network
    assert all(np.array_equal(a, b) for a, b in zip(before, own.get_weights(), strict=True))
    pycifar.find_learning_rate(small_dataset, own, steps=10, highest=100, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(before, own.get_weights(), strict=True))


@pytest.mark.parametrize("part", ["the network", "a base", "a NumPy network"])
def test_what_a_function_returns_without_building_it_stays_as_it_is(small_dataset, part):
    import keras

    layers = [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    base = keras.Sequential([*layers, keras.layers.Dense(4, activation="relu")])
    functions = {
        "the network": lambda shape, n: known,
        "a base": lambda shape, n: keras.Sequential([known, keras.layers.Dense(n, "softmax")]),
        "a NumPy network": lambda shape, n: known,
    }
    known = base
    if part == "the network":
        known = keras.Sequential([base, keras.layers.Dense(small_dataset.n_classes, "softmax")])
    elif part == "a NumPy network":
        known = pycifar.build_model("mlp_relu", seed=1, hidden=[4])
    before = [weight.copy() for weight in known.get_weights()]
    found = [
        pycifar.train(small_dataset, functions[part], **{**SETTINGS, "epochs": 1}) for _ in range(2)
    ]
    assert found[0] == found[1]
    assert found[0].network is not found[1].network
    assert all(np.array_equal(a, b) for a, b in zip(before, known.get_weights(), strict=True))


def test_a_keras_optimizer_brings_its_own_rate_and_decay(small_dataset):
    import keras

    own = keras.optimizers.Nadam(0.002, weight_decay=0.01)
    model = pycifar.train(small_dataset, optimizer=own, **{**SETTINGS, "epochs": 1})
    assert model.config.optimizer == "Nadam"
    assert model.config.learning_rate == pytest.approx(0.002)
    assert model.config.weight_decay == pytest.approx(0.01)
    for argument in ("learning_rate", "weight_decay"):
        with pytest.raises(ArgumentError, match=f"`{argument}` must be left out"):
            pycifar.train(small_dataset, optimizer=keras.optimizers.Nadam(), **{argument: 0.1})


def test_weight_decay_is_the_recipe_s_unless_it_is_given(small_dataset):
    short = {**SETTINGS, "epochs": 1}
    model = pycifar.train(small_dataset, "lenet5", **short)
    assert model.config.weight_decay == model.network.optimizer.weight_decay == 1e-3
    without = pycifar.train(small_dataset, "lenet5", weight_decay=0, **short)
    assert without.config.weight_decay == 0
    assert without.fingerprint() != model.fingerprint()


def test_the_averages_of_batch_normalisation_follow_the_training(small_dataset):
    short = {**SETTINGS, "epochs": 1, "learning_rate": 0.01, "validation": "test"}
    model = pycifar.train(small_dataset, "resnet20", **short)
    normalisation = model.network.get_layer("conv1_norm")
    assert np.abs(np.asarray(normalisation.moving_mean)).min() > 0
    evaluation = pycifar.evaluate(model, small_dataset)
    assert evaluation.loss == pytest.approx(model.final("validation", "loss"), rel=1e-5)


def test_another_optimizer_than_the_recipe_s_takes_its_usual_rate(small_dataset):
    model = pycifar.train(small_dataset, optimizer="adam", **{**SETTINGS, "epochs": 1})
    assert model.config.learning_rate == 0.001


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 181}, "at most the number of training images, 180, not 181"),
        ({"validation": 1}, "`validation` must be a number above 0 and below 1, not 1"),
        ({"validation": "tset"}, '`validation` must be "test", not "tset"'),
        ({"best_weights": 1}, "`best_weights` must be True or False, not 1"),
        ({"early_stopping": 0}, "`early_stopping` must be a whole number of at least 1, not 0"),
        ({"verbose": 3}, "`verbose` must be a whole number from 0 to 2, not 3"),
        ({"schedule": "cosin"}, "`schedule` must be one of"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_sentence(small_dataset, arguments, message):
    with pytest.raises(ArgumentError) as caught:
        pycifar.train(small_dataset, **arguments)
    assert message in str(caught.value)


def test_a_data_set_without_images_is_refused():
    empty = pycifar.Split(np.zeros((0, 32, 32, 3), np.uint8), np.zeros(0, np.int64))
    dataset = pycifar.Dataset("none", {"train": empty}, ("a", "b"))
    with pytest.raises(DataError, match="holds no images"):
        pycifar.train(dataset)


def test_what_is_no_data_set_is_refused():
    with pytest.raises(ArgumentError, match='must be a data set, not "cifar10"'):
        pycifar.train("cifar10")


def test_the_recipe_s_batch_is_no_larger_than_a_small_data_set():
    tiny = pycifar.load_dataset("synthetic", n_train=20, n_test=10)
    model = pycifar.train(tiny, epochs=1, seed=1, verbose=0)
    assert model.config.batch_size == 18


@pytest.mark.parametrize("value", [10.0, np.int64(10), np.float32(10)])
def test_a_whole_number_of_any_type_counts_as_one(small_dataset, value):
    model = pycifar.train(small_dataset, **{**SETTINGS, "batch_size": value, "epochs": 1})
    assert type(model.config.batch_size) is int


@pytest.mark.parametrize("architecture", ["cnn2", "mlp_relu"])
def test_a_time_budget_is_kept_and_its_plan_is_told(small_dataset, architecture, clock):
    clock.tick = 0.1
    settings = {**SETTINGS, "epochs": None, "time_budget": 8}
    model = pycifar.train(small_dataset, architecture, schedule="cosine", **settings)
    assert 7 < clock.now < 8
    config = model.config
    assert config.time_budget == 8
    assert config.epochs == math.ceil(config.passes) == model.epochs_done
    assert config.passes > 1


def test_a_time_budget_that_is_too_short_leaves_one_step_and_a_warning(small_dataset):
    short = {**SETTINGS, "epochs": None, "batch_size": 20}
    with pytest.warns(TimeBudgetWarning, match="too short for one pass"):
        tried = pycifar.train(small_dataset, time_budget=1e-9, **short)
    assert tried.config.passes < 1
    assert tried.epochs_done == 1
    untrained = pycifar.build_model("cnn2", seed=SETTINGS["seed"])
    pairs = zip(tried.network.get_weights(), untrained.get_weights(), strict=True)
    steps = [abs(a - b).max() for a, b in pairs]
    assert 0 < max(steps) < 0.01  # one step of a rate of 0.01


def test_a_callback_that_stops_early_is_no_fault_of_the_time_budget(small_dataset):
    settings = {**SETTINGS, "epochs": None, "time_budget": 600, "batch_size": 20}
    stop = {"on_train_batch_end": lambda batch, logs: False}
    assert pycifar.train(small_dataset, callbacks=stop, **settings).config.passes < 1


def test_epochs_and_a_time_budget_exclude_each_other(small_dataset):
    with pytest.raises(ArgumentError, match="`time_budget` must be left out"):
        pycifar.train(small_dataset, epochs=1, time_budget=10)


def test_the_training_accuracy_is_that_of_each_step_alone(small_dataset):
    right = []

    def count(batch, logs):
        right.append(logs["accuracy"] * 50 * batch)

    pycifar.train(
        small_dataset, validation=None, callbacks={"on_train_batch_end": count}, **SETTINGS
    )
    assert np.allclose(right, np.round(right), atol=1e-3)


def test_class_weights_scale_the_losses_of_their_classes(small_dataset):
    def loss(**settings):
        model = pycifar.train(
            small_dataset, "resnet20", epochs=1, batch_size=200, validation=None, seed=1,
            verbose=0, **settings,
        )  # fmt: skip
        return model.final("train", "loss"), model

    usual, _ = loss()
    all_twice, _ = loss(class_weights=dict.fromkeys(small_dataset.class_names, 2))
    assert all_twice == pytest.approx(2 * usual, rel=1e-5)
    first, *others = small_dataset.class_names
    one, model = loss(class_weights={first: 0})
    rest, _ = loss(class_weights={first: 1} | dict.fromkeys(others, 0))
    assert one + rest == pytest.approx(usual, rel=1e-5)
    assert model.config.class_weights == {first: 0.0} | dict.fromkeys(others, 1.0)


def test_balanced_class_weights_are_inverse_to_the_counts():
    images = np.zeros((40, 32, 32, 3), np.uint8)
    dataset = pycifar.load_dataset({"train": (images, ["a"] * 10 + ["b"] * 30)})
    model = pycifar.train(
        dataset, "softmax", epochs=1, validation=None, class_weights="balanced", seed=1, verbose=0
    )
    assert model.config.class_weights == pytest.approx({"a": 2, "b": 2 / 3})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("even", '`class_weights` must be "balanced" or numbers by class name, not "even"'),
        ({"dot": 1}, '`class_weights` must be one of .*not "dot"'),
        ({"dots": -1}, "at least 0"),
    ],
)
def test_class_weights_that_make_no_sense_are_refused(small_dataset, weights, message):
    with pytest.raises(ArgumentError, match=message):
        pycifar.train(small_dataset, class_weights=weights, verbose=0)


def test_alternating_flips_show_each_image_either_way_in_two_epochs(small_dataset):
    settings = Settings(epochs=3, augmentation={"flip": "alternating"}, seed=1, batch_size=180)
    batches = prepare(small_dataset, "lenet5", settings).batches
    images, _ = batches.subset.take(slice(None))

    def shown(epoch):
        found = np.empty_like(images)
        found[batches._order(epoch)], *_ = batches.make(epoch, 0)
        return found

    first, second, third = map(shown, (1, 2, 3))
    assert (first == third).all()
    assert (second == first[:, :, ::-1]).all()
    mirrored = (first == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((first == images).all(axis=(1, 2, 3)) ^ mirrored).all()
    assert 0.3 < mirrored.mean() < 0.7


def test_networks_of_numpy_have_neither_class_weights_nor_smoothing(small_dataset):
    for settings in ({"class_weights": "balanced"}, {"label_smoothing": 0.1}):
        with pytest.raises(ArgumentError, match="for a network of NumPy"):
            pycifar.train(small_dataset, "mlp_relu", verbose=0, **settings)


@pytest.mark.parametrize(
    ("validation", "message"),
    [("test", "The validation loss is nan"), (None, "The last step left weights")],
)
def test_a_last_step_that_breaks_the_weights_is_a_divergence(small_dataset, validation, message):
    settings = {"epochs": 1, "batch_size": 200, "seed": 1, "verbose": 0}
    with pytest.raises(DivergenceError, match=message) as caught:
        pycifar.train(small_dataset, "cnn2", validation=validation, learning_rate=1e39, **settings)
    weights = caught.value.model.network.get_weights()
    assert max(abs(weight).max() for weight in weights) < 1


def test_an_optimizer_of_keras_brings_its_schedule_and_is_for_one_training(small_dataset):
    optimizer = keras.optimizers.SGD(0.01)
    settings = {"epochs": 1, "seed": 1, "verbose": 0, "optimizer": optimizer}
    with pytest.raises(ArgumentError, match="`schedule` must be left out"):
        pycifar.train(small_dataset, "softmax", schedule="cosine", **settings)
    assert pycifar.train(small_dataset, "softmax", **settings).config.schedule == "constant"
    with pytest.raises(ArgumentError, match="has been used for another model"):
        pycifar.train(small_dataset, "cnn2", **settings)


def test_a_network_of_numpy_may_have_any_name(small_dataset):
    network = NumpyModel("mlp", (32, 32, 3), 10, hidden=[8], activation="relu")
    model = pycifar.train(small_dataset, network, epochs=1, seed=1, verbose=0)
    assert model.config.architecture == "custom"


def test_weights_that_keras_s_early_stopping_brought_back_are_told_with_their_epoch(small_dataset):
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    settings = SETTINGS | {"epochs": 6, "learning_rate": 0.2, "optimizer": "sgd"}
    model = pycifar.train(small_dataset, validation="test", callbacks=stopping, **settings)
    losses = model.history.query("split == 'validation' and metric == 'loss'")["value"]
    assert model.best_epoch == losses.reset_index(drop=True).idxmin() + 1 < model.epochs_done
    assert model.final("validation", "loss") == losses.min()
    measured = pycifar.evaluate(model, small_dataset).loss
    assert measured == pytest.approx(losses.min(), rel=1e-3)


@pytest.mark.parametrize(("epochs", "ran"), [(2, "inverse_sqrt"), (12, "averaging")])
def test_the_record_names_the_schedule_that_ran(small_dataset, epochs, ran):
    settings = SETTINGS | {"epochs": epochs, "schedule": "averaging"}
    assert pycifar.train(small_dataset, "mlp_relu", **settings).config.schedule == ran


def test_the_record_of_a_time_budget_names_the_schedule_that_ran(small_dataset, clock):
    clock.tick = 0.1
    settings = {"schedule": "averaging", "seed": 1, "verbose": 0, "batch_size": 50}
    model = pycifar.train(small_dataset, "mlp_relu", time_budget=5, **settings)
    assert 0 < model.config.passes < 12
    assert model.config.schedule == "inverse_sqrt"


def test_the_record_names_the_schedule_of_a_keras_optimizer_and_what_was_computed_in(small_dataset):
    def network(input_shape, n_classes):
        layers = keras.layers
        half = keras.DTypePolicy("mixed_float16")
        start = keras.Input(input_shape, dtype="uint8")
        values = layers.Rescaling(1 / 255)(start)
        values = layers.Conv2D(4, 3, strides=4, dtype=half)(values)
        values = layers.Flatten()(values)
        return keras.Model(start, layers.Dense(n_classes, activation="softmax")(values))

    rate = keras.optimizers.schedules.CosineDecay(0.01, 20)
    own = keras.optimizers.SGD(rate, momentum=0.9)
    model = pycifar.train(small_dataset, network, optimizer=own, **SETTINGS)
    assert (model.config.schedule, model.config.precision) == ("CosineDecay", "float16")
    further = pycifar.train(model, epochs=1, verbose=0)
    assert (further.config.schedule, further.config.precision) == ("CosineDecay", "float16")
    other = pycifar.train(model, epochs=1, optimizer="adam", verbose=0)
    assert other.config.schedule == "constant"


def test_copies_of_a_model_go_on_as_the_model_does(small_dataset, tmp_path):
    model = pycifar.train(small_dataset, "cnn2", **SETTINGS)  # with dropout
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    copies.append(pycifar.load_model(pycifar.save_model(model, tmp_path / "m.keras")))
    further = pycifar.train(small_dataset, model, epochs=1, verbose=0)
    for one in copies:
        assert one == model
        assert hash(one) == hash(model)
        assert {one.config, model.config} == {model.config}
        assert one.history.equals(model.history)
        assert pycifar.train(small_dataset, one, epochs=1, verbose=0) == further
    assert further != model


def test_class_weights_by_number_are_those_by_name(small_dataset):
    names = small_dataset.class_names
    by_name = pycifar.train(small_dataset, "softmax", class_weights={names[2]: 3}, **SETTINGS)
    by_number = pycifar.train(small_dataset, "softmax", class_weights={2: 3}, **SETTINGS)
    assert by_number == by_name
    assert by_number.config == by_name.config
    with pytest.raises(ArgumentError, match="`class_weights` must be a whole number from 0 to 9"):
        pycifar.train(small_dataset, "softmax", class_weights={10: 3})


def for_any_size(kind):
    layers = keras.layers
    start = keras.Input((None, None, 3), dtype="uint8", name="image")
    stack = [
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, activation="relu", name="seen"),
        layers.Dropout(0.3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    ]
    if kind == "sequential":
        return keras.Sequential([start, *stack])
    end = start
    for layer in stack:
        end = layer(end)
    ends = {"dicts": ({"image": start}, {"classes": end}), "lists": ([start], [end])}
    return keras.Model(*ends.get(kind, (start, end)))


@pytest.mark.parametrize("kind", ["functional", "sequential", "dicts", "lists"])
def test_a_network_for_images_of_any_size_keeps_the_size_that_it_learned(
    kind, small_dataset, tmp_path
):
    network = for_any_size(kind)
    before = network.get_weights()
    settings = {"epochs": 1, "seed": 1, "verbose": 0}
    model = pycifar.train(small_dataset, network, **settings)
    assert model.image_shape == (32, 32, 3)
    assert all((a == b).all() for a, b in zip(before, network.get_weights(), strict=True))
    assert network.inputs[0].shape == (None, None, None, 3)
    made = pycifar.train(small_dataset, lambda shape, n_classes: for_any_size(kind), **settings)
    assert made.image_shape == (32, 32, 3)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    assert loaded.image_shape == (32, 32, 3)
    image = small_dataset.split("test").images[0]
    assert pycifar.predict(loaded, image, "prob").shape == (1, 10)
    assert pycifar.explain(loaded, image).layer == loaded.network.layers[-3].name
    assert model.layers()["multiply_adds"].sum() == 30 * 30 * 4 * 27 + 40
    further = [pycifar.train(small_dataset, m, epochs=1, verbose=0) for m in (model, loaded)]
    whole = pycifar.train(small_dataset, network, **settings | {"epochs": 2})
    assert further[0] == further[1] == whole


def test_a_network_with_several_inputs_or_outputs_is_refused(small_dataset):
    layers = keras.layers
    start, other = keras.Input((32, 32, 3), name="a"), keras.Input((4,), name="b")
    maps = layers.Flatten()(start)
    classes = layers.Dense(10, activation="softmax")(layers.Concatenate()([maps, other]))
    ends = {"classes": layers.Dense(10, activation="softmax")(maps), "maps": maps}
    for model, message in [
        (keras.Model(start, ends), r"must give one output; it has 2, of the shapes .*\(3072,\)"),
        (keras.Model({"a": start, "b": other}, classes), "must take one image; it has 2, of the"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            pycifar.train(small_dataset, model, epochs=1, verbose=0)
