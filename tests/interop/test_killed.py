"""A training that is killed goes on from its checkpoint, through each door, to the same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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


DOORS = ["python", "r", "shell"]


@pytest.fixture(scope="module")
def trainings(tmp_path_factory) -> Iterator[dict[str, Future[str]]]:
    """What each prints that was killed and went on, and one that was not; side by side."""
    folders = {door: tmp_path_factory.mktemp(door) / "checkpoints" for door in DOORS}
    with ThreadPoolExecutor() as pool:
        whole = pool.submit(output_of, [sys.executable, "-c", IN_PYTHON, ""])
        killed = {door: pool.submit(killed_and_resumed, door, folders[door]) for door in DOORS}
        yield {"whole": whole, **killed}


@pytest.mark.parametrize("door", DOORS)
def test_a_killed_training_ends_with_the_same_weights(door, trainings):
    out = trainings[door].result()
    found = json.loads(out)["fingerprint"] if door == "shell" else out.strip()
    assert found == trainings["whole"].result().strip()


def killed_and_resumed(door: str, folder: Path) -> str:
    """What a training prints that was killed as often as is wanted."""
    command = command_of(door, folder)
    for _ in range(KILLS):
        kill_after_a_checkpoint(command, folder)
    done = start(command, folder)
    out, err = done.communicate(timeout=TIMEOUT)
    assert done.returncode == 0, err
    return out


def command_of(door: str, folder: Path) -> list[str]:
    if door == "python":
        return [sys.executable, "-c", IN_PYTHON, str(folder)]
    if door == "shell":
        return [str(Path(sys.executable).with_name("pycifar")), *IN_SHELL, str(folder)]
    script = folder.parent / "train.R"
    script.write_text(IN_R)
    return [r_program(), "--no-echo", "--no-restore", f"--file={script}"]


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
    # What is killed leaves its temporary folder.
    own = {"FOLDER": str(folder), "TMPDIR": str(folder.parent)}
    return subprocess.Popen(
        command,
        env=r_environment(**own) if command[0] == r_program() else environment(**own),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
