"""Children in which R and Python meet: R inside Python (rpy2), Rscript, plain Python, the shell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from children import TIMEOUT, environment

# R inside Python may hang when the process ends (reticulate 1.43 to 1.46 under rpy2), so the child
# writes its verdict and leaves at once, without removing its temporary folder.
PRELUDE = """
import json, os, sys
def verdict(value):
    with open(os.environ["VERDICT"], "w") as file:
        json.dump(value, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
import rpy2.robjects as robjects
r = robjects.r
r("library(pycifar)")
"""


@pytest.fixture(scope="session", autouse=True)
def r_with_pycifar() -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("needs R: run `make setup`")
    found = subprocess.run(
        ["Rscript", "-e", "cat(requireNamespace('pycifar', quietly = TRUE))"],
        capture_output=True,
        text=True,
    )
    if found.stdout != "TRUE":
        pytest.skip("needs the R package pycifar: run `make setup`, then `. ./env.sh`")


@pytest.fixture
def r_in_python(tmp_path: Path) -> Callable[..., Any]:
    """Run code in a Python process that holds R; the code calls verdict(value)."""

    def run(code: str, **extra: str) -> Any:
        target = tmp_path / "verdict.json"
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + code],
            env=environment(VERDICT=str(target), TMPDIR=str(tmp_path), **extra),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert target.exists(), done.stdout + done.stderr
        return json.loads(target.read_text())

    return run


@pytest.fixture(scope="session")
def rscript() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an expression in Rscript."""

    def run(code: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["Rscript", "-e", code],
            env=environment(**extra),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )

    return run
