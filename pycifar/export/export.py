"""`export_model`: write a model in a format that other programs run, and check it there."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import check_choice, check_flag, check_output, describe
from pycifar.backend import silent_stderr
from pycifar.datasets import Dataset
from pycifar.errors import ArgumentError, ExportError, PycifarError
from pycifar.evaluation import check_model, predict
from pycifar.export.description import description_of
from pycifar.export.formats import FORMATS, Format
from pycifar.export.network import Computation
from pycifar.extras import require
from pycifar.files import output_error
from pycifar.foreign_names import known_arguments_only
from pycifar.given_images import read_images
from pycifar.models.trained_model import TrainedModel

QUANTIZED = ("int8",)

# Images that a file is checked on. More take longer, and tell no more of its operations.
FEW = 32
# Images that the ranges of int8 are fitted on; LiteRT's guide names 100 to 500.
MANY = 200

# How far a probability of a file may be from that of the same network in Keras: operations in
# float32 that add up in another order.
LARGEST_DIFFERENCE = 1e-4
# How far a network in half precision may be from the same in float32: bfloat16 has three digits.
LARGEST_ROUNDING = 0.1
# The smallest share of images whose class a file in int8 must keep.
SMALLEST_AGREEMENT = 0.9


@dataclass(frozen=True)
class Export:
    """What `export_model` wrote, and what it found when it ran that.

    Args:
        path: the file, or the folder of a SavedModel.
        format: "ONNX", "LiteRT", "OpenVINO" or "SavedModel".
        quantize: "int8", or None.
        bytes: its size, all files together.
        runtime: what ran it, with the version.
        images: the number of images that it was checked on.
        largest_difference: of a probability, to the network in float32 in Keras.
        agreement: the share of images with the class that `predict` gives, 0-1.
        rounding: the largest difference of a probability between the network in float32 and the
            model as it predicts; 0 for a model that computes in float32.

    Examples:
        >>> import pycifar
        >>> model = pycifar.load_model("fastnet-cifar10")
        >>> pycifar.export_model(model, "fastnet.savedmodel", overwrite=True).quantize is None
        True
    """

    path: Path
    format: str
    quantize: str | None
    bytes: int
    runtime: str
    images: int
    largest_difference: float
    agreement: float
    rounding: float

    def __repr__(self) -> str:
        kind = self.format if self.quantize is None else f"{self.format} in {self.quantize}"
        return (
            f"<Export {self.path}: {kind}, {self.bytes / 1e6:.2f} MB; {self.runtime} gives the "
            f"same class for {self.agreement:.1%} of {self.images} images, probabilities differ by "
            f"at most {self.largest_difference:.2g}>"
        )


@known_arguments_only
def export_model(
    model: TrainedModel,
    path: str | Path,
    images: Any = None,
    quantize: str | None = None,
    overwrite: bool = False,
) -> Export:
    """Write a model in a format that other programs run, without pycifar and without Keras.

    The exported network takes `images`, uint8 of shape (n, height, width, 3), and gives
    `probabilities`, float32 of shape (n, classes). Unless it is quantized, it computes in float32,
    whatever the model computes in. A temperature from `calibrate` is applied in it. Beside the
    network there is a description in JSON: class names, size, rule of resizing, prediction sets and
    origin.

    What was written is run in its own runtime before the call returns, and is compared with the
    model. If a probability differs by more than 0.0001, or in int8 the class of more than a tenth
    of the images, nothing is kept.

    Give a runtime many images in blocks, as it holds what it computes of all that it is given. A
    model that computes in bfloat16 predicts many of them faster than onnxruntime does with its
    ``.onnx`` in float32. Two ways are about as fast as the model or faster: int8, and OpenVINO,
    which also opens ``.onnx``, with its property "INFERENCE_PRECISION_HINT" set to "bf16".

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        path: where to write to. Its ending chooses the format.

            - ``.onnx``: ONNX. The description is its metadata "pycifar". It needs the extra `onnx`.
            - ``.tflite``: LiteRT. The file is a ZIP archive as well, with the description in
              ``pycifar.json`` and the classes in ``labels.txt``. It needs the extra `litert`.
            - ``.xml``: OpenVINO, with the weights in a file ``.bin`` beside it. The description is
              the entry "pycifar" of its runtime information. It needs the extra `openvino`.
            - ``.savedmodel``: SavedModel of TensorFlow, a folder. The description is in
              ``assets.extra/pycifar.json``.
        images: images to check the export on, in each form that `predict` takes; 32 of them are
            used. Of a data set, it is the training split. None draws some. For int8 they must be
            given, as the ranges of its numbers are fitted on them, on up to 200.
        quantize: "int8" stores weights in 8 bits and computes in whole numbers, for ``.onnx`` and
            ``.tflite``: a file of a fourth of the size, whose probabilities are coarser. None
            leaves float32.
        overwrite: whether an existing file or SavedModel may be replaced.

    Returns:
        An `Export`: what was written, and how near it is to the model.

    Raises:
        ArgumentError: an argument is not as above.
        DependencyError: a library that the format needs is missing, or Keras does not run on
            TensorFlow.
        ExportError: the format cannot hold the network, or the export computes something else.
        ImageError: the images are not as above.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> found = pycifar.export_model(model, "cnn2.savedmodel", overwrite=True)
        >>> found.format, found.largest_difference < 1e-4
        ('SavedModel', True)
    """
    check_model(model)
    kind, target = check_target(path, quantize, check_flag("overwrite", overwrite))
    if quantize is not None and images is None:
        raise ArgumentError(
            f"`images` must be given with `quantize` {describe(quantize)}, as the ranges of its "
            "numbers are fitted on them.",
            fix="Give the data set of the training.",
        )
    pixels = _pixels(model, images, FEW if quantize is None else MANY)
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.stem}-", dir=target.parent))
        found = _write(model, kind, folder, target, pixels, quantize)
        _move(folder / "export", target.parent)
        return found
    except OSError as error:
        raise output_error(target, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def check_target(path: Any, quantize: Any, overwrite: bool) -> tuple[Format, Path]:
    """Return the format that a path asks for, and the path.

    Raises:
        ArgumentError: the path has another ending, or the format cannot be quantized so.
        DependencyError: a library that the format needs is missing.
        OutputExistsError: there is something that may not be replaced.
    """
    folders = {suffix: kind.FOLDER_HAS for suffix, kind in FORMATS.items() if kind.FOLDER_HAS}
    target = check_output("path", path, tuple(FORMATS), overwrite, folders)
    kind = FORMATS[target.suffix.lower()]
    if kind.BESIDE and target.suffix != kind.SUFFIX:  # its runtime goes by the endings
        raise ArgumentError(
            f"`path` must end in {kind.SUFFIX}, in lower case, not {describe(target.name)}."
        )
    for suffix in kind.BESIDE:
        check_output("path", target.with_suffix(suffix), (suffix,), overwrite)
    if quantize is not None:
        check_choice("quantize", quantize, QUANTIZED)
        if not kind.QUANTIZES:
            raise ArgumentError(
                f"`quantize` is for {' and '.join(s for s, f in FORMATS.items() if f.QUANTIZES)}; "
                f"{kind.NAME} was asked for, with {describe(quantize)}."
            )
    require(kind.NAME, {name: name.replace("_", "-") for name in kind.MODULES})
    return kind, target


def _pixels(model: TrainedModel, images: Any, most: int) -> np.ndarray:
    """Return images of the model's size, spread over those that were given; drawn ones for None."""
    if images is None:
        return drawn(model.image_shape, most)
    split = None
    if isinstance(images, Dataset):
        split = "train" if "train" in images.splits else next(iter(images.splits))
    given = read_images(model, images, split, "stop").pixels
    if not len(given):
        raise ArgumentError("`images` must have at least one image; there are none.")
    chosen = np.linspace(0, len(given) - 1, min(most, len(given))).round().astype(int)
    return np.ascontiguousarray(given[np.unique(chosen)])


def drawn(image_shape: tuple[int, int, int], n: int) -> np.ndarray:
    """Return drawn images, uint8 of shape (n, *image_shape): shapes on coloured grounds."""
    from PIL import Image

    from pycifar.datasets import load_dataset

    small = load_dataset("synthetic", n_train=n, n_test=10).split("train").images
    size = (image_shape[1], image_shape[0])
    return np.stack([np.asarray(Image.fromarray(image).resize(size)) for image in small])


def _write(
    model: TrainedModel,
    kind: Format,
    folder: Path,
    target: Path,
    pixels: np.ndarray,
    quantize: str | None,
) -> Export:
    """Write an export into ``folder/export``, run it, and return what was found."""
    computation = Computation(model)
    (folder / "export").mkdir()
    path = folder / "export" / target.name
    with silent_stderr():  # the converters write there by themselves, much and for their authors
        _convert(computation, kind, folder / "saved", path, model, pixels, quantize)
        results = _run(lambda: kind.load(path)(pixels), f"{kind.NAME} cannot run the network")
    exact, own = computation(pixels), predict(model, pixels, "prob")
    agreement = float((results.argmax(axis=1) == own.argmax(axis=1)).mean())
    found = Export(
        path=target,
        format=kind.NAME,
        quantize=quantize,
        bytes=sum(file.stat().st_size for file in folder.rglob("export/**/*") if file.is_file()),
        runtime=f"{kind.RUNTIME} {importlib.metadata.version(kind.RUNTIME)}",
        images=len(pixels),
        largest_difference=float(abs(results - exact).max()),
        agreement=agreement,
        rounding=float(abs(exact - own).max()),
    )
    check_export(found)
    return found


def _convert(
    computation: Computation,
    kind: Format,
    saved: Path,
    path: Path,
    model: TrainedModel,
    pixels: np.ndarray,
    quantize: str | None,
) -> None:
    """Write a computation in a format; raise an ExportError if the format cannot hold it."""
    description = description_of(model, quantize)
    calibrating = None if quantize is None else pixels

    def convert() -> None:
        computation.save(saved)
        kind.write(computation, saved, path, description, calibrating)

    _run(convert, f"{kind.NAME} cannot hold the network")


def _run(step: Callable[[], Any], failure: str) -> Any:
    """Return the result of a converter or runtime; raise an ExportError if it fails."""
    try:
        return step()
    except PycifarError:
        raise
    except Exception as error:  # each converter and runtime has errors of its own
        raise ExportError(f"{failure}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what an error says, in one line; of LiteRT's, the operations that it lacks."""
    text = " ".join(str(error).split()) or type(error).__name__
    lacking = re.findall(r"(?:Flex ops|Custom ops): ([\w, ]+?) ?Details", text)
    return f"it has no operation {', '.join(lacking)}" if lacking else text[:300]


def check_export(found: Export) -> None:
    """Raise an ExportError if an export computes something else than its model."""
    if found.quantize is not None and found.agreement < SMALLEST_AGREEMENT:
        raise ExportError(
            f"In {found.quantize} only {found.agreement:.1%} of {found.images} images keep their "
            f"class; at least {SMALLEST_AGREEMENT:.0%} must. Nothing was kept.",
            fix="Give more images, and such as the model will be used on.",
        )
    if found.quantize is None and not found.largest_difference <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"{found.format} computes something else than the model: of {found.images} images a "
            f"probability differs by {found.largest_difference:.3g}, and at most by "
            f"{LARGEST_DIFFERENCE:g} is allowed. Nothing was kept."
        )
    if not found.rounding <= LARGEST_ROUNDING:
        raise ExportError(
            f"In float32 the network computes something else than in its own precision: of "
            f"{found.images} images a probability differs by {found.rounding:.3g}, and at most by "
            f"{LARGEST_ROUNDING:g} is allowed. Nothing was kept."
        )


def _move(folder: Path, target: Path) -> None:
    """Move the files of an export to where they belong, the one that is asked for last."""
    for part in sorted(folder.iterdir(), key=lambda part: part.suffix in FORMATS):
        place = target / part.name
        if place.is_dir():
            place.rename(folder.parent / "replaced")
        part.replace(place)
