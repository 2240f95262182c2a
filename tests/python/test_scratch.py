import keras
import numpy as np
import pytest

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.errors import ArgumentError, ImageError, UnknownNameError
from pycifar.scratch import NumpyModel
from pycifar.scratch.inputs import INPUTS
from pycifar.scratch.network import (
    ACTIVATIONS,
    backward_propagate_error,
    cross_entropy,
    forward_propagation,
    initialize_network,
    penalty,
    sigmoid_activation,
    softmax,
    train,
    update_weights,
)

L2 = 0.01


def small_problem(activation, dtype=np.float64):
    rng = np.random.default_rng(1)
    network = initialize_network([12, 7, 5, 4], activation, rng, dtype)
    for layer in network:
        layer.bias += rng.standard_normal(layer.bias.shape).astype(dtype) / 10
    inputs = rng.standard_normal((6, 12)).astype(dtype)
    return network, inputs, rng.integers(0, 4, 6)


def loss_of(network, inputs, labels):
    return cross_entropy(forward_propagation(network, inputs), labels) + penalty(network, L2)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_gradients_are_the_slopes_of_the_loss(activation):
    network, inputs, labels = small_problem(activation)
    forward_propagation(network, inputs)
    backward_propagate_error(network, inputs, labels, L2)
    step = 1e-6
    for layer in network:
        for values, gradient in zip((layer.weights, layer.bias), layer.gradients, strict=True):
            slopes = np.empty_like(values)
            for place in np.ndindex(values.shape):
                before = values[place]
                values[place] = before + step
                above = loss_of(network, inputs, labels)
                values[place] = before - step
                slopes[place] = (above - loss_of(network, inputs, labels)) / (2 * step)
                values[place] = before
            error = np.linalg.norm(slopes - gradient) / np.linalg.norm(slopes + gradient)
            assert error < 1e-6


@pytest.mark.parametrize("name", ["mlp_relu", "mlp_sigmoid"])
def test_gradients_are_those_of_keras_layer_by_layer(name):
    import tensorflow

    model = pycifar.build_model(name, seed=1, l2=L2)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 16)
    equal = model.to_keras()
    with tensorflow.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy()(labels, equal(images))
        loss += sum(equal.losses)
    expected = [gradient.numpy() for gradient in tape.gradient(loss, equal.trainable_variables)]
    rows = model._as_rows(images)
    forward_propagation(model.network, rows)
    backward_propagate_error(model.network, rows, labels, L2)
    ours = [gradient for layer in model.network for gradient in layer.gradients]
    assert len(ours) == len(expected) == 6
    for mine, other in zip(ours, expected, strict=True):
        assert np.linalg.norm(mine - other) / np.linalg.norm(other) < 1e-5
    assert model.test_on_batch(images, labels)["loss"] == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("name", ["mlp_relu", "mlp_sigmoid"])
def test_the_equal_keras_model_gives_the_same_probabilities(name):
    model = pycifar.build_model(name, seed=2)
    images = np.random.default_rng(1).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    ours, theirs = model.predict_on_batch(images), model.to_keras().predict_on_batch(images)
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert ours.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-6)


@pytest.mark.parametrize("kind", list(INPUTS))
def test_the_memory_order_of_images_does_not_matter(kind):
    images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    count = INPUTS[kind].count((32, 32, 3))
    rows, again = np.empty((5, count), np.float32), np.empty((5, count), np.float32)
    INPUTS[kind].make(images, rows)
    INPUTS[kind].make(planes, again)
    assert (rows == again).all()
    if kind.startswith("normalised"):
        assert rows.mean(axis=1) == pytest.approx(np.zeros(5), abs=1e-5)
        assert rows.std(axis=1) == pytest.approx(np.ones(5), abs=0.02)
    else:
        assert -1 <= rows.min() < rows.max() <= 1


@pytest.mark.parametrize("kind", list(INPUTS))
def test_the_same_network_of_keras_sees_the_same(kind):
    images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    images[0] = 77  # one colour throughout, which has no deviation
    network = NumpyModel("mlp", (32, 32, 3), 10, hidden=[8], activation="relu", inputs=kind)
    theirs = network.to_keras().predict_on_batch(images)
    assert network.predict_on_batch(images) == pytest.approx(theirs, abs=1e-5)


def test_momentum_and_decay_move_the_weights_as_their_formulas_say():
    network, inputs, labels = small_problem("relu")
    layer = network[0]
    weights, velocity = layer.weights.copy(), np.zeros_like(layer.weights)
    for _ in range(3):
        forward_propagation(network, inputs)
        backward_propagate_error(network, inputs, labels)
        velocity = 0.9 * velocity - 0.1 * layer.gradients[0]
        weights = weights * (1 - 0.1 * 0.01) + velocity
        update_weights(network, 0.1, momentum=0.9, weight_decay=0.01)
        assert layer.weights == pytest.approx(weights, rel=1e-12)


def test_training_learns_its_batches():
    network, inputs, labels = small_problem("sigmoid")
    first, _ = train(network, [(inputs, labels)], 0.5)
    for _ in range(300):
        last, right = train(network, [(inputs, labels)], 0.5, momentum=0.9)
    assert last < first / 10
    assert right == 1


def test_buffers_are_used_again():
    network, inputs, labels = small_problem("relu")
    train(network, [(inputs, labels)], 0.1)
    buffers = [id(layer.outputs) for layer in network]
    train(network, [(inputs, labels)], 0.1)
    assert [id(layer.outputs) for layer in network] == buffers


def test_nothing_overflows():
    sums = np.array([[-1e4, 0.0, 1e4]], np.float32)
    assert sigmoid_activation(sums.copy()).tolist() == [[0.0, 0.5, 1.0]]
    assert softmax(sums.copy()).tolist() == [[0.0, 0.0, 1.0]]


def test_any_layer_sizes_are_built():
    model = pycifar.build_model("mlp_relu", hidden=[9, 8, 7], activation="sigmoid", n_classes=3)
    assert [weights.shape for weights in model.weights[::2]] == [(3072, 9), (9, 8), (8, 7), (7, 3)]
    assert pycifar.build_model("mlp_relu", hidden=[]).count_params() == 3072 * 10 + 10
    assert pycifar.build_model("mlp_relu", hidden=5).hidden == (5,)


def test_a_network_prints_its_layers_and_no_weights():
    network = NumpyModel("mlp", (32, 32, 3), 10, hidden=[64, 32], activation="relu")
    assert repr(network) == (
        "<NumpyModel mlp, 32×32 pixels, hidden layers of 64 and 32 (relu), 10 classes, "
        "199,082 parameters>"
    )
    softmax = NumpyModel("softmax", (8, 4, 3), 1000, hidden=[], activation="relu")
    assert repr(softmax) == "<NumpyModel softmax, 8×4 pixels, 1,000 classes, 97,000 parameters>"


def test_a_seed_fixes_the_weights():
    first, again, other = (pycifar.build_model("mlp_relu", seed=seed) for seed in (1, 1, 2))
    assert (first.weights[0] == again.weights[0]).all()
    assert (first.weights[0] != other.weights[0]).any()


@pytest.mark.parametrize("name", ["mlp_relu", "mlp_sigmoid"])
def test_it_is_trained_evaluated_saved_and_loaded_like_a_keras_model(name, small_dataset, tmp_path):
    model = pycifar.train(small_dataset, name, epochs=2, seed=1, batch_size=32, verbose=0)
    again = pycifar.train(small_dataset, name, epochs=2, seed=1, batch_size=32, verbose=0)
    assert isinstance(model.network, NumpyModel)
    assert model.fingerprint() == again.fingerprint()
    path = pycifar.save_model(model, tmp_path / "mlp.keras")
    loaded = pycifar.load_model(path)
    test = small_dataset.split("test")
    assert isinstance(loaded.network, NumpyModel)
    assert loaded.network.settings() == model.network.settings()
    assert loaded.fingerprint() == model.fingerprint()
    ours = pycifar.predict(model, test, "prob")
    assert (pycifar.predict(loaded, test, "prob") == ours).all()
    plain = keras.saving.load_model(path).predict_on_batch(np.ascontiguousarray(test.images))
    assert plain == pytest.approx(ours, abs=1e-5)
    assert loaded.layers()["parameters"].sum() == loaded.network.count_params()


def test_a_network_of_ones_own_sizes_is_trained(small_dataset):
    own = pycifar.build_model("mlp_relu", hidden=[16], seed=1)
    model = pycifar.train(small_dataset, own, epochs=1, seed=1, verbose=0)
    assert model.network.hidden == (16,)
    assert model.config.architecture == "mlp_relu"
    assert model.config.learning_rate == ARCHITECTURES["mlp_relu"].recipe.learning_rate


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"hidden": [64, 0]}, "`hidden` must be a whole number from 1 to 1000000, not 0"),
        ({"hidden": [-3]}, "not -3"),
        ({"hidden": [2.5]}, "not 2.5"),
        ({"hidden": "64"}, '`hidden` must be a whole number from 1 to 1000000, not "64"'),
        ({"l2": -0.1}, "`l2` must be"),
        ({"input_shape": (20, 32, 3), "architecture": "mlp_sigmoid"}, "at least that, not 20×32"),
        ({"architecture": "cnn2", "hidden": [5]}, '`hidden` must be left out for "cnn2"'),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        pycifar.build_model(**{"architecture": "mlp_relu", **arguments})


def test_an_activation_that_does_not_exist_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        pycifar.build_model("mlp_relu", activation="relo")
    assert caught.value.fix == 'Did you mean "relu"?'


def test_images_that_do_not_fit_are_refused():
    model = pycifar.build_model("mlp_relu")
    with pytest.raises(ImageError, match=r"\(n, 32, 32, 3\), not an array of shape \(1, 8, 8, 3\)"):
        model.predict_on_batch(np.zeros((1, 8, 8, 3), np.uint8))


def test_an_optimizer_that_numpy_has_not_is_refused(small_dataset):
    with pytest.raises(ArgumentError, match='must be "sgd" for a network of NumPy, not "adam"'):
        pycifar.train(small_dataset, "mlp_relu", optimizer="adam", verbose=0)
    with pytest.raises(ArgumentError, match='must be "sgd"'):
        pycifar.train(small_dataset, "mlp_relu", optimizer=keras.optimizers.SGD(0.1), verbose=0)
