"""Checkpoints: the saved state from which a training resumes, one file in a folder."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import check_flag, describe
from pycifar.config import TrainingConfig
from pycifar.errors import CheckpointError, CheckpointWarning, OutputError, warn
from pycifar.files import locked, read_file, remove_leftovers, write_atomically
from pycifar.language import function
from pycifar.learners.descriptions import MEASURED
from pycifar.models.record import (
    checked_config,
    checked_count,
    checked_number,
    checked_numbers,
    checked_rows,
    checked_seconds,
    checked_text,
    checked_texts,
)
from pycifar.npz import read_npz

NAME = "checkpoint.npz"
LOCK = "checkpoint.lock"
FORMAT = 4  # increased whenever older files can no longer be resumed from
ABOUT = "about"  # the entry of the file that holds all but the arrays, as JSON


@dataclass(frozen=True)
class TrainingState:
    """The state of a training between two steps.

    Args:
        about: plain Python values that JSON can hold.
        arrays: lists of arrays by what they hold, such as "optimizer".
    """

    about: dict[str, Any]
    arrays: dict[str, list[np.ndarray]]


class Checkpoints:
    """The folder that holds the latest checkpoint of one training.

    Args:
        folder: a folder that exists.
        every: save a checkpoint every so many steps as well as after each epoch; None saves after
            each epoch only.
        found: the checkpoint to resume from, or None.
    """

    def __init__(self, folder: Path, every: int | None, found: TrainingState | None) -> None:
        self.path = folder / NAME
        self.every = every
        self.found = found
        self._of: dict[str, Any] = {}

    def is_due(self, steps_done: int) -> bool:
        """Return whether a checkpoint is due after so many steps."""
        return self.every is not None and steps_done % self.every == 0

    def save(self, state: TrainingState) -> None:
        """Replace the latest checkpoint. If this fails, the old one is unchanged.

        Raises:
            CheckpointError: the file cannot be written.
        """
        about = json.dumps({"format": FORMAT} | self._of | state.about)
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

    def begin(
        self,
        config: TrainingConfig,
        identity: Mapping[str, Any],
        environment: Mapping[str, str],
        harmless: Sequence[str],
    ) -> None:
        """Record which training this is, and check that the checkpoint found belongs to it.

        Args:
            config: the settings.
            identity: the images, network and optimizer; see `pycifar.training.identity`.
            environment: the versions and the hardware that compute the training.
            harmless: names in the environment that cannot change the weights.

        Raises:
            CheckpointError: the checkpoint found belongs to another training, or was computed in
                an environment that gives other weights.
        """
        self._of = {"identity": dict(identity), "environment": dict(environment)}
        if self.found is None:
            return
        about = self.found.about
        differences = _differences(about["config"], config.to_dict())
        found = about["identity"]
        for name, wrong in _MISMATCHES.items():
            if found.get(name) != identity[name]:
                differences.append(wrong)
        differences += _differences(found["optimizer"], identity["optimizer"], " of the optimizer")
        if differences:
            longer = len(differences) == 1 and config.epochs > about["config"]["epochs"]
            raise self.mismatch("; ".join(differences), longer)
        self._compare_environments(about["environment"], environment, harmless)

    def _compare_environments(
        self, theirs: Mapping[str, str], own: Mapping[str, str], harmless: Sequence[str]
    ) -> None:
        """Raise a CheckpointError for differences that may change weights; warn of others."""
        harmful = _differences(_without(theirs, harmless), _without(own, harmless))
        if harmful:
            raise CheckpointError(
                f"{self.path} was computed by something else, which gives other weights: "
                f"{'; '.join(harmful)}.",
                fix="Go on from it with the same versions and threads on such a machine, or choose "
                "another folder.",
            )
        if differences := _differences(theirs, own):
            listing = "; ".join(differences)
            warn(
                CheckpointWarning(
                    f"The checkpoint was made elsewhere, which changes no weights: {listing}."
                )
            )

    def mismatch(self, reason: str, longer: bool = False) -> CheckpointError:
        """Return the error for a checkpoint that belongs to another training.

        Args:
            reason: what differs.
            longer: whether only the number of epochs differs, and more are asked for.
        """
        fix = "Resume with the same settings and data, or choose another folder."
        if longer:
            fix = (
                "Resume with the same `epochs`, then train the model further: give it to "
                f"{function('train')} in place of the data set, with the number of further epochs."
            )
        return CheckpointError(f"{self.path} is of another training: {reason}.", fix=fix)


# The parts of a training's identity, each with the message for a checkpoint that has another.
_MISMATCHES = {
    "images": "the training images are others",
    "validation_images": "the images it is validated on are others",
    "network": "its network is another",
}


def _differences(theirs: Mapping[str, Any], own: Mapping[str, Any], of: str = "") -> list[str]:
    """Return a text for each value that differs."""
    return [
        f"`{name}`{of} is {describe(theirs.get(name))} there and {describe(own.get(name))} here"
        for name in {**own, **theirs}
        if theirs.get(name) != own.get(name)
    ]


@contextmanager
def checkpoints_in(
    folder: Path | None, every: int | None, resume: bool
) -> Iterator[Checkpoints | None]:
    """Yield the checkpoints of a folder, locked against other processes; None without a folder.

    Raises:
        CheckpointError: the folder is in use; or its checkpoint is damaged; or it has one and
            `resume` is False.
        OutputError: the folder cannot be created or written to.
    """
    if folder is None:
        yield None
        return
    _make(folder)
    in_use = CheckpointError(
        f"Another training is making checkpoints in {folder}.",
        fix="Wait until it has ended, or choose another folder.",
    )
    with locked(folder / LOCK, in_use, folder):
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
    """Return the checkpoint to resume from, or None if there is none yet."""
    if not os.path.lexists(path):
        return None
    if not resume:
        raise CheckpointError(
            f"{path} is the checkpoint of an earlier training.",
            fix="Go on from it with `resume`, choose another folder, or delete it.",
        )
    try:
        return _read(path)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, RecursionError):
            reason = "it is nested too deep"
        raise CheckpointError(
            f"{path} is damaged, or no checkpoint: {reason}.",
            fix="Delete it to begin anew.",
        ) from error


def _read(path: Path) -> TrainingState:
    entries = read_npz(io.BytesIO(read_file(path, follow_links=False)))
    about = json.loads(entries.pop(ABOUT).tobytes())
    if not isinstance(about, dict) or about["format"] != FORMAT:
        raise ValueError("a pycifar of another version made it")
    arrays: dict[str, list[np.ndarray]] = {}
    for name, values in entries.items():  # in the order in which they were written
        arrays.setdefault(name.partition("/")[0], []).append(values)
    return TrainingState(_checked(about), arrays)


def _checked(about: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a checkpoint, each checked, because the file may be untrusted."""
    known = ("format", "config", "rows", "seconds", "identity", "environment", "stopping")
    if unknown := set(about) - {*known, *_COUNTS, *_NUMBERS, "stopped", "is_frozen", "epoch"}:
        raise ValueError(f"it says something of {describe(min(unknown))}")
    rows = checked_rows(about["rows"])
    checked: dict[str, Any] = {
        "config": checked_config(about["config"]).to_dict(),
        "rows": rows,
        "seconds": list(checked_seconds(about["seconds"], rows)),
        "identity": _checked_identity(about["identity"]),
        "environment": checked_texts("environment", about["environment"]),
        "stopping": _checked_stopping(about["stopping"]),
        "stopped": check_flag("stopped", about["stopped"]),
        "is_frozen": check_flag("is_frozen", about.get("is_frozen", False)),
    }
    checked |= {name: checked_count(name, about[name]) for name in _COUNTS}
    checked |= {name: checked_number(name, about[name]) for name in _NUMBERS}
    if "epoch" in about:
        epoch = about["epoch"]
        parts = {"steps", "totals", "seconds", "others"}
        if set(epoch) | {"others"} != parts or set(epoch["totals"]) != set(MEASURED):
            raise ValueError("it does not say where in an epoch it is")
        checked["epoch"] = {
            "steps": checked_count("steps", epoch["steps"]),
            "totals": {m: checked_number(m, epoch["totals"][m], -math.inf) for m in MEASURED},
            "seconds": checked_number("seconds", epoch["seconds"]),
            "others": checked_numbers("others", epoch.get("others", {})),
        }
    return checked


_COUNTS = ("steps_done", "total_steps", "steps_before_epoch", "averaged")
_NUMBERS = ("elapsed", "passes", "rate_factor", "rate", "scheduled_rate")


def _checked_identity(value: Any) -> dict[str, Any]:
    names = (*_MISMATCHES, "optimizer")
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError("it does not say what training it is of")
    if not isinstance(value["optimizer"], dict):
        raise ValueError("it does not say what its optimizer is")
    for name in _MISMATCHES:
        if value[name] is not None:
            checked_text(name, value[name])
    return value


def _checked_stopping(value: Any) -> dict[str, Any]:
    """Return the counters of early stopping, checked; an empty dict without early stopping."""
    if value == {}:
        return {}
    if not isinstance(value, dict) or set(value) != {"wait", "best", "best_epoch", "stopped_epoch"}:
        raise ValueError("it does not say how early stopping stands")
    counts = {n: checked_count(n, value[n]) for n in ("wait", "best_epoch", "stopped_epoch")}
    best = value["best"]
    if best is not None and not (isinstance(best, float) and not math.isnan(best)):
        raise ValueError(f"its best loss is {describe(best)}")
    return counts | {"best": best}


def _plain(values: np.ndarray) -> np.ndarray:
    """Return values that NumPy can save: bytes for types that are not its own, as bfloat16."""
    return values.view(np.uint8) if values.dtype.kind == "V" else values


def arrays_like(
    arrays: Mapping[str, Sequence[np.ndarray]], name: str, like: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return the arrays of a saved state, after comparing them with those that they replace.

    Args:
        arrays: the arrays of the state.
        name: what the arrays hold.
        like: the arrays that they replace, in the same order.

    Raises:
        ValueError: their number, shapes or types differ.
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
