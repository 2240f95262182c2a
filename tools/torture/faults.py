"""Each hostile case once, and disks that are full at each of many places."""

from __future__ import annotations

import itertools
import os
import resource
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from errno import EIO, ENOSPC
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.errors import OutputError, PycifarError
from pycifar.limits import READING_MEMORY, READING_SECONDS
from tools.torture.hostile import Case, cases

EXPECTED = {"model.keras", "checkpoint.npz", "checkpoint.lock"}
OURS = {"checkpoint.lock"}  # what a training makes of its own


def try_cases(chosen: Iterable[Case] | None = None) -> list[dict[str, str]]:
    """Read each case in an empty folder.

    Returns:
        One record a case: `kind`, `name` and `outcome`, which is "handled" or says what was not.
    """
    return [
        {"kind": case.kind, "name": case.name, "outcome": outcome_of(case)}
        for case in (cases() if chosen is None else chosen)
    ]


def outcome_of(case: Case) -> str:
    """Return the outcome of a case: "handled", or what was not."""
    home = Path.cwd()
    with (
        tempfile.TemporaryDirectory(prefix="pycifar-case-") as folder,
        tempfile.TemporaryDirectory(prefix="pycifar-cwd-") as working,
    ):
        place = Path(folder)
        case.write(place)
        before, outside = _listing(place), _listing(place.parent, deep=False)
        memory, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        os.chdir(working)
        try:
            case.read(place)
            said = "" if case.harmless else "was read"
        except PycifarError as error:
            said = f"was refused: {error}" if case.harmless else ""
        except Exception as error:
            said = f"uncaught {type(error).__name__}: {error}"
        finally:
            os.chdir(home)
        if time.monotonic() - started > READING_SECONDS:
            said = said or "took too long"
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory > READING_MEMORY / 1024:
            said = said or "took too much memory"
        made = _listing(Path(working)) | (_listing(place) ^ before)
        made |= {it for it in _listing(place.parent, deep=False) - outside if "made" in it[0]}
        names = {name for name, _ in made}
        if {Path(name).name for name in names} - OURS:
            said = said or f"files were made or changed: {sorted(names)}"
    return said or "handled"


def fill_disk(times: int) -> Counter[str]:
    """Save a model where the disk is full after some bytes.

    The old file must stay whole.
    """
    import pycifar

    dataset = pycifar.load_dataset("synthetic", n_train=40, n_test=10)
    models = [pycifar.train(dataset, n, epochs=1, seed=1, verbose=0) for n in ("lenet5", "softmax")]
    found: Counter[str] = Counter()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryDirectory(prefix="pycifar-") as folder:
        path = pycifar.save_model(models[1], Path(folder, "model.keras"))
        old = path.read_bytes()
        n_bytes = pycifar.save_model(models[0], Path(folder, "new.keras")).stat().st_size
        for number in range(times):
            limit = number * n_bytes // times
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
            try:
                pycifar.save_model(models[0], path, overwrite=True)
                found["written"] += 1
            except OutputError:
                found["handled"] += 1
            except Exception as error:
                found[f"uncaught {type(error).__name__}: {error}"] += 1
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
            if path.read_bytes() != old or len(list(Path(folder).iterdir())) != 2:
                found["lost"] += 1
    return found


# What writing a file calls, where it can fail.
CALLS = (
    (tempfile, "mkstemp"), (os, "fdopen"), (os, "fsync"), (os, "close"), (Path, "open"),
    (Path, "chmod"), (Path, "replace"), (Path, "write_bytes"), (zipfile.ZipFile, "writestr"),
    (zipfile.ZipFile, "open"), (zipfile.ZipFile, "close"), (np, "savez"),
)  # fmt: skip


def fail_each_call() -> Counter[str]:
    """Save models and make checkpoints while each call that writes fails in turn.

    Returns:
        How many were `tried` and `handled`: the old file or the new one is there, whole, nothing
        lies beside it, and the error is pycifar's own. What was not is named.
    """
    import pycifar

    dataset = pycifar.load_dataset("synthetic", n_train=40, n_test=10)
    models = [pycifar.train(dataset, n, epochs=1, seed=1, verbose=0) for n in ("lenet5", "softmax")]
    known = {model.fingerprint() for model in models}
    found: Counter[str] = Counter()

    def save_another(folder: Path) -> None:
        pycifar.save_model(models[1], folder / "model.keras")

    def save(folder: Path) -> None:
        pycifar.save_model(models[0], folder / "model.keras", overwrite=True)

    def resume(folder: Path) -> None:
        settings: dict[str, Any] = {"epochs": 2, "seed": 1, "verbose": 0, "resume": True}
        pycifar.train(dataset, "softmax", checkpoint_dir=folder, **settings)

    def model_is_whole(folder: Path) -> bool:
        return pycifar.load_model(folder / "model.keras").fingerprint() in known

    def checkpoint_is_whole(folder: Path) -> bool:
        resume(folder)
        return True

    for name, prepare, write, is_whole in (
        ("save_model", save_another, save, model_is_whole),
        ("checkpoint", lambda folder: None, resume, checkpoint_is_whole),
    ):
        for (holder, call), kind in itertools.product(CALLS, (ENOSPC, EIO)):
            for number in itertools.count():
                with tempfile.TemporaryDirectory(prefix="pycifar-") as place:
                    folder = Path(place)
                    prepare(folder)
                    with _failing(holder, call, number, kind) as failed:
                        said = _said(write, folder)
                    if not failed:
                        break
                    found["tried"] += 1
                    wrong = said or _left_behind(folder) or ("" if is_whole(folder) else "lost")
                    found[f"{name}, {call} {number}: {wrong}" if wrong else "handled"] += 1
    return found


def _left_behind(folder: Path) -> str:
    """Return the names of files that lie beside those that were asked for, or nothing."""
    beside = {path.name for path in folder.iterdir()} - EXPECTED
    return str(sorted(beside)) if beside else ""


def _said(write: Callable[[Path], None], folder: Path) -> str:
    """Return what was wrong with how writing failed, or nothing."""
    try:
        write(folder)
    except OutputError:
        return ""
    except Exception as error:
        return f"uncaught {type(error).__name__}: {error}"
    return ""


@contextmanager
def _failing(holder: Any, name: str, number: int, kind: int) -> Iterator[list[int]]:
    """Have the call of that number of a function fail.

    Yield a list that is empty until that call has failed.
    """
    sound = getattr(holder, name)
    calls, failed = itertools.count(), []

    def call(*arguments: Any, **named: Any) -> Any:
        reads = (holder, name) == (Path, "open") and "rb+" not in arguments
        if not reads and next(calls) == number:
            failed.append(number)
            if name == "close" and holder is os:
                sound(*arguments)  # a file that is not closed would stay so
            raise OSError(kind, os.strerror(kind))
        return sound(*arguments, **named)

    setattr(holder, name, call)
    try:
        yield failed
    finally:
        setattr(holder, name, sound)


def _listing(folder: Path, deep: bool = True) -> set[tuple[str, int]]:
    """Return what is in a folder; with `deep`, what is below it, with times of change."""
    if not deep:
        return {(path.name, 0) for path in folder.iterdir()}
    return {
        (str(path), 0 if path.is_dir() else path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }
