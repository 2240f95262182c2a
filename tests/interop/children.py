"""What the processes that the tests start have in common."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
TIMEOUT = 300  # seconds


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child whose R uses this very Python."""
    return {**os.environ, "RETICULATE_PYTHON": sys.executable, **extra}
