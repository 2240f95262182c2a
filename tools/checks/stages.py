"""The checks, by name and in the order in which they run: the quick ones first."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from tools.setup.python_environment import fingerprint

from . import counts, r_cmd_check
from .counts import Counts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REPORTS = ROOT / ".check"
R_FOLDERS = ("R", "tests/testthat", "tests/interop", "benchmarks", "tools")
# Processes of pytest; TensorFlow computes with several threads in each.
PROCESSES = "--numprocesses=2"
QUICKLY = {"PYCIFAR_QUICK": "1"}  # see tests/testthat/setup.R
# Where the commands of a check write, each thread's own; None: where this process writes.
output: ContextVar[IO[str] | None] = ContextVar("output", default=None)
LEAST_COVERED = 90  # per cent of the lines; coverage.R has the same


def ruff() -> Counts:
    """Check the style and the format of the Python code."""
    commands = (["ruff", "check", "."], ["ruff", "format", "--check", "."])
    return counts.of_status(max(run(sys.executable, "-m", *command) for command in commands))


def mypy() -> Counts:
    """Check the types of the Python code."""
    return counts.of_status(run(sys.executable, "-m", "mypy"))


def lintr() -> Counts:
    """Check the style of the R code."""
    return counts.of_status(run("Rscript", HERE / "lint.R"))


def air() -> Counts:
    """Check the format of the R code."""
    return counts.of_status(run("air", "format", "--check", *R_FOLDERS))


def python_tests(*options: str) -> Counts:
    """Test the Python package and the tools."""
    return pytest("python", PROCESSES, "--dist=worksteal", *options, "tests/python", "tests/tools")


def r_tests(files: str = "", variables: Mapping[str, str] | None = None) -> Counts:
    """Test the installed R package.

    Args:
        files: a regular expression that the names of the test files must match.
        variables: of the environment, to set beside the present ones.
    """
    report = fresh_report("testthat.txt")
    status = run("Rscript", HERE / "testthat.R", report, files, variables=variables)
    return counts.of_suite(counts.from_testthat(report), status)


def interop_tests(*options: str) -> Counts:
    """Test Python, R and the shell against each other."""
    # The tests of a file stay together, since they share what its fixtures train.
    return pytest("interop", PROCESSES, "--dist=loadfile", *options, "tests/interop")


def vignettes() -> Counts:
    """Knit each vignette by itself, in an R session of its own."""
    pages = REPORTS / "vignettes"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(ROOT / "vignettes", pages)
    total = Counts()
    for page in sorted(pages.glob("*.Rmd")):
        code = f'rmarkdown::render("{page.name}", quiet = TRUE)'
        total += counts.of_status(run("Rscript", "-e", code, folder=pages))
        print(page.with_suffix(".html"), flush=True)
    return total


def backend_tests() -> Counts:
    """Test with Keras on JAX, in an environment apart.

    TensorFlow would import JAX as well, so it must not be where TensorFlow is used. What it shares
    with this environment it takes from there. It is made once, and anew when pyproject.toml has
    changed.
    """
    folder = REPORTS / "backends"
    python, stamp = folder / "bin/python", folder / "made-from"
    wanted = fingerprint(ROOT / "pyproject.toml")
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
        if run(python, "-m", "pip", "install", "--quiet", "--editable", ".[jax]") != 0:
            return Counts(failed=1)
        stamp.write_text(wanted)
    return pytest("backends", "tests/backends", python=python)


def pytest(name: str, *folders: str, python: str | Path = sys.executable) -> Counts:
    """Run pytest on some folders."""
    report = fresh_report(f"{name}.xml")
    status = run(python, "-m", "pytest", f"--junitxml={report}", *folders)
    return counts.of_suite(counts.from_pytest(report), status)


def r_package() -> Counts:
    """Check the archive of the R package, but for what the checks before this one do."""
    return r_cmd_check.check(*r_cmd_check.REPEATED)


def python_coverage() -> Counts:
    """Measure the lines of the Python package that its tests reach: at least 90%."""
    command = ["pytest", "--cov=pycifar", f"--cov-fail-under={LEAST_COVERED}", "tests/python"]
    return counts.of_status(run(sys.executable, "-m", *command))


def r_coverage() -> Counts:
    """Measure the lines of the R package that its tests reach: at least 90%."""
    source = r_cmd_check.copy_of_package(REPORTS / "coverage")
    return counts.of_status(run("Rscript", HERE / "coverage.R", source))


def fresh_report(name: str) -> Path:
    """Return the path to which a suite writes its counts, without an earlier file there."""
    REPORTS.mkdir(exist_ok=True)
    report = REPORTS / name
    report.unlink(missing_ok=True)
    return report


def run(
    *command: str | Path, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> int:
    """Run a command in a folder and show its output; return its exit status."""
    arguments = [str(part) for part in command]
    environment = os.environ | dict(variables or {})
    said = output.get()
    errors = subprocess.STDOUT if said else None
    return subprocess.run(
        arguments, cwd=folder, env=environment, check=False, stdout=said, stderr=errors
    ).returncode


STAGES: dict[str, tuple[str, Callable[[], Counts]]] = {
    "ruff": ("Python style (ruff)", ruff),
    "mypy": ("Python types (mypy)", mypy),
    "air": ("R format (air)", air),
    "lintr": ("R style (lintr)", lintr),
    "python": ("Python tests (pytest)", python_tests),
    "r": ("R tests (testthat)", r_tests),
    "backends": ("Keras on other backends (pytest)", backend_tests),
    "interop": ("Python, R and shell together (pytest, rpy2)", interop_tests),
    "r-package": ("R CMD build and R CMD check --as-cran, without the tests", r_package),
}

# Run where they are named alone: they run the tests, or some of them, once more.
APART: dict[str, tuple[str, Callable[[], Counts]]] = {
    "python-quick": ("Python tests that train nothing", lambda: python_tests("--quick")),
    "r-quick": ("R tests that train nothing", lambda: r_tests(variables=QUICKLY)),
    "python-data": ("Python tests in files that name CIFAR-10", lambda: python_tests("-mcifar10")),
    "r-data": ("R tests that look for CIFAR-10", lambda: r_tests("cifar10")),
    "interop-data": ("Interop tests in files that name it", lambda: interop_tests("-mcifar10")),
    "vignettes": ("Each vignette by itself", vignettes),
    "r-cmd-check": ("R CMD build and R CMD check --as-cran", r_cmd_check.check),
    "python-coverage": ("Lines of Python that tests reach", python_coverage),
    "r-coverage": ("Lines of R that tests reach (covr)", r_coverage),
}
