"""Real CIFAR-10 for the demonstration and the tests, where a copy lies beside the project."""

import os
from pathlib import Path

from .step import announce, run

MAKER = Path("../shared/data/make_cifar10.py")


def prepare(root: Path) -> Path | None:
    """Write CIFAR-10 into .data, once.

    Args:
        root: the project's folder.

    Returns:
        The folder with the published batches, or None where no copy is at hand: the tests and the
        demonstration then use synthetic images.

    Raises:
        SetupError: when the copy cannot be unpacked.
    """
    data_dir, maker = root / ".data", root / MAKER
    if data_dir.is_dir():
        return data_dir
    if "PYCIFAR_DATA_DIR" in os.environ or not maker.is_file():
        return None
    announce("Writing CIFAR-10 into .data (half a minute, 370 MB)")
    # Under another name until it is whole, so that an interrupted run leaves nothing half done.
    unfinished = root / ".data.unfinished"
    run([root / ".venv/bin/python", maker, unfinished], "Writing CIFAR-10")
    unfinished.rename(data_dir)
    return data_dir
