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
settings = {"schedule": "constant", "seed": 1, "verbose": 0}
found = {}
for name in ("cnn2", "fastnet", "resnet20"):
    first = pycifar.train(dataset, name, epochs=1, **settings)
    path = pycifar.save_model(first, folder / f"{name}.keras")
    predicted = pycifar.predict(first, images, "prob")
    numpy.save(folder / f"{name}.npy", predicted)
    loaded = pycifar.load_model(path)
    whole = pycifar.train(dataset, name, epochs=2, **settings).fingerprint()
    found[name] = {
        "loaded": bool((pycifar.predict(loaded, images, "prob") == predicted).all()),
        "continued": pycifar.train(first, epochs=1, verbose=0).fingerprint() == whole,
        "loaded and continued": pycifar.train(loaded, epochs=1, verbose=0).fingerprint() == whole,
        "left as it was": bool((pycifar.predict(first, images, "prob") == predicted).all()),
    }
passes = pycifar.train(dataset, time_budget=2, seed=1, verbose=0).config.passes
from pycifar.backend import compute_capabilities, keras, list_devices
averaging = settings | {"schedule": "averaging", "precision": "float32", "validation": None}
averaged = pycifar.train(dataset, "fastnet", epochs=12, **averaging).network
measured = averaged.get_layer("conv1_1_norm")
before = keras.Model(averaged.inputs, measured.input).predict(
    numpy.ascontiguousarray(dataset.split("train").images), verbose=0
)
mean = keras.ops.convert_to_numpy(measured.moving_mean)
gpus = [device for device in list_devices() if device.startswith("gpu")]
others = {
    "compute capabilities are those of GPUs": len(compute_capabilities()) <= len(gpus),
    "trained in the time": passes > 0,
    "normalisation of averaged weights": bool(numpy.allclose(mean, before.mean((0, 1, 2)), 1e-3)),
}
print(json.dumps([keras.backend.backend(), found, others]))
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
    name, found, others = json.loads(child.stdout.splitlines()[-1])
    assert name == backend
    assert all(all(checks.values()) for checks in found.values()), found
    assert all(others.values()), others

    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=100)
    tolerances = {"float32": 1e-4, "bfloat16": 1e-2}  # which keeps two digits or three
    for network in found:  # with the optimizer, here on TensorFlow
        loaded = pycifar.load_model(tmp_path / f"{network}.keras")
        probabilities = pycifar.predict(loaded, dataset.split("test").images, "prob")
        there = np.load(tmp_path / f"{network}.npy")
        tolerance = tolerances[loaded.config.precision]
        np.testing.assert_allclose(probabilities, there, rtol=0, atol=tolerance)
        further = pycifar.train(dataset, loaded, epochs=1, verbose=0)
        assert further.epochs_done == 2
