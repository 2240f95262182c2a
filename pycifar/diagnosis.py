"""`doctor`: what pycifar would run with on this machine, and how to repair what is wrong."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pycifar
from pycifar.errors import PycifarError
from pycifar.foreign_names import known_arguments_only
from pycifar.import_check import check_imports
from pycifar.processor import Processor, find_processor
from pycifar.table import as_html, paragraph

if TYPE_CHECKING:
    from pycifar.datasets.cifar10_location import Cifar10Location

OK, WARNING, PROBLEM = "ok", "warning", "problem"

# Libraries that pycifar works without, each with what needs it.
OPTIONAL = {"matplotlib": "only the plots of Python and of the shell need it"}

THREAD_SETTINGS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Args:
        name: what was checked.
        value: what was found.
        status: "ok"; "warning" for what works, but not as well as it could; "problem" for what
            prevents pycifar from working.
        fix: what to do about it, or None.
    """

    name: str
    value: str
    status: str = OK
    fix: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """The result of `doctor`. It prints as one line per check.

    Args:
        checks: in the order in which they are shown.
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem; there may be warnings."""
        return all(check.status != PROBLEM for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return `ok`, and `checks` as a list of dicts, as plain values for JSON."""
        return {"ok": self.ok, "checks": [asdict(check) for check in self.checks]}

    def __repr__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{check.status:<7}  {check.name:<{width}}  {check.value}")
            if check.fix:
                lines.append(f"{'':7}  {'':{width}}  → {check.fix}")
        return "\n".join([*lines, "", self._verdict()])

    def _repr_html_(self) -> str | None:
        """Return a table with one row per check; None, for plain text, if pandas is missing."""
        try:
            import pandas
        except ImportError:
            return None
        checks = [(check.status, check.name, check.value, check.fix or "") for check in self.checks]
        table = pandas.DataFrame(checks, columns=["status", "check", "found", "fix"])
        return paragraph(self._verdict()) + as_html(table)

    def _verdict(self) -> str:
        counts = {s: sum(c.status == s for c in self.checks) for s in (PROBLEM, WARNING)}
        parts = [f"{n or 'no'} {word}{'' if n == 1 else 's'}" for word, n in counts.items()]
        return ", ".join(parts).capitalize() + "."


@known_arguments_only
def doctor() -> Diagnosis:
    """Check what pycifar runs with: interpreter, libraries, backend, processor and data.

    It works even if TensorFlow or another library is missing or broken. Each library is imported in
    a process of its own, which takes some seconds.

    Returns:
        A `Diagnosis`; print it to read it.

    Examples:
        >>> import pycifar
        >>> pycifar.doctor().ok
        True
    """
    found = check_imports()
    processor = find_processor()
    return Diagnosis(
        (
            Check("pycifar", f"{pycifar.__version__} in {Path(__file__).parent}"),
            *_check_interpreter(),
            *(_check_library(name, facts) for name, facts in found.items()),
            *_check_backend(found["keras"]),
            _check_processor(processor),
            *_check_settings(processor),
            *_check_data(),
        )
    )


def _check_interpreter() -> Iterator[Check]:
    where = f"{platform.python_version()} at {sys.executable}, {_origin()}"
    yield Check("Python", where, *_advice_on_environment())
    active = os.environ.get("VIRTUAL_ENV")
    if active and Path(active).resolve() != Path(sys.prefix).resolve():
        yield Check(
            "VIRTUAL_ENV",
            f"{active} is active, but this Python is not its own",
            WARNING,
            f"Install pycifar there, or run `deactivate` to go on with {sys.executable}.",
        )
    wanted = os.environ.get("RETICULATE_PYTHON")
    if wanted and wanted != "managed" and not _is_this_interpreter(Path(wanted).expanduser()):
        yield Check(
            "RETICULATE_PYTHON",
            f"R uses another Python: {wanted}",
            WARNING,
            f"Set RETICULATE_PYTHON={shlex.quote(sys.executable)}, so that R and Python share one.",
        )


def _origin() -> str:
    """Return why this interpreter is used, in words."""
    in_r = "rpytools" in sys.modules  # reticulate's own module
    if in_r and os.environ.get("RETICULATE_PYTHON"):
        return "named by RETICULATE_PYTHON"
    chosen = "chosen by reticulate: " if in_r else ""
    if os.environ.get("CONDA_PREFIX") == sys.prefix:
        return f"{chosen}the conda environment {sys.prefix}"
    if sys.prefix != sys.base_prefix:
        return f"{chosen}the virtual environment {sys.prefix}"
    return f"{chosen}not in a virtual environment"


def _advice_on_environment() -> tuple[str, str | None]:
    """Return status and fix: a warning if the system forbids pip to install here (PEP 668)."""
    marker = Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    if sys.prefix != sys.base_prefix or not marker.exists():
        return OK, None
    return WARNING, (
        "The system keeps pip from installing here. Make an environment with "
        f"`{shlex.quote(sys.executable)} -m venv pycifar-env`, and install with its pip."
    )


def _is_this_interpreter(path: Path) -> bool:
    """Return whether a path, of an interpreter or an environment, leads to this Python.

    Folders are compared, because the interpreter of an environment is a link to another one.
    """
    here = Path(sys.executable).parent.resolve()
    return path.exists() and here in (path.parent.resolve(), (path / "bin").resolve())


def _check_library(name: str, facts: dict[str, Any]) -> Check:
    floor = _floors().get(name)
    requirement = f"{name}>={floor}" if floor else name
    install = f"{shlex.quote(sys.executable)} -m pip install --upgrade {shlex.quote(requirement)}"
    if "error" in facts:
        value = "not installed" if facts["missing"] else facts["error"]
        fix = facts["fix"] or f"Run `{install}`."
        if name in OPTIONAL:
            return Check(name, f"{value}; {OPTIONAL[name]}", WARNING, fix)
        return Check(name, value, PROBLEM, fix)
    version = facts["version"]
    if floor and _numbers(version) < _numbers(floor):
        old = f"{version}, but pycifar needs {floor} or newer"
        return Check(name, old, PROBLEM, f"Run `{install}`.")
    return Check(name, version)


def _floors() -> dict[str, str]:
    """Return the lowest version of each library that the installed pycifar accepts."""
    from importlib import metadata

    try:
        requirements = metadata.requires("pycifar") or []
    except metadata.PackageNotFoundError:  # the R package brings pycifar without its metadata
        return {}
    matches = (re.match(r"([\w-]+)>=([\w.]+)", line) for line in requirements)
    return {match[1]: match[2] for match in matches if match}


def _numbers(version: str) -> list[int]:
    """Return the numbers of a version as a list: 3 and 12 for "3.12rc1"."""
    return [int(number) for number in re.findall(r"\d+", re.split("[a-z+]", version)[0])]


def _check_backend(keras: dict[str, Any]) -> Iterator[Check]:
    if "error" in keras:
        return
    chosen = " (KERAS_BACKEND)" if os.environ.get("KERAS_BACKEND") else ""
    yield Check("backend", f"{keras['backend']} {keras['backend_version']}{chosen}")
    yield Check("devices", ", ".join(keras["devices"]))
    if keras["lacks_onednn"]:
        yield Check(
            "oneDNN",
            "off, because TensorFlow was imported before pycifar: training takes up to twice as "
            "long, and its weights differ in the last bits from those of runs with it",
            WARNING,
            "Import pycifar first, or set TF_ENABLE_ONEDNN_OPTS=1.",
        )


def _check_processor(processor: Processor) -> Check:
    value = f"{processor.name}, {processor.cores} cores to use"
    if processor.instructions is None:
        return Check("processor", value)
    value += f", {', '.join(processor.instructions) or 'no vector instructions'}"
    return Check("processor", value)


def _check_settings(processor: Processor) -> Iterator[Check]:
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        yield Check(
            "TF_ENABLE_ONEDNN_OPTS",
            "0: training is 2 to 4 times slower",
            WARNING,
            "Unset it, unless you repeat a run that was made with it.",
        )
    for name in THREAD_SETTINGS:
        value = os.environ.get(name, "")
        if not value.isdecimal():
            continue
        n = int(value)
        note = f"{n}: weights agree bit for bit only with runs of as many threads"
        if 0 < n < processor.cores:
            unused = f"{note}, and {processor.cores - n} of {processor.cores} cores stay idle"
            yield Check(name, unused, WARNING, "Unset it to use all cores.")
        elif n:
            yield Check(name, note)


def _check_data() -> Iterator[Check]:
    try:
        from pycifar.datasets.cifar10_location import find_cifar10
        from pycifar.files import cache_folder
    except ImportError:  # NumPy is missing, which is checked above
        return
    try:
        location = find_cifar10()
    except PycifarError as error:
        yield Check("CIFAR-10", error.message, PROBLEM, error.fix)
    else:
        yield _check_cifar10(location)
    yield _check_cache(cache_folder())


def _check_cifar10(location: Cifar10Location | None) -> Check:
    from pycifar.datasets.cifar10 import CIFAR10_BYTES

    if location is not None:
        return Check("CIFAR-10", f"{location.layout.name} in {location.path}")
    size = f"{CIFAR10_BYTES / 1e6:.0f} MB"
    return Check(
        "CIFAR-10",
        "not on this machine",
        WARNING,
        f"The first use downloads it ({size}). Where it is already, set PYCIFAR_DATA_DIR to its "
        'folder; the data set "synthetic" needs neither.',
    )


def _check_cache(folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Check("cache", f"{folder} can be written")
    return Check(
        "cache",
        f"{folder} cannot be written, because {existing} is not a folder of yours",
        WARNING,
        "Set XDG_CACHE_HOME to a folder of yours, or PYCIFAR_DATA_DIR to where CIFAR-10 is.",
    )
