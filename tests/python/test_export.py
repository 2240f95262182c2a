import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.cli import main
from pycifar.errors import (
    ArgumentError,
    DependencyError,
    ExportError,
    ImageError,
    OutputError,
    OutputExistsError,
    UnknownNameError,
)
from pycifar.export.description import labels_of
from pycifar.export.export import Export, check_export, drawn
from pycifar.export.formats import FORMATS
from pycifar.export.network import Computation
from pycifar.models.calibration import Calibration
from pycifar.processor import usable_cores

SUFFIXES = list(FORMATS)


def needed(suffix):
    """Skip a test by name where what runs a format is not installed."""
    for module in FORMATS[suffix].MODULES:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    return FORMATS[suffix]


def of_network(network, n_classes=10):
    """A model of a network with random weights, as if it had been trained."""
    names = tuple(f"class {number}" for number in range(n_classes))
    shipped = pycifar.load_model("fastnet-cifar10")
    return dataclasses.replace(shipped, network=network, class_names=names)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_gives_the_probabilities_of_the_model(suffix, small_model, tmp_path):
    kind = needed(suffix)
    path = tmp_path / f"model{suffix}"
    found = pycifar.export_model(small_model, path)
    assert (found.path, found.format, found.images) == (path, kind.NAME, 32)
    assert found.largest_difference < 1e-5
    assert found.agreement > 0.9
    assert found.bytes > 4 * small_model.network.count_params()
    images = drawn((32, 32, 3), 7)
    compute = kind.load(path)
    for some in (images, images[:1], images[:0]):  # any number of images, one after the other
        if len(some) or suffix == ".onnx":
            assert compute(some).shape == (len(some), 10)
    np.testing.assert_allclose(
        compute(images), pycifar.predict(small_model, images, "prob"), atol=0.01
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_says_what_it_is(suffix, small_model, tmp_path):
    kind = needed(suffix)
    path = tmp_path / f"model{suffix}"
    pycifar.export_model(small_model, path)
    about = kind.describe(path)
    assert about["class_names"] == list(small_model.class_names)
    assert (about["height"], about["width"]) == (32, 32)
    assert about["resize"] == {"how": "squash", "filter": "bilinear"}
    assert about["fingerprint"] == small_model.fingerprint()
    assert about["temperature"] is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_temperature_of_a_calibrated_model_is_in_its_export(suffix, small_model, tmp_path):
    kind = needed(suffix)
    hot = dataclasses.replace(
        small_model, calibration=Calibration(3.0, 0.9, 0.2, "validation", 50, 0.1, 0.05)
    )
    path = tmp_path / f"model{suffix}"
    assert pycifar.export_model(hot, path).largest_difference < 1e-5
    images = drawn((32, 32, 3), 5)
    ours = pycifar.predict(hot, images, "prob")
    np.testing.assert_allclose(kind.load(path)(images), ours, atol=0.01)
    assert not np.allclose(ours, pycifar.predict(small_model, images, "prob"), atol=0.01)
    assert (kind.describe(path)["temperature"], kind.describe(path)["threshold"]) == (3, 0.2)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_network_of_numpy_is_exported(suffix, small_dataset, tmp_path):
    needed(suffix)
    model = pycifar.train(small_dataset, "mlp_relu", epochs=1, seed=1, verbose=0)
    assert pycifar.export_model(model, tmp_path / f"model{suffix}").largest_difference < 1e-5


# What the converters have trouble with: convolutions in groups, constants in a layer, and GELU.
@pytest.mark.parametrize("architecture", ["efficientnet_v2_b0", "convnext_tiny"])
@pytest.mark.long
def test_networks_of_keras_applications_are_exported_as_onnx(architecture, tmp_path):
    needed(".onnx")
    model = of_network(pycifar.build_model(architecture, (32, 32, 3), 3, seed=1), 3)
    assert pycifar.export_model(model, tmp_path / "model.onnx").largest_difference < 1e-5


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_a_network_in_another_precision_is_exported_in_float32(policy, tmp_path):
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    # With pixels up to 255, a softmax of random weights can turn over by rounding alone.
    scaling = layers.Rescaling(1 / 255, dtype=policy)
    convolution, activation = layers.Conv2D(4, 3, dtype=policy), layers.ReLU(dtype=policy)
    inner = keras.Sequential([scaling, convolution, activation])
    values = keras.ops.cast(inner(start), "float16" if "float16" in policy else "float32")
    values = layers.GlobalAveragePooling2D(dtype=policy)(values)
    end = layers.Dense(2, activation="softmax", dtype="float32")(values)
    model = of_network(keras.Model(start, end), 2)
    rebuilt = Computation(model)._network
    assert {layer.compute_dtype for layer in rebuilt._flatten_layers()} == {"float32"}
    found = pycifar.export_model(model, tmp_path / "model.savedmodel")
    assert found.largest_difference == 0
    assert found.rounding < 0.05


def test_the_weights_of_an_export_are_those_of_the_model(small_model):
    rebuilt = Computation(small_model)._network
    for ours, theirs in zip(small_model.network.weights, rebuilt.weights, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())


QUANTIZING = [suffix for suffix, kind in FORMATS.items() if kind.QUANTIZES]


@pytest.mark.parametrize("suffix", QUANTIZING)
def test_int8_makes_a_file_of_a_fourth_of_the_size(suffix, tmp_path):
    kind = needed(suffix)
    model = pycifar.load_model("fastnet-cifar10")
    images, path = drawn((32, 32, 3), 100), tmp_path / f"small{suffix}"
    whole = pycifar.export_model(model, tmp_path / f"whole{suffix}", images)
    found = pycifar.export_model(model, path, images, "int8")
    assert found.bytes < 0.3 * whole.bytes
    assert (found.images, found.quantize) == (100, "int8")
    assert found.agreement > 0.9
    about = kind.describe(path)
    assert (about["quantize"], about["class_names"]) == ("int8", list(model.class_names))
    assert kind.load(path)(images[:3]).shape == (3, 10)


@pytest.mark.parametrize("convolves", [True, False])
def test_onnx_turns_images_for_convolutions_while_they_are_bytes(convolves, tmp_path):
    needed(".onnx")
    import onnx

    start = keras.Input((6, 9, 3))
    values = keras.layers.Rescaling([1 / 255, 1 / 127.5, 1 / 127.5], offset=[0, -1, -1])(start)
    rows = keras.layers.Flatten()(values)
    if convolves:
        seen = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(values))
        rows = keras.layers.Concatenate()([rows, seen])
    network = keras.Model(start, keras.layers.Dense(2, activation="softmax")(rows))
    path = tmp_path / "model.onnx"
    assert pycifar.export_model(of_network(network, 2), path).largest_difference < 1e-5
    graph = onnx.load(path).graph
    (images,) = graph.input
    sizes = [size.dim_param or size.dim_value for size in images.type.tensor_type.shape.dim]
    assert (images.name, sizes) == ("images", ["n", 6, 9, 3])
    assert [node.op_type for node in graph.node if "images" in node.input] == [
        "Transpose" if convolves else "Cast"
    ]


@pytest.mark.parametrize(
    ("dense", "turned"),
    [
        (lambda flat: keras.layers.Dense(5)(keras.layers.Dropout(0.5)(flat)), False),
        (lambda flat: keras.layers.Dense(5)(flat) + keras.layers.Dense(5)(flat), True),
        (lambda flat: keras.layers.Dense(5)(flat * flat), True),
        (lambda flat: keras.layers.Dense(5)(keras.layers.Reshape((7, 16))(flat))[:, 2], True),
    ],
    ids=["weights", "two weights", "no weights", "parts of it"],
)
def test_onnx_flattens_what_convolutions_give_if_weights_follow(dense, turned, tmp_path):
    needed(".onnx")
    import onnx

    start = keras.Input((6, 9, 3))
    values = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(start))
    rows = dense(keras.layers.Flatten()(values))
    network = keras.Model(start, keras.layers.Dense(2, activation="softmax")(rows))
    path = tmp_path / "model.onnx"
    assert pycifar.export_model(of_network(network, 2), path).largest_difference < 1e-5
    graph = onnx.load(path).graph
    kinds = [node.op_type for node in graph.node]
    assert (kinds.count("Transpose"), "Reshape" in kinds) == (1 + turned, turned)
    taken = {name for node in graph.node for name in node.input}
    assert taken >= {name for node in graph.node[:-1] for name in node.output}
    assert taken >= {tensor.name for tensor in graph.initializer}


def test_onnx_in_int8_runs_on_other_processors_and_in_other_runtimes(tmp_path):
    needed(".onnx")
    import onnx

    model, path = pycifar.load_model("fastnet-cifar10"), tmp_path / "small.onnx"
    pycifar.export_model(model, path, drawn((32, 32, 3), 20), "int8")
    written = onnx.load(path)
    assert [operations.domain for operations in written.opset_import] == [""]
    arrays = [onnx.numpy_helper.to_array(part) for part in written.graph.initializer]
    weights = [array for array in arrays if array.dtype == np.int8 and array.ndim > 1]
    assert len(weights) >= 8
    # With the eighth bit, sums overflow on x86 processors without VNNI.
    assert {np.abs(array).max() for array in weights} == {64}


def test_a_litert_file_is_an_archive_with_its_labels(small_model, tmp_path):
    needed(".tflite")
    pycifar.export_model(small_model, tmp_path / "model.tflite")
    with zipfile.ZipFile(tmp_path / "model.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list(small_model.class_names)
    assert labels_of({"class_names": ["a cat", "a\nb"]}) == "a cat\na\\nb\n"


@pytest.mark.parametrize("suffix", QUANTIZING)
def test_the_ranges_of_int8_come_from_training_images(suffix, small_dataset, tmp_path):
    needed(suffix)
    model = pycifar.load_model("fastnet-cifar10")
    found = pycifar.export_model(model, tmp_path / f"a{suffix}", small_dataset, "int8")
    train = small_dataset.split("train").images
    same = pycifar.export_model(model, tmp_path / f"b{suffix}", train, "int8")
    assert (found.images, found.largest_difference) == (200, same.largest_difference)


def test_openvino_writes_two_files_and_replaces_both(small_model, tmp_path):
    needed(".xml")
    path = tmp_path / "model.xml"
    pycifar.export_model(small_model, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    path.unlink()
    with pytest.raises(OutputExistsError, match="model.bin"):
        pycifar.export_model(small_model, path)
    pycifar.export_model(small_model, path, overwrite=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.bin", "model.xml"]


def test_a_saved_model_replaces_a_saved_model_and_no_other_folder(small_model, tmp_path):
    path = tmp_path / "model.savedmodel"
    pycifar.export_model(small_model, path)
    with pytest.raises(OutputExistsError):
        pycifar.export_model(small_model, path)
    pycifar.export_model(small_model, path, overwrite=True)
    other = tmp_path / "mine.savedmodel"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="a folder with saved_model.pb"):
        pycifar.export_model(small_model, other, overwrite=True)
    assert (other / "thesis.txt").read_text() == "years of work"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.savedmodel", path.name]


def test_a_failure_keeps_nothing_and_leaves_what_was_there(small_model, tmp_path, monkeypatch):
    needed(".onnx")
    path = tmp_path / "model.onnx"
    path.write_bytes(b"earlier")
    kind = FORMATS[".onnx"]
    monkeypatch.setattr(kind, "load", lambda path: lambda images: np.ones((len(images), 10)))
    with pytest.raises(ExportError, match="computes something else than the model"):
        pycifar.export_model(small_model, path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"earlier"


@pytest.mark.parametrize(
    "change", [{"largest_difference": 1e-3}, {"rounding": 0.2}, {"largest_difference": np.nan}]
)
def test_an_export_that_differs_is_an_error(change):
    found = Export(Path("a.onnx"), "ONNX", None, 1, "onnxruntime 1", 32, 0.0, 1.0, 0.0)
    check_export(found)
    with pytest.raises(ExportError, match="Nothing was kept"):
        check_export(dataclasses.replace(found, **change))


def test_int8_that_changes_classes_is_an_error():
    found = Export(Path("a.tflite"), "LiteRT", "int8", 1, "litert 1", 200, 0.5, 0.95, 0.0)
    check_export(found)
    with pytest.raises(ExportError, match="only 89.0% of 200 images keep their class"):
        check_export(dataclasses.replace(found, agreement=0.89))


@keras.saving.register_keras_serializable("export tests")
class IncompleteBeta(keras.layers.Layer):
    """A layer with an operation that no other format than SavedModel has."""

    def call(self, values):
        import tensorflow

        return tensorflow.math.betainc(2.0, 3.0, tensorflow.sigmoid(values))

    def compute_output_shape(self, shape):
        return shape


@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".xml"])
def test_an_operation_that_a_format_lacks_is_named(suffix, tmp_path):
    needed(suffix)
    start = keras.Input((8, 8, 3))
    values = IncompleteBeta()(keras.layers.GlobalAveragePooling2D()(start))
    model = of_network(keras.Model(start, keras.layers.Dense(2, activation="softmax")(values)), 2)
    with pytest.raises(ExportError, match="Betainc") as caught:
        pycifar.export_model(model, tmp_path / f"model{suffix}")
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_wrong_calls_say_what_is_allowed(small_model, tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match=r"\.onnx, \.tflite, \.xml or \.savedmodel"):
        pycifar.export_model(small_model, tmp_path / "model.pt")
    with pytest.raises(ArgumentError, match="must end in .xml, in lower case, not .model.XML"):
        pycifar.export_model(small_model, tmp_path / "model.XML")
    with pytest.raises(ArgumentError, match="for .onnx and .tflite; OpenVINO was asked for"):
        pycifar.export_model(small_model, tmp_path / "model.xml", quantize="int8")
    with pytest.raises(UnknownNameError, match="int8"):
        pycifar.export_model(small_model, tmp_path / "model.tflite", quantize="int4")
    with pytest.raises(ArgumentError, match="`images` must be given"):
        pycifar.export_model(small_model, tmp_path / "model.tflite", quantize="int8")
    with pytest.raises(ImageError):
        pycifar.export_model(small_model, tmp_path / "a.savedmodel", np.zeros((1, 9, 9, 3), "u1"))
    with pytest.raises(ArgumentError, match="at least one image"):
        pycifar.export_model(small_model, tmp_path / "a.savedmodel", [])
    with pytest.raises(OutputError, match="no folder"):
        pycifar.export_model(small_model, tmp_path / "none/a.savedmodel")
    monkeypatch.setattr(FORMATS[".onnx"], "MODULES", ("onnx_of_nobody", "tf2onnx"))
    with pytest.raises(DependencyError, match="onnx-of-nobody, which is not inst") as caught:
        pycifar.export_model(small_model, tmp_path / "model.onnx")
    assert caught.value.fix.startswith("Install it: python -m pip install onnx-of-nobody")
    assert list(tmp_path.iterdir()) == []


def test_the_command_exports_without_a_word_of_the_converters(small_model, tmp_path):
    needed(".onnx")
    source, path = tmp_path / "model.keras", tmp_path / "model.onnx"
    pycifar.save_model(small_model, source)
    child = subprocess.run(
        [sys.executable, "-m", "pycifar", "export", source, path, "--json"],
        capture_output=True,
        text=True,
        cwd=Path(pycifar.__file__).parents[1],
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert json.loads(child.stdout)["path"] == str(path)
    assert path.exists()


def test_the_command_fits_int8_on_a_data_set(tmp_path, capsys):
    needed(".tflite")
    source = "fastnet-cifar10"
    data = ["--dataset", "synthetic", "--n-train", "100", "--n-test", "50"]
    path = str(tmp_path / "model.tflite")
    assert main(["export", source, path, "--quantize", "int8", *data]) == 0
    assert "on 100 images" in capsys.readouterr().out
    assert main(["export", source, str(tmp_path / "model.pt")]) == 2
    assert ".onnx" in capsys.readouterr().err


def test_pictures_of_another_size_are_drawn_for_a_network_that_takes_them():
    images = drawn((48, 64, 3), 3)
    assert (images.shape, images.dtype) == ((3, 48, 64, 3), np.uint8)
    assert isinstance(Image.fromarray(images[0]), Image.Image)


def test_openvino_sends_no_messages_and_starts_no_process(tmp_path):
    needed(".xml")
    code = (
        "import os, sys, threading, pycifar;"
        "model = pycifar.load_model('fastnet-cifar10');"
        f"pycifar.export_model(model, {str(tmp_path / 'model.xml')!r});"
        "names = [thread.name for thread in threading.enumerate()];"
        "left = os.path.exists(os.path.join(os.environ['HOME'], 'intel'));"
        "print(names, sys.modules.get('openvino_telemetry'), left)"
    )
    home = tmp_path / "home"
    home.mkdir()
    root = str(Path(pycifar.__file__).parents[1])
    child = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(home), "PYTHONPATH": root},
    )
    assert child.stdout.strip().splitlines()[-1] == "['MainThread'] None False", child.stderr


def test_what_serves_a_model_is_onnxruntime_or_keras(small_model, monkeypatch):
    from pycifar.export.runtimes import predictor

    images = drawn((32, 32, 3), 3)
    expected = pycifar.predict(small_model, images, "prob")
    needed(".onnx")
    found = predictor(small_model)
    assert found.runtime.startswith("onnxruntime ")
    assert found.threads == usable_cores()
    computed = found.compute(images)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(one, computed) for one in pool.map(found.compute, [images] * 40))
    np.testing.assert_allclose(found.compute(images), expected, atol=0.01)
    monkeypatch.setattr(FORMATS[".onnx"], "MODULES", ("onnx_of_nobody",))
    found = predictor(small_model)
    assert found.runtime == f"keras {keras.__version__} (onnx_of_nobody not installed)"
    assert found.threads == 1
    assert np.array_equal(found.compute(images), expected)
