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
