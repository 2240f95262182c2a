"""Processes that are ended at random instants while they train, and others that go on."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# What is trained: dropout; batch normalisation with augmentation and early stopping; images left
# out by their losses, in bfloat16; NumPy.
TRAININGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cnn2", {"epochs": 8, "batch_size": 50}),
    ("resnet20", {"epochs": 5, "batch_size": 50, "best_weights": True, "early_stopping": 3}),
    ("fastnet", {"epochs": 12, "batch_size": 50}),
    ("mlp_relu", {"epochs": 60, "batch_size": 20}),
)
EARLIEST, LATEST = 2.5, 12.0  # seconds from the start of a process to its end

TRAIN = """
import json, sys
import pycifar
name, folder, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
dataset = pycifar.load_dataset("synthetic", n_train=600, n_test=50)
if folder:
    settings |= {"checkpoint_dir": folder, "checkpoint_every": 3, "resume": True}
model = pycifar.train(dataset, name, seed=1, verbose=0, **settings)
print(model.fingerprint())
"""


def kill(times: int, seed: int = 1) -> dict[str, int]:
    """End trainings by SIGKILL; those that resume must end with the same weights.

    Returns:
        How often one was `killed`, how many trainings came to their `ends`, and how many of these
        had `other_weights` or `failed`.
    """
    with ThreadPoolExecutor(2) as pool:
        halves = pool.map(_chain, (times // 2, times - times // 2), (seed, seed + 1))
        found = list(halves)
    return {name: sum(half[name] for half in found) for name in found[0]}


def interrupt(times: int, seed: int = 1) -> dict[str, int]:
    """Send SIGINT to trainings; each must end by itself with what it has learned."""
    draws = random.Random(seed)
    found = {"interrupted": 0, "hung": 0, "failed": 0}
    for number in range(times):
        name, settings = TRAININGS[number % len(TRAININGS)]
        with tempfile.TemporaryDirectory(prefix="pycifar-") as folder:
            child = _start(name, folder, settings | {"epochs": 100_000, "early_stopping": None})
            if _ended(child, draws.uniform(EARLIEST, LATEST)) is None:
                child.send_signal(signal.SIGINT)
            ended = _ended(child, 60)
            if ended is None:
                _kill(child)
                found["hung"] += 1
                continue
            out, err = ended
            found["interrupted"] += 1
            # Before the training began, Python ends with its KeyboardInterrupt.
            sound = len(out.strip()) == 64 or "KeyboardInterrupt" in err
            found["failed"] += not sound
    return found


def _chain(times: int, seed: int) -> dict[str, int]:
    draws = random.Random(seed)
    found = {"killed": 0, "ends": 0, "other_weights": 0, "failed": 0}
    expected: dict[int, str] = {}
    number = seed
    while found["killed"] < times:
        which = number % len(TRAININGS)
        number += 1
        name, settings = TRAININGS[which]
        if which not in expected:
            expected[which] = _start(name, "", settings).communicate()[0].strip()
        folder = tempfile.mkdtemp(prefix="pycifar-")
        while True:
            child = _start(name, folder, settings)
            wait = draws.uniform(EARLIEST, LATEST) if found["killed"] < times else None
            ended = _ended(child, wait)
            if ended is None:
                _kill(child)
                found["killed"] += 1
                continue
            out, err = ended
            found["ends"] += 1
            found["failed"] += child.returncode != 0
            found["other_weights"] += child.returncode == 0 and out.strip() != expected[which]
            if child.returncode != 0:
                print(err, file=sys.stderr)
            break
        shutil.rmtree(folder)
    return found


def _ended(child: subprocess.Popen[str], seconds: float | None) -> tuple[str, str] | None:
    """Return what a process printed on its two streams, or None where it runs on."""
    try:
        return child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None


def _kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def _start(name: str, folder: str, settings: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, name, folder, json.dumps(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
