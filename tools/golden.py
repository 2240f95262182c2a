"""Write what tests/python/test_stability.py holds later versions to: `python -m tools.golden`.

It writes only the files that are missing. A file of an earlier version is a promise and stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pycifar
from pycifar.architectures import ARCHITECTURES

TESTS = Path(__file__).parents[1] / "tests"
STEPS = TESTS / "cases/golden_steps.json"
MODELS = TESTS / "fixtures"


def one_step(architecture: str) -> dict[str, float]:
    """Return the loss of one seeded step in float32, and the mean weight after it."""
    dataset = pycifar.load_dataset("synthetic", n_train=20, n_test=10)
    settings: dict[str, Any] = {"epochs": 1, "validation": None, "seed": 1, "verbose": 0}
    model = pycifar.train(dataset, architecture, precision="float32", **settings)
    sizes = [float(np.abs(np.asarray(weight)).mean()) for weight in model.network.weights]
    loss = model.final("train", "loss")
    assert loss is not None
    return {"loss": loss, "mean_absolute_weight": float(np.mean(sizes))}


def small_convolutions(input_shape: tuple[int, int, int], n_classes: int) -> Any:
    """Build a Keras network of some hundred weights, with normalisation and dropout."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape, dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=4, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.1),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


NETWORKS: dict[str, Callable[[], Any]] = {
    "keras": lambda: small_convolutions,
    "numpy": lambda: pycifar.build_model("mlp_sigmoid", hidden=[3], seed=1),
}


def probabilities(path: Path) -> np.ndarray:
    """Return the probabilities that a saved model predicts for ten images."""
    images = pycifar.load_dataset("synthetic", n_train=10, n_test=10).split("test").images
    return pycifar.predict(pycifar.load_model(path), images, "prob")


def main() -> None:
    """Write the files that are missing."""
    steps = json.loads(STEPS.read_text()) if STEPS.exists() else {}
    for name in ARCHITECTURES:
        if name not in steps:
            steps[name] = one_step(name)
    STEPS.write_text(json.dumps(steps, indent=1) + "\n")
    MODELS.mkdir(exist_ok=True)
    dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=10)
    for name, network in NETWORKS.items():
        path = MODELS / f"{name}-{pycifar.__version__}.keras"
        if not path.exists():
            model = pycifar.train(dataset, network(), epochs=2, seed=1, verbose=0)
            pycifar.save_model(model, path)
            expected = {
                "fingerprint": model.fingerprint(),
                "probabilities": probabilities(path).astype(float).round(6).tolist(),
            }
            path.with_suffix(".json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
