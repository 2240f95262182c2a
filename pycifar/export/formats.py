"""The formats that a model can be exported to: one module for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pycifar.export import litert, onnx, openvino, saved_model
from pycifar.export.network import Computation


class Format(Protocol):
    """A module that writes and runs one format.

    Attributes:
        NAME: the name of the format.
        SUFFIX: how its files end.
        MODULES: what must be installed to write it and to run it.
        RUNTIME: the package that runs it.
        FOLDER_HAS: a file that each export has, where it is a folder; else None.
        BESIDE: how the files end that are written beside the one that is asked for.
        QUANTIZES: whether it can be written in int8.
    """

    NAME: str
    SUFFIX: str
    MODULES: tuple[str, ...]
    RUNTIME: str
    FOLDER_HAS: str | None
    BESIDE: tuple[str, ...]
    QUANTIZES: bool

    def write(
        self,
        computation: Computation,
        saved: Path,
        path: Path,
        description: dict[str, Any],
        calibrating: np.ndarray | None,
    ) -> None:
        """Write a computation to `path`.

        Args:
            computation: what is written.
            saved: the same as a SavedModel, which most converters read.
            path: the file or folder to write.
            description: what the file says of itself; see `pycifar.export.description`.
            calibrating: images that the ranges of int8 are fitted on; None writes float32.
        """

    def load(self, path: Path) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from uint8 images to probabilities that runs the file."""

    def describe(self, path: Path) -> Any:
        """Return the description in a file."""


FORMATS: dict[str, Format] = {
    module.SUFFIX: module for module in (onnx, litert, openvino, saved_model)
}
