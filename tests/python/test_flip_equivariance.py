"""Networks to which mirrored images are the same as the images."""

from contextlib import ExitStack

import keras
import numpy as np
import pytest

import pycifar
from pycifar.architectures import fastnet
from pycifar.learners.flip_equivariance import tie_flips


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=300, n_test=50)


def trained(dataset, architecture="fastnet", **settings):
    usual = {"epochs": 2, "batch_size": 50, "seed": 1, "verbose": 0, "precision": "float32"}
    return pycifar.train(dataset, architecture, validation=None, **(usual | settings))


def unlike(model):
    """How far the trainable weights of a fastnet are from those for mirrored images, at most."""
    weights = [variable.numpy() for variable in model.network.trainable_variables]
    return max(np.abs(values - fastnet.flip_weights(values)).max() for values in weights)


def test_weights_for_mirrored_images_give_what_mirrored_images_give(dataset):
    images = dataset.split("test").images
    model = trained(dataset, augmentation="none").network
    found = model.predict_on_batch(np.ascontiguousarray(images[:, :, ::-1]))
    for layer in model.layers[1:]:
        if layer.name != "whitening":
            layer.set_weights([fastnet.flip_weights(values) for values in layer.get_weights()])
    assert model.predict_on_batch(np.ascontiguousarray(images)) == pytest.approx(found, abs=1e-4)
    assert np.abs(found.mean(axis=0) - found).max() > 0.01


def test_the_weights_for_mirrored_images_of_those_are_the_first():
    weights = np.random.default_rng(1).normal(size=(3, 3, 32, 128))
    assert not np.array_equal(fastnet.flip_weights(weights), weights)
    assert np.array_equal(fastnet.flip_weights(fastnet.flip_weights(weights)), weights)


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_training_with_flips_keeps_mirrored_images_the_same(dataset, optimizer):
    model = trained(dataset, optimizer=optimizer, learning_rate=0.01)
    assert unlike(model) < 1e-4
    images = dataset.split("test").images
    both = [pycifar.predict(model, views, type="prob") for views in (images, images[:, :, ::-1])]
    assert both[0] == pytest.approx(both[1], abs=0.1)  # normalisation drifts


def test_training_without_flips_tells_mirrored_images_apart(dataset):
    assert unlike(trained(dataset, augmentation={"shift": 2})) > 0.01


def test_going_on_keeps_them_the_same_as_well(dataset):
    model = trained(dataset)
    assert unlike(pycifar.train(model, epochs=1, verbose=0)) < 1e-4


@pytest.mark.parametrize(
    ("weights", "stepped"), [([0, 0, 0], [-3, -2, -3]), ([0, 0, 1], [-1, -2, -4])]
)
def test_a_step_goes_by_the_mean_of_both_gradients_unless_weights_are_unlike(weights, stepped):
    variable = keras.Variable(np.array(weights, np.float32))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([variable])
    changes = ExitStack()
    tie_flips(optimizer, [variable], lambda values: values[::-1], changes)
    optimizer.apply([keras.ops.convert_to_tensor([1.0, 2.0, 5.0])], [variable])
    assert np.array_equal(np.asarray(variable), stepped)
    changes.close()
    assert "apply" not in vars(optimizer)


def test_classes_that_are_each_other_s_mirror_images_can_be_told_apart_without_flips():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 40, (200, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(200) % 2
    images[labels == 0, 2:8, 2:6] += 150
    images[labels == 1, 2:8, 10:14] += 150
    sides = pycifar.load_dataset({"train": (images, labels)}, class_names=["left", "right"])
    model = trained(sides, epochs=4, batch_size=20, augmentation="none")
    assert pycifar.evaluate(model, sides, "train").accuracy == 1
