import re
from dataclasses import replace

import keras

import pycifar


def test_the_fingerprint_is_a_sha256_over_every_weight(small_model):
    before = small_model.fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", before)
    bias = small_model.keras_model.weights[-1]
    kept = bias.numpy().copy()
    changed = kept.copy()
    changed[0] += 1e-7
    try:
        bias.assign(changed)
        assert small_model.fingerprint() != before
    finally:
        bias.assign(kept)
    assert small_model.fingerprint() == before


def test_a_weight_may_be_one_number(small_model):
    counting = keras.layers.Normalization()
    counting.build((None, 3))
    model = replace(small_model, network=counting)
    before = model.fingerprint()
    counting.count.assign(1)
    assert model.fingerprint() != before


def test_the_layers_have_all_the_parameters(small_model):
    layers = small_model.layers()
    assert layers["layer"].tolist()[0] == "scaling"
    assert layers["parameters"].sum() == small_model.keras_model.count_params()
    assert layers.set_index("layer").loc["conv1_1", "output_shape"] == "32×32×32"


def test_printing_says_what_it_is_in_one_line(small_model):
    text = repr(small_model)
    assert text.startswith("<TrainedModel cnn2, 4,210,090 parameters, 2 of 2 epochs, ")
    assert "\n" not in text


def test_the_summary_has_layers_settings_data_and_weights(small_model):
    summary = small_model.summary()
    for part in ("conv1_2", "batch_size: 50", "data: synthetic", small_model.fingerprint()):
        assert part in summary


def test_the_versions_that_trained_it_are_known(small_model):
    assert small_model.versions["pycifar"] == pycifar.__version__
    assert {"keras", "tensorflow", "numpy", "python"} <= set(small_model.versions)


def test_what_was_not_measured_is_none(small_model):
    assert small_model.final("test", "accuracy") is None
