"""Each hostile case once, and disks that are full at each of many places."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pycifar.errors import OutputError, PycifarError
from tools.torture.hostile import Case, cases

MOST_MEMORY = 1_000_000  # kB more than before
MOST_TIME = 30  # seconds
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
    """What came of a case: "handled", or what was not."""
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
        if time.monotonic() - started > MOST_TIME:
            said = said or "took too long"
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory > MOST_MEMORY:
            said = said or "took too much memory"
        made = _listing(Path(working)) | (_listing(place) ^ before)
        made |= {it for it in _listing(place.parent, deep=False) - outside if "made" in it[0]}
        names = {name for name, _ in made}
        if {Path(name).name for name in names} - OURS:
            said = said or f"files were made or changed: {sorted(names)}"
    return said or "handled"


def fill_disk(times: int) -> Counter[str]:
    """Save a model where the disk is full after some bytes: the old file must stay whole."""
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


def _listing(folder: Path, deep: bool = True) -> set[tuple[str, int]]:
    """What is in a folder, with times of change where it is looked through."""
    if not deep:
        return {(path.name, 0) for path in folder.iterdir()}
    return {
        (str(path), 0 if path.is_dir() else path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }
