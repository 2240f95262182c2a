"""Which libraries can be imported, tried in a child process.

A broken library can do more than raise an error. TensorFlow ends the process if the processor lacks
an instruction that TensorFlow was compiled with. So a child process imports the libraries.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pycifar.errors import PycifarError

# What pycifar imports: the name for pip and the name of the module, in the order of the attempts.
MODULES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "pillow": "PIL",
    "rich": "rich",
    "matplotlib": "matplotlib",
    "keras": "keras",
}

PATIENCE = 180  # seconds; the first import of TensorFlow from a cold disk can take one minute

_SCRIPT = "import sys; sys.path[:] = {path!r}; from pycifar.import_check import report; report()"


def check_imports() -> dict[str, dict[str, Any]]:
    """Try to import each library.

    No child process is started if this process has imported Keras already, which shows that Keras
    works, or if the path of Python is unknown.

    Returns:
        A dict for each name in `MODULES`. If the import worked, it has `version`. If not, it has
        `error` (one line), `missing` (whether the library is not installed at all) and `fix` (a
        sentence or None). That of Keras also has `backend`, `backend_version`, `devices` (a list of
        names) and `lacks_onednn`.
    """
    if "keras" in sys.modules or not sys.executable:
        return dict(_try_all())
    # R imports pycifar from a folder that is not on the path of the child.
    path = [*sys.path, str(Path(__file__).parents[1])]
    command = [sys.executable, "-c", _SCRIPT.format(path=path)]
    try:
        child = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
        )
        output, ending = child.stdout, _ending(child.returncode)
    except subprocess.TimeoutExpired as error:
        output, ending = _text(error.stdout), f"importing it took more than {PATIENCE} seconds"
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    found = {line.pop("name"): line for line in lines}
    for name in MODULES:
        if name not in found:  # the first library without a result ended the child
            found[name] = {"error": ending, "missing": False, "fix": None}
            ending = "not tried, because another library failed before it"
    return found


def report() -> None:
    """Print one line of JSON for each library, as soon as it was tried; the child calls this."""
    for name, found in _try_all():
        print(json.dumps({"name": name, **found}), flush=True)


def _try_all() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the result of each library, in the order of `MODULES`."""
    for name, module in MODULES.items():
        try:
            yield name, _describe_keras() if name == "keras" else _describe(module)
        except Exception as error:  # a broken library can raise anything
            missing = isinstance(error, ModuleNotFoundError) and error.name == module
            fix = error.fix if isinstance(error, PycifarError) else None
            yield name, {"error": _one_line(error), "missing": missing, "fix": fix}


def _describe(module: str) -> dict[str, Any]:
    from importlib.metadata import packages_distributions, version

    imported = importlib.import_module(module)
    if hasattr(imported, "__version__"):
        return {"version": imported.__version__}
    return {"version": version(packages_distributions()[module][0])}  # Rich has no __version__


def _describe_keras() -> dict[str, Any]:
    from pycifar.backend import keras, lacks_onednn, list_devices

    backend = keras.backend.backend()
    return {
        "version": keras.__version__,
        "backend": backend,
        "backend_version": importlib.import_module(backend).__version__,
        "devices": list_devices(),
        "lacks_onednn": lacks_onednn(),
    }


def _ending(status: int) -> str:
    """Return how a process ended, in words; a negative status is the number of a signal."""
    if status < 0:
        import signal

        return f"importing it ended the process with {signal.Signals(-status).name}"
    return f"importing it ended the process with status {status}"


def _text(output: bytes | str | None) -> str:
    """Return output as text: after a timeout, Python gives bytes even in text mode."""
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""


def _one_line(error: Exception) -> str:
    """Return the first line of an error, with its class unless it is one of pycifar's."""
    lines = str(error).strip().splitlines() or ["no message"]
    return lines[0] if isinstance(error, PycifarError) else f"{type(error).__name__}: {lines[0]}"
