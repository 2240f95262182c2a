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


def interrupt(child: subprocess.Popen[str], started: Path) -> tuple[str, str, float]:
    """Send SIGINT once the training runs; what the child printed, and how long it took to end."""
    deadline = time.monotonic() + TIMEOUT
    while not started.exists():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline, "the training did not start"
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGINT)
    sent = time.monotonic()
    out, err = child.communicate(timeout=60)
    return out, err, time.monotonic() - sent


def test_an_interrupt_in_rscript_gives_the_model_so_far(tmp_path):
    started = tmp_path / "started"
    script = tmp_path / "train.R"
    script.write_text(IN_R)
    # Rscript is a chain of processes; R itself gets the signal, as from a terminal.
    child = subprocess.Popen(
        [r_program(), "--no-echo", "--no-restore", f"--file={script}"],
        env=r_environment(STARTED=str(started)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err, seconds = interrupt(child, started)
    expected = ["warned", "interrupted TRUE ", "epochs TRUE ", "predicts 50 "]
    assert out.splitlines()[-4:] == expected, out + err
    assert child.returncode == 0
    assert seconds < 30


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
