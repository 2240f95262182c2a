import pytest

import pycifar
from pycifar.errors import ArgumentError
from pycifar.memory import available_memory, bytes_per_image, check_batch_fits


def test_what_comes_out_of_all_layers_is_counted():
    model = pycifar.build_model("softmax", precision="float32")
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
