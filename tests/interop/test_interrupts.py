"""Ctrl-C during a training: the model so far comes back, and the process lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from children import TIMEOUT, r_environment, r_program

IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("synthetic", n_train = 500, n_test = 50)
model <- withCallingHandlers(
  cifar_train(
    dataset, "cnn2", epochs = 100000, seed = 1, verbose = 0,
    callbacks = list(on_epoch_end = function(epoch, logs) {
      if (epoch == 2) file.create(Sys.getenv("STARTED"))
    })
  ),
  pycifar_warning_interrupted = function(warning) {
    cat("warned\\n")
    invokeRestart("muffleWarning")
  }
)
cat("interrupted", model$interrupted, "\\n")
cat("epochs", model$epochs_done >= 2, "\\n")
cat("predicts", length(predict(model, dataset)), "\\n")
"""


def start(script: Path, **variables: str) -> subprocess.Popen[str]:
    """R itself, which gets the signal, as from a terminal: Rscript is a chain of processes."""
    return subprocess.Popen(
        [r_program(), "--no-echo", "--no-restore", f"--file={script}"],
        env=r_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(
    child: subprocess.Popen[str], started: Path, number: int = signal.SIGINT
) -> tuple[str, str, float]:
    """Send a signal once the training runs; what the child printed, and how long it took to end."""
    deadline = time.monotonic() + TIMEOUT
    while not started.exists():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline, "the training did not start"
        time.sleep(0.05)
    os.kill(child.pid, number)
    sent = time.monotonic()
    out, err = child.communicate(timeout=60)
    return out, err, time.monotonic() - sent


def test_an_interrupt_in_rscript_gives_the_model_so_far(tmp_path):
    started = tmp_path / "started"
    script = tmp_path / "train.R"
    script.write_text(IN_R)
    child = start(script, STARTED=str(started))
    out, err, seconds = interrupt(child, started)
    expected = ["warned", "interrupted TRUE ", "epochs TRUE ", "predicts 50 "]
    assert out.splitlines()[-4:] == expected, out + err
    assert child.returncode == 0
    assert seconds < 30


LOOP_IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 20)
for (seed in 1:5) {
  model <- suppressWarnings(cifar_train(
    dataset, "softmax", epochs = 1e6, seed = seed, verbose = 0,
    callbacks = list(on_epoch_end = function(epoch, logs) {
      if (epoch == 2) tools::pskill(Sys.getpid(), tools::SIGINT)
    })
  ))
  cat("trained", seed, "\\n")
}
cat("went on\\n")
"""


def test_a_second_interrupt_ends_a_loop_in_rscript(tmp_path, rscript):
    done = rscript(LOOP_IN_R)
    assert done.stdout == "trained 1 \n", done.stdout + done.stderr
    assert done.returncode != 0


IN_R_WITH_A_FOLDER = """
library(pycifar)
dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 20)
cifar_train(
  dataset, "softmax", epochs = 1e6, seed = 1, verbose = 0, checkpoint_dir = Sys.getenv("FOLDER")
)
cat("went on\n")
"""


def test_a_signal_ends_r_and_leaves_a_checkpoint(tmp_path):
    script, folder = tmp_path / "train.R", tmp_path / "steps"
    script.write_text(IN_R_WITH_A_FOLDER)
    child = start(script, FOLDER=str(folder))
    out, err, _ = interrupt(child, folder / "checkpoint.npz", signal.SIGTERM)
    assert (child.returncode, out) == (-signal.SIGTERM, ""), err


def test_a_reader_of_r_who_leaves_costs_no_model(tmp_path):
    script = tmp_path / "train.R"
    script.write_text("""
library(pycifar)
dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 20)
model <- cifar_train(dataset, "softmax", epochs = 3, seed = 1, verbose = 1)
cifar_save_model(model, "model.keras")
""")
    command = f"'{r_program()}' --no-echo --no-restore --file=train.R 2>&1 | head -c 1"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=r_environment(), check=True)
    deadline = time.monotonic() + TIMEOUT  # head ends before R does
    while not (tmp_path / "model.keras").exists():
        assert time.monotonic() < deadline, "there is no model"
        time.sleep(0.1)


def test_an_interrupt_of_python_that_holds_r_gives_the_model_so_far(r_in_python, tmp_path):
    found = r_in_python(
        f"""
import signal, threading
r('''
dataset <- cifar_load_dataset("synthetic", n_train = 500, n_test = 50)
beat <- 0
''')
def interrupt():
    import time
    while not os.path.exists({str(tmp_path / "started")!r}):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
r('''
model <- suppressWarnings(cifar_train(
  dataset, "cnn2", epochs = 100000, seed = 1, verbose = 0,
  callbacks = list(on_epoch_end = function(epoch, logs) {{
    if (epoch == 2) file.create({str(tmp_path / "started")!r})
  }})
))
''')
verdict([bool(r("model$interrupted")[0]), int(r("length(predict(model, dataset))")[0])])
"""
    )
    assert found == [True, 50]
