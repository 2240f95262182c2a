import keras
import numpy as np
import pytest

import pycifar
from pycifar import precision
from pycifar.backend import compute_capabilities, list_devices
from pycifar.errors import ArgumentError, UnknownNameError
from pycifar.precision import has_bfloat16, resolve_precision
from pycifar.processor import Processor

SHORT = {"epochs": 1, "seed": 1, "verbose": 0}
needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="needs bfloat16")


@pytest.fixture
def old_processor(monkeypatch):
    """A processor without bfloat16, and no GPU."""
    monkeypatch.setattr(precision, "find_processor", lambda: Processor("Old Chip", 2, ("AVX2",)))
    monkeypatch.setattr("pycifar.backend.list_devices", lambda: ["cpu:0"])


@needs_bfloat16
def test_bfloat16_computes_in_it_and_keeps_all_else_in_float32(small_dataset, tmp_path):
    model = pycifar.train(small_dataset, "resnet20", precision="bfloat16", **SHORT)
    assert model.config.precision == "bfloat16"
    assert model.network.get_layer("conv1").compute_dtype == "bfloat16"
    assert {weights.dtype for weights in model.network.get_weights()} == {np.dtype("float32")}
    test = small_dataset.split("test")
    probabilities = pycifar.predict(model, test, "prob")
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    path = pycifar.save_model(model, tmp_path / "model.keras")
    loaded = pycifar.load_model(path)
    assert loaded.config.precision == "bfloat16"
    assert (pycifar.predict(loaded, test, "prob") == probabilities).all()
    plain = keras.saving.load_model(path)
    assert (plain.predict_on_batch(np.ascontiguousarray(test.images)) == probabilities).all()
    assert pycifar.explain(model, test.images[0]).heatmap.dtype == np.float32


@needs_bfloat16
def test_the_policy_of_the_caller_is_left_as_it_was(small_dataset):
    before = keras.config.dtype_policy().name
    pycifar.build_model("cnn2", precision="bfloat16")
    assert keras.config.dtype_policy().name == before


def test_auto_takes_what_suits_the_network_where_the_machine_has_it(old_processor):
    assert resolve_precision("auto", "bfloat16") == "float32"


def test_auto_takes_bfloat16_of_a_processor_that_has_it(monkeypatch, old_processor):
    new = Processor("New Chip", 2, ("AVX512-BF16",))
    monkeypatch.setattr(precision, "find_processor", lambda: new)
    assert resolve_precision("auto", "bfloat16") == "bfloat16"
    assert resolve_precision("auto", "float32") == "float32"


@pytest.mark.parametrize(
    ("capabilities", "taken"),
    [([(8, 0)], "bfloat16"), ([(9, 0), (7, 5)], "float32"), ([], "bfloat16")],  # none: not NVIDIA's
)
def test_a_gpu_has_bfloat16_unless_it_is_an_old_one(
    monkeypatch, old_processor, capabilities, taken
):
    monkeypatch.setattr("pycifar.backend.list_devices", lambda: ["gpu:0", "gpu:1"])
    monkeypatch.setattr("pycifar.backend.compute_capabilities", lambda: capabilities)
    assert resolve_precision("auto", "bfloat16") == taken


def test_without_a_gpu_there_is_no_compute_capability():
    if any(device.startswith("gpu") for device in list_devices()):
        pytest.skip("has a GPU")
    assert compute_capabilities() == []


def test_what_the_machine_lacks_is_refused_with_what_it_has(old_processor):
    with pytest.raises(ArgumentError, match=r'"auto" or "float32" on this machine.*Old Chip'):
        resolve_precision("bfloat16", "float32")


def test_an_unknown_precision_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        resolve_precision("bfloat", "float32")
    assert caught.value.fix == 'Did you mean "bfloat16"?'


@needs_bfloat16
def test_a_network_that_has_nothing_else_keeps_its_own(small_dataset):
    own = pycifar.build_model("cnn2", precision="float32")
    for network in ("mlp_relu", own):
        with pytest.raises(ArgumentError, match='`precision` must be "auto" or "float32" for this'):
            pycifar.train(small_dataset, network, precision="bfloat16", **SHORT)
    assert pycifar.train(small_dataset, own, **SHORT).config.precision == "float32"
