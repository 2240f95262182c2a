"""Fingerprints of the weights that trainings end with, to compare two versions of the sources.

    python -m tools.fingerprints --output before.json     # in the one
    python -m tools.fingerprints --compare before.json    # in the other; status 1 if any differ

Each network is trained in each way that leads to other weights. The numbers hold for one machine
and one set of versions alone, so no file of them is committed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SECONDS = 0.0  # on the clock of this process, which the trainings with a time budget go by

time.monotonic = lambda: SECONDS  # before pycifar takes it

import keras  # noqa: E402
import pandas  # noqa: E402

import pycifar  # noqa: E402

DATA = pycifar.load_dataset("synthetic", n_train=120, n_test=40)
USUAL = {"epochs": 2, "batch_size": 25, "seed": 7, "verbose": 0}
NUMPY = ("mlp_sigmoid", "mlp_relu")


class Stop(keras.callbacks.Callback):
    """A callback that fails after a number of steps, as a training that is cut off."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the step."""
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("cut off")


class Clock(keras.callbacks.Callback):
    """A clock that moves by one second in each step."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the clock."""
        global SECONDS
        SECONDS += 1.0


def plain(name: Any, **more: Any) -> Any:
    """Train with the usual settings."""
    return pycifar.train(DATA, name, **USUAL | more)


def resumed(name: str, **more: Any) -> Any:
    """Train, stop within the second epoch, and resume."""
    with tempfile.TemporaryDirectory() as folder:
        where = {"checkpoint_dir": folder, "checkpoint_every": 3}
        with contextlib.suppress(pycifar.errors.CallbackError):
            plain(name, callbacks=Stop(8), **where, **more)
        return plain(name, resume=True, **where, **more)


def resumed_averaged(name: str) -> Any:
    """Stop and resume a training that averages weights and keeps the best ones."""
    with tempfile.TemporaryDirectory() as folder:
        where = {"checkpoint_dir": folder, "checkpoint_every": 3}
        settings = {"schedule": "averaging", "epochs": 13, "best_weights": True}
        with contextlib.suppress(pycifar.errors.CallbackError):
            plain(name, callbacks=Stop(50), **where, **settings)
        return plain(name, resume=True, **where, **settings)


def going_on(name: str) -> Any:
    """Train, save, load, and go on with the training."""
    with tempfile.TemporaryDirectory() as folder:
        path = pycifar.save_model(plain(name), Path(folder) / "m.keras")
        return pycifar.train(DATA, pycifar.load_model(path), epochs=1, verbose=0)


def time_budget(name: str) -> Any:
    """Train for 21 seconds of a clock by which each step takes one second."""
    return plain(name, epochs=None, time_budget=21, callbacks=Clock())


WAYS: dict[str, Callable[[str], Any]] = {
    "plain": plain,
    "resumed": resumed,
    "averaged": lambda name: plain(name, schedule="averaging", epochs=13),
    "averaged, too short": lambda name: plain(name, schedule="averaging"),
    "resumed, averaged": resumed_averaged,
    "class weights": lambda name: plain(name, class_weights="balanced"),
    "label smoothing": lambda name: plain(name, label_smoothing=0.1),
    "going on": going_on,
    "time budget": time_budget,
    "augmented": lambda name: plain(name, augmentation=["flip", "shift", "cutout"]),
    "early stopping": lambda name: plain(name, epochs=4, early_stopping=1, best_weights=True),
    "no validation, float32": lambda name: plain(name, validation=None, precision="float32"),
}


def trainings() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield each training with its name."""
    table = pycifar.list_architectures()
    # Those for photographs take as long as all others together, and differ in nothing else.
    for name in table["architecture"][table["image_size"] == 32]:
        for way, train in WAYS.items():
            if name in NUMPY and way in ("class weights", "label smoothing"):
                continue
            yield f"{name}, {way}", functools.partial(train, name)
    for optimizer in ("sgd", "adam", "adamw", "rmsprop", "muon"):
        yield f"cnn2, {optimizer}", functools.partial(plain, "cnn2", optimizer=optimizer)
        yield f"cnn2, {optimizer}, resumed", functools.partial(resumed, "cnn2", optimizer=optimizer)
    for schedule in ("constant", "cosine", "step", "exponential", "one_cycle", "inverse_sqrt"):
        yield f"cnn2, {schedule}", functools.partial(plain, "cnn2", schedule=schedule)
    yield "cnn2, Keras's optimizer", lambda: plain("cnn2", optimizer=keras.optimizers.Nadam(0.002))


def record(model: Any) -> dict[str, str]:
    """Return what is compared of a training."""
    history: pandas.DataFrame = model.history
    return {
        "weights": model.fingerprint(),
        "history": hashlib.sha256(history.to_csv(index=False).encode()).hexdigest(),
        "probabilities": hashlib.sha256(
            pycifar.predict(model, DATA.split("test"), "prob").tobytes()
        ).hexdigest(),
    }


def search() -> dict[str, str]:
    """Return a hash of the losses of a search for a learning rate."""
    found = pycifar.find_learning_rate(DATA, "resnet20", steps=20, batch_size=25, seed=3)
    return {"table": hashlib.sha256(found.table.to_csv().encode()).hexdigest()}


def main() -> int:
    """Run all trainings, and write or compare their fingerprints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--only", default="", help="trainings whose name has this")
    given = parser.parse_args()
    before = json.loads(given.compare.read_text()) if given.compare else {}
    found, differ = {}, 0
    for name, train in trainings():
        if given.only in name:
            found[name] = record(train())
    if given.only in "search":
        found["search"] = search()
    for name, values in found.items():
        wrong = [key for key in values if given.compare and before[name][key] != values[key]]
        differ += bool(wrong)
        if wrong:
            print(f"{name}: other {' and '.join(wrong)}")
    print(f"{len(found)} trainings, {differ} differ")
    if given.output:
        given.output.write_text(json.dumps(found, indent=1) + "\n")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
