"""Features are the same numbers bit for bit through each door, under the names of the files."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from children import output_of
from PIL import Image

import pycifar


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved model and pictures of several sizes."""
    folder = tmp_path_factory.mktemp("features")
    dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
    pycifar.save_model(pycifar.train(dataset, epochs=1, seed=1, verbose=0), folder / "m.keras")
    for number, pixels in enumerate(dataset.split("test").images[:5]):
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        picture.resize((40 + number, 30)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("layer", [None, "pool1"])
def test_each_door_gives_the_same_features_to_the_bit(folder, layer, r_in_python, rscript):
    paths = sorted(str(path) for path in folder.glob("*.png"))
    model = pycifar.load_model(folder / "m.keras")
    expected = pycifar.extract_features(model, paths, layer)
    assert expected.std() > 0

    settings = json.dumps({"model": str(folder / "m.keras"), "paths": paths, "layer": layer})
    in_r = """
    settings <- jsonlite::fromJSON(Sys.getenv("PYCIFAR_INTEROP"))
    model <- cifar_load_model(settings$model)
    features <- cifar_extract_features(model, settings$paths, settings$layer)
    """
    found = r_in_python(
        f"""
import numpy
r({in_r!r})
verdict([numpy.array(r("features")).tolist(), list(r("rownames(features)"))])
""",
        PYCIFAR_INTEROP=settings,
    )
    assert found[1] == paths
    assert (np.array(found[0]) == expected).all()

    code = f"library(pycifar){in_r}cat(sprintf('%a', features))"
    done = rscript(code, PYCIFAR_INTEROP=settings)
    assert done.returncode == 0, done.stderr
    numbers = [float.fromhex(text) for text in done.stdout.split()]
    assert (np.array(numbers).reshape(expected.shape, order="F") == expected).all()

    program = str(Path(sys.executable).with_name("pycifar"))
    chosen = [] if layer is None else ["--layer", layer]
    printed = output_of([program, "features", str(folder / "m.keras"), *paths, *chosen])
    rows = list(csv.reader(printed.splitlines()))
    assert [row[0] for row in rows[1:]] == paths
    assert (np.array([row[1:] for row in rows[1:]], float) == expected).all()
