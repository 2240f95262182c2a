"""R CMD build and R CMD check, on a copy of what belongs to the R package."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .counts import Counts, of_status

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".check"

# R CMD build copies the whole folder before it looks at .Rbuildignore, and follows links. So it is
# given a copy without .venv, which takes some GB.
PACKAGE_FILES = [
    ".Rbuildignore",
    ".Rinstignore",
    "DESCRIPTION",
    "LICENSE",
    "NAMESPACE",
    "NEWS.md",
    "R",
    "README.md",
    "benchmarks/results/reproduction.json",
    "inst",
    "man",
    "pycifar",
    "tests/testthat",
    "tests/testthat.R",
    "tests/cases",
    "vignettes",
]

# What `--as-cran` would ask of a network or of tools beyond R is left to a release.
CHECK_SETTINGS = {
    "_R_CHECK_CRAN_INCOMING_": "false",
    "_R_CHECK_FORCE_SUGGESTS_": "false",
    "_R_CHECK_RD_VALIDATE_RD2HTML_": "false",
    "_R_CHECK_SYSTEM_CLOCK_": "false",
}


# What the other checks, or building the archive, have done already.
REPEATED = ("--no-tests", "--no-build-vignettes")


def check(*options: str) -> Counts:
    """Build the archive of the R package and check it.

    An error or a warning is a failure.

    Args:
        options: more of R CMD check's own.
    """
    source = copy_of_package(FOLDER / "source")
    for old in [*FOLDER.glob("*.tar.gz"), *FOLDER.glob("*.Rcheck")]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    if r_cmd("build", source) != 0:
        return Counts(failed=1)
    [archive] = FOLDER.glob("*.tar.gz")
    status = r_cmd("check", "--as-cran", "--no-manual", *options, archive)
    if status == 0 and has_warnings(FOLDER / "pycifar.Rcheck/00check.log"):
        status = 1
    return of_status(status)


def copy_of_package(folder: Path) -> Path:
    """Copy PACKAGE_FILES into an empty folder; links stay links."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in PACKAGE_FILES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            leave_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, symlinks=True, ignore=leave_out)
        elif source.is_file():
            shutil.copy2(source, target)
    return folder


def r_cmd(*arguments: str | Path) -> int:
    """Run an R CMD in FOLDER and show its output; return its exit status."""
    command = ["R", "CMD", *(str(argument) for argument in arguments)]
    environment = os.environ | CHECK_SETTINGS
    return subprocess.run(command, cwd=FOLDER, env=environment, check=False).returncode


def has_warnings(log: Path) -> bool:
    """Tell whether the last line of R CMD check's log counts errors or warnings."""
    [status] = re.findall(r"^Status: (.*)$", log.read_text(), flags=re.MULTILINE)
    return "WARNING" in status or "ERROR" in status
