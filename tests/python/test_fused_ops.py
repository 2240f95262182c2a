import gc
from contextlib import ExitStack

import keras
import numpy as np
import pytest

import pycifar
from pycifar.backend import tensorflow
from pycifar.learners.fused_ops import compute_channels_apart, fuse, make_step

pytestmark = pytest.mark.skipif(tensorflow is None, reason="fused operations are TensorFlow's")

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "plain sgd": lambda: keras.optimizers.SGD(0.05),
    "adam": lambda: keras.optimizers.Adam(1e-3),
    "adamw": lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.1),
}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_update_is_the_one_that_keras_composes(name):
    start = np.random.default_rng(1).standard_normal((3, 40)).astype(np.float32)
    found = []
    for fused in (False, True):
        values, optimizer = keras.Variable(start), OPTIMIZERS[name]()
        if fused:
            fuse(keras.Sequential(), optimizer, ExitStack())
            assert optimizer.update_step.__module__ == "pycifar.learners.fused_ops"
        rng = np.random.default_rng(2)
        for _ in range(5):
            gradient = rng.standard_normal(start.shape).astype(np.float32)
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [values])
        found.append(keras.ops.convert_to_numpy(values))
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert not np.allclose(found[0], start)


def normalised(fused: bool) -> tuple[keras.Model, list[np.ndarray]]:
    """A model with one batch normalisation after a step, and what the step made of the weights."""
    layer = keras.layers.BatchNormalization(momentum=0.9, name="norm")
    flat = keras.layers.GlobalAveragePooling2D()
    dense = keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")
    square = keras.layers.Activation("relu")
    model = keras.Sequential([keras.Input((4, 4, 2)), layer, square, flat, dense])
    optimizer = keras.optimizers.SGD(0.5)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    if fused:
        fuse(model, optimizer, ExitStack())
    rng = np.random.default_rng(1)
    images = rng.standard_normal((6, 4, 4, 2)).astype(np.float32) * 3 + 1
    model.train_on_batch(images, rng.integers(0, 3, 6))
    return model, model.get_weights()


def test_a_normalisation_learns_what_keras_s_own_learns():
    pairs = zip(normalised(False)[1], normalised(True)[1], strict=True)
    for theirs, ours in pairs:
        assert ours == pytest.approx(theirs, abs=1e-5)


def penalised(fused: bool) -> tuple[keras.Model, list[float], list[np.ndarray]]:
    """A model with a penalty of its weights, the losses of some steps and what they made of it."""
    penalties = {"kernel_regularizer": keras.regularizers.L2(0.1), "bias_regularizer": "l1"}
    dense = keras.layers.Dense(3, kernel_initializer="ones", name="dense", **penalties)
    model = keras.Sequential([keras.Input((4,)), dense, keras.layers.Softmax()])
    optimizer = keras.optimizers.SGD(0.5, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    if fused:
        fuse(model, optimizer, ExitStack())
    rng = np.random.default_rng(1)
    images, truth = rng.standard_normal((6, 4)).astype(np.float32), rng.integers(0, 3, 6)
    losses = [float(model.train_on_batch(images, truth)) for _ in range(4)]
    return model, losses, model.get_weights()


def test_a_penalty_of_weights_is_that_of_keras(tmp_path):
    (_, losses, weights), (model, fused_losses, fused_weights) = penalised(False), penalised(True)
    assert fused_losses == pytest.approx(losses, rel=1e-5)
    for theirs, ours in zip(weights, fused_weights, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.get_layer("dense").kernel.regularizer) is keras.regularizers.L2


def test_what_is_saved_is_keras_s_own_and_predicts_the_same(tmp_path):
    model, _ = normalised(True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(3).standard_normal((2, 4, 4, 2)).astype(np.float32)
    assert (loaded.predict_on_batch(images) == model.predict_on_batch(images)).all()
    assert type(loaded.get_layer("norm")) is keras.layers.BatchNormalization
    assert "pycifar" not in str(loaded.get_config()) + str(loaded.optimizer.get_config())


def grouped(**settings) -> keras.Sequential:
    """A network with one convolution, whose four channels are four groups unless said otherwise."""
    settings = {"filters": 4, "kernel_size": 3, "groups": 4, "name": "conv", **settings}
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((9, 8, 4)), keras.layers.Conv2D(**settings)])


def convolved(model: keras.Model) -> list[np.ndarray]:
    """What a network makes of images, and the gradients of its input and its weights."""
    images = np.random.default_rng(1).standard_normal((2, 9, 8, 4)).astype(np.float32)
    with tensorflow.GradientTape() as tape:
        start = tensorflow.constant(images)
        tape.watch(start)
        values = model(start)
        total = tensorflow.reduce_sum(values**3)
    weights = [variable.value for variable in model.trainable_variables]
    return [np.array(value) for value in (values, *tape.gradient(total, [start, *weights]))]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": "same", "strides": 2},
        {"padding": "same", "dilation_rate": 2},
        {"filters": 12},
    ],
)
def test_a_convolution_of_each_channel_is_the_one_of_keras(settings):
    model = grouped(**settings)
    theirs = convolved(model)
    compute_channels_apart(model)
    assert "convolution_op" in vars(model.get_layer("conv"))
    for ours, their in zip(convolved(model), theirs, strict=True):
        assert ours == pytest.approx(their, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("settings", [{"groups": 1}, {"groups": 2}, {"strides": (2, 1)}])
def test_other_convolutions_stay_those_of_keras(settings):
    model = grouped(**settings)
    compute_channels_apart(model)
    assert "convolution_op" not in vars(model.get_layer("conv"))


def test_trained_loaded_and_adopted_networks_compute_channels_apart(small_dataset, tmp_path):
    def build(input_shape, n_classes):
        start = keras.Input(input_shape, dtype="uint8")
        values = keras.layers.Rescaling(1 / 255)(start)
        values = keras.layers.Conv2D(6, 5, 4, groups=3, name="conv")(values)
        values = keras.layers.GlobalAveragePooling2D()(values)
        return keras.Model(start, keras.layers.Dense(n_classes, activation="softmax")(values))

    path, settings = tmp_path / "model.keras", {"epochs": 1, "seed": 1, "verbose": 0}
    trained = pycifar.train(small_dataset, build, **settings)
    pycifar.save_model(trained, path)
    plain = keras.saving.load_model(path)
    given = plain.get_layer("conv")
    pycifar.train(small_dataset, plain, **settings)
    assert "convolution_op" not in vars(given)
    theirs = plain.predict(small_dataset.split("test").images, verbose=0)
    adopted = pycifar.adopt_model(plain, small_dataset.class_names)
    for model in (trained, pycifar.load_model(path), adopted):
        assert "convolution_op" in vars(model.network.get_layer("conv"))
        found = pycifar.predict(model, small_dataset, type="prob")
        assert found == pytest.approx(theirs, abs=1e-5)
    assert "pycifar" not in str(trained.network.get_config())


def homes(model: keras.Model) -> set[str]:
    """The modules that the methods of a model's layers and of its optimizer come from."""
    norms = [n for n in model.layers if isinstance(n, keras.layers.BatchNormalization)]
    return {norm.call.__module__ for norm in norms} | {model.optimizer.update_step.__module__}


@pytest.mark.parametrize("architecture", ["resnet20", "fastnet"])
def test_a_training_uses_them_and_leaves_the_model_as_it_was(small_dataset, architecture):
    class Homes(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            during.update(homes(self.model))

    optimizer = keras.optimizers.Adam(1e-3)
    methods, during = set(vars(optimizer)), set()
    settings = {"epochs": 1, "seed": 1, "verbose": 0, "callbacks": Homes()}
    network = pycifar.train(small_dataset, architecture, optimizer=optimizer, **settings).network
    assert "pycifar.learners.fused_ops" in during
    assert not any(home.startswith("pycifar") for home in homes(network))
    assert not {"call"} & {name for layer in network.layers for name in vars(layer)}
    assert not {"update_step", "apply", "_backend_update_step"} & (set(vars(optimizer)) - methods)
    penalties = [variable.regularizer for variable in network.trainable_variables]
    assert all(p is None or isinstance(p, keras.regularizers.Regularizer) for p in penalties)


def test_a_step_is_that_of_keras_whatever_the_size_of_the_batch():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (20, 32, 32, 3)).astype(np.uint8)
    labels = rng.integers(0, 10, 20)
    models = [pycifar.build_model("lenet5", seed=1) for _ in range(2)]
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    step = make_step(models[1], images, labels)
    for n in (8, 20, 3):
        theirs = models[0].train_on_batch(images[:n], labels[:n], return_dict=True)
        ours = step(images[:n], labels[:n])
        assert {name: float(value) for name, value in ours.items()} == theirs
    for theirs, ours in zip(*(model.get_weights() for model in models), strict=True):
        assert (theirs == ours).all()


def test_a_training_compiles_its_step_once(small_dataset, monkeypatch):
    made = []

    def keep(*arguments, **named):
        made.append(make_step(*arguments, **named))
        return made[-1]

    monkeypatch.setattr("pycifar.learners.keras_learner.make_step", keep)
    pycifar.train(small_dataset, "resnet20", epochs=2, batch_size=90, seed=1, verbose=0)
    (step,) = made
    assert step.experimental_get_tracing_count() == 1


def test_a_model_that_was_trained_does_not_stay_in_memory(small_dataset):
    def graphs():
        gc.collect()
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    pycifar.train(small_dataset, "lenet5", epochs=1, seed=1, verbose=0)
    before = graphs()
    model = pycifar.train(small_dataset, "lenet5", epochs=1, seed=1, verbose=0)
    assert graphs() > before
    del model
    assert graphs() <= before
