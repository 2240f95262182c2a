"""`pycifar adopt`."""

import json

import keras
import numpy as np
import pytest

import pycifar
from pycifar.cli import main


def test_a_file_of_keras_becomes_a_model(tmp_path, capsys, small_dataset):
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    network = keras.Sequential([keras.Input((32, 32, 3)), *layers])
    theirs, ours = str(tmp_path / "theirs.keras"), str(tmp_path / "ours.keras")
    network.save(theirs)
    named = ["adopt", theirs, "--class-names", ",".join(small_dataset.class_names)]
    assert main([*named, "--output", ours]) == 2
    assert "`--rescale` must be given" in capsys.readouterr().err
    assert main([*named, "--rescale", "1/127.5,-1", "--output", ours, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = pycifar.load_model(ours)
    assert (found["fingerprint"], found["output"]) == (model.fingerprint(), ours)
    assert found["config"]["epochs"] == 0
    front = model.network.get_layer("pixel_scaling")
    ends = front.predict_on_batch(np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255)]))
    assert [*ends[:, 0, 0, 0]] == pytest.approx([-1, 1])
    assert (
        main([*named, "--rescale", "1", "--image-size", "16", "--output", ours, "--overwrite"]) == 2
    )
    assert "`--image-size` must be left out" in capsys.readouterr().err
    assert main([*named, "--rescale", "1/0", "--output", ours, "--overwrite"]) == 2
    assert "`--rescale` must be" in capsys.readouterr().err
    assert main(["evaluate", theirs]) == 1
    assert "`pycifar adopt` makes a trained model of" in capsys.readouterr().err
    assert main(["adopt", ours, *named[2:], "--output", str(tmp_path / "x.keras")]) == 1
    assert "already: each command that takes a model loads it." in capsys.readouterr().err
    assert main([*named, "--rescale", "1", "--output", ours, "--overwrite"]) == 0
    assert f"model: {ours}" in capsys.readouterr().out
    assert main(["evaluate", ours]) == 2
    assert "an adopted model does not say which images" in capsys.readouterr().err
    assert main(["evaluate", ours, "--dataset", "synthetic", "--n-test", "50"]) == 0
