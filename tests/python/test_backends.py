import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import pycifar

# What makes use of a backend in ways of its own: dropout, Muon, bfloat16, a time budget, files.
CHILD = """
import json, sys
from pathlib import Path
import numpy, pycifar
folder = Path(sys.argv[1])
dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=100)
images = dataset.split("test").images
found = {}
for name in ("cnn2", "fastnet", "resnet20"):
    first, again = (
        pycifar.train(dataset, name, epochs=1, seed=1, verbose=0) for _ in range(2)
    )
    path = pycifar.save_model(first, folder / f"{name}.keras")
    predicted = pycifar.predict(first, images, "prob")
    loaded = pycifar.predict(pycifar.load_model(path), images, "prob")
    found[name] = [
        first.fingerprint() == again.fingerprint(),
        bool((loaded == predicted).all()),
    ]
    numpy.save(folder / f"{name}.npy", predicted)
brief = pycifar.train(dataset, "cnn2", time_budget=2, seed=1, verbose=0)
from pycifar.backend import keras
print(json.dumps([keras.backend.backend(), found, brief.config.passes > 0]))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_of_keras_does_the_same(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    name, found, trained = json.loads(child.stdout.splitlines()[-1])
    assert name == backend
    assert all(same and loaded for same, loaded in found.values()), found
    assert trained

    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=100)
    for network in found:  # with the optimizer, here on TensorFlow
        loaded = pycifar.load_model(tmp_path / f"{network}.keras")
        probabilities = pycifar.predict(loaded, dataset.split("test").images, "prob")
        there = np.load(tmp_path / f"{network}.npy")
        np.testing.assert_allclose(probabilities, there, atol=1e-4)
        further = pycifar.train(dataset, loaded, epochs=1, verbose=0)
        assert further.epochs_done == 2
