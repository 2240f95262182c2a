"""Using a trained model: predictions, and the evaluation of a split."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_choice, check_flag, describe
from pycifar.config import DEFAULT_SPLIT
from pycifar.content import ByContent
from pycifar.datasets import Dataset, Split
from pycifar.datasets.arrays import check_images
from pycifar.datasets.dataset import check_dataset
from pycifar.datasets.image_files import MOST_CHANNELS, find_files, read_image
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataNotFoundError,
    ImageError,
    SkippedWarning,
    first_of,
)
from pycifar.learners import learner_for
from pycifar.memory import check_image_fits, images_that_fit
from pycifar.models.trained_model import TrainedModel, check_trained_model
from pycifar.table import as_html, as_text, paragraph

if TYPE_CHECKING:
    import pandas

PREDICTION_BATCH = 500  # images; larger batches are no faster on a CPU
NO_LABEL = -1  # of an image that could not be read
_PATHS = (str, os.PathLike)
_FILES = (*_PATHS, bytes, bytearray, memoryview)  # one image each, as are file objects
CALIBRATION_BINS = 15  # of equal width, as in Guo et al. 2017
# A probability below this has lost digits, or is 0: the loss is then computed from the logits, as a
# training does. Where that is not possible, it counts as this.
SMALLEST_PROBABILITY = 2.0**-126  # the smallest normal float32


@dataclass(frozen=True, eq=False)
class Evaluation(ByContent):
    """The evaluation of a model on one split.

    Args:
        split: the name of the split.
        n: the number of images.
        accuracy: the share of images whose most probable class is the true one, 0-1.
        loss: the mean cross-entropy in nats, without any weight decay.
        calibration_error: the expected calibration error, 0-1 (Guo et al. 2017). It is the mean
            distance between confidence and accuracy over 15 bins of confidence, weighted by the
            number of images in each bin.
        per_class: one row per class: `class`, `precision`, `recall`, `f1` (0-1; 0 for a class that
            is never predicted) and `support` (the number of images of the class).
        confusion: the confusion matrix as counts. Rows are the true classes and columns the
            predicted ones, both by name.
    """

    split: str
    n: int
    accuracy: float
    loss: float
    calibration_error: float
    per_class: pandas.DataFrame
    confusion: pandas.DataFrame

    def __repr__(self) -> str:
        return f"{self._measures()}\n\n{as_text(self.per_class)}"

    def _repr_html_(self) -> str:
        return paragraph(self._measures()) + as_html(self.per_class)

    def _measures(self) -> str:
        return (
            f"{self.n:,} images of the split {self.split}: accuracy {self.accuracy:.4f}, "
            f"loss {self.loss:.4f}, calibration error {self.calibration_error:.4f}"
        )


def predict(
    model: TrainedModel,
    images: Any,
    type: str = "class",  # noqa: A002  the name that the argument has in R's `predict`
    tta: bool = False,
    split: str | None = None,
    on_error: str = "stop",
) -> np.ndarray:
    """Predict the classes of images.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        images: the images, as one of these. One image: a path of an image file; the bytes of such
            a file, or a binary file object; a Pillow image; or an array of shape (height, width)
            for grey, or (height, width, channels) with 1 to 4 channels, with values of uint8, other
            whole numbers 0-255 or floats 0-1. A list of these. A path with the wildcards ``*``,
            ``?`` and ``**``, which passes over files that are no images, with a warning. A column
            or an array of paths, a table with a column `path`, or an iterator, such as that of
            ``Path.glob``. An array of many images, of shape (n, height, width, 3). A data set, or a
            `Split` of one. An image that is given alone or in a list may have any size, and is
            resized; an array of many images and a data set must have the model's image size.
        type: "class" or "prob".
        tta: test-time augmentation: whether to average the probabilities over six views of each
            image, which takes six times as long. The views are the image, the image moved by one
            pixel up and left, and the image moved by one pixel down and right, each also mirrored
            left to right. The two views that are not moved have half of the total weight.
        split: the split of a data set, see `evaluate`; None means "test". It must be None for
            other images.
        on_error: "stop" raises an error for an image that cannot be read; "skip" predicts the
            others, and warns of it.

    Returns:
        For "class" the 0-based labels, int64 of shape (n,), which index `model.class_names`; for
        "prob" the probabilities, float32 of shape (n, classes), in the order of the class names.
        An image that was skipped has the label -1, which is a missing value of
        `pandas.Categorical.from_codes`, and NaN as probabilities.

    Raises:
        ArgumentError: an argument is not as above, or the model returns NaN.
        DataError: there is no such split.
        ImageError: the images are not as above, or many of them do not have the model's image size.
        DataNotFoundError: a file does not exist, or no image matches the wildcards.
        DataFormatError: a file is not an image.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.predict(model, dataset).shape
        (100,)
    """
    check_model(model)
    check_choice("type", type, ["class", "prob"])
    check_choice("on_error", on_error, ["stop", "skip"])
    check_flag("tta", tta)
    pixels, is_read = _read_images(model, images, split, on_error)
    probabilities = np.full((len(is_read), len(model.class_names)), np.nan, np.float32)
    if len(pixels):
        probabilities[is_read] = _probabilities(model, pixels, tta)
    if type == "prob":
        return probabilities
    return np.where(is_read, probabilities.argmax(axis=1), NO_LABEL)


def evaluate(
    model: TrainedModel, dataset: Dataset, split: str = DEFAULT_SPLIT, tta: bool = False
) -> Evaluation:
    """Evaluate a model on a split of a data set.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        dataset: a data set with the model's classes, in the same order.
        split: the name of the split. "validation" is the share of the training split that the
            training held out, if the data set has no split of that name; see
            `TrainedModel.split_of`.
        tta: test-time augmentation, see `predict`.

    Returns:
        An `Evaluation`.

    Raises:
        ArgumentError: `model`, `dataset` or `tta` is not as above, or the model returns NaN.
        DataError: there is no such split, or its classes are not the model's; or "validation" is
            asked for with another data set than the model was trained on.
        ImageError: the images do not have the model's image size.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.evaluate(model, dataset).n
        100
    """
    check_model(model)
    check_flag("tta", tta)
    check_dataset(dataset)
    model.check_classes(dataset.class_names)
    part = model.split_of(dataset, split)
    images = as_images(model, part)
    probabilities = _probabilities(model, images, tta)
    losses = _losses(probabilities, part.labels)
    lost = np.flatnonzero(losses >= -np.log(SMALLEST_PROBABILITY))
    if len(lost) and not tta:
        learner, size = learner_for(model.network), PREDICTION_BATCH
        for some in (lost[start : start + size] for start in range(0, len(lost), size)):
            losses[some] = learner.losses(images[some], part.labels[some])
    return measure(probabilities, part.labels, model.class_names, split, losses)


def _losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each image in nats, float64, shape (n,)."""
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses: np.ndarray = -np.log(np.maximum(of_truth, SMALLEST_PROBABILITY))
    return losses


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    split: str,
    losses: np.ndarray | None = None,
) -> Evaluation:
    """Return the evaluation of probabilities against labels.

    Args:
        probabilities: of the classes, shape (n, classes).
        labels: 0-based, shape (n,).
        class_names: one name per class.
        split: the name of the split.
        losses: the loss of each image, shape (n,); None computes it from the probabilities.
    """
    import pandas

    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    losses = _losses(probabilities, labels) if losses is None else losses
    counts = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    names = list(class_names)
    return Evaluation(
        split=split,
        n=len(labels),
        accuracy=float(right.mean()),
        # Added to 0, so that the loss of a perfect model is 0 and not -0.
        loss=float(0 + losses.mean()),
        calibration_error=_calibration_error(probabilities.max(axis=1), right),
        per_class=_per_class(counts, names),
        confusion=pandas.DataFrame(counts, index=names, columns=names),
    )


def check_model(model: Any) -> None:
    """Raise an error unless `model` is a trained model that can compute in this process.

    Raises:
        ArgumentError: it is not one, or one image needs more memory than is free.
        ForkedError: this process was forked.
    """
    check_trained_model(model)
    learner_for(model.network).check_process()
    check_image_fits(model.network)


def as_images(model: TrainedModel, images: Any) -> np.ndarray:
    """Return what `predict` takes as uint8 images of the model's size, (n, height, width, 3)."""
    return _read_images(model, images, None, "stop")[0]


def _read_images(
    model: TrainedModel, images: Any, split: str | None, on_error: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that can be read, and for each image whether it can be; see `predict`.

    Returns:
        (pixels, is_read): uint8 of the model's size, shape (images read, height, width, 3); and
        truth values, shape (images,).
    """
    if isinstance(images, Dataset):
        images = model.split_of(images, DEFAULT_SPLIT if split is None else split)
    elif split is not None:
        raise ArgumentError(
            f"`split` is for a data set alone, and `images` is none: it was {describe(split)}."
        )
    listed = _listed(images)
    items = _checked_items(listed) if isinstance(listed, (list, tuple)) else [listed]
    if not all(is_one_image(item) for item in items):
        pixels = check_images(listed, model.image_shape)
        return pixels, np.ones(len(pixels), bool)
    found, passed_over = _expanded(items, on_error)
    read = [_pixels(item, model.image_shape[:2], on_error) for item in found]
    is_read = np.array([pixels is not None for pixels in read])
    numbers = np.flatnonzero(~is_read)
    unread = [str(found[i]) if isinstance(found[i], Path) else f"image {i + 1}" for i in numbers]
    for names, what, of in (
        (passed_over, "Files that match a pattern and are no images were passed over", ""),
        (unread, "Images that cannot be read have no prediction", f" of {len(read):,}"),
    ):
        if names:  # said where predict() was called
            text = f"{what}: {len(names):,}{of} ({first_of(names)})."
            warnings.warn(text, SkippedWarning, stacklevel=3)
    pixels = np.array([one for one in read if one is not None], np.uint8)
    return pixels.reshape(-1, *model.image_shape), is_read


def _listed(images: Any) -> Any:
    """Return the images of a split, and what a table, a column or an iterator holds as a list."""
    if isinstance(images, Split):
        return images.images
    if hasattr(images, "columns"):  # a table of pandas, or one like it
        if "path" not in images.columns:
            raise ArgumentError("A table of images must have a column `path`.")
        images = images["path"]
    if hasattr(images, "to_list"):  # a column of such a table
        return images.to_list()
    if isinstance(images, np.ndarray) and images.ndim <= 1 and images.dtype.kind in "UO":
        return images.ravel().tolist()
    if isinstance(images, Iterator) and not hasattr(images, "read"):  # a file is one as well
        return list(images)
    return images


def _checked_items(images: Sequence[Any]) -> list[Any]:
    """Return the items of a sequence; raise an ImageError if one can be no image and no part."""
    if not len(images):
        raise ImageError("There is no image in `images`.")
    for number, item in enumerate(images, 1):
        is_part = isinstance(item, (list, tuple)) or hasattr(item, "shape")  # of an array
        if not is_part and not is_one_image(item):
            raise ImageError(
                "Each of `images` must be a path, the content of an image file, a file object, a "
                f"Pillow image or an array; number {number:,} is {describe(item)}."
            )
    return list(images)


def is_one_image(item: Any) -> bool:
    """Return whether an item is one image of any size: a file, a Pillow image or an array."""
    if isinstance(item, _FILES) or hasattr(item, "read") or hasattr(item, "getbands"):
        return True
    shape = tuple(getattr(item, "shape", None) or ())
    if len(shape) == 3:
        return bool(shape[2] <= MOST_CHANNELS)
    # A table of fewer columns is a row of pixels of an image.
    return len(shape) == 2 and bool(min(shape) > MOST_CHANNELS)


def _expanded(items: list[Any], on_error: str) -> tuple[list[Any], list[str]]:
    """Return images with the patterns among them expanded, and the files that these pass over."""
    found: list[Any] = []
    passed_over: list[str] = []
    for item in items:
        if not isinstance(item, _PATHS):
            found.append(item)
            continue
        try:
            files, others = find_files([item])
        except DataNotFoundError:
            if on_error == "stop":
                raise
            files, others = [Path(item)], []
        found += files
        passed_over += map(str, others)
    return found, passed_over


def _pixels(item: Any, size: tuple[int, int], on_error: str) -> np.ndarray | None:
    """Return one image as uint8 of a size, (height, width, 3); None if it is to be skipped."""
    try:
        return read_image(item, size)
    except DataError:
        if on_error == "stop":
            raise
        return None


def _probabilities(model: TrainedModel, images: np.ndarray, tta: bool) -> np.ndarray:
    blocks = []
    size = min(PREDICTION_BATCH, images_that_fit(model.network))
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        views = _views(batch) if tta else [(1.0, batch)]
        blocks.append(
            sum(
                np.float32(share) * _predict_batch(model, np.ascontiguousarray(view))
                for share, view in views
            )
        )
    probabilities = np.concatenate(blocks)
    if wrong := int(len(images) - np.isfinite(probabilities).all(axis=1).sum()):
        raise ArgumentError(
            f"`model` must give probabilities, but of {len(images):,} images {wrong:,} got NaN.",
            fix="Its weights are NaN or too large: train it again, with a lower learning rate.",
        )
    return probabilities


def _predict_batch(model: TrainedModel, images: np.ndarray) -> np.ndarray:
    try:
        return model.network.predict_on_batch(images)
    except Exception as error:  # the network may be of any origin, and raise any error
        reason = " ".join(str(error).split())
        raise ArgumentError(f"`model` cannot compute on images: {reason[:300]}") from error


def _views(images: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Yield six views of each image, each with its weight; edge pixels fill the gaps."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    for share, start in ((1 / 4, 1), (1 / 8, 0), (1 / 8, 2)):
        view = padded[:, start : start + height, start : start + width]
        yield share, view
        yield share, view[:, :, ::-1]


def _per_class(counts: np.ndarray, names: list[str]) -> pandas.DataFrame:
    import pandas

    right = counts.diagonal()
    support, predicted = counts.sum(axis=1), counts.sum(axis=0)
    return pandas.DataFrame(
        {
            "class": names,
            "precision": right / np.maximum(predicted, 1),
            "recall": right / np.maximum(support, 1),
            "f1": 2 * right / np.maximum(support + predicted, 1),
            "support": support,
        }
    )


def _calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    n = np.bincount(bins, minlength=CALIBRATION_BINS)
    gap = np.bincount(bins, weights=right - confidence.astype(np.float64), minlength=len(n))
    return float(np.abs(gap).sum() / len(right))
