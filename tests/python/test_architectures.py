import numpy as np
import pytest

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.architectures.cnn4 import WEIGHT_DECAY
from pycifar.errors import ArgumentError, UnknownNameError


def weights_of(model):
    return [np.asarray(weight) for weight in model.weights]


# Layers with weights, and all parameters, counted by hand from the sizes in the systems' sources.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cnn2", (27 * 32 + 32) + (288 * 32 + 32) + (8192 * 512 + 512) + (512 * 10 + 10)),
        (
            "cnn4",
            (27 * 32 + 32)
            + (288 * 32 + 32)
            + (288 * 64 + 64)
            + (576 * 64 + 64)
            + (4096 * 512 + 512)
            + (512 * 10 + 10),
        ),
    ],
)
def test_an_architecture_has_its_parameters(name, parameters):
    assert pycifar.build_model(name).count_params() == parameters


@pytest.mark.parametrize("name", ["cnn2", "cnn4"])
def test_raw_pixels_go_in_and_probabilities_come_out(name):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    probabilities = pycifar.build_model(name, seed=1).predict_on_batch(images)
    assert probabilities.shape == (3, 10)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert len(np.unique(probabilities[:, 0])) == 3


def test_the_weight_decay_of_cnn4_covers_every_learned_variable():
    model = pycifar.build_model("cnn4", seed=1)
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 0.5, "float32"))
    decay = sum(float(loss) for loss in model.losses)
    values = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert decay == pytest.approx(WEIGHT_DECAY * 0.25 * values, rel=1e-5)


def test_a_seed_fixes_the_weights_and_another_gives_others():
    first, again, other = (pycifar.build_model("cnn2", seed=seed) for seed in (1, 1, 2))
    pairs = zip(weights_of(first), weights_of(again), strict=True)
    assert all((a == b).all() for a, b in pairs)
    assert (weights_of(first)[0] != weights_of(other)[0]).any()


def test_other_sizes_and_numbers_of_classes_are_built():
    model = pycifar.build_model("cnn4", input_shape=(48, 64, 3), n_classes=3)
    assert model.output_shape == (None, 3)


def test_an_unknown_architecture_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match='one of "cnn2", .*, not "cnn22"') as caught:
        pycifar.build_model("cnn22")
    assert caught.value.fix == 'Did you mean "cnn2"?'


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (32, 32)},
        {"input_shape": (32, 32, 1)},
        {"input_shape": (0, 32, 3)},
        {"n_classes": 1},
        {"n_classes": 2.5},
        {"seed": -1},
        {"seed": 2**31},
        {"architecture": lambda input_shape, n_classes: "no model"},
        {"architecture": lambda input_shape, n_classes: pycifar.build_model(n_classes=3)},
        {"architecture": 7},
    ],
)
def test_what_cannot_be_built_is_refused(arguments):
    with pytest.raises(ArgumentError):
        pycifar.build_model(**arguments)


def test_the_table_of_architectures_names_each_with_its_recipe():
    table = pycifar.list_architectures()
    assert table["architecture"].tolist() == list(ARCHITECTURES)
    assert table.notna().all(axis=None)
