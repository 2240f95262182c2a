"""Real CIFAR-10, where the user has it: whether PYCIFAR_DATA_DIR points to it."""

import os
import subprocess
from pathlib import Path

from .step import SetupError

VARIABLE = "PYCIFAR_DATA_DIR"

ASK = """
import sys
from pycifar.datasets import find_cifar10
from pycifar.errors import PycifarError
try:
    find_cifar10()
except PycifarError as error:
    sys.exit(error.message)
"""


def check(root: Path) -> None:
    """Stop where the variable names a place without CIFAR-10.

    The variable need not be set.

    Args:
        root: the project's folder, whose Python is asked.

    Raises:
        SetupError: says what the variable names, and what to do.
    """
    if not os.environ.get(VARIABLE):
        return
    asked = subprocess.run(
        [str(root / ".venv/bin/python"), "-c", ASK], check=False, stderr=subprocess.PIPE, text=True
    )
    if asked.returncode != 0:
        raise SetupError(
            f"{asked.stderr.strip()}\nName a folder that holds CIFAR-10, or unset {VARIABLE}: "
            "it is not needed here."
        )
