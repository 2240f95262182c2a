import os

import numpy as np
import pandas
import pytest

import pycifar
from pycifar import entry_points
from pycifar.datasets.cifar10_location import VARIABLE
from pycifar.errors import ArgumentError


def column_major(images: np.ndarray) -> dict:
    """Images as R sends them."""
    return {"bytes": bytearray(images.tobytes(order="F")), "shape": list(images.shape)}


def value(envelope: dict):
    assert envelope["ok"], envelope
    return envelope["value"]


def test_an_error_comes_out_as_data_with_its_kinds_and_fix():
    envelope = entry_points.build_model("cnn22", [32, 32, 3], 10, None)
    assert envelope["ok"] is False
    assert envelope["kinds"] == ["unknown_name", "argument"]
    assert envelope["fix"] == 'Did you mean "cnn2"?'
    assert "Traceback" in envelope["traceback"]


def test_an_error_of_our_own_making_says_so():
    envelope = entry_points.fingerprint("not a model")
    assert envelope["kinds"] == ["internal"]
    assert envelope["message"].startswith("AttributeError: ")


def test_an_interrupt_passes_through():
    @entry_points.entry_point
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_only_plain_values_come_out(small_model, small_dataset):
    images = {"dataset": small_dataset}
    everything = [
        value(entry_points.describe_dataset(small_dataset)),
        value(entry_points.describe_model(small_model)),
        value(entry_points.list_architectures()),
        value(entry_points.evaluate(small_model, small_dataset, "test", False)),
        value(entry_points.predict(small_model, images, "class", False)),
        value(entry_points.predict(small_model, images, "prob", False)),
    ]
    plain = {str, bool, int, float, type(None), bytearray}

    def check(item):
        if type(item) is dict:
            assert all(type(key) is str for key in item)
            for inner in item.values():
                check(inner)
        elif type(item) is list:
            for inner in item:
                check(inner)
        else:
            assert type(item) in plain, type(item)

    check(everything)


def test_images_in_column_major_order_are_the_same_images(small_model, small_dataset):
    images = np.ascontiguousarray(small_dataset.split("test").images[:7])
    block = value(entry_points.predict(small_model, column_major(images), "prob", False))
    received = np.frombuffer(block["bytes"], "<f8").reshape(block["shape"], order="F")
    split = {"dataset": small_dataset}
    whole = value(entry_points.predict(small_model, split, "prob", False))
    expected = np.frombuffer(whole["bytes"], "<f8").reshape(whole["shape"], order="F")[:7]
    assert received == pytest.approx(expected, abs=1e-6)


def test_classes_come_out_by_name(small_model, small_dataset):
    names = value(entry_points.predict(small_model, {"dataset": small_dataset}, "class", False))
    assert len(names) == 100
    assert set(names) <= set(small_dataset.class_names)


def test_arrays_with_labels_by_name_make_a_data_set():
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    part = {"images": column_major(images), "labels": ["dog", "cat", "dog", "cat"]}
    dataset = value(
        entry_points.load_dataset({"train": part, "test": part}, class_names=["dog", "cat"])
    )
    assert (dataset.split("train").images == images).all()
    assert dataset.split("train").labels.tolist() == [0, 1, 0, 1]


def test_the_synthetic_data_set_is_always_available(monkeypatch):
    monkeypatch.setenv(VARIABLE, "nowhere")
    assert value(entry_points.is_available("synthetic")) is True


def test_cifar10_is_available_where_it_was_found(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    assert value(entry_points.is_available("cifar10")) is False
    (tmp_path / "data_batch_1.bin").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert value(entry_points.is_available("cifar10")) is True


def test_a_variable_that_names_a_place_without_cifar10_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    envelope = entry_points.is_available("cifar10")
    assert envelope["kinds"][0] == "data_not_found"
    assert envelope["message"].startswith(f"{VARIABLE} names {tmp_path}, which does not hold")


def test_another_source_than_a_named_one_is_unknown():
    for source in ("folder", "cifar-10", None, 1):
        envelope = entry_points.is_available(source)
        assert envelope["kinds"] == ["unknown_name", "argument"]


def test_where_the_data_is_follows_the_variable_of_r(monkeypatch):
    monkeypatch.setenv(VARIABLE, "before")
    value(entry_points.set_data_dir("after"))
    assert os.environ[VARIABLE] == "after"
    value(entry_points.set_data_dir(""))
    assert VARIABLE not in os.environ


def test_a_block_of_the_wrong_length_is_refused(small_model):
    envelope = entry_points.predict(
        small_model, {"bytes": bytearray(5), "shape": [1, 32, 32, 3]}, "class", False
    )
    assert envelope["kinds"][0] == "image"


def test_progress_goes_to_the_function_that_r_gives(small_dataset):
    lines = []
    value(
        entry_points.train(
            small_dataset,
            "cnn2",
            epochs=2.0,
            batch_size=90.0,
            seed=1.0,
            write_line=lambda line, *figures: lines.append((line, *figures)),
        )
    )
    assert len(lines) == 2
    line, epoch, metrics = lines[1]
    assert line.startswith("epoch 2/2  loss ")
    assert epoch == 2
    assert {*metrics} == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_an_error_in_a_function_of_r_is_a_callback_error(small_dataset):
    def fail(epoch, logs):
        raise RuntimeError("no such object\n in f()")

    envelope = entry_points.train(
        small_dataset, "cnn2", epochs=1, seed=1, callbacks={"on_epoch_end": fail}
    )
    assert envelope["kinds"] == ["callback", "training"]
    assert envelope["message"] == "`on_epoch_end` failed: no such object"


def test_an_argument_error_inside_a_function_of_r_keeps_its_class(small_dataset):
    def fail(epoch, logs):
        raise ArgumentError("theirs")

    envelope = entry_points.train(
        small_dataset, "cnn2", epochs=1, seed=1, callbacks=[{"on_epoch_end": fail}]
    )
    assert envelope["kinds"] == ["argument"]


@pytest.mark.parametrize("shape", [(1,), (0, 8, 8, 3), (2, 0, 5, 3), (8, 9, 3), (300, 9, 31, 3)])
def test_images_of_any_size_come_in_row_major_order(shape):
    expected = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    found = entry_points._images(column_major(expected))
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous


def test_whole_numbers_that_r_does_not_reach_come_as_doubles():
    table = pandas.DataFrame({"multiply_adds": [2**31 - 1, 2**31], "layer": ["a", "b"]})
    columns = entry_points._columns(table)
    assert columns == {"multiply_adds": [2**31 - 1, 2.0**31], "layer": ["a", "b"]}
    assert [type(number) for number in columns["multiply_adds"]] == [int, float]


def test_images_of_a_split_come_with_their_classes_and_files(small_model, small_dataset, tmp_path):
    assert value(entry_points.paths(small_dataset, "test")) == []
    held_out = small_model.split_of(small_dataset, "validation")
    names = value(entry_points.labels(small_dataset, None, "validation", small_model))
    assert names == [small_dataset.class_names[label] for label in held_out.labels]
    block = value(entry_points.images(small_dataset, [1], "validation", small_model))
    assert block["bytes"] == bytearray(held_out.images[:1].tobytes(order="F"))
    assert entry_points.labels(small_dataset, None, "validation")["kinds"] == ["data"]
    named = pycifar.Split(held_out.images[:1], held_out.labels[:1], paths=("Zoë.png",))
    dataset = pycifar.Dataset("named", {"test": named}, small_dataset.class_names)
    assert value(entry_points.paths(dataset, "test", small_model)) == ["Zoë.png"]


def test_an_image_that_is_skipped_has_no_name(small_model):
    answer = entry_points.predict(small_model, ["none.png"], "class", False, None, "skip")
    assert value(answer) == [None]
    assert answer["warnings"][0]["kind"] == "skipped"
