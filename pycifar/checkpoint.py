"""Checkpoints: what a training that was cut off goes on from, in one file of a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import describe
from pycifar.config import TrainingConfig
from pycifar.errors import CheckpointError, OutputError
from pycifar.files import locked, remove_leftovers, write_atomically
from pycifar.npz import read_npz

NAME = "checkpoint.npz"
LOCK = "checkpoint.lock"
FORMAT = 1  # raised when an older pycifar could not go on from it
ABOUT = "about"  # the entry that holds everything but arrays, as JSON

# Settings that a time budget settles on the way, and which so differ where it goes on.
SETTLED_ON_THE_WAY = ("epochs", "passes")


@dataclass(frozen=True)
class TrainingState:
    """A training between two steps.

    Args:
        about: plain Python values that JSON can hold.
        arrays: lists of arrays by what they are of.
    """

    about: dict[str, Any]
    arrays: dict[str, list[np.ndarray]]


class Checkpoints:
    """A folder that holds the last checkpoint of one training.

    Args:
        folder: it exists.
        every: a checkpoint is made each so many steps, and after each epoch; None for these alone.
        found: the checkpoint to go on from, or None.
    """

    def __init__(self, folder: Path, every: int | None, found: TrainingState | None) -> None:
        self.path = folder / NAME
        self.every = every
        self.found = found
        self._data = ""

    def is_due(self, steps_done: int) -> bool:
        """Whether a checkpoint is to be made after so many steps."""
        return self.every is not None and steps_done % self.every == 0

    def save(self, state: TrainingState) -> None:
        """Replace the last checkpoint; it stays as it was where this fails."""
        about = json.dumps({"format": FORMAT, "data": self._data} | state.about)
        entries = {ABOUT: np.frombuffer(about.encode(), np.uint8)}
        for name, arrays in state.arrays.items():
            entries |= {f"{name}/{number}": _plain(values) for number, values in enumerate(arrays)}
        try:
            write_atomically(self.path, lambda path: np.savez(path, **entries))  # type: ignore[arg-type]
        except OutputError as error:
            raise CheckpointError(
                f"No checkpoint can be made: {error.message}",
                fix="The checkpoint before is whole; make room, and go on from it with `resume`.",
            ) from error

    def begin(self, config: TrainingConfig, data: str) -> None:
        """Say what training this is.

        Args:
            config: the settings.
            data: the fingerprint of the training images.

        Raises:
            CheckpointError: what was found is of another training.
        """
        self._data = data
        if self.found is None:
            return
        given, theirs = config.to_dict(), self.found.about["config"]
        if config.time_budget is not None:
            given, theirs = (_without(s, SETTLED_ON_THE_WAY) for s in (given, theirs))
        differences = [
            f"`{name}` is {describe(theirs.get(name))} there and {describe(value)} here"
            for name, value in given.items()
            if theirs.get(name) != value
        ]
        if self.found.about.get("data") != data:
            differences.append("the training images are others")
        if differences:
            raise self.misfit("; ".join(differences))

    def misfit(self, reason: str) -> CheckpointError:
        """The error that the checkpoint found is of another training."""
        return CheckpointError(
            f"{self.path} is of another training: {reason}.",
            fix="Resume with the same settings and data, or choose another folder.",
        )


@contextmanager
def checkpoints_in(
    folder: Path | None, every: int | None, resume: bool
) -> Iterator[Checkpoints | None]:
    """The checkpoints of a folder, which no other process can use meanwhile; None for no folder.

    Raises:
        CheckpointError: the folder is in use, or has a checkpoint that is damaged or that nobody
            asked to go on from.
        OutputError: the folder cannot be made or written to.
    """
    if folder is None:
        yield None
        return
    _make(folder)
    in_use = CheckpointError(
        f"Another training is making checkpoints in {folder}.",
        fix="Wait until it has ended, or choose another folder.",
    )
    with locked(folder / LOCK, in_use):
        remove_leftovers(folder / NAME)
        yield Checkpoints(folder, every, _find(folder / NAME, resume))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise OutputError(
            "`checkpoint_dir` must lie in a folder that exists; there is no folder "
            f"{folder.parent}.",
            fix="Create the folder first.",
        ) from None
    except OSError as error:
        raise OutputError(f"`checkpoint_dir` cannot be made: {error.strerror}: {folder}.") from None


def _find(path: Path, resume: bool) -> TrainingState | None:
    """The checkpoint to go on from: none where there is none yet."""
    if not path.exists():
        return None
    if not resume:
        raise CheckpointError(
            f"{path} is the checkpoint of an earlier training.",
            fix="Go on from it with `resume`, choose another folder, or delete it.",
        )
    try:
        return _read(path)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged, or no checkpoint: {error}.",
            fix="Delete it to begin anew.",
        ) from error


def _read(path: Path) -> TrainingState:
    entries = read_npz(path)
    about = json.loads(entries.pop(ABOUT).tobytes())
    if about["format"] > FORMAT:
        raise ValueError("a newer pycifar made it")
    if not isinstance(about["config"], dict):
        raise ValueError("it has no settings")
    arrays: dict[str, list[np.ndarray]] = {}
    for name, values in entries.items():  # in the order in which they were written
        arrays.setdefault(name.partition("/")[0], []).append(values)
    return TrainingState(about, arrays)


def _plain(values: np.ndarray) -> np.ndarray:
    """The values, or their bytes where NumPy has no such type, as for bfloat16."""
    return values.view(np.uint8) if values.dtype.kind == "V" else values


def fitting(
    arrays: Mapping[str, Sequence[np.ndarray]], name: str, like: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Arrays of a state in the shapes and types of those that they are to replace.

    Raises:
        ValueError: they have other shapes or types.
    """
    found = [
        values.view(own.dtype) if own.dtype.kind == "V" else values
        for values, own in zip(arrays.get(name, []), like, strict=True)
    ]
    for values, own in zip(found, like, strict=True):
        if (values.shape, values.dtype) != (own.shape, own.dtype):
            raise ValueError(f"{values.shape} {values.dtype} in place of {own.shape} {own.dtype}")
    return found


def _without(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in names}
