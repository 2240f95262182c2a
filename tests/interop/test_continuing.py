"""A model that goes on, and one that leaves out fast images, have one set of weights everywhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from children import output_of

SIZES = ["--dataset", "synthetic", "--n-train", "100", "--n-test", "20"]

IN_PYTHON = """
import json, pycifar
dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=20)
first = pycifar.train(dataset, "cnn2", epochs=1, seed=3, verbose=0)
fast = pycifar.train(
    dataset, "fastnet", epochs=4, batch_size=16, seed=3, verbose=0
)
print(json.dumps([
    pycifar.train(first, epochs=2, class_weights={"ring": 2}, verbose=0).fingerprint(),
    fast.fingerprint(),
]))
"""

IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("synthetic", n_train = 100, n_test = 20)
first <- cifar_train(dataset, "cnn2", epochs = 1, seed = 3, verbose = 0)
fast <- cifar_train(
  dataset, "fastnet", epochs = 4, batch_size = 16, seed = 3, verbose = 0
)
further <- cifar_train(first, epochs = 2, class_weights = c(ring = 2), verbose = 0)
result <- c(further$fingerprint, fast$fingerprint)
"""


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return json.loads(output_of([sys.executable, "-c", IN_PYTHON]))


def test_rscript_agrees_with_python(expected, rscript):
    done = rscript(IN_R + "cat(jsonlite::toJSON(result))")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


def test_the_shell_agrees_with_python(expected, tmp_path):
    def train(*options: str) -> str:
        pycifar = str(Path(sys.executable).with_name("pycifar"))
        line = [pycifar, "train", *SIZES, *options, "--quiet", "--json"]
        return json.loads(output_of(line))["fingerprint"]

    first = str(tmp_path / "first.keras")
    train("--epochs", "1", "--seed", "3", "--output", first)
    further = train("--model", first, "--epochs", "2", "--class-weights", "ring=2")
    fast = ["--architecture", "fastnet", "--epochs", "4", "--batch-size", "16"]
    assert [further, train(*fast, "--seed", "3")] == expected
