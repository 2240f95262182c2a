import keras
import numpy as np
import pytest

import pycifar
from pycifar import memory
from pycifar.errors import ArgumentError
from pycifar.memory import available_memory, bytes_per_image, check_batch_fits


def test_what_comes_out_of_all_layers_is_counted():
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((32, 32, 3), dtype="uint8"), *layers])
    values = 32 * 32 * 3 * 4  # float32, once scaled and once flattened
    assert bytes_per_image(model) == 2 * values + 10 * 4


def test_the_system_tells_how_much_is_free(tmp_path):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       100 kB\nMemAvailable:    60 kB\n")
    assert available_memory(told) == 60 * 1024
    assert available_memory(tmp_path / "missing") > 2**20


def test_a_batch_that_memory_cannot_hold_is_refused(monkeypatch):
    model = pycifar.build_model("cnn2", precision="float32")
    monkeypatch.setattr("pycifar.memory.available_memory", lambda: 2**30)
    check_batch_fits(model, 500)
    with pytest.raises(ArgumentError, match=r"at most about [\d,]+ .* 50,000 images .* 1.0 GB"):
        check_batch_fits(model, 50_000)
    monkeypatch.setattr("pycifar.memory.available_memory", lambda: None)
    check_batch_fits(model, 50_000)


def test_train_says_so_before_it_begins(small_dataset, monkeypatch):
    monkeypatch.setattr("pycifar.memory.available_memory", lambda: 2**20)
    with pytest.raises(ArgumentError, match="`batch_size` must be at most about"):
        pycifar.train(small_dataset, "cnn2", epochs=1, verbose=0)


def test_what_attends_counts_its_scores():
    images = keras.Input((64, 8))
    attention = keras.layers.MultiHeadAttention(3, 4)
    plain = keras.Model(images, keras.layers.Dense(8)(images))
    attending = keras.Model(images, attention(images, images))
    assert bytes_per_image(attending) - bytes_per_image(plain) == 4 * 3 * 64 * 64


def test_a_network_in_a_network_counts_each_time_it_is_called():
    images = keras.Input((4, 4, 3))
    inner = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.ReLU(), keras.layers.ReLU()])
    once = keras.Model(images, inner(images))
    twice = keras.Model(images, inner(inner(images)))
    assert bytes_per_image(twice) - bytes_per_image(once) == bytes_per_image(inner) + 4 * 48


def test_a_prediction_that_cannot_fit_is_refused(small_model, small_dataset, monkeypatch):
    images = small_dataset.split("test").images
    whole = pycifar.predict(small_model, images, "prob")
    needed = bytes_per_image(small_model.network)
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * needed)  # two images at a time
    assert np.allclose(pycifar.predict(small_model, images, "prob"), whole, atol=1e-6)
    monkeypatch.setattr(memory, "available_memory", lambda: needed - 1)
    for use in (
        lambda: pycifar.predict(small_model, images),
        lambda: pycifar.evaluate(small_model, small_dataset),
        lambda: pycifar.explain(small_model, images[0]),
    ):
        with pytest.raises(ArgumentError, match="of memory for one image"):
            use()
