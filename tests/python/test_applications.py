"""The published networks of keras.applications are saved, loaded and adopted."""

import keras
import numpy as np
import pytest

import pycifar
from pycifar import limits
from pycifar.architectures.applications import APPLICATIONS
from pycifar.learners import learner_for
from pycifar.models.custom_objects import description_of
from pycifar.models.file_check import count_calls

NAMES = ["cat", "dog"]

# The smallest network of each family, with the least side that it takes, in pixels.
SMALLEST = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}


def test_every_family_is_here():
    def families(names):
        return {getattr(keras.applications, name).__module__ for name in names}

    functions = [name for name in dir(keras.applications) if name[0].isupper()]
    others = families(functions) - families(SMALLEST)
    assert others == {"keras.src.applications.vgg19"}  # which is VGG16 with more layers


@pytest.mark.long
@pytest.mark.parametrize("name", SMALLEST)
def test_a_published_network_comes_back_from_its_file(name, tmp_path):
    side = SMALLEST[name]
    make = getattr(keras.applications, name)
    network = make(weights=None, classes=2, input_shape=(side, side, 3))
    model = pycifar.adopt_model(network, NAMES, rescale=1)
    path = pycifar.save_model(model, tmp_path / "published.keras")
    assert pycifar.load_model(path) == model
    _, calls = count_calls(description_of(network))
    assert calls < limits.MOST_CALLS / 2


def test_a_preparation_of_pixels_within_a_network_comes_back_and_goes_on(tmp_path, small_dataset):
    """`preprocess_input` of ResNet turns the channels around and subtracts means."""
    start = keras.Input((32, 32, 3))
    values = keras.applications.resnet.preprocess_input(start)
    values = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(values))
    network = keras.Model(start, values)
    network.save(tmp_path / "plain.keras")
    images = small_dataset.split("test").images
    expected = network.predict(np.asarray(images, np.float32), verbose=0)
    for given in (network, tmp_path / "plain.keras"):
        model = pycifar.adopt_model(given, small_dataset.class_names, rescale=1)
        assert np.allclose(pycifar.predict(model, images, "prob"), expected, atol=1e-5)
        path = pycifar.save_model(model, tmp_path / "adopted.keras", overwrite=True)
        assert pycifar.load_model(path) == model
        assert pycifar.train(small_dataset, model, epochs=1, verbose=0).epochs_done == 1


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_network_by_name_is_saved_copied_and_explained(name, tmp_path, small_dataset):
    names, image = small_dataset.class_names, small_dataset.split("test").images[0]
    network = pycifar.build_model(name, (32, 32, 3), len(names), seed=1)
    model = pycifar.adopt_model(network, names, rescale=1)
    path = pycifar.save_model(model, tmp_path / "model.keras")
    assert pycifar.load_model(path) == model
    plain = keras.saving.load_model(path).predict(image[None], verbose=0)
    copy = learner_for(network).copy().predict(image[None], verbose=0)
    expected = pycifar.predict(model, image[None], "prob")
    for found in (plain, copy):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert pycifar.explain(model, image).heatmap.shape == (32, 32)
    assert pycifar.extract_features(model, image[None]).shape == (
        1,
        network.layers[-1].input.shape[1],
    )
    assert pycifar.receptive_field(model)["layer"].iloc[-1] == "probabilities"


def test_a_training_of_a_network_by_name_resumes_in_one_session(tmp_path):
    """Names that Keras counts would be others in the second network."""
    settings = {"epochs": 1, "seed": 1, "verbose": 0, "checkpoint_dir": tmp_path}
    dataset = pycifar.load_dataset("synthetic", n_train=32, n_test=10)
    model = pycifar.train(dataset, "mobilenet_v3_small", **settings)
    assert pycifar.train(dataset, "mobilenet_v3_small", resume=True, **settings) == model
