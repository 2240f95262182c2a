"""Faults that users of other packages reported in public: here, what was right all along holds.

Each test names the report that it follows.
"""

from __future__ import annotations

import copy
import os
import pickle
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.errors import (
    ArgumentError,
    DataError,
    InterruptedWarning,
    UnknownNameError,
    UnsavedWarning,
)
from pycifar.precision import has_bfloat16

EVERY = {"batch_size": 50, "seed": 1, "verbose": 0}


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


def small_network(*extra):
    """Return a small Keras network, with more layers before its dense one."""
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    values = keras.layers.Rescaling(1 / 255)(inputs)
    values = keras.layers.Conv2D(4, 5, strides=4, activation="relu", name="seen")(values)
    for layer in extra:
        values = layer(values)
    values = keras.layers.Flatten()(values)
    return keras.Model(inputs, keras.layers.Dense(10, "softmax", name="last")(values))


def weights_of(model, layer):
    return [weight.copy() for weight in model.network.get_layer(layer).get_weights()]


def same(one, other):
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


class Interrupt(keras.callbacks.Callback):
    """Interrupts the training at the beginning of an epoch, which counts from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


# ------------------------------------------------------------------------- rates and callbacks


def test_a_plateau_lowers_the_rate_under_a_schedule(dataset):
    # Follows tensorflow/tensorflow #36612.
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=10.0)
    model = pycifar.train(
        dataset, "softmax", epochs=3, schedule="cosine", validation=None, callbacks=plateau, **EVERY
    )
    # The first epoch improves on nothing; the second and the third do not improve enough.
    assert model.config.rate_factor == pytest.approx(0.25)


def test_a_training_that_was_cut_off_does_the_epochs_that_were_left_alone(dataset, tmp_path):
    # Follows keras-team/keras #19179 and #19389: all epochs again, and without the optimizer.
    settings = {"epochs": 4, "optimizer": "adam", "validation": None} | EVERY
    begun = []
    count = {"on_epoch_begin": lambda epoch, logs: begun.append(epoch)}
    folder = {"checkpoint_dir": tmp_path / "checkpoints"}
    with pytest.warns(InterruptedWarning):
        pycifar.train(dataset, "softmax", callbacks=[count, Interrupt(2)], **settings, **folder)
    assert begun[:2] == [1, 2]
    begun.clear()
    resumed = pycifar.train(dataset, "softmax", callbacks=count, resume=True, **settings, **folder)
    assert begun == [3, 4]
    assert resumed.epochs_done == 4
    assert resumed == pycifar.train(dataset, "softmax", **settings)


def test_moving_averages_of_an_optimizer_are_the_weights_in_the_end(dataset):
    # Follows keras-team/keras-core #437 and keras-team/keras #18949.
    optimizer = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9)
    averaged = pycifar.train(dataset, small_network(), epochs=2, optimizer=optimizer, **EVERY)
    means = averaged.network.optimizer._model_variables_moving_average
    assert same(averaged.network.get_weights(), [np.asarray(mean) for mean in means])


def test_the_best_weights_come_back_when_nothing_stopped_early(dataset):
    # Follows keras-team/keras #12511 and #16876.
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 if epoch < 2 else 20.0)
    model = pycifar.train(
        dataset, "softmax", epochs=4, schedule="constant", validation="test", best_weights=True,
        callbacks=rates, **EVERY,
    )  # fmt: skip
    rows = model.history[model.history["split"] == "validation"]
    losses = rows[rows["metric"] == "loss"].set_index("epoch")["value"]
    assert model.best_epoch == losses.idxmin() < 4
    assert model.epochs_done == 4
    # Follows keras-team/keras #20323: the weights are those that gave the value.
    assert pycifar.evaluate(model, dataset).loss == pytest.approx(losses.min(), rel=1e-4)
    assert model.final("validation", "loss") == losses.min()


def test_a_patience_of_one_epoch_does_not_end_the_first(dataset):
    # Follows mlverse/luz #63.
    model = pycifar.train(dataset, "softmax", epochs=3, early_stopping=1, validation=None, **EVERY)
    assert model.epochs_done > 1


def test_a_callback_may_be_used_for_one_training_after_another(dataset):
    # Follows keras-team/keras PR #6591.
    stopping = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=10.0)
    lengths = [
        pycifar.train(
            dataset, "softmax", epochs=4, validation=None, callbacks=stopping, **EVERY
        ).epochs_done
        for _ in range(2)
    ]
    assert lengths == [2, 2]


def test_a_false_of_numpy_stops_a_training_too(dataset):
    # Follows DLR-RM/stable-baselines3 #804: `is False` holds for Python's alone.
    good_enough = np.float32(0.0)
    stop = {"on_epoch_end": lambda epoch, logs: np.float32(logs["loss"]) < good_enough}
    model = pycifar.train(dataset, "softmax", epochs=4, callbacks=stop, **EVERY)
    assert (model.epochs_done, model.stopped_by) == (1, "on_epoch_end")


def test_a_callback_stops_a_training_within_an_epoch(dataset):
    # Follows tensorflow/tensorflow #41174.
    steps = []

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(batch)
            self.model.stop_training = batch == 1

    pycifar.train(dataset, "softmax", epochs=4, validation=None, callbacks=Stop(), **EVERY)
    assert steps == [0, 1]


def test_an_interrupt_keeps_the_history_and_a_model_that_works(dataset):
    # Follows keras-team/keras PR #122 and rstudio/keras3 #637.
    with pytest.warns(InterruptedWarning):
        model = pycifar.train(dataset, "softmax", epochs=4, callbacks=Interrupt(2), **EVERY)
    assert model.history["epoch"].max() == 2
    assert len(pycifar.predict(model, dataset.split("test"))) == 50


def test_a_training_anew_begins_anew_even_after_an_interrupt(dataset):
    # Follows tensorflow/tensorflow #56702.
    network, settings = small_network(), {"epochs": 1} | EVERY
    first = pycifar.train(dataset, network, **settings)
    with pytest.warns(InterruptedWarning):
        pycifar.train(dataset, network, callbacks=Interrupt(0), **settings)
    assert pycifar.train(dataset, network, **settings) == first


# ------------------------------------------------------------------------- copies and files


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_goes_on_as_the_original_does(dataset, copied):
    # Follows dask/distributed #2183 and keras-team/keras #2696: the optimizer and dropout.
    network = small_network(keras.layers.Dropout(0.5))
    model = pycifar.train(dataset, network, epochs=1, optimizer="adam", **EVERY)
    assert copied(model) == model
    further = [pycifar.train(dataset, each, epochs=1, verbose=0) for each in (model, copied(model))]
    assert further[0] == further[1]
    assert further[0] != model


def test_slices_are_saved_as_they_are(dataset, tmp_path):
    # Follows keras-team/keras #13697.
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 255)(inputs)
    parts = [keras.layers.Flatten()(scaled[:, rows : rows + 2]) for rows in (0, 9)]
    outputs = keras.layers.Dense(10, "softmax")(keras.layers.Concatenate()(parts))
    model = pycifar.train(dataset, keras.Model(inputs, outputs), epochs=1, **EVERY)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "slices.keras"))
    images = dataset.split("test").images
    assert same([pycifar.predict(model, images, "prob")], [pycifar.predict(loaded, images, "prob")])


def test_a_network_that_no_file_can_bring_back_is_told_before_the_training(dataset):
    # Follows keras-team/keras #11744 and #5088: told only when the file was opened.
    begun = []
    with pytest.raises(UnsavedWarning, match="Lambda"):  # a warning is an error in tests
        pycifar.train(
            dataset,
            lambda shape, n: small_network(keras.layers.Lambda(lambda values: values * 2)),
            epochs=1,
            callbacks={"on_train_begin": lambda logs: begun.append(1)},
            **EVERY,
        )
    assert not begun


def test_frozen_layers_keep_their_weights_and_unfrozen_ones_learn(dataset):
    # Follows keras-team/keras #3268, #4674 and #9940.
    network = small_network()
    network.get_layer("seen").trainable = False
    begin = [weight.copy() for weight in network.get_layer("seen").get_weights()]
    frozen = pycifar.train(dataset, network, epochs=1, **EVERY)
    assert same(weights_of(frozen, "seen"), begin)
    assert not same(weights_of(frozen, "last"), network.get_layer("last").get_weights())
    frozen.network.get_layer("seen").trainable = True
    with pytest.warns(pycifar.errors.OptimizerWarning):
        thawed = pycifar.train(dataset, frozen, epochs=1, verbose=0)
    assert not same(weights_of(thawed, "seen"), begin)


# ------------------------------------------------------------------------- measures and seeds


def test_a_validation_measures_what_evaluate_measures(dataset):
    # Follows keras-team/keras #6977 and #12681.
    network = small_network(keras.layers.BatchNormalization(), keras.layers.Dropout(0.5))
    model = pycifar.train(dataset, network, epochs=2, validation="test", **EVERY)
    found = pycifar.evaluate(model, dataset)
    assert found.loss == pytest.approx(model.final("validation", "loss"), rel=1e-4)
    assert found.accuracy == pytest.approx(model.final("validation", "accuracy"))


@pytest.mark.skipif(not has_bfloat16(), reason="needs bfloat16")
def test_half_precision_is_measured_and_saved_right(dataset, tmp_path):
    # Follows tensorflow/tensorflow #45568 and #35379: wrong losses, and files that failed.
    network = small_network(keras.layers.BatchNormalization())
    settings = {"epochs": 2, "validation": "test"} | EVERY
    model = pycifar.train(dataset, "cnn2", precision="bfloat16", **settings)
    assert model.config.precision == "bfloat16"
    found = pycifar.evaluate(model, dataset)
    assert found.loss == pytest.approx(model.final("validation", "loss"), rel=1e-3)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "half.keras"))
    assert loaded.config.precision == "bfloat16"
    assert pycifar.evaluate(loaded, dataset) == found
    # What computes in float32 says so, whatever was trained before.
    assert pycifar.train(dataset, network, **settings).config.precision == "float32"


def test_a_seed_is_enough_to_get_the_same_weights(dataset):
    # Follows keras-team/keras #2743: also NumPy's, Python's and the backend's had to be set.
    found, network = [], small_network(keras.layers.Dropout(0.5))
    for other in (1, 2):
        random.seed(other)
        keras.utils.set_random_seed(other)
        found.append(pycifar.train(dataset, network, epochs=2, augmentation="flip", **EVERY))
    assert found[0] == found[1]


def test_a_training_leaves_the_generators_of_its_caller_alone(dataset):
    # Follows keras-team/keras #8906.
    np.random.seed(3)
    random.seed(3)
    before = np.random.get_state()[1].copy(), random.getstate()
    network = small_network(keras.layers.Dropout(0.5))  # a new dropout layer draws a seed
    assert random.getstate() != before[1]
    random.setstate(before[1])
    model = pycifar.train(dataset, network, epochs=1, augmentation="flip", **EVERY)
    pickle.loads(pickle.dumps(model))
    pycifar.adopt_model(network, dataset.class_names, rescale=1)
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]


def test_class_weights_of_no_class_and_lists_are_refused(dataset):
    # Follows keras-team/keras #23220 and #9737: both were ignored.
    for weights, error in (({"invalid": 0.5}, UnknownNameError), ({10: 0.5}, ArgumentError)):
        with pytest.raises(error, match="class_weights"):
            pycifar.train(dataset, "softmax", class_weights=weights, **EVERY)
    with pytest.raises(ArgumentError, match='must be "balanced" or numbers by class name'):
        pycifar.train(dataset, "softmax", class_weights=[1.0] * 10, **EVERY)


def test_labels_that_count_from_one_are_refused():
    # Follows pytorch/pytorch #15666.
    images = np.zeros((10, 8, 8, 3), np.uint8)
    with pytest.raises(DataError, match="count from 0") as caught:
        pycifar.load_dataset({"train": (images, np.arange(1, 11))})
    assert "Subtract 1" in caught.value.fix


def test_sorted_labels_are_held_out_in_proportion():
    # Follows keras-team/keras #597, #796 and #8346: the last images, all of one class.
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), np.uint8)
    sorted_ones = pycifar.load_dataset({"train": (images, labels)})
    held_out = {}

    class Look(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            held_out["seen"] = True

    model = pycifar.train(
        sorted_ones, "softmax", epochs=1, validation=0.2, class_weights="balanced",
        callbacks=Look(), batch_size=20, seed=1, verbose=0,
    )  # fmt: skip
    assert held_out["seen"]
    # The weights are inverse to the numbers of images that were left: 48, 24 and 8 of 80.
    weights = model.config.class_weights
    assert weights == pytest.approx({"0": 80 / 144, "1": 80 / 72, "2": 80 / 24})


def test_a_class_that_is_absent_has_its_place_in_the_confusion_matrix(dataset):
    # Follows microsoft/hi-ml #508 and huggingface/pytorch-image-models #211.
    model = pycifar.train(dataset, "softmax", epochs=1, **EVERY)
    test = dataset.split("test")
    few = test.labels < 3
    some = pycifar.load_dataset(
        {"test": (test.images[few], test.labels[few])}, class_names=dataset.class_names
    )
    found = pycifar.evaluate(model, some)
    assert found.confusion.shape == (10, 10)
    assert found.confusion.to_numpy()[3:].sum() == 0
    assert found.per_class["support"].tolist()[3:] == [0] * 7
    assert np.isfinite(found.per_class[["precision", "recall", "f1"]].to_numpy()).all()


# ------------------------------------------------------------------------- images


def test_an_image_needs_no_axis_for_a_batch(dataset):
    # Follows keras-team/keras #7194 and qubvel/segmentation_models #499.
    model = pycifar.train(dataset, "softmax", epochs=1, **EVERY)
    images = dataset.split("test").images
    alone = pycifar.predict(model, images[0], "prob")
    assert same([alone], [pycifar.predict(model, images[:1], "prob")])


def test_pixels_are_scaled_once_whatever_their_range(dataset):
    # Follows tensorflow/tensorflow #48412: layers and callers scaled both.
    images, labels = dataset.split("train").images, dataset.split("train").labels
    models = [
        pycifar.train(pycifar.load_dataset({"train": (each, labels)}), "softmax", epochs=1, **EVERY)
        for each in (images, images / 255, (images / 255).astype("float32"), images.astype(int))
    ]
    assert all(model == models[0] for model in models)
    with pytest.raises(pycifar.errors.ImageError, match="floats must lie in 0-1"):
        pycifar.predict(models[0], images.astype("float32"))


def test_arrays_of_the_caller_stay_as_they_are(dataset):
    # Follows keras-team/keras #8741 and #11591.
    images = dataset.split("train").images.copy()
    labels = dataset.split("train").labels.copy()
    kept = images.copy(), labels.copy()
    own = pycifar.load_dataset({"train": (images, labels)})
    model = pycifar.train(own, "softmax", epochs=1, augmentation=["flip", "cutout"], **EVERY)
    pycifar.predict(model, images, tta=True)
    assert same((images, labels), kept)
    images[:] = 0  # and the other way round
    assert own.fingerprint() == pycifar.load_dataset({"train": kept}).fingerprint()


ONE_IMAGE = pytest.mark.filterwarnings("ignore:Classes with one training image")


@ONE_IMAGE
def test_grey_images_of_16_bits_are_not_white(tmp_path, dataset):
    # Follows pytorch/vision #2218, keras-team/keras #4486 and keras-preprocessing #227.
    grey = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    folder = tmp_path / "train" / "ramp"
    folder.mkdir(parents=True)
    Image.fromarray(grey).save(folder / "grey.png")
    [image] = pycifar.load_dataset("folder", data_dir=tmp_path).split("train").images
    assert np.abs(image[..., 0] - grey / 257).max() <= 1
    assert (image[..., 0] == image[..., 2]).all()


@ONE_IMAGE
def test_what_is_transparent_is_drawn_on_white(tmp_path):
    # Follows kohya-ss/sd-scripts #1269 and kornia/kornia #3607.
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:16] = (200, 10, 30, 255)
    folder = tmp_path / "train" / "half"
    folder.mkdir(parents=True)
    Image.fromarray(pixels).save(folder / "half.png")
    [image] = pycifar.load_dataset("folder", data_dir=tmp_path).split("train").images
    assert image[0, 0].tolist() == [200, 10, 30]
    assert image[-1, -1].tolist() == [255, 255, 255]


def test_classes_of_folders_are_in_the_order_of_the_alphabet(tmp_path):
    # Follows keras-team/keras #3054 and #6075: in the order of the disk.
    for name, colour in (("zebra", "red"), ("ant", "lime"), ("Bee", "blue")):
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (32, 32), colour).save(folder / f"{number}.png")
    animals = pycifar.load_dataset("folder", data_dir=tmp_path)
    assert animals.class_names == ("Bee", "ant", "zebra")
    model = pycifar.train(
        animals, "softmax", epochs=150, learning_rate=0.1, batch_size=12, validation=None,
        seed=1, verbose=0,
    )  # fmt: skip
    for name in animals.class_names:
        predicted = pycifar.predict(model, tmp_path / "train" / name / "1.png")
        assert model.class_names[predicted[0]] == name


def test_names_that_are_not_ascii_are_read_in_any_locale(tmp_path):
    # Follows NVIDIA/DIGITS #353 and facebookresearch/Detectron #874.
    folder = tmp_path / "пример" / "train" / "été"
    folder.mkdir(parents=True)
    Image.new("RGB", (32, 32), "red").save(folder / "ü.png")
    code = (
        "import sys, pycifar\n"
        "loaded = pycifar.load_dataset('folder', data_dir=sys.argv[1])\n"
        "print(ascii(loaded.class_names[0]), len(loaded.split('train')))"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    child = subprocess.run(
        [sys.executable, "-c", code, folder.parents[1]],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert child.stdout.split() == [ascii("été"), "1"]
