"""Layers, functions and optimizers of a caller's own: what is told of them, how they come back."""

import copy
import json
import pickle
import zipfile

import keras
import pytest

import pycifar
from pycifar.errors import ArgumentError, ModelFileError, OptimizerWarning, UnsavedWarning
from pycifar.keras_files import CONFIG
from pycifar.models.custom_objects import warn_if_unloadable

SETTINGS = {"epochs": 1, "batch_size": 100, "seed": 1, "verbose": 0, "validation": None}


class Doubled(keras.layers.Layer):
    """A layer that nobody registered."""

    def call(self, inputs):
        return inputs * 2


def bent(values):
    """Return an activation that nobody registered."""
    return keras.ops.relu(values) + 0.1


class Slow(keras.optimizers.SGD):
    """An optimizer that nobody registered."""


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that nobody registered."""

    def __call__(self, step):
        return 0.1 / (1.0 + keras.ops.cast(step, "float32"))

    def get_config(self):
        return {}


OWN = {"Doubled": Doubled, "bent": bent}
NAMED = {"Doubled": Doubled, "bent": bent, "Slow": Slow, "Falling": Falling}


def network(input_shape=(32, 32, 3), n_classes=10, name=None):
    layers = keras.layers
    start = keras.Input(input_shape, dtype="uint8")
    values = layers.AveragePooling2D(8)(layers.Rescaling(1 / 255)(start))
    values = Doubled()(layers.Flatten()(values))
    values = layers.Dense(4, activation=bent)(values)
    return keras.Model(start, layers.Dense(n_classes, activation="softmax")(values), name=name)


def told_at(caught):
    return [warning.filename for warning in caught if warning.category is UnsavedWarning]


@pytest.fixture(scope="module")
def own_model(small_dataset):
    with pytest.warns(UnsavedWarning):
        return pycifar.train(small_dataset, network, **SETTINGS)


@pytest.fixture
def own_file(own_model, tmp_path):
    with pytest.warns(UnsavedWarning):
        return pycifar.save_model(own_model, tmp_path / "own.keras")


@pytest.mark.parametrize("name", [None, "cnn2"])
def test_own_parts_are_told_once_before_a_training_and_when_it_is_saved(
    small_dataset, tmp_path, name
):
    told = 'only where "Doubled" and "bent" are registered with .*`custom_objects` of load_model'
    with pytest.warns(UnsavedWarning, match=told) as caught:
        model = pycifar.train(small_dataset, network(name=name), **SETTINGS)
    assert told_at(caught) == [__file__]
    with pytest.warns(UnsavedWarning, match=told) as caught:
        pycifar.save_model(model, tmp_path / "own.keras")
    assert told_at(caught) == [__file__]
    with pytest.warns(UnsavedWarning, match=told):
        pycifar.train(small_dataset, model, epochs=1, verbose=0)


class Scaled(keras.layers.Layer):
    """A layer that takes no name, so that no configuration of Keras's builds it."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


LAYERS = keras.layers
OF_KERAS = pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")


@OF_KERAS
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: LAYERS.Dense(4, activation=lambda x: x * 2), "it has a lambda function"),
        (lambda: LAYERS.Activation(lambda x: x * 2), "it has a lambda function"),
        (
            lambda: LAYERS.TimeDistributed(LAYERS.Dense(4, activation=lambda x: x * 2)),
            "it has a lambda function",
        ),
        (
            lambda: LAYERS.Dense(4, kernel_initializer=lambda shape, dtype: keras.ops.ones(shape)),
            "it has a lambda function",
        ),
        (lambda: Scaled(2.0), "cannot be built from its configuration. .* of Scaled return what"),
    ],
    ids=["activation", "layer", "wrapped", "initializer", "configuration"],
)
def test_what_no_name_brings_back_is_told(make, told):
    layers = [keras.Input((32, 32, 3)), LAYERS.AveragePooling2D(8), LAYERS.Reshape((16, 3)), make()]
    own = keras.Sequential([*layers, LAYERS.Flatten()])
    with pytest.warns(UnsavedWarning, match=told):
        warn_if_unloadable(own)


@OF_KERAS
def test_a_file_with_a_lambda_is_refused(tmp_path):
    start = keras.Input((32, 32, 3))
    values = LAYERS.Dense(2, "softmax")(LAYERS.Flatten()(LAYERS.Rescaling(1 / 255)(start)))
    own = keras.Model(start, LAYERS.Activation(lambda x: x, name="same")(values))
    own.save(tmp_path / "own.keras")
    with pytest.raises(ModelFileError, match="it has a lambda function, which has no name"):
        pycifar.adopt_model(tmp_path / "own.keras", ["a", "b"], rescale=1)


def test_a_file_of_own_parts_is_loaded_where_each_is_given(own_model, own_file):
    with pytest.raises(ModelFileError, match="which is neither registered nor given in"):
        pycifar.load_model(own_file)
    with pytest.raises(ModelFileError, match='asks for "bent", which'):
        pycifar.load_model(own_file, custom_objects={"Doubled": Doubled})
    assert pycifar.load_model(own_file, custom_objects=OWN) == own_model
    with pytest.raises(ModelFileError):  # they were for one call
        pycifar.load_model(own_file)
    assert not pycifar.inspect_model(own_file).loadable
    assert pycifar.inspect_model(own_file, custom_objects=OWN).loadable


def test_a_class_that_is_registered_later_comes_back(own_model, own_file, monkeypatch):
    registered = keras.saving.get_custom_objects()
    for own in (Doubled, bent, Slow):
        monkeypatch.setitem(registered, f"Custom>{own.__name__}", own)
    assert pycifar.load_model(own_file).fingerprint() == own_model.fingerprint()


def test_a_class_that_has_another_name_by_now_is_given_under_the_old_one(own_model, own_file):
    class Twice(Doubled):
        pass

    given = {"Doubled": Twice, "bent": bent}
    loaded = pycifar.load_model(own_file, custom_objects=given)
    assert loaded.fingerprint() == own_model.fingerprint()
    assert any(isinstance(layer, Twice) for layer in loaded.network.layers)


def test_a_class_that_was_registered_is_given_under_the_registered_name(small_dataset, tmp_path):
    @keras.saving.register_keras_serializable("pycifar_tests", "Halved")
    class Half(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    model = pycifar.train(
        small_dataset,
        keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                keras.layers.Flatten(),
                Half(),
                keras.layers.Dense(10, activation="softmax"),
            ]
        ),
        **SETTINGS,
    )
    path = pycifar.save_model(model, tmp_path / "half.keras")
    assert pycifar.load_model(path) == model
    del keras.saving.get_custom_objects()["pycifar_tests>Halved"]
    with pytest.raises(ModelFileError, match='asks for "pycifar_tests>Halved", which'):
        pycifar.load_model(path)
    assert pycifar.load_model(path, custom_objects={"pycifar_tests>Halved": Half}) == model


def test_what_is_given_lets_nothing_else_in(own_file):
    with zipfile.ZipFile(own_file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(entries[CONFIG])
    layer = next(
        layer for layer in config["config"]["layers"] if layer["class_name"] == "AveragePooling2D"
    )
    layer["class_name"], layer["registered_name"] = "Lambda", "Doubled"
    with zipfile.ZipFile(own_file, "w") as archive:
        for name, content in (entries | {CONFIG: json.dumps(config).encode()}).items():
            archive.writestr(name, content)
    with pytest.raises(ModelFileError, match="it calls Lambda what is registered as Doubled"):
        pycifar.load_model(own_file, custom_objects=OWN)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([Doubled], "must map names to classes and functions, not "),
        ({1: Doubled}, "it maps 1 to "),
        ({"Doubled": "Doubled"}, 'it maps "Doubled" to "Doubled"'),
    ],
)
def test_what_are_no_custom_objects_are_refused(own_file, wrong, message):
    for read in (pycifar.load_model, pycifar.inspect_model):
        with pytest.raises(ArgumentError, match=message):
            read(own_file, custom_objects=wrong)


@pytest.mark.parametrize(
    ("make", "needed"),
    [(lambda: Slow(0.01), "Slow"), (lambda: keras.optimizers.SGD(Falling()), "Falling")],
)
def test_an_optimizer_of_an_own_class_comes_back_where_it_is_given(
    small_dataset, make, needed, tmp_path
):
    told = f'optimizer of this model comes back from a file only where "{needed}" is registered'
    with pytest.warns(UnsavedWarning, match=told):
        model = pycifar.train(small_dataset, "softmax", optimizer=make(), **SETTINGS)
    with pytest.warns(UnsavedWarning, match=told):
        path = pycifar.save_model(model, tmp_path / "slow.keras")
    assert not keras.models.load_model(path).compiled  # Keras alone opens the file
    with pytest.warns(OptimizerWarning, match=f'its optimizer: it asks for "{needed}"'):
        without = pycifar.load_model(path)
    assert without == model
    with pytest.raises(ArgumentError, match="`optimizer` must be given"):
        pycifar.train(small_dataset, without, epochs=1)
    loaded = pycifar.load_model(path, custom_objects=NAMED)
    assert type(loaded.network.optimizer) is type(model.network.optimizer)
    with pytest.warns(UnsavedWarning, match=told):
        further = pycifar.train(small_dataset, model, epochs=1, verbose=0)
        again = pycifar.train(small_dataset, loaded, epochs=1, verbose=0)
    assert again == further


def test_an_optimizer_that_cannot_be_described_is_told(small_dataset, tmp_path):
    class Secret(keras.optimizers.SGD):
        def get_config(self):
            raise NotImplementedError("no description")

    with pytest.warns(UnsavedWarning, match="does not have its optimizer, Secret: no description"):
        model = pycifar.train(small_dataset, "softmax", optimizer=Secret(0.01), **SETTINGS)
    with pytest.warns(UnsavedWarning, match="Secret"):
        path = pycifar.save_model(model, tmp_path / "secret.keras")
    assert pycifar.load_model(path) == model


def test_pickles_and_copies_bring_the_classes(small_dataset):
    given = [keras.layers.Flatten(), Doubled(), keras.layers.Dense(3, activation=bent)]
    given += [keras.layers.Dense(10, activation="softmax")]
    with pytest.warns(UnsavedWarning):
        model = pycifar.train(
            small_dataset,
            keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255), *given]),
            optimizer=Slow(0.01, momentum=0.9),
            **SETTINGS,
        )
        further = pycifar.train(small_dataset, model, epochs=1, verbose=0)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other == model
        with pytest.warns(UnsavedWarning):
            assert pycifar.train(small_dataset, other, epochs=1, verbose=0) == further
