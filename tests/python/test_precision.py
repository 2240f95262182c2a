import keras
import numpy as np
import pytest

import pycifar
from pycifar import precision
from pycifar.architectures import ARCHITECTURES
from pycifar.backend import compute_capabilities, list_devices, seeded
from pycifar.errors import ArgumentError, UnknownNameError
from pycifar.precision import has_bfloat16, precision_of, resolve_precision
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


def test_the_documentation_names_the_networks_that_auto_computes_in_bfloat16():
    named = {name for name, own in ARCHITECTURES.items() if own.recipe.precision == "bfloat16"}
    assert named == {"cnn2", "cnn4", "fastnet", "resnet50_v2"}
    for function in (pycifar.train, pycifar.build_model):
        text = " ".join(function.__doc__.split())
        assert '"auto"' in text
        assert 'bfloat16 for "cnn2", "cnn4", "fastnet" and "resnet50_v2"' in text


@needs_bfloat16
def test_a_network_of_keras_applications_computes_in_the_precision_of_its_recipe():
    for name, expected in (("resnet50_v2", "bfloat16"), ("mobilenet_v3_small", "float32")):
        network = pycifar.build_model(name, (32, 32, 3), 2)
        convolutions = [one for one in network.layers if isinstance(one, keras.layers.Conv2D)]
        assert {one.compute_dtype for one in convolutions} == {expected}


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


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16", "float64"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("architecture", ["softmax", "fastnet", "mlp_relu"])
def test_a_policy_of_the_session_changes_no_network_of_pycifar(architecture, policy, tmp_path):
    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=50)
    settings = {"epochs": 1, "seed": 1, "verbose": 0, "precision": "float32"}
    model = pycifar.train(dataset, architecture, **settings)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    further = [pycifar.train(dataset, m, epochs=1, verbose=0) for m in (model, loaded)]
    computed = {layer.compute_dtype for layer in model.keras_model.layers}
    assert keras.config.dtype_policy().name == policy
    assert not {"float16", "bfloat16"} & computed
    keras.config.set_dtype_policy("float32")
    usual = pycifar.train(dataset, architecture, **settings)
    assert model == usual
    assert further[0] == further[1] == pycifar.train(dataset, usual, epochs=1, verbose=0)
    assert model.config == usual.config


def test_a_function_builds_in_the_policy_of_the_session_unless_told_otherwise(small_dataset):
    def build(input_shape, n_classes):
        layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(n_classes)]
        return keras.Sequential([*layers, keras.layers.Activation("softmax", dtype="float32")])

    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = [
            pycifar.train(
                small_dataset, build, epochs=1, seed=1, verbose=0, precision=precision
            ).config.precision
            for precision in ("auto", "float32")
        ]
    finally:
        keras.config.set_dtype_policy("float32")
    assert found == ["float16", "float32"]


def test_the_precision_of_a_nested_network_is_that_of_its_layers():
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, dtype="mixed_bfloat16")]
    )
    assert precision_of(keras.Sequential([keras.Input((8, 8, 3)), inner])) == "bfloat16"


def test_the_precision_is_that_of_layers_with_weights_where_none_is_of_half_the_width():
    image = keras.Input((8, 8, 3), dtype="uint8")
    values = keras.layers.Dense(2, dtype="float64")(keras.layers.Flatten()(image))
    network = keras.Model(image, keras.layers.Softmax(dtype="float32")(values))
    assert precision_of(network) == "float64"


def half(dataset, optimizer, epochs, policy="mixed_float16"):
    """Train a network of one's own, made in a session that computes in float16."""
    keras.config.set_dtype_policy(policy)
    try:
        with seeded(1):
            network = keras.Sequential(
                [
                    keras.Input((32, 32, 3), dtype="uint8"),
                    keras.layers.Rescaling(1 / 255),
                    keras.layers.Conv2D(4, 5, strides=4),
                    keras.layers.BatchNormalization(),
                    keras.layers.Flatten(),
                    keras.layers.Dense(
                        10, activation="softmax", dtype=policy.replace("mixed_float16", "float32")
                    ),
                ]
            )
        settings = {"epochs": epochs, "seed": 1, "verbose": 0, "batch_size": 30}
        return pycifar.train(dataset, network, optimizer=optimizer(), **settings)
    finally:
        keras.config.set_dtype_policy("float32")


def scaled():
    made = keras.optimizers
    rate = made.schedules.CosineDecay(0.01, 20)
    return made.LossScaleOptimizer(made.Nadam(rate, weight_decay=0.1), initial_scale=2.0**10)


CASES = [(n, p) for n in ("adam", "muon", "own") for p in ("mixed_float16", "float64")]


@pytest.mark.parametrize(("name", "policy"), [*CASES, ("scaled", "mixed_float16")])
def test_a_network_of_another_precision_goes_on(name, policy, tmp_path):
    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=50)
    made = {"own": lambda: keras.optimizers.Nadam(0.01), "scaled": scaled}
    optimizer = made.get(name, lambda: name)
    whole, first = (half(dataset, optimizer, epochs, policy) for epochs in (2, 1))
    assert first.config.precision == policy.removeprefix("mixed_")
    if name == "scaled":
        found = first.config.optimizer, first.config.schedule, first.config.weight_decay
        assert found == ("Nadam", "CosineDecay", 0.1)
    path = pycifar.save_model(first, tmp_path / "model.keras")
    loaded = pycifar.load_model(path)
    if name == "adam":  # Keras warns where it cannot load the state, as with its own Nadam
        in_keras = keras.models.load_model(path).optimizer
        assert type(in_keras) is type(first.network.optimizer)
    for model in (first, loaded):
        further = pycifar.train(dataset, model, epochs=1, verbose=0)
        assert further == whole
        assert further.config == whole.config
