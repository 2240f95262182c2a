"""Images and labels from which there is nothing to learn: all figures stay numbers."""

from __future__ import annotations

import numpy as np
import pytest

import pycifar

N = 60
LABELS = np.array(["cat", "dog"] * (N // 2))
NOISE = np.random.default_rng(1).integers(0, 256, (N, 32, 32, 3), np.uint8)
DEGENERATE = {
    "constant images": (np.full_like(NOISE, 7), LABELS),
    "images of one class": (NOISE, np.full(N, "cat")),
    "labels at random": (NOISE, np.random.default_rng(1).permutation(LABELS)),
}


@pytest.mark.filterwarnings("ignore::pycifar.errors.DataWarning")  # the splits share images
@pytest.mark.parametrize("architecture", ["cnn2", "fastnet", "resnet20", "mlp_relu"])
@pytest.mark.parametrize("what", DEGENERATE)
def test_training_and_figures(what, architecture):
    images, labels = DEGENERATE[what]
    splits = {"train": (images, labels), "test": (images[:10], labels[:10])}
    dataset = pycifar.load_dataset(splits, class_names=["cat", "dog"])
    model = pycifar.train(dataset, architecture, epochs=1, seed=1, verbose=0)
    assert np.isfinite(model.history["value"]).all()
    found = pycifar.evaluate(model, dataset)
    assert np.isfinite([found.accuracy, found.loss, found.calibration_error]).all()
    assert np.isfinite(found.per_class[["precision", "recall", "f1"]].to_numpy()).all()
    probabilities = pycifar.predict(model, dataset.split("test"), "prob")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
