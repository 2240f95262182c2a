"""What later versions must not change: files of earlier ones, and the first step of each network.

`python -m tools.golden` writes what is expected where it is missing.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import pycifar
from pycifar.architectures import ARCHITECTURES
from tools.golden import MODELS, STEPS, one_step, probabilities

SAVED = sorted(MODELS.glob("*.keras"))


def test_this_version_has_saved_models():
    assert {path.stem.partition("-")[0] for path in SAVED} == {"keras", "numpy"}


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_model_of_an_earlier_version_predicts_what_it_did(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    assert pycifar.load_model(path).fingerprint() == expected["fingerprint"]
    np.testing.assert_allclose(probabilities(path), expected["probabilities"], atol=1e-5)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_model_of_an_earlier_version_goes_on(path):
    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=10)
    model = pycifar.train(dataset, pycifar.load_model(path), epochs=1, verbose=0)
    assert model.epochs_done == 3


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_first_step_of_each_network_is_what_it_was(name):
    expected = json.loads(STEPS.read_text())[name]
    # Processors round differently, and deep networks make more of it.
    assert one_step(name) == pytest.approx(expected, rel=2e-3)
