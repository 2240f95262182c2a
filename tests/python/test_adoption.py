"""Keras models that pycifar did not train: adopted from files and from memory."""

import copy
import json
import pickle
import zipfile

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import (
    ArgumentError,
    DataError,
    ModelFileError,
    OptimizerWarning,
    UnsavedWarning,
)

SETTINGS = {"epochs": 1, "verbose": 0, "seed": 3, "validation": "test"}
LAYERS = keras.layers


def sequential(n_classes=10):
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            LAYERS.Conv2D(4, 3, strides=4, name="conv"),
            LAYERS.BatchNormalization(),
            LAYERS.Flatten(),
            LAYERS.Dense(n_classes, activation="softmax"),
        ]
    )


def functional(n_classes=10):
    """A network with two ways, a shared layer, an operation, and lists of inputs and outputs."""
    start = keras.Input((32, 32, 3))
    shared = LAYERS.Conv2D(4, 3, strides=4)
    inner = keras.Sequential([LAYERS.Conv2D(4, 3, strides=4), LAYERS.ReLU()])
    values = LAYERS.add([shared(start), shared(start[:, ::-1]), inner(start)])
    values = LAYERS.Dense(n_classes, activation="softmax")(LAYERS.Flatten()(values))
    return keras.Model([start], [values])


@pytest.fixture(scope="module", params=[sequential, functional])
def network(request, small_dataset):
    """A colleague's network, trained by Keras on values from 0 to 1."""
    keras.utils.set_random_seed(1)
    network = request.param()
    network.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    network.fit(fractions(small_dataset), small_dataset.split("train").labels, verbose=0)
    return network


def fractions(dataset):
    return np.asarray(dataset.split("train").images, np.float32) / 255


@pytest.fixture(params=["memory", "file"])
def given(request, network, tmp_path):
    if request.param == "memory":
        return network
    network.save(tmp_path / "colleague.keras")
    return tmp_path / "colleague.keras"


def test_an_adopted_model_predicts_as_keras_does_and_is_a_trained_model(
    network, given, small_dataset, tmp_path
):
    before = network.get_weights()
    model = pycifar.adopt_model(given, small_dataset.class_names, rescale=1 / 255)
    expected = np.reshape(network.predict(fractions(small_dataset), verbose=0), (200, 10))
    found = pycifar.predict(model, small_dataset.split("train"), "prob")
    assert np.allclose(found, expected, atol=1e-5)
    assert model.adopted
    assert repr(model).endswith("parameters, adopted>")
    assert len(model.history) == model.epochs_done == model.config.epochs == 0
    assert pycifar.evaluate(model, small_dataset).n == 100
    assert pycifar.explain(model, small_dataset.split("test").images[0]).heatmap.shape == (32, 32)
    assert "adopted" in model.summary()
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "adopted.keras"))
    assert loaded.adopted
    for other in (loaded, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other == model
        assert other.config == model.config
    assert pycifar.inspect_model(tmp_path / "adopted.keras").epochs_done == 0
    assert all(map(np.array_equal, before, network.get_weights()))


def test_an_adopted_model_goes_on_with_its_optimizer_and_any_seed_and_validation(
    network, given, small_dataset
):
    model = pycifar.adopt_model(given, small_dataset.class_names, rescale=1 / 255)
    assert model.config.optimizer == "Adam"
    assert model.config.learning_rate == pytest.approx(0.002)
    further = pycifar.train(small_dataset, model, **SETTINGS)
    steps = int(network.optimizer.iterations) + 2  # batches of 128 from 200 images
    assert int(further.network.optimizer.iterations) == steps
    assert (further.config.seed, further.config.validation) == (3, "test")
    assert (further.epochs_done, further.config.epochs) == (1, 1)
    assert not further.adopted
    assert further.data["fingerprint"] == small_dataset.fingerprint("train")
    again = pycifar.train(small_dataset, model, **SETTINGS)
    assert again.fingerprint() == further.fingerprint()
    with pytest.raises(DataError, match="does not say which images") as caught:
        pycifar.train(model, epochs=1)
    assert "Give a data set" in caught.value.fix


def test_a_network_without_an_optimizer_goes_on_as_one_of_the_callers_own(small_dataset):
    model = pycifar.adopt_model(sequential(), small_dataset.class_names, rescale=1 / 255)
    further = pycifar.train(small_dataset, model, **SETTINGS)
    trained = pycifar.train(small_dataset, sequential(), **SETTINGS)
    assert further.config == trained.config


def test_a_network_that_was_compiled_and_not_trained_is_adopted_without_a_word(
    small_dataset, tmp_path
):
    network = sequential()
    network.compile("adam", "mse")
    network.save(tmp_path / "new.keras")
    for given in (network, tmp_path / "new.keras"):
        model = pycifar.adopt_model(given, small_dataset.class_names, rescale=1)
        assert pycifar.train(small_dataset, model, **SETTINGS).config.optimizer == "Adam"


@pytest.mark.parametrize("frozen_first", [True, False])
def test_the_state_of_an_optimizer_of_other_weights_is_left_out_with_a_warning(
    small_dataset, tmp_path, recwarn, frozen_first
):
    network = sequential()
    network.layers[1].trainable = not frozen_first
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(fractions(small_dataset), small_dataset.split("train").labels, verbose=0)
    network.layers[1].trainable = frozen_first
    network.save(tmp_path / "given.keras")
    for given in (tmp_path / "given.keras", network):
        pycifar.adopt_model(given, small_dataset.class_names, rescale=1)
    kinds = [w.category for w in recwarn if issubclass(w.category, UserWarning)]
    assert kinds == [OptimizerWarning] * (1 + frozen_first)  # in memory, what both train goes on


def test_an_optimizer_that_is_not_known_is_left_out_with_a_warning(small_dataset, tmp_path):
    class Mine(keras.optimizers.SGD):
        pass

    network = sequential()
    network.compile(Mine(0.01), "sparse_categorical_crossentropy")
    network.fit(fractions(small_dataset), small_dataset.split("train").labels, verbose=0)
    path = tmp_path / "mine.keras"
    network.save(path)
    with pytest.warns(
        OptimizerWarning, match='without its optimizer: it asks for "Mine"'
    ) as caught:
        without = pycifar.adopt_model(path, small_dataset.class_names, rescale=1)
    assert caught[0].filename == __file__
    assert without.config.optimizer == "sgd"
    given = {"custom_objects": {"Mine": Mine}, "rescale": 1}
    model = pycifar.adopt_model(path, small_dataset.class_names, **given)
    assert model.config.optimizer == "Mine"
    assert int(model.network.optimizer.iterations) == 7


def test_how_pixels_are_scaled_must_be_said_unless_the_network_shows_it():
    names = ["cat", "dog"]
    with pytest.raises(ArgumentError, match="`rescale` must be given") as caught:
        pycifar.adopt_model(sequential(2), names)
    assert "1/255 if it takes values from 0 to 1" in caught.value.fix
    last = [LAYERS.Flatten(), LAYERS.Dense(2, activation="softmax")]
    start = keras.Input((32, 32, 3), dtype="uint8")
    scaled = [keras.Input((32, 32, 3)), LAYERS.Rescaling(1 / 255)]
    for shows in (keras.Sequential([*scaled, *last]), keras.Sequential([start, *last])):
        assert pycifar.adopt_model(shows, names).network.count_params() == shows.count_params()
    raw = pycifar.adopt_model(sequential(2), names, rescale=1)
    assert raw.layers()["type"].tolist()[0] == "Conv2D"
    front = pycifar.adopt_model(sequential(2), names, rescale=(1 / 127.5, -1)).network.layers[0]
    ends = np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255)])
    assert [*front.predict_on_batch(ends)[:, 0, 0, 0]] == pytest.approx([-1, 1])


@pytest.mark.parametrize("rescale", [0, -1, "1/255", (1, 2, 3), (), [None], float("nan")])
def test_what_is_no_scale_is_refused(rescale):
    with pytest.raises(ArgumentError, match="`rescale` must be"):
        pycifar.adopt_model(sequential(2), ["cat", "dog"], rescale=rescale)


@pytest.mark.parametrize("names", ["cat", ["cat", "cat"], [], [1, 2], None])
def test_class_names_must_be_names(names):
    with pytest.raises(ArgumentError, match="`class_names` must be a list of different names"):
        pycifar.adopt_model(sequential(2), names, rescale=1)


def network_of(shape=(32, 32, 3), n=2, activation="softmax"):
    first = [keras.Input(shape), LAYERS.GlobalAveragePooling2D()]
    return keras.Sequential([*first, LAYERS.Dense(n, activation=activation)])


def test_logits_and_one_sigmoid_unit_become_probabilities(tmp_path, small_dataset):
    images = small_dataset.split("test").images
    for given, expected in (
        (network_of(activation=None), keras.ops.softmax),
        (network_of(n=1, activation="sigmoid"), lambda p: np.hstack([1 - p, p])),
    ):
        model = pycifar.adopt_model(given, ["cat", "dog"], rescale=1)
        outputs = given.predict(images.astype(np.float32), verbose=0)
        found = pycifar.predict(model, images, type="prob")
        assert np.allclose(found, expected(outputs), atol=1e-6)
        loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "m.keras", overwrite=True))
        assert loaded == model


def own_loss(truth, probabilities):
    return keras.ops.mean(keras.ops.square(truth - probabilities), axis=-1)


def test_the_loss_and_the_metrics_of_an_adopted_model_are_taken(tmp_path, small_dataset):
    given = network_of(n=10, activation=None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    top_3 = keras.metrics.SparseTopKCategoricalAccuracy(3, name="top_3")
    given.compile("sgd", loss, metrics=["accuracy", top_3])
    given.save(tmp_path / "given.keras")
    for source in (given, tmp_path / "given.keras"):
        model = pycifar.adopt_model(source, small_dataset.class_names, rescale=1)
        assert model.config.loss == "crossentropy"
        assert [*pycifar.evaluate(model, small_dataset).metrics] == ["top_3"]
        further = pycifar.train(small_dataset, model, **SETTINGS)
        assert set(further.history.metric) == {"loss", "accuracy", "top_3", "learning_rate"}


def test_the_accuracy_of_an_adopted_model_is_not_measured_twice(tmp_path, small_dataset):
    trained = pycifar.train(small_dataset, "softmax", **SETTINGS).keras_model
    given = network_of(n=10)
    given.compile("sgd", metrics=[keras.metrics.SparseCategoricalAccuracy("acc")])
    for number, network in enumerate((trained, given)):
        network.save(tmp_path / f"{number}.keras")
        for source in (network, tmp_path / f"{number}.keras"):
            model = pycifar.adopt_model(source, small_dataset.class_names, rescale=1)
            assert pycifar.evaluate(model, small_dataset).metrics == {}


def test_a_loss_of_the_callers_own_comes_from_a_file_where_it_is_given(tmp_path, small_dataset):
    given = network_of(n=10)
    given.compile("sgd", own_loss)
    given.save(tmp_path / "given.keras")
    names, objects = small_dataset.class_names, {"own_loss": own_loss}
    with pytest.warns(UnsavedWarning, match="without its loss and metrics: .*own_loss"):
        model = pycifar.adopt_model(tmp_path / "given.keras", names, rescale=1)
    assert model.config.loss == "crossentropy"
    models = [
        pycifar.adopt_model(given, names, rescale=1),
        pycifar.adopt_model(tmp_path / "given.keras", names, rescale=1, custom_objects=objects),
    ]
    path = pycifar.save_model(models[0], tmp_path / "adopted.keras")
    models.append(pycifar.load_model(path, custom_objects=objects))
    models.append(copy.deepcopy(models[0]))
    models.append(pickle.loads(pickle.dumps(models[0])))
    for model in models:
        assert model.config.loss == {"own": "own_loss"}
        assert pycifar.evaluate(model, small_dataset).objective is not None
        pycifar.train(small_dataset, model, **SETTINGS)


def test_a_metric_that_would_take_much_memory_is_left_out(tmp_path, small_dataset):
    given, path = network_of(n=10), tmp_path / "given.keras"
    given.compile("sgd", "mse", metrics=[keras.metrics.AUC(num_thresholds=5)])
    given.save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    text = entries["config.json"].replace(b'"num_thresholds": 5', b'"num_thresholds": 1000000000')
    assert text != entries["config.json"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (entries | {"config.json": text}).items():
            archive.writestr(name, content)
    with pytest.warns(UnsavedWarning, match="without its loss and metrics: .*at most 1000"):
        model = pycifar.adopt_model(path, small_dataset.class_names, rescale=1)
    assert (model.config.loss, model.config.metrics) == ("crossentropy", {})


def test_a_network_of_pycifar_shows_that_it_takes_pixels(tmp_path, small_dataset):
    network = pycifar.build_model("lenet5", seed=1)
    network.save(tmp_path / "lenet5.keras")
    model = pycifar.adopt_model(tmp_path / "lenet5.keras", small_dataset.class_names)
    images = np.array(small_dataset.split("test").images[:5])
    assert np.array_equal(
        pycifar.predict(model, images, type="prob"), network.predict(images, verbose=0)
    )


def any_size():
    start = keras.Input((None, None, 3))
    pooled = LAYERS.GlobalAveragePooling2D()(LAYERS.Conv2D(3, 3)(start))
    return keras.Model(start, LAYERS.Dense(10, activation="softmax")(pooled))


def test_a_model_for_images_of_any_size_is_adopted_for_one(small_dataset, tmp_path):
    names, given = small_dataset.class_names, any_size()
    given.compile("adam", "sparse_categorical_crossentropy")
    given.fit(fractions(small_dataset), small_dataset.split("train").labels, verbose=0)
    given.save(tmp_path / "any.keras")
    expected = given.predict(fractions(small_dataset), verbose=0)
    for source in (given, tmp_path / "any.keras"):
        with pytest.raises(ArgumentError, match=r"`image_size` must be given .*\(None, None, 3\)"):
            pycifar.adopt_model(source, names, rescale=1 / 255)
        model = pycifar.adopt_model(source, names, rescale=1 / 255, image_size=(32, 32))
        found = pycifar.predict(model, small_dataset, "prob", split="train")
        assert np.allclose(found, expected, atol=1e-5)
        assert model.image_shape == (32, 32, 3)
        further = pycifar.train(small_dataset, model, **SETTINGS)
        assert int(further.network.optimizer.iterations) == int(given.optimizer.iterations) + 2
    wide = pycifar.adopt_model(given, names, rescale=1, image_size=[20, 40])
    assert wide.image_shape == (20, 40, 3)
    with pytest.raises(ArgumentError, match="left out for this model, .* 32×32 pixels, not 16×16"):
        pycifar.adopt_model(network_of(), ["cat", "dog"], rescale=1, image_size=16)


def uint8_network():
    start = keras.Input((32, 32, 3), dtype="uint8")
    values = LAYERS.Dropout(0.2)(LAYERS.Rescaling(1 / 255, name="scaling")(start))
    pooled = LAYERS.GlobalMaxPooling2D()(LAYERS.Conv2D(4, 5, strides=3)(values))
    return keras.Model(start, LAYERS.Dense(10, activation="softmax")(pooled))


def test_images_divided_by_255_are_what_they_were_for_keras_alone(small_dataset, tmp_path):
    images = np.array(small_dataset.split("test").images[:20])
    images[1] = 0
    theirs = sequential()
    names = small_dataset.class_names
    models = {
        "rescaled": pycifar.adopt_model(theirs, names, rescale=1 / 255),
        "whole": pycifar.adopt_model(uint8_network(), names),
        "trained": pycifar.train(small_dataset, uint8_network(), **SETTINGS),
        "built": pycifar.train(small_dataset, lambda shape, n: uint8_network(), **SETTINGS),
    }
    for name, model in models.items():
        pycifar.save_model(model, tmp_path / f"{name}.keras")
        expected = pycifar.predict(model, images, "prob")
        for network in (model.keras_model, keras.models.load_model(tmp_path / f"{name}.keras")):
            for same in (images, images.astype(np.float32), images / 255, np.float32(images / 255)):
                assert np.allclose(network.predict_on_batch(same), expected, atol=1e-6)
        assert pycifar.load_model(tmp_path / f"{name}.keras") == model
    found = models["rescaled"].keras_model.predict_on_batch(images / 255)
    assert np.allclose(found, theirs.predict_on_batch(images / 255), atol=1e-5)


def test_what_takes_fractions_to_pixels_changes_no_weight(small_dataset, monkeypatch):
    front = pycifar.train(small_dataset, lambda shape, n: uint8_network(), **SETTINGS)
    monkeypatch.setattr("pycifar.training.prepare.cuts_fractions", lambda network: False)
    bare = pycifar.train(small_dataset, lambda shape, n: uint8_network(), **SETTINGS)
    assert front == bare
    assert front.history.equals(bare.history)
    assert front.keras_model.input.dtype == "float32"


def test_a_network_that_keras_cannot_copy_as_it_is_stays_as_it_is(small_dataset):
    def changed(shape, n_classes):
        network = uint8_network()
        network.layers[-1].kernel_regularizer = "l2"  # too late to have an effect
        return network

    model = pycifar.train(small_dataset, changed, **SETTINGS)
    assert model.keras_model.input.dtype == "uint8"
    assert model.history.equals(
        pycifar.train(small_dataset, lambda shape, n: uint8_network(), **SETTINGS).history
    )


def test_a_model_in_float16_comes_with_the_state_that_scales_its_loss(tmp_path, small_dataset):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layers = [keras.Input((32, 32, 3)), LAYERS.Flatten(), LAYERS.Dense(10)]
        given = keras.Sequential([*layers, LAYERS.Activation("softmax", dtype="float32")])
        given.compile("adam", "sparse_categorical_crossentropy")
    finally:
        keras.config.set_dtype_policy("float32")
    given.fit(fractions(small_dataset), small_dataset.split("train").labels, verbose=0)
    given.save(tmp_path / "given.keras")
    steps = int(given.optimizer.iterations)
    for source in (given, tmp_path / "given.keras"):
        model = pycifar.adopt_model(source, small_dataset.class_names, rescale=1 / 255)
        assert model.config.precision == "float16"
        assert int(model.network.optimizer.iterations) == steps
        further = pycifar.train(small_dataset, model, **SETTINGS)
        assert int(further.network.optimizer.iterations) == steps + 2


def several_inputs():
    starts = [keras.Input((32, 32, 3)), keras.Input((4,))]
    joined = LAYERS.concatenate([LAYERS.Flatten()(starts[0]), starts[1]])
    return keras.Model(starts, LAYERS.Dense(2, activation="softmax")(joined))


class Own(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network_of(n=3), r"each of the 2 classes in `class_names`, .* it gives \(3,\)"),
        (lambda: network_of(activation="tanh"), "must give probabilities, which add up to 1"),
        (lambda: network_of((32, 32, 1)), r"3 channels, .* it takes \(32, 32, 1\)"),
        (several_inputs, r"it takes \(32, 32, 3\) and \(4,\)"),
        (lambda: keras.Sequential([LAYERS.Flatten()]), "begins with an Input; this Sequential"),
        (Own, "this Own shows no layers"),
        (lambda: 3, "`model` must be a path"),
        (lambda: pycifar.build_model("mlp_relu", n_classes=2), "`model` must be a path"),
    ],
)
def test_what_is_no_classifier_of_images_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        pycifar.adopt_model(make(), ["cat", "dog"], rescale=1)


def test_a_trained_model_is_not_adopted(small_model, tmp_path):
    with pytest.raises(ArgumentError, match="not a trained model"):
        pycifar.adopt_model(small_model, small_model.class_names)
    path = pycifar.save_model(small_model, tmp_path / "own.keras")
    with pytest.raises(ModelFileError, match="was saved by pycifar") as caught:
        pycifar.adopt_model(path, small_model.class_names)
    assert caught.value.fix == "It is a trained model already: load_model() loads it."


def test_a_file_that_is_adopted_passes_the_checks_of_load_model(tmp_path):
    names = ["cat", "dog"]
    path = tmp_path / "stranger.keras"
    start = keras.Input((32, 32, 3))
    keras.Model(start, LAYERS.Lambda(lambda values: values[:, 0, 0, :2])(start)).save(path)
    with pytest.raises(ModelFileError, match="cannot be adopted: .*Lambda, which is not safe"):
        pycifar.adopt_model(path, names, rescale=1)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelFileError, match="it is damaged"):
        pycifar.adopt_model(path, names, rescale=1)
    with pytest.raises(ModelFileError, match="There is no model file"):
        pycifar.adopt_model(tmp_path / "none.keras", names, rescale=1)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
def test_files_of_hdf5_are_refused(tmp_path):
    path = tmp_path / "old.h5"
    sequential(2).save(path)
    for read in (pycifar.load_model, lambda path: pycifar.adopt_model(path, ["cat", "dog"])):
        with pytest.raises(ModelFileError, match="is an HDF5 file, from which Keras may run code"):
            read(path)
    assert "is an HDF5 file" in pycifar.inspect_model(path).problem


def test_a_plain_file_is_refused_by_load_model_with_the_way_to_use_it(tmp_path):
    sequential(2).save(tmp_path / "plain.keras")
    with pytest.raises(ModelFileError, match="was not saved by pycifar") as caught:
        pycifar.load_model(tmp_path / "plain.keras")
    assert caught.value.fix.startswith("adopt_model() makes a trained model of")


def test_an_adopted_model_says_in_its_file_that_it_has_no_record(tmp_path):
    import zipfile

    model = pycifar.adopt_model(sequential(2), ["cat", "dog"], rescale=1)
    path = pycifar.save_model(model, tmp_path / "adopted.keras")
    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("pycifar.json"))
    assert record["data"] == {"name": "unknown", "source": "adopted", "fingerprint": ""}


def test_warnings_of_what_is_left_out_point_at_the_call(tmp_path, small_dataset):
    given, path = network_of(n=10), tmp_path / "given.keras"
    given.compile("sgd", own_loss)
    given.save(path)
    with pytest.warns(UnsavedWarning) as caught:
        pycifar.adopt_model(path, small_dataset.class_names, rescale=1)
    assert caught[0].filename == __file__


def test_a_file_of_weights_alone_is_told_as_one(tmp_path):
    path = tmp_path / "theirs.weights.h5"
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]).save_weights(path)
    for call in (pycifar.load_model, lambda path: pycifar.adopt_model(path, ["a", "b"])):
        with pytest.raises(ModelFileError, match="has weights alone, and no network") as caught:
            call(path)
        assert "`weights` to train()" in caught.value.fix
