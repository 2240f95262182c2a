"""What the processes that the tests start have in common."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TIMEOUT = 300  # seconds


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child whose R uses this very Python."""
    return {**os.environ, "RETICULATE_PYTHON": sys.executable, **extra}


def output_of(command: list[str]) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def r_environment(**extra: str) -> dict[str, str]:
    """What the shell script R sets before it starts R itself."""
    told = subprocess.check_output(
        ["R", "--no-echo", "--no-restore", "-e", 'cat(Sys.getenv("LD_LIBRARY_PATH"), R.home())'],
        text=True,
        env=environment(),
    ).split()
    return environment(LD_LIBRARY_PATH=told[0], R_HOME=told[1], **extra)


def r_program() -> str:
    """R itself, which a signal is for; the script R and Rscript are chains of processes."""
    return f"{subprocess.check_output(['R', 'RHOME'], text=True).strip()}/bin/exec/R"
