import importlib.util
import json
import os
import subprocess
import sys

import pytest

# What makes use of a backend in ways of its own: dropout, Muon, bfloat16, a time budget, files.
CHILD = """
import json, sys, pycifar
dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=100)
images = dataset.split("test").images
found = {}
for name in ("cnn2", "fastnet", "resnet20"):
    first, again = (
        pycifar.train(dataset, name, epochs=1, seed=1, verbose=0) for _ in range(2)
    )
    path = pycifar.save_model(first, sys.argv[1], overwrite=True)
    loaded = pycifar.predict(pycifar.load_model(path), images, "prob")
    found[name] = [
        first.fingerprint() == again.fingerprint(),
        bool((loaded == pycifar.predict(first, images, "prob")).all()),
    ]
brief = pycifar.train(dataset, "cnn2", time_budget=2, seed=1, verbose=0)
from pycifar.backend import keras
print(json.dumps([keras.backend.backend(), found, brief.config.passes > 0]))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_of_keras_does_the_same(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "model.keras")],
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
