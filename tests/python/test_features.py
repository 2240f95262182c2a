import keras
import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.backend import seeded
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataFormatError,
    ImageError,
    SkippedWarning,
    UnknownNameError,
)
from pycifar.features import features_and_names


def trained(dataset, network):
    """A network with random weights, as a trained model."""
    with seeded(2):
        network.set_weights([np.random.normal(0, 0.2, w.shape) for w in network.get_weights()])
    return pycifar.train(dataset, network, epochs=1, learning_rate=1e-12, verbose=0)


def a_base():
    layers = keras.layers
    start = keras.Input((None, None, 3))
    first = layers.Conv2D(6, 3, strides=2, activation="relu", name="first")(start)
    second = layers.Conv2D(6, 3, padding="same", activation="relu", name="second")(first)
    return keras.Model(start, layers.Add(name="sum")([first, second]), name="base")


def with_head(base):
    start = keras.Input((32, 32, 3))
    values = keras.layers.Rescaling(1 / 255)(start)
    values = keras.layers.GlobalAveragePooling2D(name="pooled")(base(values))
    return keras.Model(start, keras.layers.Dense(10, activation="softmax", name="head")(values))


@pytest.fixture(scope="module")
def nested_model(small_dataset):
    return trained(small_dataset, with_head(a_base()))


@pytest.fixture
def files(small_dataset, tmp_path):
    """Image files of one size, and one that is no image."""
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, pixels in zip(paths, small_dataset.split("test").images[:3], strict=True):
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    (tmp_path / "broken.png").write_bytes(b"no image")
    return paths


def test_the_head_makes_the_probabilities_of_the_features(small_model, small_dataset):
    features = pycifar.extract_features(small_model, small_dataset)
    assert (features.shape, features.dtype) == ((100, 512), np.float32)
    kernel, bias = small_model.network.get_layer("probabilities").get_weights()
    odds = np.exp(features @ kernel + bias)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    assert np.allclose(
        probabilities, pycifar.predict(small_model, small_dataset, "prob"), atol=1e-6
    )


def test_a_layer_gives_its_output_and_maps_their_means(small_model, small_dataset):
    network, images = small_model.network, small_dataset.split("test").images
    for name, axes in (("pool1", (1, 2)), ("probabilities", ())):
        until = keras.Model(network.inputs[0], network.get_layer(name).output)
        expected = until.predict_on_batch(images).astype(np.float32).mean(axis=axes)
        found = pycifar.extract_features(small_model, small_dataset, layer=name)
        assert np.allclose(found, expected, atol=1e-5)
    probabilities = pycifar.predict(small_model, small_dataset, "prob")
    assert (found == probabilities).all()


def test_layers_inside_of_nested_networks_have_the_name_of_these(nested_model, small_dataset):
    def features(layer=None):
        return pycifar.extract_features(nested_model, small_dataset, layer=layer)

    assert features().shape == (100, 6)
    assert (features() == features("pooled")).all()
    assert np.allclose(features(), features("base"), atol=1e-6)
    assert np.allclose(features(), features("base/sum"), atol=1e-6)
    assert np.allclose(features(), features("base/first") + features("base/second"), atol=1e-6)


def test_a_head_inside_of_a_nested_network_is_found(small_dataset):
    inner = with_head(a_base())
    start = keras.Input((32, 32, 3))
    model = trained(small_dataset, keras.Model(start, inner(start)))
    found = pycifar.extract_features(model, small_dataset)
    pooled = f"{inner.name}/pooled"
    assert (found == pycifar.extract_features(model, small_dataset, layer=pooled)).all()


def test_a_layer_that_is_used_twice_counts_where_it_is_used_last(small_dataset):
    layers = keras.layers
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    start = keras.Input((32, 32, 3))
    first = shared(layers.Rescaling(1 / 255)(start))
    values = layers.GlobalAveragePooling2D(name="pooled")(shared(layers.ReLU()(first)))
    network = keras.Model(start, layers.Dense(10, activation="softmax")(values))
    model = trained(small_dataset, network)
    one, other = (pycifar.extract_features(model, small_dataset, x) for x in ("shared", "pooled"))
    assert np.allclose(one, other, atol=1e-6)


def test_two_classes_of_one_unit_have_the_features_that_enter_the_unit(small_dataset):
    pair = small_dataset.class_names[:2]
    keep = np.isin(small_dataset.split("train").labels, [0, 1])
    train = small_dataset.split("train")
    arrays = {"train": (train.images[keep], train.labels[keep])}
    two = pycifar.load_dataset(arrays, class_names=pair)
    layers = keras.layers
    pooled = layers.GlobalAveragePooling2D(name="pooled")
    network = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Conv2D(4, 3), pooled, layers.Dense(1, "sigmoid")]
    )
    model = pycifar.train(two, network, epochs=1, seed=1, verbose=0)
    one, other = (
        pycifar.extract_features(model, train.images, layer=layer) for layer in (None, "pooled")
    )
    assert one.shape == (200, 4)
    assert (one == other).all()


def test_features_of_a_numpy_network_are_those_of_its_keras_model(small_dataset):
    model = pycifar.train(small_dataset, "mlp_relu", epochs=1, seed=1, verbose=0)
    found = pycifar.extract_features(model, small_dataset)
    assert (found == pycifar.extract_features(model, small_dataset, layer="hidden2")).all()
    softmax = pycifar.train(small_dataset, "softmax", epochs=1, seed=1, verbose=0)
    assert pycifar.extract_features(softmax, small_dataset).shape == (100, 32 * 32 * 3)


def test_bfloat16_comes_out_as_float32_and_maps_are_averaged_in_it(small_dataset):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = with_head(a_base())
    finally:
        keras.config.set_dtype_policy(before)
    model = pycifar.adopt_model(network, list(small_dataset.class_names))
    assert model.network.get_layer("pooled").compute_dtype == "bfloat16"
    features = pycifar.extract_features(model, small_dataset)
    assert features.dtype == np.float32
    assert (features.view(np.uint32) & 0xFFFF == 0).all()  # what bfloat16 can hold
    maps = pycifar.extract_features(model, small_dataset, layer="base")
    assert (maps.view(np.uint32) & 0xFFFF != 0).any()
    assert np.allclose(maps, features, rtol=0.02, atol=1e-3)


def test_the_model_stays_as_it_was(small_model, small_dataset, tmp_path):
    network = small_model.network
    names = [sorted(vars(layer)) for layer in network.layers]
    nodes = [len(layer._inbound_nodes) for layer in network.layers]
    before = pycifar.predict(small_model, small_dataset, "prob")
    for layer in (None, "pool1"):
        pycifar.extract_features(small_model, small_dataset, layer=layer)
    assert [sorted(vars(layer)) for layer in network.layers] == names
    assert [len(layer._inbound_nodes) for layer in network.layers] == nodes
    assert (pycifar.predict(small_model, small_dataset, "prob") == before).all()
    path = pycifar.save_model(small_model, tmp_path / "model.keras")
    assert pycifar.load_model(path) == small_model


def test_images_may_be_all_that_predict_takes(small_model, small_dataset, files, tmp_path):
    images = np.ascontiguousarray(small_dataset.split("test").images[:3])
    expected = pycifar.extract_features(small_model, images)
    pictures = [Image.fromarray(pixels) for pixels in images]
    for given in (files, map(str, files), str(tmp_path / "[0-9].png"), pictures, list(images)):
        assert (pycifar.extract_features(small_model, given) == expected).all()
    assert pycifar.extract_features(small_model, files[0]).shape == (1, 512)
    odd = f"{tmp_path}/./0.png"  # a path stays as it is written
    mixed = features_and_names(small_model, [odd, images[1]], None, None, "stop", False)
    assert (mixed[0] == expected[:2]).all()
    assert mixed[1] == [odd, None]
    assert pycifar.extract_features(small_model, []).shape == (0, 512)
    assert pycifar.extract_features(small_model, [], "pool1").shape == (0, 32)
    train = pycifar.extract_features(small_model, small_dataset, split="train")
    assert train.shape == (200, 512)
    assert (pycifar.extract_features(small_model, small_dataset.split("train")) == train).all()


def test_images_that_are_not_in_memory_have_the_same_features(small_model, files, tmp_path):
    for number, file in enumerate(files):
        folder = tmp_path / "data" / "test" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        file.rename(folder / file.name)
    for name in "aabb":
        folder = tmp_path / "data" / "train" / name
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.iterdir()))
        Image.new("RGB", (32, 32), (0, 0, 100 * number + ord(name))).save(folder / f"{number}.png")

    def features(in_memory):
        data = pycifar.load_dataset("folder", tmp_path / "data", in_memory=in_memory, verbose=False)
        return features_and_names(small_model, data, None, None, "stop", False)

    (stored, names), (held, _) = features(False), features(True)
    assert (stored == held).all()
    assert [name[-7:] for name in names] == ["a/0.png", "a/2.png", "b/1.png"]


def test_an_image_that_cannot_be_read_stops_or_has_no_numbers(small_model, files, tmp_path):
    paths = [files[0], tmp_path / "broken.png", files[1]]
    with pytest.raises(DataFormatError, match="broken.png"):
        pycifar.extract_features(small_model, paths)
    with pytest.warns(SkippedWarning, match=r"were skipped: 1 of 3 .*broken.png"):
        found = pycifar.extract_features(small_model, paths, on_error="skip")
    assert np.isnan(found[1]).all()
    assert (found[[0, 2]] == pycifar.extract_features(small_model, files[:2])).all()


def test_progress_is_shown_where_it_takes_long(
    small_model, small_dataset, files, monkeypatch, capfd
):
    monkeypatch.setattr("pycifar.console._LINE_AFTER", 0)
    monkeypatch.setattr("pycifar.console._LINE_EVERY", 0)
    pycifar.extract_features(small_model, files)
    shown = capfd.readouterr().err
    assert "3 of 3 images read, " in shown
    assert "3 of 3 images, " in shown
    for verbose in (0, False):
        pycifar.extract_features(small_model, files, verbose=verbose)
    assert capfd.readouterr().err == ""


def test_what_cannot_be_done_is_refused(small_model, small_dataset):
    image = small_dataset.split("test").images[0]
    with pytest.raises(UnknownNameError, match='"pool1"'):
        pycifar.extract_features(small_model, image, layer="pool2")
    with pytest.raises(ArgumentError, match="`layer` must be"):
        pycifar.extract_features(small_model, image, layer=3)
    with pytest.raises(ArgumentError, match="`on_error`"):
        pycifar.extract_features(small_model, image, on_error="no")
    with pytest.raises(ArgumentError, match="`verbose`"):
        pycifar.extract_features(small_model, image, verbose=3)
    with pytest.raises(ArgumentError, match="`split` is for a data set"):
        pycifar.extract_features(small_model, image, split="test")
    with pytest.raises(DataError, match='no split "other"'):
        pycifar.extract_features(small_model, small_dataset, split="other")
    with pytest.raises(ImageError):
        pycifar.extract_features(small_model, np.zeros((2, 9, 9, 3), np.uint8))
    with pytest.raises(ArgumentError, match="trained model"):
        pycifar.extract_features("cnn2", image)


def test_features_that_are_no_numbers_are_refused(small_dataset):
    network = with_head(a_base())
    model = trained(small_dataset, network)
    head = model.network.get_layer("head")
    head.set_weights([np.full_like(values, np.nan) for values in head.get_weights()])
    with pytest.raises(ArgumentError, match="of 100 of 100 images are NaN or infinite"):
        pycifar.extract_features(model, small_dataset, layer="head")
    assert np.isfinite(pycifar.extract_features(model, small_dataset)).all()
