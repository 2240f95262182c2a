"""What several test files share: the data sets, and one small trained model."""

from __future__ import annotations

import gc
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import CONTENT, Server

import pycifar


@pytest.fixture(scope="session", autouse=True)
def libraries_that_are_no_garbage() -> None:
    """Have each training look for garbage among what the tests made alone: a third of the time."""
    import pycifar.backend  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def cifar10_dir() -> Path:
    folder = os.environ.get("PYCIFAR_DATA_DIR")
    if not folder:
        pytest.skip("needs real CIFAR-10: set PYCIFAR_DATA_DIR")
    return Path(folder)


class TickingClock:
    """A clock that moves on by `tick` seconds each time that it is read, and at no other time."""

    def __init__(self) -> None:
        self.now, self.tick = 0.0, 0.0

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TickingClock:
    """What trainings read the time from in place of the machine's clock; a test sets its `tick`."""
    clock = TickingClock()
    for module in ("run", "progress", "phases"):
        monkeypatch.setattr(f"pycifar.training.{module}.monotonic", clock)
    monkeypatch.setattr("pycifar.training.train.call_began", clock)
    return clock


@pytest.fixture(autouse=True)
def nothing_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second interrupt soon after one in another test would end the test session."""
    monkeypatch.setattr("pycifar.interrupts._last", -math.inf)


@pytest.fixture(scope="session")
def small_dataset() -> pycifar.Dataset:
    return pycifar.load_dataset("synthetic", n_train=200, n_test=100)


@pytest.fixture(scope="session")
def small_model(small_dataset: pycifar.Dataset) -> pycifar.TrainedModel:
    return pycifar.train(small_dataset, "cnn2", epochs=2, batch_size=50, seed=1, verbose=0)


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server that serves a million drawn bytes, or what a test gives it."""
    with Server(CONTENT) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
