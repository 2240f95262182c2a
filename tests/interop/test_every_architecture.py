"""Each architecture, trained for a moment through each door, has one set of weights.

Those for photographs are left out, which take minutes.
The images are real CIFAR-10 where PYCIFAR_DATA_DIR says where it is, else synthetic ones.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from children import output_of

from pycifar.architectures import ARCHITECTURES

SOURCE = "cifar10" if os.environ.get("PYCIFAR_DATA_DIR") else "synthetic"
N_TRAIN, N_TEST, SEED = 64, 20, 3

IN_PYTHON = f"""
import json, pycifar
dataset = pycifar.load_dataset("{SOURCE}", n_train={N_TRAIN}, n_test={N_TEST})
print(json.dumps({{
    name: pycifar.train(
        dataset, name, epochs=1, seed={SEED}, validation="test", verbose=0
    ).fingerprint()
    for name in pycifar.list_architectures().query("image_size == 32")["architecture"]
}}))
"""

IN_R = f"""
library(pycifar)
dataset <- cifar_load_dataset("{SOURCE}", n_train = {N_TRAIN}, n_test = {N_TEST})
known <- cifar_list_architectures()
result <- lapply(known$architecture[known$image_size == 32], function(name) {{
  model <- cifar_train(
    dataset, name,
    epochs = 1, seed = {SEED}, validation = "test", verbose = 0
  )
  setNames(list(model$fingerprint), name)
}})
result <- do.call(c, result)
"""


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    return json.loads(output_of([sys.executable, "-c", IN_PYTHON]))


def test_rscript_agrees_with_python(expected, rscript):
    done = rscript(IN_R + "cat(jsonlite::toJSON(result, auto_unbox = TRUE))")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


def test_r_inside_python_agrees_with_python(expected, r_in_python):
    found = r_in_python(f"""
r('''{IN_R}''')
verdict({{name: str(r("result")[i][0]) for i, name in enumerate(r("names(result)"))}})
""")
    assert found == expected


def test_the_shell_agrees_with_python(expected):
    data = ["--dataset", SOURCE, "--n-train", str(N_TRAIN), "--n-test", str(N_TEST)]
    options = ["--epochs", "1", "--seeds", str(SEED), "--quiet", "--json"]
    pycifar = str(Path(sys.executable).with_name("pycifar"))
    found = json.loads(output_of([pycifar, "reproduce", *data, *options]))
    weights = {
        run["architecture"]: run["weights"]
        for run in found["runs"]  # in float32, which "auto" is everywhere for these alone
        if ARCHITECTURES[run["architecture"]].recipe.precision == "float32"
    }
    options = ["--epochs", "1", "--seed", str(SEED), "--validation", "test", "--quiet", "--json"]
    for name in expected.keys() - weights.keys():
        line = [pycifar, "train", "--architecture", name, *data, *options]
        weights[name] = json.loads(output_of(line))["fingerprint"]
    assert weights == expected
