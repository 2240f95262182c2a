"""What a card says: from the record of a model, and from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.architectures import ARCHITECTURES
from pycifar.card.blocks import Block, Code, Picture, Pictures, Plot, Section, Table, Text
from pycifar.datasets import Split
from pycifar.datasets.image_files import SQUASH
from pycifar.evaluation import Evaluation
from pycifar.models.trained_model import TrainedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLIC = ("cifar10",)  # data sets that hubs know by this name
MOST_WRONG = 12  # images that went wrong are shown
MOST_CONFUSED = 10  # pairs of classes that are taken for each other
MOST_SHOWN = 40  # classes of a confusion matrix that can be read as a picture


@dataclass(frozen=True)
class Measured:
    """What was measured on a split of a data set.

    Args:
        dataset: the name of the data set.
        part: the split.
        evaluation: of the model on it.
        probabilities: of its images, shape (n, classes).
    """

    dataset: str
    part: Split
    evaluation: Evaluation
    probabilities: np.ndarray


def title_of(model: TrainedModel) -> str:
    """Return the heading of a card."""
    return f"{model.config.architecture} on {model.data['name']}"


def metadata_of(model: TrainedModel, measured: Measured | None) -> dict[str, Any]:
    """Return the metadata block, as hubs of models read it."""
    found: dict[str, Any] = {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "keras", "pycifar", model.config.architecture],
    }
    if model.data["name"] in PUBLIC:
        found["datasets"] = [model.data["name"]]
    if measured is None:
        return found
    evaluation = measured.evaluation
    data = {"name": measured.dataset, "type": measured.dataset, "split": evaluation.split}
    metrics = [
        {"type": "accuracy", "value": round(evaluation.accuracy, 4)},
        {"type": "loss", "value": round(evaluation.loss, 4)},
        {
            "type": "expected_calibration_error",
            "value": round(evaluation.calibration_error, 4),
        },
    ]
    result = {"task": {"type": "image-classification"}, "dataset": data, "metrics": metrics}
    return found | {
        "metrics": ["accuracy"],
        "model-index": [{"name": title_of(model), "results": [result]}],
    }


def sections_of(model: TrainedModel, measured: Measured | None) -> list[Section]:
    """Return the parts of a card."""
    parts = [Section("What it is", [*_model(model)]), Section("Data", [*_data(model)])]
    if not model.adopted:
        parts.append(Section("Training", [*_training(model)]))
    if measured is None:
        parts.append(Section("Results", [Text(_unmeasured(model))]))
    else:
        parts += [
            Section("Results", [*_results(measured)]),
            Section("Where it is wrong", [*_wrong(model, measured)]),
        ]
    parts.append(Section("How far to trust it", [*_trust(model, measured)]))
    parts.append(Section("How to use it", [*_use(model)]))
    return parts


def _model(model: TrainedModel) -> Iterator[Block]:
    height, width, _ = model.image_shape
    resize = model.resize or SQUASH
    yield Text(
        f"An image classifier, {model.config.architecture}, with {model.network.count_params():,} "
        f"parameters. It takes images of {height}×{width} pixels and tells "
        f"{len(model.class_names)} classes. Images of other sizes are resized: {resize}."
    )
    yield _facts(
        {
            "Classes": ", ".join(model.class_names),
            "Weights (SHA-256)": model.fingerprint(),
            "Versions": ", ".join(f"{name} {one}" for name, one in model.versions.items()),
        }
    )


def _data(model: TrainedModel) -> Iterator[Block]:
    if model.adopted:
        yield Text("The network was trained elsewhere; its training images are not known.")
        return
    yield _facts(
        {
            "Trained on": model.data["name"],
            "Source": model.data["source"],
            "Training images (SHA-256)": model.data["fingerprint"],
            "Validated on": _validation(model.config.validation),
        }
    )


def _validation(validation: Any) -> str:
    if validation is None:
        return "nothing"
    if isinstance(validation, float):
        return f"{validation:.0%} of the training images, held out"
    return f"the split {validation}"


def _beginning(model: TrainedModel) -> str | None:
    """Return what the training began with, with its origin and licence if it is published."""
    weights = model.config.weights
    known = ARCHITECTURES.get(model.config.architecture)
    if weights is None or known is None or weights not in known.pretrained:
        return weights
    found = known.pretrained[weights]
    return f"{weights}, from {found.origin} ({found.licence})"


def _training(model: TrainedModel) -> Iterator[Block]:
    done = f"{model.epochs_done} of {model.config.epochs} epochs"
    best = (
        "" if model.best_epoch is None else f"; the weights are those of epoch {model.best_epoch}"
    )
    stop = "; it was interrupted" if model.interrupted else ""
    yield Text(f"It trained for {done} in {sum(model.seconds):,.0f} seconds{best}{stop}.")
    settings = {
        name: _setting(value)
        for name, value in model.config.to_dict().items()
        if value not in (None, {}, False) and name not in ("architecture", "epochs")
    }
    if (beginning := _beginning(model)) is not None:
        settings["weights"] = beginning
    yield _facts(settings)
    splits = [split for split in ("train", "validation") if model.final(split, "loss") is not None]
    rows = [
        [split, *(_number(model.final(split, metric)) for metric in ("accuracy", "loss"))]
        for split in splits
    ]
    if rows:
        yield Text("At the end, as the history has it:")
        yield Table(["split", "accuracy", "loss"], rows)
    if model.epochs_done:
        yield Plot(lambda: _history(model), "Accuracy and loss by epoch.")


def _setting(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_setting(one)}" for name, one in value.items() if one)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _history(model: TrainedModel) -> Figure:
    from pycifar.plots import plot_history

    return plot_history(model)


def _unmeasured(model: TrainedModel) -> str:
    return (
        "Nothing was measured for this card. The figures of the training are above; they are of "
        "images that helped to make the model."
    )


def _results(measured: Measured) -> Iterator[Block]:
    found = measured.evaluation
    yield Text(
        f"Measured on {found.n:,} images of the split {found.split} of {measured.dataset}: "
        f"accuracy {found.accuracy:.4f}, loss {found.loss:.4f}."
    )
    rows = [
        [str(row[0]), *(f"{value:.4f}" for value in row[1:4]), f"{row[4]:,}"]
        for row in found.per_class.itertuples(index=False)
    ]
    yield Table(["class", "precision", "recall", "F1", "images"], rows)


def _wrong(model: TrainedModel, measured: Measured) -> Iterator[Block]:
    found, names = measured.evaluation, model.class_names
    counts = found.confusion.to_numpy().copy()
    np.fill_diagonal(counts, 0)
    if not counts.any():
        yield Text("Each image got its true class.")
        return
    pairs = np.argsort(-counts, axis=None, kind="stable")[:MOST_CONFUSED]
    rows = [
        [names[truth], names[taken], f"{counts[truth, taken]:,}"]
        for truth, taken in (divmod(int(pair), len(names)) for pair in pairs)
        if counts[truth, taken]
    ]
    yield Text("The classes that are most often taken for others:")
    yield Table(["true class", "predicted class", "images"], rows)
    if len(names) <= MOST_SHOWN:
        yield Plot(lambda: _confusion(found), "Images by true and predicted class.")
    chosen = wrong_images(measured)
    yield Text(f"The {len(chosen)} wrong answers that it was most sure of:")
    listed, pictures = [], []
    for number in chosen:
        row = measured.probabilities[number]
        label, taken = int(measured.part.labels[number]), int(row.argmax())
        sure = f"{row[taken]:.2f}"
        listed.append([f"{number + 1:,}", names[label], names[taken], sure])
        caption = f"{names[taken]} ({sure}), in truth {names[label]}"
        pictures.append(Picture(np.ascontiguousarray(measured.part.images[number]), caption))
    heads = ["image", "true class", "predicted class", "probability"]
    yield Pictures(pictures, Table(heads, listed))


def wrong_images(measured: Measured) -> list[int]:
    """Return the positions of the images with the wrong class that the model was most sure of."""
    predicted = measured.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != measured.part.labels)
    sure = measured.probabilities[wrong, predicted[wrong]]
    chosen: list[int] = wrong[np.argsort(-sure, kind="stable")[:MOST_WRONG]].tolist()
    return chosen


def _confusion(found: Evaluation) -> Figure:
    from pycifar.plots import plot_confusion

    return plot_confusion(found)


def _trust(model: TrainedModel, measured: Measured | None) -> Iterator[Block]:
    calibration = model.calibration
    if calibration is None:
        yield Text("Its probabilities are those of the network: nothing was calibrated.")
    else:
        yield Text(
            f"Its probabilities were calibrated on {calibration.n:,} images of the split "
            f"{calibration.split}: the logits are divided by {calibration.temperature:.3f}. The "
            f"expected calibration error was {calibration.error_before:.4f} before, and is "
            f"{calibration.error_after:.4f}. A prediction set has each class of a probability of "
            f"at least {calibration.threshold:.4f}; it is to have the true class for "
            f"{100 * calibration.coverage:g}% of new images of the same kind."
        )
    if measured is not None:
        found = measured.evaluation
        same = calibration is not None and calibration.split == found.split
        yield Text(
            f"Measured here: an expected calibration error of {found.calibration_error:.4f}."
            + _coverage(model, measured)
            + (" Both are of the images that it was calibrated on, so they flatter it." * same)
        )
        yield Plot(lambda: reliability(found), "How often it is right, by how sure it is.")
    yield Text(
        "It knows its classes alone: a picture of anything else gets one of them as well. Pictures "
        "of another kind than those that it learned from are recognised less often."
    )


def _coverage(model: TrainedModel, measured: Measured) -> str:
    """Return a sentence about the prediction sets of the images; none without calibration."""
    if model.calibration is None:
        return ""
    sets = model.calibration.sets(measured.probabilities)
    covered = sets[np.arange(len(sets)), measured.part.labels].mean()
    return (
        f" The prediction sets had the true class for {covered:.1%} of the images, and "
        f"{sets.sum(axis=1).mean():.2f} classes on average."
    )


def reliability(found: Evaluation) -> Figure:
    """Draw the accuracy by confidence, and how many images have it."""
    from pycifar.plots import TITLE, finish, new_figure

    assert found.bins is not None  # `evaluate` sets it
    figure = new_figure(4.6, 4.2)
    axes = figure.subplots()
    axes.set_title("Accuracy by confidence", **TITLE)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    sizes = 12 + 160 * found.bins["n"] / found.bins["n"].max()
    axes.plot(found.bins["confidence"], found.bins["accuracy"], color="0.6", linewidth=1)
    axes.scatter(found.bins["confidence"], found.bins["accuracy"], s=sizes, zorder=3)
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="Probability of the class", ylabel="Accuracy")
    return finish(figure, None)


def _use(model: TrainedModel) -> Iterator[Block]:
    yield Text("From R:")
    yield Code(
        "r",
        'library(pycifar)\nmodel <- cifar_load_model("model.keras")\npredict(model, "photo.jpg")',
    )
    yield Text("From Python:")
    yield Code(
        "python",
        'import pycifar\n\nmodel = pycifar.load_model("model.keras")\n'
        'labels = pycifar.predict(model, "photo.jpg")\nprint(model.class_names[labels[0]])',
    )
    yield Text("From the shell:")
    yield Code("sh", "pycifar predict model.keras photo.jpg\npycifar serve model.keras")
    uncalibrated = "" if model.calibration is None else " Its probabilities are not calibrated."
    yield Text(f"Keras alone opens the file as well; it takes pixels of 0-255.{uncalibrated}")
    yield Code(
        "python",
        "import keras\nimport numpy as np\nfrom PIL import Image, ImageOps\n\n"
        'image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")\n'
        f"image = {_resizing(model)}\n"
        'network = keras.saving.load_model("model.keras", compile=False)\n'
        "probabilities = network.predict(np.asarray(image)[None])",
    )


def _resizing(model: TrainedModel) -> str:
    """Return how Pillow resizes an image as the model expects it."""
    resize, (height, width, _) = model.resize or SQUASH, model.image_shape
    call = {
        "squash": "image.resize(",
        "crop": "ImageOps.fit(image, ",
        "pad": "ImageOps.pad(image, ",
    }
    # Of an odd number of black lines, the larger half follows.
    centring = ", centering=(0.49, 0.49)" if resize.how == "pad" else ""
    method = f"Image.Resampling.{resize.filter.upper()}"
    return f"{call[resize.how]}({width}, {height}), {method}{centring})"


def _facts(facts: Mapping[str, str]) -> Table:
    return Table(["", ""], [[name, value] for name, value in facts.items() if value])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
