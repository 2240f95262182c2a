"""Plots of trainings, data sets and evaluations, made with Matplotlib.

Each function returns a Figure that belongs to the caller. It is not registered with pyplot, so it
does not have to be closed, and no window opens. A notebook shows it as a picture. A plot of one
panel takes `ax`, draws into these Axes of the caller, and returns their figure. The colours are
those of Okabe and Ito 2008, "Color Universal Design", which can be told apart with any colour
vision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_flag, check_output, describe
from pycifar.datasets import Dataset, sample_images
from pycifar.datasets.dataset import check_dataset
from pycifar.errors import ArgumentError, DependencyError
from pycifar.evaluation import Evaluation
from pycifar.files import write_atomically
from pycifar.foreign_names import known_arguments_only
from pycifar.models.trained_model import TrainedModel, check_trained_model
from pycifar.reproduction import Reproduction

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pycifar.datasets.augmentation import Augmentation
    from pycifar.training.lr_finder import LearningRates

SUFFIXES = (".png", ".pdf", ".svg")
DPI = 200  # dots per inch of a PNG
TITLE: dict[str, Any] = {"fontsize": 11, "fontweight": "bold"}

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#666666"
STYLES: dict[str, dict[str, Any]] = {
    "train": {"color": BLUE, "marker": "o", "linestyle": "-"},
    "validation": {"color": VERMILION, "marker": "s", "linestyle": "--"},
}

GAP = 3  # pixels between sample images
MOST_MARKED = 40  # epochs; with more, markers would hide the line
MOST_NAMED = 100  # classes, above which their names would cover each other
MOST_COUNTED = 25  # classes; with more, the counts in the cells could not be read


@known_arguments_only
def plot_history(
    model: TrainedModel, path: str | Path | None = None, overwrite: bool = False
) -> Figure:
    """Draw accuracy and loss by epoch. A dotted line follows the epochs of the last layer alone.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.

    Returns:
        The Matplotlib figure.

    Raises:
        ArgumentError: an argument is not as above, or no epoch of the model was finished.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=2, seed=1, verbose=0)
        >>> figure = pycifar.plot_history(model, "history.png", overwrite=True)
    """
    check_trained_model(model)
    if not model.epochs_done:
        raise ArgumentError("The history of `model` is empty: no epoch was finished.")
    target = check_target(path, overwrite)
    metrics = dict.fromkeys(("accuracy", "loss", *model.history["metric"]))
    metrics.pop("learning_rate", None)
    rows = math.ceil(len(metrics) / 2)
    figure = new_figure(8, 0.6 + 3 * rows)
    figure.suptitle(f"{model.config.architecture} on {model.data['name']}", **TITLE)
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, metric in zip(panels, metrics, strict=False):
        _draw_metric(axes, model, metric)
    for axes in panels[len(metrics) :]:
        axes.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return finish(figure, target)


@known_arguments_only
def plot_learning_rates(
    learning_rates: LearningRates,
    path: str | Path | None = None,
    overwrite: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Draw the loss by learning rate, in the range test and in the trials; mark the suggestion.

    Args:
        learning_rates: the result of `find_learning_rate`.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.
        ax: Matplotlib Axes to draw into; None creates a figure. With `ax`, the whole figure that
            the Axes belong to is saved to `path`.

    Returns:
        The Matplotlib figure; that of `ax` if it is given.

    Raises:
        ArgumentError: an argument is not as above, or the loss was never a finite number.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> found = pycifar.find_learning_rate(dataset, steps=20, seed=1)
        >>> figure = pycifar.plot_learning_rates(found, "rates.png", overwrite=True)
    """
    from pycifar.training import lr_finder as found  # brings Keras

    if not isinstance(learning_rates, found.LearningRates):
        raise ArgumentError(
            "`learning_rates` must be what find_learning_rate() returned, not "
            f"{describe(learning_rates)}."
        )
    if not len(learning_rates.table):
        raise ArgumentError("There is nothing to draw: the loss was never a finite number.")
    target = check_target(path, overwrite)
    figure, axes = one_axes(ax, 6, 3.6)
    rates = learning_rates.table["learning_rate"]
    axes.plot(rates, learning_rates.table["loss"], color=GREY, linewidth=0.7, label="each step")
    axes.plot(rates, learning_rates.table["smoothed"], color=BLUE, label="smoothed")
    trials = learning_rates.trials
    axes.plot(
        trials["learning_rate"], trials["loss"], "o", color=VERMILION, mfc="none", label="trials"
    )
    if learning_rates.suggestion is None:
        axes.plot([], [], linestyle="", label=learning_rates.outcome)
    else:
        axes.axvline(
            learning_rates.suggestion, color=VERMILION, linestyle="--", label=learning_rates.outcome
        )
    axes.set(xscale="log", xlabel="Learning rate", ylabel="Loss")
    axes.set_title(str(learning_rates.architecture), **TITLE)
    axes.legend(frameon=False)
    return finish(figure, target)


@known_arguments_only
def plot_samples(  # noqa: PLR0913 - what is drawn, and where
    dataset: Dataset,
    split: str = "train",
    n_per_class: int = 10,
    seed: int = 1,
    path: str | Path | None = None,
    overwrite: bool = False,
    ax: Axes | None = None,
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] = "none",
) -> Figure:
    """Draw random images of each class, one row per class.

    Args:
        dataset: the data set, as returned by `load_dataset`.
        split: the name of the split.
        n_per_class: the largest number of images per class, at least 1. A class with fewer images
            has a shorter row.
        seed: determines which images are drawn, from 0 to 2³¹ - 1.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.
        ax: Matplotlib Axes to draw into; None creates a figure. With `ax`, the whole figure that
            the Axes belong to is saved to `path`.
        augmentation: how the images are changed, in the forms that `train` takes, to see what a
            network would be trained on. They are the same images as without, each changed once.

    Returns:
        The Matplotlib figure; that of `ax` if it is given.

    Raises:
        ArgumentError: an argument is not as above.
        DataError: there is no such split.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> figure = pycifar.plot_samples(dataset, path="samples.png", overwrite=True)
    """
    check_dataset(dataset)
    target = check_target(path, overwrite)
    mosaic = _mosaic(sample_images(dataset, split, n_per_class, seed, augmentation))
    height, width, _ = mosaic.shape
    row = height / dataset.n_classes
    figure, axes = one_axes(ax, 1.6 + 0.56 * width / row, 0.6 + 0.56 * dataset.n_classes)
    axes.set_title(f"{dataset.name}, split {split}", **TITLE)
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks((np.arange(dataset.n_classes) + 0.5) * row - GAP / 2, dataset.class_names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return finish(figure, target)


@known_arguments_only
def plot_confusion(
    evaluation: Evaluation,
    path: str | Path | None = None,
    overwrite: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Draw a confusion matrix as counts, coloured by their share of the true class.

    Args:
        evaluation: the evaluation, as returned by `evaluate`.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.
        ax: Matplotlib Axes to draw into; None creates a figure. With `ax`, the whole figure that
            the Axes belong to is saved to `path`. The colour bar takes its space from the Axes.

    Returns:
        The Matplotlib figure; that of `ax` if it is given.

    Raises:
        ArgumentError: an argument is not as above.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> evaluation = pycifar.evaluate(model, dataset)
        >>> figure = pycifar.plot_confusion(evaluation, "confusion.png", overwrite=True)
    """
    if not isinstance(evaluation, Evaluation):
        raise ArgumentError(f"`evaluation` must be an evaluation, not {describe(evaluation)}.")
    target = check_target(path, overwrite)
    counts = evaluation.confusion.to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.2 + 0.48 * min(max(len(counts), 4), MOST_COUNTED)
    figure, axes = one_axes(ax, side + 0.9, side)
    axes.set_title(
        f"Split {evaluation.split}: accuracy {evaluation.accuracy:.4f} on {evaluation.n:,} images",
        **TITLE,
    )
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = evaluation.confusion.index.tolist()
    if len(names) <= MOST_NAMED:
        plain: dict[str, Any] = {"parse_math": False}  # a $ in a name is no mathematics
        turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(names)), names, **turned, **plain)
        axes.set_yticks(range(len(names)), names, **plain)
    axes.set(xlabel="Predicted class", ylabel="True class")
    axes.tick_params(length=0)
    axes.spines[:].set_color("0.8")
    if len(counts) <= MOST_COUNTED:
        _write_counts(axes, counts, shares)
    bar = axes.figure.colorbar(
        picture, ax=axes, label="Share of the true class", shrink=0.7, aspect=25
    )
    bar.outline.set_visible(False)
    return finish(figure, target)


@known_arguments_only
def plot_reproduction(
    reproduction: Reproduction, path: str | Path | None = None, overwrite: bool = False
) -> Figure:
    """Draw the accuracy on training and test images by epoch, one panel per network and budget.

    Args:
        reproduction: the result of `reproduce` or `load_reproduction`.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.

    Returns:
        The Matplotlib figure. Each seed has a line of its own. A grey line is the stated accuracy
        on test images.

    Raises:
        ArgumentError: `reproduction` is not as above, or holds no training.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> found = pycifar.reproduce("C", epochs=2, dataset=dataset, verbose=0)
        >>> figure = pycifar.plot_reproduction(found, "reproduction.png", overwrite=True)
    """
    if not isinstance(reproduction, Reproduction):
        raise ArgumentError(
            f"`reproduction` must hold at least one training, not {describe(reproduction)}."
        )
    if not reproduction.records:
        raise ArgumentError("There is nothing to draw: no training was finished.")
    target = check_target(path, overwrite)
    table, history = reproduction.table, reproduction.history
    columns = min(4, len(table))
    rows = -(-len(table) // columns)
    figure = new_figure(1 + 2.4 * columns, 0.8 + 2.1 * rows)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    accuracy = history[history["metric"] == "accuracy"]
    for axes, row in zip(panels, table.to_dict("records"), strict=False):
        same = (accuracy["architecture"] == row["architecture"]) & (
            accuracy["budget"] == row["budget"]
        )
        _draw_accuracy(axes, accuracy[same], row)
    for axes in panels[len(table) :]:
        axes.set_axis_off()
    for axes in panels[::columns]:
        axes.set_ylabel("Accuracy")
    named: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3, frameon=False)
    return finish(figure, target)


def require_matplotlib() -> None:
    """Raise a DependencyError unless Matplotlib can be imported."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            f"Plots need Matplotlib, which cannot be imported: {error}.",
            fix="Install it with `pip install matplotlib`.",
        ) from error


def check_target(path: str | Path | None, overwrite: bool) -> Path | None:
    """Return the path to save a plot to, after checking it; None if there is none."""
    overwrite = check_flag("overwrite", overwrite)
    return None if path is None else check_output("path", path, SUFFIXES, overwrite)


def one_axes(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """Return the caller's Axes with their figure, or those of a new figure, size in inches."""
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.subplots()
    require_matplotlib()
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise ArgumentError(f"`ax` must be a Matplotlib Axes, not {describe(ax)}.")
    whole = ax.get_figure(root=True) if ax.figure else None  # `ax.figure` may be a subfigure
    if whole is None:
        raise ArgumentError("`ax` must be a Matplotlib Axes of a figure, not one that was removed.")
    return whole, ax


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, which is not registered with pyplot."""
    require_matplotlib()
    from pycifar.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: Figure, target: Path | None) -> Figure:
    """Save the figure if there is a path, and return it."""
    if target is not None:
        from pycifar.figure import TIGHT

        write_atomically(target, lambda temporary: figure.savefig(temporary, dpi=DPI, **TIGHT))
    return figure


def _draw_metric(axes: Axes, model: TrainedModel, metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    rows = model.history[model.history["metric"] == metric]
    for split, style in STYLES.items():
        chosen = rows[rows["split"] == split]
        if len(chosen):
            label = _validation_label(model) if split == "validation" else "training"
            marked = style if len(chosen) <= MOST_MARKED else style | {"marker": None}
            axes.plot(chosen["epoch"], chosen["value"], label=label, markersize=4, **marked)
    if 0 < model.config.frozen_epochs < model.epochs_done:
        border = model.config.frozen_epochs + 0.5
        axes.axvline(border, color=GREY, linestyle=":", linewidth=1, gid="border")
    # The left limit is above 0, so that no tick stands at an epoch 0.
    axes.set_xlim(left=max(0.5, axes.get_xlim()[0]))
    axes.set(xlabel="Epoch", ylabel=metric.capitalize())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_accuracy(axes: Axes, history: pandas.DataFrame, row: dict[str, Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    if not np.isnan(row["stated_test"]):
        axes.axhline(row["stated_test"], color=GREY, linewidth=1, label="stated for test images")
    for split, style in STYLES.items():
        name = "training images" if split == "train" else "test images"
        for number, seed in enumerate(row["seeds"]):
            chosen = history[(history["seed"] == seed) & (history["split"] == split)]
            shown = style | {"marker": style["marker"] if len(chosen) == 1 else None}
            label = name if number == 0 else None  # one entry of the legend for all seeds
            axes.plot(chosen["epoch"], chosen["value"], linewidth=1.2, label=label, **shown)
    axes.set_title(f"{row['architecture']}, {row['budget']}", **TITLE | {"fontsize": 9})
    axes.set(xlabel="Epoch", ylim=(0, 1))
    axes.set_xlim(left=max(0.5, axes.get_xlim()[0]))
    axes.xaxis.set_major_locator(
        MaxNLocator(integer=True, nbins=5, min_n_ticks=1, steps=[1, 2, 5, 10])
    )
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def _validation_label(model: TrainedModel) -> str:
    """Return the label of the validation curve, with the name of the split if it has one."""
    on = model.config.validation
    return f"validation (split {on})" if isinstance(on, str) else "validation"


def _mosaic(images: np.ndarray) -> np.ndarray:
    """Return one picture of images, (rows, columns, height, width, 3), with white gaps."""
    rows, columns, height, width, _ = images.shape
    framed = np.full((rows, columns, height + GAP, width + GAP, 3), 255, np.uint8)
    framed[:, :, :height, :width] = images
    return framed.transpose(0, 2, 1, 3, 4).reshape(rows * (height + GAP), -1, 3)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    for (row, column), count in np.ndenumerate(counts):
        # White on dark cells, black on light ones, grey for 0.
        colour = "white" if shares[row, column] > 0.7 else "black" if count else GREY
        axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=8)
