from types import SimpleNamespace

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import ArgumentError, CallbackError, UnknownNameError
from pycifar.training.callbacks import (
    ProgressReport,
    as_callbacks,
    early_stopping_callbacks,
    epoch_line,
    progress_callbacks,
)


def train(dataset, **arguments):
    return pycifar.train(dataset, epochs=3, batch_size=90, seed=1, verbose=0, **arguments)


def test_functions_are_called_in_order_with_epochs_and_batches_from_1(small_dataset):
    calls = []
    events = {
        "on_train_begin": lambda logs: calls.append("begin"),
        "on_epoch_begin": lambda epoch, logs: calls.append(f"epoch {epoch}"),
        "on_train_batch_end": lambda batch, logs: calls.append(f"batch {batch}"),
        "on_epoch_end": lambda epoch, logs: calls.append(f"end of {epoch}"),
        "on_train_end": lambda logs: calls.append("end"),
    }
    pycifar.train(small_dataset, epochs=2, batch_size=90, seed=1, verbose=0, callbacks=events)
    epochs = [[f"epoch {i}", "batch 1", "batch 2", f"end of {i}"] for i in (1, 2)]
    assert calls == ["begin", *epochs[0], *epochs[1], "end"]


def test_the_logs_name_losses_and_accuracies(small_dataset):
    seen = []
    train(small_dataset, callbacks={"on_epoch_end": lambda epoch, logs: seen.append(logs)})
    assert set(seen[0]) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_returning_false_stops_the_training(small_dataset):
    model = train(small_dataset, callbacks={"on_epoch_end": lambda epoch, logs: epoch < 2})
    assert model.epochs_done == 2
    assert not model.interrupted


def test_keras_callbacks_work_as_they_do_in_keras(small_dataset):
    import keras

    history = keras.callbacks.History()
    model = train(small_dataset, callbacks=[history])
    assert history.epoch == [0, 1, 2]
    assert history.history["val_loss"][-1] == model.final("validation", "loss")


def test_an_error_in_a_function_ends_the_training_and_keeps_the_model(small_dataset):
    def fail(epoch, logs):
        if epoch == 2:
            raise KeyError("mine")

    with pytest.raises(CallbackError, match="`on_epoch_end` failed: 'mine'") as caught:
        train(small_dataset, callbacks={"on_epoch_end": fail})
    assert isinstance(caught.value.__cause__, KeyError)
    model = caught.value.model
    assert (model.epochs_done, model.config.epochs) == (2, 3)
    stopped = train(small_dataset, callbacks={"on_epoch_end": lambda epoch, logs: epoch < 2})
    assert model.fingerprint() == stopped.fingerprint()


@pytest.mark.parametrize(
    "event",
    [
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_epoch_end",
        "on_train_end",
    ],
)
def test_a_keras_callback_that_fails_keeps_the_model(small_dataset, event):
    class Failing(keras.callbacks.Callback):
        pass

    def fail(self, *arguments, **named):
        raise OSError("the disk is full\nand more")

    fail.__code__ = fail.__code__.replace(co_name=event)
    setattr(Failing, event, fail)
    with pytest.raises(
        CallbackError, match=f"`Failing.{event}` failed: the disk is full$"
    ) as caught:
        pycifar.train(small_dataset, "softmax", epochs=2, seed=1, verbose=0, callbacks=[Failing()])
    assert isinstance(caught.value.__cause__, OSError)
    assert pycifar.predict(caught.value.model, small_dataset.split("test")).shape == (
        len(small_dataset.split("test")),
    )


def test_an_unknown_event_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        as_callbacks({"on_epoch_ends": print})
    assert caught.value.fix == 'Did you mean "on_epoch_end"?'


@pytest.mark.parametrize("given", ["loud", [3], {"on_epoch_end": "print"}])
def test_what_is_no_callback_is_refused(given):
    with pytest.raises(ArgumentError):
        as_callbacks(given)


def test_progress_writes_one_line_an_epoch_to_the_standard_error_stream(small_dataset, capsys):
    pycifar.train(small_dataset, epochs=2, batch_size=90, seed=1, verbose=1)
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert [line[:10] for line in lines] == ["epoch 1/2 ", "epoch 2/2 "]
    assert "val_accuracy" in lines[0]


def test_silence_is_asked_for_with_0():
    assert progress_callbacks(0) == []


def test_progress_is_reported_to_functions_of_the_caller(small_dataset):
    lines, shares = [], []
    told = ProgressReport(lines.append, lambda share, text: shares.append(share))
    told.INTERVAL = 0.0
    train(small_dataset, callbacks=told)
    assert len(lines) == 3
    assert shares == pytest.approx([i / 6 for i in range(1, 7)])


def test_the_line_of_an_epoch_has_all_that_is_known():
    line = epoch_line(3, 10, {"loss": 1.23456, "accuracy": 0.5}, 12.34)
    assert line == "epoch  3/10  loss 1.2346  accuracy 0.5000  12.3 s"


def test_the_best_weights_alone_stop_nothing():
    """Even where a time budget leads to more epochs than the recipe has."""
    config = SimpleNamespace(early_stopping=None, best_weights=True, monitor="loss")
    (stopping,) = early_stopping_callbacks(config, validated=False, directions={"loss": "min"})
    stopping.set_model(pycifar.build_model("cnn2", seed=1))
    stopping.on_train_begin()
    for epoch in range(1000):
        stopping.on_epoch_end(epoch, {"loss": 1.0 + epoch})
    assert stopping.stopped_epoch == 0


def test_the_function_that_stopped_a_training_is_told_and_kept(small_dataset, tmp_path, capsys):
    stop = {"on_epoch_end": lambda epoch, logs: epoch < 2, "on_epoch_begin": lambda *_: None}
    settings = {"epochs": 5, "seed": 1, "callbacks": stop}
    model = pycifar.train(small_dataset, "softmax", verbose=2, **settings)
    assert model.stopped_by == "on_epoch_end"
    assert "stopped by `on_epoch_end`, which returned False" in capsys.readouterr().err
    assert repr(model).endswith("stopped by on_epoch_end>")
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "m.keras"))
    assert loaded.stopped_by == "on_epoch_end"
    further = pycifar.train(small_dataset, loaded, epochs=1, verbose=0)
    assert further.stopped_by is None


def test_what_callbacks_add_and_are_given_is_as_in_fit(small_dataset, tmp_path):
    seen = {}

    class Own(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs):
            seen["train"] = logs

        def on_test_batch_begin(self, batch, logs):
            seen["test"] = logs

        def on_epoch_end(self, epoch, logs):
            logs |= {"at": "12:01", "none": None, "table": {}, "val_f1": np.nan, "half": 0.5}

        def on_train_end(self, logs):
            seen["end"] = logs["val_loss"]

    settings = {"epochs": 1, "seed": 1, "verbose": 0, "validation": "test"}
    model = pycifar.train(small_dataset, "softmax", callbacks=Own(), **settings)
    assert seen == {"train": {}, "test": {}, "end": model.final("validation", "loss")}
    assert not {"at", "none", "table"} & set(model.history["metric"])
    assert model.final("train", "half") == 0.5
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "m.keras"))
    assert np.isnan(loaded.final("validation", "f1"))
    assert loaded == model


@pytest.mark.parametrize(
    "stop",
    [{"on_train_end": lambda logs: False}, {"on_epoch_end": lambda epoch, logs: epoch < 3}],
    ids=["at the end", "in the last epoch"],
)
def test_what_stopped_nothing_is_not_said_to_have(small_dataset, capsys, stop):
    settings = {"epochs": 3, "seed": 1, "callbacks": stop}
    model = pycifar.train(small_dataset, "softmax", verbose=2, **settings)
    assert (model.epochs_done, model.stopped_by) == (3, None)
    assert "stopped" not in capsys.readouterr().err
