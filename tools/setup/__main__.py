"""The steps of the set-up, in order."""

import sys
from pathlib import Path

from . import (
    data,
    debian,
    elsewhere,
    environment_file,
    python_environment,
    r_package,
    reticulate,
)
from .step import SetupError

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run every step; return 0 when pycifar is ready, 1 when the user must do something first."""
    try:
        if debian.manages_this_machine():
            debian.install_missing_packages()
        else:
            elsewhere.require_programs()
        python_environment.prepare(ROOT)
        reticulate.provide(ROOT)
        if not debian.manages_this_machine():
            elsewhere.require_r_packages(ROOT)
        r_package.install(ROOT)
        environment_file.write(ROOT)
        data.check(ROOT)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
