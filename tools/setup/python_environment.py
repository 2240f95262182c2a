"""The Python side: a virtual environment in .venv with the package installed editable."""

import hashlib
import json
import sys
from pathlib import Path

from .step import SetupError, announce, ask, run

OLDEST = (3, 11)

# Asked of each candidate: its version, and whether it has the shared library that reticulate loads
# (a statically linked interpreter has none; Debian's comes with python3-dev).
DESCRIBE = """
import json, os, sys, sysconfig
names = [sysconfig.get_config_var(key) for key in ("INSTSONAME", "LDLIBRARY")]
folders = [sysconfig.get_config_var(key) for key in ("LIBDIR", "LIBPL", "PYTHONFRAMEWORKPREFIX")]
multiarch = sysconfig.get_config_var("MULTIARCH")
folders += [os.path.join(folder, multiarch) for folder in folders if folder and multiarch]
paths = [os.path.join(f, n) for f in folders if f for n in names if n and not n.endswith(".a")]
print(json.dumps([sys.version_info[:2], any(map(os.path.exists, paths))]))
"""


def prepare(root: Path) -> None:
    """Create .venv, or bring it up to date with pyproject.toml.

    Args:
        root: the project's folder.

    Raises:
        SetupError: when no interpreter on this machine will do, or pip fails.
    """
    folder, python = root / ".venv", root / ".venv/bin/python"
    stamp = folder / "pycifar-setup.json"
    wanted = {"folder": str(folder), "pyproject": fingerprint(root / "pyproject.toml")}
    made = json.loads(stamp.read_text()) if stamp.is_file() else {}
    if ask([python, "-c", "print('works')"]) == "":
        made = {}
    if made == wanted:
        return
    # The scripts in an environment name its folder, so that one cannot be moved.
    if made.get("folder") != wanted["folder"]:
        interpreter = choose_interpreter()
        announce(f"Making .venv with {interpreter}")
        run([interpreter, "-m", "venv", "--clear", folder], "Making the virtual environment")
    announce("Installing the Python package and what it needs into .venv (some minutes)")
    run(
        [python, "-m", "pip", "install", "--quiet", "--editable", f"{root}[dev]"],
        "Installing the Python package",
    )
    stamp.write_text(json.dumps(wanted))


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def choose_interpreter() -> Path:
    """Return the interpreter that runs this set-up, or else the one of the system.

    Raises:
        SetupError: names what each of the two lacks.
    """
    # Not sys.executable: that is .venv itself where the user has activated it.
    running = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    shortcomings = []
    for candidate in dict.fromkeys([running, Path("/usr/bin/python3")]):
        shortcoming = what_is_wrong_with(candidate)
        if shortcoming is None:
            return candidate
        shortcomings.append(f"{candidate} {shortcoming}.")
    raise SetupError(
        f"No Python here will do: it must be {OLDEST[0]}.{OLDEST[1]} or newer and built with a "
        "shared library, which R needs.\n"
        + "\n".join(shortcomings)
        + "\nName another with `make PYTHON=/path/to/python3 setup`."
    )


def what_is_wrong_with(interpreter: Path) -> str | None:
    """Return why an interpreter cannot be used, or None where it can."""
    answer = ask([interpreter, "-c", DESCRIBE])
    if answer == "":
        return "is not there"
    version, has_shared_library = json.loads(answer)
    if tuple(version) < OLDEST:
        return f"is Python {version[0]}.{version[1]}"
    if not has_shared_library:
        return "has no shared library (pyenv makes one with PYTHON_CONFIGURE_OPTS=--enable-shared)"
    return None
