"""A training that is killed goes on from its checkpoint, through each door, to the same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from children import TIMEOUT, environment, output_of, r_environment, r_program

SIZES = ["--dataset", "synthetic", "--n-train", "300", "--n-test", "20"]
KILLS = 1  # of each door, once a checkpoint is there; `make torture` has many

IN_PYTHON = """
import sys, pycifar
dataset = pycifar.load_dataset("synthetic", n_train=300, n_test=20)
model = pycifar.train(
    dataset, "cnn2", epochs=12, batch_size=50, augmentation="shift", seed=3, verbose=0,
    checkpoint_dir=sys.argv[1] or None, checkpoint_every=4 if sys.argv[1] else None,
    resume=bool(sys.argv[1]),
)
print(model.fingerprint())
"""

IN_R = """
library(pycifar)
dataset <- cifar_load_dataset("synthetic", n_train = 300, n_test = 20)
model <- cifar_train(
  dataset, "cnn2", epochs = 12, batch_size = 50, augmentation = "shift", seed = 3, verbose = 0,
  checkpoint_dir = Sys.getenv("FOLDER"), checkpoint_every = 4, resume = TRUE
)
cat(model$fingerprint, "\\n")
"""

IN_SHELL = [
    "train", *SIZES, "--epochs", "12", "--batch-size", "50", "--augmentation", "shift",
    "--seed", "3", "--checkpoint-every", "4", "--resume", "--quiet", "--json", "--checkpoint-dir",
]  # fmt: skip


@pytest.fixture(scope="module")
def expected() -> str:
    return output_of([sys.executable, "-c", IN_PYTHON, ""]).strip()


def commands(folder: Path) -> dict[str, list[str]]:
    script = folder.parent / "train.R"
    script.write_text(IN_R)
    pycifar = str(Path(sys.executable).with_name("pycifar"))
    return {
        "python": [sys.executable, "-c", IN_PYTHON, str(folder)],
        "r": [r_program(), "--no-echo", "--no-restore", f"--file={script}"],
        "shell": [pycifar, *IN_SHELL, str(folder)],
    }


@pytest.mark.parametrize("door", ["python", "r", "shell"])
def test_a_killed_training_ends_with_the_same_weights(door, expected, tmp_path):
    folder = tmp_path / "checkpoints"
    command = commands(folder)[door]
    for _ in range(KILLS):
        kill_after_a_checkpoint(command, folder)
    done = start(command, folder)
    out, err = done.communicate(timeout=TIMEOUT)
    assert done.returncode == 0, err
    found = json.loads(out)["fingerprint"] if door == "shell" else out.strip()
    assert found == expected


def kill_after_a_checkpoint(command: list[str], folder: Path) -> None:
    """Start, and end by SIGKILL once there is a newer checkpoint than before."""
    path = folder / "checkpoint.npz"
    before = path.stat().st_mtime_ns if path.exists() else 0
    child = start(command, folder)
    deadline = time.monotonic() + TIMEOUT
    while not (path.exists() and path.stat().st_mtime_ns > before):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline, "no checkpoint was made"
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=r_environment(FOLDER=str(folder)) if command[0] == r_program() else environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
