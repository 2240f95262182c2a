"""A model that is served: it reads pictures, predicts them and shows where it looks."""

from __future__ import annotations

import base64
import contextlib
import io
import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from pycifar.datasets.image_files import SQUASH, read_image
from pycifar.errors import DataFormatError, PycifarError
from pycifar.evaluation import prediction_record
from pycifar.explanation import explain
from pycifar.export.runtimes import predictor
from pycifar.memory import free_unused_memory
from pycifar.models.trained_model import TrainedModel
from pycifar.serving.batching import Batcher
from pycifar.serving.limits import LARGE, MOST_PIXELS, MOST_PIXELS_WEBP

# The heat map from nothing to much: clear, violet, orange, yellow (red, green, blue, opacity).
HEAT = np.array([[80, 0, 120, 0], [140, 20, 130, 90], [250, 110, 40, 150], [255, 225, 80, 190]])

_decoding_large = threading.Lock()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Decode one large picture at a time, and leave none of its memory to the thread."""
    with _decoding_large:
        try:
            yield
        finally:
            free_unused_memory()


class TooLargeError(DataFormatError):
    """A picture has more pixels than the server decodes."""


class ServedModel:
    """A model with what computes it.

    Args:
        name: the name under which clients ask for it.
        model: the model.
    """

    def __init__(self, name: str, model: TrainedModel) -> None:
        self.name, self.model = name, model
        self.image_shape = model.image_shape  # once, because Keras takes its time
        found = predictor(model)
        self.runtime = found.runtime
        self.threads = found.threads
        self.batcher = Batcher(found.compute, found.threads)

    @property
    def bytes_of_image(self) -> int:
        """The bytes of an image in the size of the model."""
        return math.prod(self.image_shape)

    def describe(self) -> dict[str, Any]:
        """Return what clients may know of it. Where its data lay is not part of that."""
        model = self.model
        calibration = model.calibration
        return {
            "name": self.name,
            "architecture": model.config.architecture,
            "class_names": list(model.class_names),
            "height": self.image_shape[0],
            "width": self.image_shape[1],
            "resize": (model.resize or SQUASH).to_dict(),
            "parameters": model.network.count_params(),
            "coverage": None if calibration is None else calibration.coverage,
            "fingerprint": model.fingerprint(),
            "runtime": self.runtime,
        }

    def read(self, content: bytes, place: np.ndarray) -> None:
        """Read a picture into its place as `predict` reads it.

        Args:
            content: the bytes of an image file.
            place: uint8, shape (height, width, 3), in the size of the model.

        Raises:
            TooLargeError: it has more pixels than the server decodes.
            DataFormatError: it is no image, or is damaged.
        """

        def admit(width: int, height: int, kind: str) -> None:
            most = MOST_PIXELS_WEBP if kind == "WEBP" else MOST_PIXELS
            if width * height > most:
                raise TooLargeError(
                    f"A picture has {width:,}×{height:,} pixels, and may have {most:,} as {kind}."
                )
            if width * height > LARGE:
                until_read.enter_context(_alone())

        size, resize = self.image_shape[:2], self.model.resize or SQUASH
        with contextlib.ExitStack() as until_read:
            place[...] = read_image(content, size, resize, admit)

    def record(self, probabilities: np.ndarray) -> dict[str, Any]:
        """Return the prediction of a picture as plain values.

        Args:
            probabilities: of its classes, shape (classes,).
        """
        return prediction_record(self.model, probabilities) | {"error": None}

    def explanation(self, pixels: np.ndarray) -> dict[str, Any]:
        """Return a picture of where the network looks, to be laid over the image.

        Args:
            pixels: of the image, in the size of the model.

        Returns:
            `heatmap`, the address ``data:`` of a PNG with opacity, in the size of the model; or
            None, with the reason as `heatmap_missing`.
        """
        try:
            found = explain(self.model, pixels)
        except PycifarError as error:
            return {"heatmap": None, "heatmap_missing": error.message}
        return {"heatmap": heat_picture(found.heatmap)}


def unread_record(error: PycifarError) -> dict[str, Any]:
    """Return the record of a picture that cannot be read."""
    nothing = dict.fromkeys(("class", "probability", "probabilities", "set"))
    return {**nothing, "error": error.message, "too_large": isinstance(error, TooLargeError)}


def heat_picture(heatmap: np.ndarray) -> str:
    """Return a heat map, shape (height, width) of 0-1, as the address of a picture."""
    from PIL import Image

    steps = np.linspace(0, 1, len(HEAT))
    colours = np.stack([np.interp(heatmap, steps, channel) for channel in HEAT.T], axis=-1)
    stream = io.BytesIO()
    Image.fromarray(colours.round().astype(np.uint8), "RGBA").save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
