"""Whatever an argument is, it is taken or refused with an error of pycifar."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import pycifar
from pycifar import arguments
from pycifar.config import Settings
from pycifar.datasets.augmentation import Augmentation, resolve_augmentation
from pycifar.errors import ArgumentError, PycifarError
from pycifar.rules import RULES, check_settings
from pycifar.training.prepare import prepare_run

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 40),
    st.floats(),
    st.floats(0, 1),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["test", "none", "sgd", "adam", "cosine", "flip", "balanced", "float32"]),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(np.zeros, st.lists(st.integers(0, 3), max_size=3)),
    st.builds(object),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=5), st.sampled_from(["flip", "shift"])), inner),
        st.tuples(inner, inner),
    ),
    max_leaves=4,
)
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(VALUES)
@settings(SETTINGS, max_examples=300)
def test_checks_of_arguments(value):
    checks = [
        lambda: arguments.check_count("x", value, 0, 10),
        lambda: arguments.check_number("x", value, 0, 1),
        lambda: arguments.check_seed(value),
        lambda: arguments.check_flag("x", value),
        lambda: arguments.check_choice("x", value, ["a", "b"]),
        lambda: arguments.check_path("x", value),
        lambda: arguments.check_output("x", value, (".keras",), False),
        lambda: resolve_augmentation(value),
    ]
    for check in checks:
        try:
            check()
        except PycifarError as error:
            assert isinstance(error.message, str)


def prepared(dataset, architecture, **given):
    return prepare_run(dataset, architecture, Settings(**check_settings(given)))


CHECKPOINTS = {"checkpoint_dir", "checkpoint_every", "resume"}  # of the call, not of the run


@pytest.mark.parametrize("name", sorted(set(RULES) - {"architecture"} - CHECKPOINTS))
@given(value=VALUES)
@SETTINGS
def test_settings_of_a_training(small_dataset, name, value):
    try:
        run = prepared(small_dataset, "softmax", **{name: value})
    except ArgumentError as error:
        assert error.message
    else:
        assert run.config.architecture == "softmax"


@pytest.mark.parametrize("name", sorted(RULES))
@given(value=VALUES)
@SETTINGS
def test_rules_of_settings(name, value):
    try:
        RULES[name](name, value)
    except ArgumentError as error:
        assert name in error.message


@given(value=VALUES)
@SETTINGS
def test_what_is_trained(small_dataset, value):
    for dataset, architecture in ((value, "softmax"), (small_dataset, value)):
        with pytest.raises(PycifarError):
            prepared(dataset, architecture=architecture)


@given(value=VALUES)
@SETTINGS
def test_images_to_predict(small_model, value):
    try:
        found = pycifar.predict(small_model, value, "class")
    except PycifarError:
        return
    assert found.ndim == 1


@given(shape=st.lists(st.integers(0, 40), max_size=5), kind=st.sampled_from("?bBhHiIqQefdFDUSO"))
@SETTINGS
def test_arrays_to_predict(small_model, shape, kind):
    images = np.zeros(shape, kind)
    try:
        found = pycifar.predict(small_model, images)
    except PycifarError:
        return
    if len(shape) == 4:
        assert shape[1:3] == [32, 32]
    else:
        assert len(shape) in (2, 3)  # one image of any size
    assert len(found) == (shape[0] if len(shape) == 4 else 1)


@given(images=VALUES, labels=VALUES)
@SETTINGS
def test_data_sets_of_arrays(images, labels):
    for source in ({"train": (images, labels)}, {"train": images}, images):
        if isinstance(source, str):
            continue  # the name of a source
        with pytest.raises(PycifarError):
            pycifar.load_dataset(source)


@pytest.mark.parametrize("name", ["n_train", "n_test", "class_names", "image_size", "data_dir"])
@given(value=VALUES)
@SETTINGS
def test_arguments_of_a_data_set(name, value):
    try:
        dataset = pycifar.load_dataset(
            "synthetic", **({"n_train": 20, "n_test": 10} | {name: value})
        )
    except PycifarError:
        return
    assert dataset.image_shape == (32, 32, 3)


@given(value=VALUES)
@SETTINGS
def test_paths_of_models(small_model, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for use in (pycifar.load_model, lambda path: pycifar.save_model(small_model, path)):
        with pytest.raises(PycifarError):
            use(value)
    assert list(tmp_path.iterdir()) == []


@given(
    st.builds(
        Augmentation,
        st.booleans(),
        st.integers(0, 40),
        st.integers(0, 40),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1),
        st.floats(0, 1),
        st.floats(0, 1),
        st.floats(0, 0.5),
    ),
    st.integers(1, 9),
    st.integers(1, 40),
)
@SETTINGS
def test_augmentation_keeps_shape_and_type(augmentation, n, side):
    images = np.random.default_rng(1).integers(0, 256, (n, side, side + 1, 3), np.uint8)
    before = images.copy()
    changed = augmentation(images, np.random.default_rng(2))
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    assert (images == before).all()


@given(st.integers(1, 60), st.integers(2, 5), st.floats(0.01, 0.99), st.integers(0, 2**31 - 1))
@SETTINGS
def test_a_split_is_a_partition(n, classes, share, seed):
    from pycifar.datasets.sampling import stratified_split

    labels = np.array([random.Random(seed).randrange(classes) for _ in range(n)])
    try:
        kept, held_out = stratified_split(labels, share, seed)
    except PycifarError:
        return
    assert sorted([*kept, *held_out]) == list(range(n))
