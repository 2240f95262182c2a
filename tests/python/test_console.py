"""Progress that cannot be written, and signals: a training is not lost for them."""

import os
import signal
import subprocess
import sys
import time

import pytest

import pycifar
from pycifar.console import ForgivingStream, is_watched, say

COMMAND = [
    sys.executable, "-m", "pycifar", "train", "--dataset", "synthetic", "--n-train", "200",
    "--n-test", "20", "--architecture", "softmax", "--seed", "1", "--output", "model.keras",
]  # fmt: skip


def shell(folder, line, epochs=2):
    """What a shell returns for the command, with more behind it."""
    command = " ".join([*COMMAND, "--epochs", str(epochs), line])
    # Python buffers its streams unless it is told otherwise, and flushes them at its exit.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, env=buffered
    )


class Broken:
    def __init__(self, error):
        self.error = error

    def write(self, *text):
        raise self.error

    flush = isatty = write


@pytest.mark.parametrize(
    "stream", [None, Broken(BrokenPipeError()), Broken(OSError(28, "full")), Broken(ValueError())]
)
def test_a_line_that_cannot_be_written_is_dropped(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    say("a line")
    assert not is_watched()
    assert ForgivingStream(stream).write("abc") == 3


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_training_that_nobody_can_see_is_done(small_dataset, monkeypatch, verbose):
    monkeypatch.setattr(sys, "stderr", Broken(BrokenPipeError()))
    model = pycifar.train(small_dataset, "softmax", epochs=1, seed=1, verbose=verbose)
    assert model.epochs_done == 1


@pytest.mark.trains_in_a_child
@pytest.mark.parametrize(
    "line", ["2>&1 | head -c 1", "2>&-", "2>/dev/full", ">&-", ">/dev/full", ">&- 2>&-"]
)
def test_the_model_is_saved_whatever_becomes_of_the_streams(tmp_path, line):
    done = shell(tmp_path, line)
    assert pycifar.load_model(tmp_path / "model.keras").epochs_done == 2
    lost = line.startswith(">")
    if "|" not in line:
        assert done.returncode == int(lost)
    if lost and "2>" not in line:
        assert "the result cannot be shown" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.trains_in_a_child
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_training_and_keeps_what_it_learned(tmp_path, name, status):
    settings = ["--epochs", "1000000", "--checkpoint-dir", "steps"]
    number = signal.Signals[name]
    child = subprocess.Popen(
        [*COMMAND, *settings],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # nohup has SIGHUP ignored
    )
    try:
        while not (tmp_path / "steps/checkpoint.npz").exists():
            assert child.poll() is None
            time.sleep(0.05)
        os.kill(child.pid, number)
        _, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == status
    assert f"ended by {name} after " in errors
    model = pycifar.load_model(tmp_path / "model.keras")
    assert model.interrupted
    # The checkpoint is of the same step: going on from it is going on from there.
    state = pycifar.training.checkpoint._read(tmp_path / "steps/checkpoint.npz")
    assert len(state.about["seconds"]) == model.epochs_done


@pytest.mark.trains_in_a_child
def test_a_signal_ends_a_script_of_python_with_the_status_of_a_shell(tmp_path):
    code = """
import pycifar, os, signal
dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=10)
def end(epoch, logs):
    if epoch == 2:
        os.kill(os.getpid(), signal.SIGTERM)
try:
    settings = {"epochs": 100, "seed": 1, "verbose": 0}
    pycifar.train(dataset, "softmax", callbacks={"on_epoch_end": end}, **settings)
except SystemExit as error:
    print(error.code, error.model.epochs_done)
    raise
print("went on")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (143, "143 2\n")
