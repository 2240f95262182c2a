"""Which libraries can be imported, found out in a process of its own.

A broken library can do more than raise an error: TensorFlow ends the process where the processor
lacks an instruction that it was built with. So it is not this process that tries.
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

# What pycifar imports, by the name that pip knows, in the order in which they are tried.
MODULES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "pillow": "PIL",
    "rich": "rich",
    "matplotlib": "matplotlib",
    "keras": "keras",
}

PATIENCE = 180  # seconds; TensorFlow's first start from a cold disk can take one minute

_SCRIPT = "import sys; sys.path[:] = {path!r}; from pycifar.import_check import report; report()"


def check_imports() -> dict[str, dict[str, Any]]:
    """Try each library.

    Where this process has Keras already, it works, and is asked itself.

    Returns:
        For each name in `MODULES` a dict with `version`; or with `error`, one line, `missing`,
        whether it is not installed at all, and `fix`, a sentence or None. Keras has `backend`,
        `backend_version`, `devices`, a list of names, and `lacks_onednn`, as well.
    """
    if "keras" in sys.modules or not sys.executable:
        return dict(_try_all())
    # R imports pycifar from a folder that is not on the path.
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
        if name not in found:  # the first such one is the culprit; what follows was not tried
            found[name] = {"error": ending, "missing": False, "fix": None}
            ending = "not tried, because another library failed before it"
    return found


def report() -> None:
    """What the process of its own does: one line of JSON a library, as soon as it is known."""
    for name, found in _try_all():
        print(json.dumps({"name": name, **found}), flush=True)


def _try_all() -> Iterator[tuple[str, dict[str, Any]]]:
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
    return {"version": version(packages_distributions()[module][0])}  # as Rich is


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
    if status < 0:
        import signal

        return f"importing it ended the process with {signal.Signals(-status).name}"
    return f"importing it ended the process with status {status}"


def _text(output: bytes | str | None) -> str:
    """What came before a timeout, which Python gives as bytes even where text was asked for."""
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no message"]
    return lines[0] if isinstance(error, PycifarError) else f"{type(error).__name__}: {lines[0]}"
