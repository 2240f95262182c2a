"""Run the Python tests on the oldest versions that pyproject.toml allows: `python -m tools.floors`.

Keeps the floors honest: a floor that no longer works fails here, not on a user's machine. With
--list it only prints them, for `make audit`.
"""

import re
import subprocess
import sys
import venv
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".floors"


def main() -> int:
    """Install the floors into an environment of their own and run tests/python there."""
    pins = floors(requires("pycifar") or [])
    print("\n".join(pins), flush=True)
    if sys.argv[1:] == ["--list"]:
        return 0
    venv.create(FOLDER, with_pip=True, clear=True)
    constraints = FOLDER / "constraints.txt"
    constraints.write_text("\n".join(pins))
    install = ["pip", "install", "--quiet", "--constraint", str(constraints), "--editable"]
    # Old libraries beside new ones warn of each other; that is no fault of the floors.
    test = ["pytest", "--override-ini=filterwarnings=default", "tests/python"]
    extras = ".[litert,onnx,openvino,plots,serve,sklearn]"
    for arguments in ([*install, extras, "hypothesis", "pytest"], test):
        command = [str(FOLDER / "bin/python"), "-m", *arguments]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status != 0:
            return status
    return 0


def floors(requirements: list[str]) -> list[str]:
    """Return a pin, "name==version", to the floor of each requirement that has one.

    Args:
        requirements: as in package metadata, such as 'matplotlib>=3.10; extra == "plots"'.
    """
    found = (re.match(r"([\w.-]+)>=([\w.]+)", requirement) for requirement in requirements)
    return [f"{match[1]}=={match[2]}" for match in found if match]


if __name__ == "__main__":
    sys.exit(main())
