"""Using a trained model: predictions, and the evaluation of a split."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_choice, check_flag, check_on_error, describe
from pycifar.config import DEFAULT_SPLIT
from pycifar.content import ByContent
from pycifar.datasets import Dataset
from pycifar.datasets.dataset import check_dataset
from pycifar.datasets.stored_images import Images, read_in_blocks
from pycifar.errors import (
    ArgumentError,
    UnsavedWarning,
    warn,
)
from pycifar.foreign_names import known_arguments_only
from pycifar.given_images import as_images, read_images, warn_of_other_resizing
from pycifar.language import function
from pycifar.learners import learner_for
from pycifar.learners.descriptions import OwnObjects, is_own
from pycifar.memory import check_image_fits, images_that_fit
from pycifar.models.calibration import SMALLEST_PROBABILITY
from pycifar.models.trained_model import TrainedModel, check_trained_model
from pycifar.table import as_html, as_text, paragraph

if TYPE_CHECKING:
    import pandas

PREDICTION_BATCH = 500  # images; larger batches are no faster on a CPU
NO_LABEL = -1  # of an image that could not be read
CALIBRATION_BINS = 15  # of equal width, as in Guo et al. 2017


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
        objective: what the training lowered, on this split, as its history shows it: with its own
            loss, label smoothing and penalties on weights. It equals `loss` for a training with
            none of them. It is None for a loss of your own that the model was saved without.
        metrics: the `metrics` of the training by name, as its history shows them; with `tta` or
            calibration, of the probabilities that these give. Those of your own are missing if the
            model was saved without them.
        bins: what `calibration_error` is made of: one row per bin of confidence that has images,
            with `confidence` and `accuracy` (their means, 0-1) and `n` (the images).
    """

    split: str
    n: int
    accuracy: float
    loss: float
    calibration_error: float
    per_class: pandas.DataFrame
    confusion: pandas.DataFrame
    objective: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    bins: pandas.DataFrame | None = None

    def __repr__(self) -> str:
        return f"{self._measures()}\n\n{as_text(self.per_class)}"

    def _repr_html_(self) -> str:
        return paragraph(self._measures()) + as_html(self.per_class)

    def _measures(self) -> str:
        return (
            f"{self.n:,} images of the split {self.split}: accuracy {self.accuracy:.4f}, "
            f"loss {self.loss:.4f}, calibration error {self.calibration_error:.4f}"
            + "".join(f", {name} {value:.4f}" for name, value in self.further().items())
        )

    def further(self) -> dict[str, float]:
        """Return the objective, if it is not the loss, and the metrics of the training, by name."""
        if self.objective is None or self.objective == self.loss:
            return self.metrics
        return {"objective": self.objective} | self.metrics


@known_arguments_only
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
            ``Path.glob``. An array of many images, of shape (n, height, width, 3), or without the
            last dimension for grey ones. A data set, or a `Split` of one. There may be no image at
            all. An image that is given alone or in a list may have any size, and is
            resized as the images of the training were, see `TrainedModel.resize`; an array of many
            images and a data set must have the model's image size.
        type: "class", "prob", or "set" for the prediction sets of a model from `calibrate`.
        tta: test-time augmentation: whether to average the probabilities over six views of each
            image, which takes six times as long. The views are the image, the image moved by one
            pixel up and left, and the image moved by one pixel down and right, each also mirrored
            left to right. The two views that are not moved have half of the total weight.
        split: the split of a data set, see `evaluate`; None means "test". It must be None for
            other images.
        on_error: "stop" raises an error for an image that cannot be read, such as a missing path;
            "skip" predicts the others, and warns of it.

    Returns:
        For "class" the 0-based labels, int64 of shape (n,), which index `model.class_names`; for
        "prob" the probabilities, float32 of shape (n, classes), in the order of the class names;
        for "set" which classes are in the set of an image, bool of shape (n, classes).
        An image that was skipped has the label -1, which is a missing value of
        `pandas.Categorical.from_codes`, NaN as probabilities, and an empty set, which no other
        image has. Of no images, there are no rows.

    Raises:
        ArgumentError: an argument is not as above, the model returns NaN, or sets are asked for of
            a model without `calibration`.
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
    check_choice("type", type, ["class", "prob", "set"])
    if type == "set" and model.calibration is None:
        raise ArgumentError(
            f'`type` must be "class" or "prob" for a model without calibration, not '
            f"{describe(type)}.",
            fix=f"{function('calibrate')} gives the model prediction sets.",
        )
    check_on_error(on_error)
    check_flag("tta", tta)
    given = read_images(model, images, split, on_error)
    probabilities = np.full((len(given.is_read), len(model.class_names)), np.nan, np.float32)
    if len(given.pixels):
        probabilities[given.is_read] = probabilities_of(model, given.pixels, tta)
    if type == "prob":
        return probabilities
    if type == "set" and model.calibration is not None:
        return model.calibration.sets(probabilities)
    return np.where(given.is_read, probabilities.argmax(axis=1), NO_LABEL)


def prediction_record(model: TrainedModel, probabilities: np.ndarray) -> dict[str, Any]:
    """Return the prediction of one image as plain values, by name.

    Its "set" are the classes of the prediction set; None for a model without calibration.

    Args:
        model: the model that gave the probabilities.
        probabilities: of the image, shape (classes,).
    """
    within = None
    if model.calibration is not None:
        (within,) = named_sets(model, model.calibration.sets(probabilities[None]))
    label = int(probabilities.argmax())
    return {
        "class": model.class_names[label],
        "probability": float(probabilities[label]),
        "probabilities": dict(zip(model.class_names, probabilities.tolist(), strict=True)),
        "set": within,
    }


def named_sets(model: TrainedModel, sets: np.ndarray) -> list[list[str]]:
    """Return the class names in each prediction set, where sets are bool of (n, classes)."""
    names = np.array(model.class_names, object)
    return [names[within].tolist() for within in sets]


@known_arguments_only
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
    return evaluate_images(model, dataset, split, tta)[0]


def evaluate_images(
    model: TrainedModel, dataset: Dataset, split: str, tta: bool = False
) -> tuple[Evaluation, np.ndarray]:
    """Evaluate a model as `evaluate` does; return the probabilities of the images as well."""
    check_model(model)
    check_flag("tta", tta)
    check_dataset(dataset)
    model.check_classes(dataset.class_names)
    warn_of_other_resizing(model, dataset)
    part = model.split_of(dataset, split)
    images = as_images(model, part)
    probabilities = probabilities_of(model, images, tta)
    losses = _losses(probabilities, part.labels)
    lost = np.flatnonzero(losses >= -np.log(SMALLEST_PROBABILITY))
    if len(lost) and not tta and model.calibration is None:
        learner, size = learner_for(model.network), batch_size_of(model)
        for some in (lost[start : start + size] for start in range(0, len(lost), size)):
            losses[some] = learner.losses(images[some], part.labels[some])
    found = measure(probabilities, part.labels, model.class_names, split, losses)
    objective, metrics = _as_in_history(model, images, part.labels, found.loss)
    if tta or model.calibration is not None:
        metrics = learner_for(model.network).metrics_of(part.labels, probabilities, model.config)
    if missed := [name for name in model.config.metrics if name not in metrics]:
        warn(
            UnsavedWarning(
                f"The metrics {', '.join(missed)} are not evaluated: the model was saved without "
                "them."
            )
        )
    return dataclasses.replace(found, objective=objective, metrics=metrics), probabilities


def _as_in_history(
    model: TrainedModel, images: Images, labels: np.ndarray, loss: float
) -> tuple[float | None, dict[str, float]]:
    """Return what the training lowered, and its metrics, over all images; see `Evaluation`."""
    learner, config = learner_for(model.network), model.config
    other = learner.has_other_objective(config)
    if not other and not config.metrics:
        return loss, {}
    # A loss or a metric of the caller may depend on the batch.
    size = min(config.batch_size, images_that_fit(model.network))
    truth = [labels[start : start + size] for start in range(0, len(labels), size)]
    with read_in_blocks(images, size) as batches:
        objective, metrics = learner.measured(zip(batches, truth, strict=True), config)
    own = getattr(model.network, "own_objects", OwnObjects())
    if is_own(config.loss) and own.loss is None:
        return None, metrics
    return objective if other else loss, metrics


def batch_size_of(model: TrainedModel) -> int:
    """Return how many images a model computes on at a time."""
    return min(PREDICTION_BATCH, images_that_fit(model.network))


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
    bins = calibration_bins(probabilities, labels)
    error = _weighted_gap(bins)
    counts = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    names = list(class_names)
    return Evaluation(
        split=split,
        n=len(labels),
        accuracy=float(right.mean()),
        # Added to 0, so that the loss of a perfect model is 0 and not -0.
        loss=float(0 + losses.mean()),
        calibration_error=error,
        bins=bins,
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


def probabilities_of(model: TrainedModel, images: Images, tta: bool = False) -> np.ndarray:
    """Return the probabilities of uint8 images of the model's size, float32 of (n, classes)."""
    if not len(images):
        return np.empty((0, len(model.class_names)), np.float32)
    blocks = []
    with read_in_blocks(images, batch_size_of(model)) as batches:
        for batch in batches:
            views = _views(batch) if tta else [(1.0, batch)]
            blocks.append(
                sum(
                    np.float32(share) * computed_on(model.network, np.ascontiguousarray(view))
                    for share, view in views
                )
            )
    probabilities = np.concatenate(blocks)
    if wrong := int(len(images) - np.isfinite(probabilities).all(axis=1).sum()):
        raise ArgumentError(
            f"`model` must give probabilities, but of {len(images):,} images {wrong:,} got NaN.",
            fix="Its weights are NaN or too large: train it again, with a lower learning rate.",
        )
    return (
        probabilities
        if model.calibration is None
        else model.calibration.probabilities(probabilities)
    )


def computed_on(network: Any, images: np.ndarray) -> np.ndarray:
    """Return what a network computes on a batch of images.

    Raises:
        ArgumentError: it cannot compute on them.
    """
    try:
        computed: np.ndarray = network.predict_on_batch(images)
        return computed
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


def calibration_bins(probabilities: np.ndarray, labels: np.ndarray) -> pandas.DataFrame:
    """Return a row for each bin of confidence that has images: `confidence`, `accuracy`, `n`."""
    import pandas

    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    n = np.bincount(bins, minlength=CALIBRATION_BINS)
    some = n > 0
    sums = (np.bincount(bins, weights, CALIBRATION_BINS)[some] for weights in (confidence, right))
    means = [total / n[some] for total in sums]
    return pandas.DataFrame({"confidence": means[0], "accuracy": means[1], "n": n[some]})


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the expected calibration error; see `Evaluation`."""
    return _weighted_gap(calibration_bins(probabilities, labels))


def _weighted_gap(bins: pandas.DataFrame) -> float:
    gaps = (bins["confidence"] - bins["accuracy"]).abs() * bins["n"]
    return float(gaps.sum() / bins["n"].sum())
