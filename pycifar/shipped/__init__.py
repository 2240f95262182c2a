"""Trained models that are part of the package.

Each is a model file beside a report, in JSON, of how it was made and how accurate it is.
`benchmarks/shipped_fastnet.py` makes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pycifar.arguments import check_path

DEFAULT_MODEL = "fastnet-cifar10"  # what `pycifar predict` uses if no model is given
SHIPPED: Mapping[str, Path] = {
    name: Path(__file__).with_name(f"{name}.keras") for name in (DEFAULT_MODEL,)
}


def check_model_path(name: str, value: Any) -> Path:
    """Return the path of a model file.

    Args:
        name: the name of the argument, for the error message.
        value: a path, or the name of a model that is part of the package. If there is a file of
            that name, it is the file's path.

    Raises:
        ArgumentError: it cannot be a path.
    """
    path = check_path(name, value)
    return path if path.is_file() else SHIPPED.get(str(value), path)
