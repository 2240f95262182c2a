"""Run the Python tests on the oldest versions that pyproject.toml allows: `python -m tools.floors`.

Keeps the floors honest: a floor that no longer works fails here, not on a user's machine.
"""

import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".floors"


def main() -> int:
    """Install the floors into an environment of their own and run tests/python there."""
    venv.create(FOLDER, with_pip=True, clear=True)
    python = FOLDER / "bin/python"
    constraints = FOLDER / "constraints.txt"
    constraints.write_text("\n".join(floors((ROOT / "pyproject.toml").read_text())) + "\n")
    print(constraints.read_text(), flush=True)
    install = ["-m", "pip", "install", "--quiet", "--constraint", str(constraints)]
    for arguments in (
        [*install, "--editable", ".[plots]", "pytest"],
        ["-m", "pytest", "tests/python"],
    ):
        status = subprocess.run([python, *arguments], cwd=ROOT, check=False).returncode
        if status != 0:
            return status
    return 0


def floors(pyproject: str) -> list[str]:
    """Each `"name>=version"` of a pyproject.toml as a pin: `name==version`."""
    return re.sub(
        r">=", "==", "\n".join(re.findall(r'^ *"([\w.-]+>=[\d.]+)"', pyproject, re.M))
    ).split()


if __name__ == "__main__":
    sys.exit(main())
