"""Plots of what a network sees: its filters, its feature maps, and where it looks (Grad-CAM).

Each plot has several panels, so none takes `ax`, as plots of one panel in `pycifar.plots` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_count, describe
from pycifar.errors import ArgumentError
from pycifar.explanation import Explanation, feature_maps, filters, one_image
from pycifar.foreign_names import known_arguments_only
from pycifar.models.trained_model import TrainedModel
from pycifar.plots import TITLE, check_target, finish, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@known_arguments_only
def plot_explanation(
    explanation: Explanation, path: str | Path | None = None, overwrite: bool = False
) -> Figure:
    """Draw an image beside a heat map of where the network looked.

    Args:
        explanation: the explanation, as returned by `explain`.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.

    Returns:
        The Matplotlib figure.

    Raises:
        ArgumentError: `explanation` is not as above.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> explanation = pycifar.explain(model, dataset.split("test").images[0])
        >>> figure = pycifar.plot_explanation(explanation, "explanation.png", overwrite=True)
    """
    if not isinstance(explanation, Explanation):
        raise ArgumentError(f"`explanation` must be an explanation, not {describe(explanation)}.")
    target = check_target(path, overwrite)
    figure = new_figure(5.6, 2.8)
    figure.suptitle(
        f"{explanation.class_name}: probability {explanation.probability:.4f}, "
        f"layer {explanation.layer}",
        **TITLE,
    )
    plain, looked = figure.subplots(1, 2)
    _show(plain, explanation.image)
    _show(looked, explanation.image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
    drawn = looked.imshow(explanation.heatmap, cmap="inferno", alpha=0.6, vmin=0, vmax=1)
    bar = figure.colorbar(drawn, label="Where it looked", shrink=0.8)
    bar.outline.set_visible(False)
    return finish(figure, target)


@known_arguments_only
def plot_filters(
    model: TrainedModel, path: str | Path | None = None, overwrite: bool = False
) -> Figure:
    """Draw the filters of the first layer, each scaled from its lowest to its highest weight.

    If the first layer with weights is dense, the filters are its weights, each as large as the
    image; softmax regression has one per class.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.

    Returns:
        The Matplotlib figure.

    Raises:
        ArgumentError: `model` is not as above, or the layer does not take three colours.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> figure = pycifar.plot_filters(model, "filters.png", overwrite=True)
    """
    pictures = stretched(filters(model))
    target = check_target(path, overwrite)
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = new_figure(0.8 * columns, 0.8 * rows + 0.4)
    figure.suptitle(f"First filters of {model.config.architecture}", **TITLE)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, picture in zip(panels, pictures, strict=False):
        _show(axes, picture)
    return finish(figure, target)


@known_arguments_only
def plot_feature_maps(
    model: TrainedModel,
    image: Any,
    layers: str | Sequence[str] | None = None,
    n_maps: int = 8,
    path: str | Path | None = None,
    overwrite: bool = False,
) -> Figure:
    """Draw the feature maps that the layers of a network compute from an image, one row per layer.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        image: one image of any size, as an array, a path or a Pillow image; see `predict`.
        layers: the names of one or several layers whose output has height and width; None means
            each convolution and pooling layer; of more than 12, the first, the last and others at
            even distances between.
        n_maps: how many maps of each layer to draw, at least 1; those with the highest variance
            are chosen.
        path: a file to save the plot to, ending in ``.png``, ``.pdf`` or ``.svg``, or None.
        overwrite: whether an existing file may be replaced.

    Returns:
        The Matplotlib figure.

    Raises:
        ArgumentError: `model`, `layers` or `n_maps` is not as above.
        ImageError: the image is not as above, or there is more than one.
        DependencyError: Matplotlib is missing.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> image = dataset.split("test").images[0]
        >>> figure = pycifar.plot_feature_maps(model, image, path="maps.png", overwrite=True)
    """
    n_maps = check_count("n_maps", n_maps)
    drawn = {
        name: most_varied(maps, n_maps) for name, maps in feature_maps(model, image, layers).items()
    }
    target = check_target(path, overwrite)
    pixels = one_image(model, image)[0]
    columns = 1 + max(len(maps) for maps in drawn.values())
    figure = new_figure(0.9 * columns + 0.4, 1.0 * len(drawn) + 0.4)
    figure.suptitle(f"Maps of {model.config.architecture}", **TITLE)
    grid = figure.subplots(len(drawn), columns, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for row, (name, maps) in zip(grid, drawn.items(), strict=True):
        _show(row[0], pixels)
        row[0].set_title(name, fontsize=8, loc="left")
        for axes, values in zip(row[1:], maps, strict=False):
            _show(axes, values, cmap="viridis")
    return finish(figure, target)


def most_varied(maps: np.ndarray, n: int) -> np.ndarray:
    """Return the `n` maps with the highest variance, in their order, shape (n, height, width).

    Args:
        maps: shape (height, width, maps).
        n: how many to choose.
    """
    variances = maps.reshape(-1, maps.shape[-1]).var(axis=0)
    chosen = np.sort(np.argsort(-variances, kind="stable")[:n])
    return maps[..., chosen].transpose(2, 0, 1)


def stretched(pictures: np.ndarray) -> np.ndarray:
    """Return pictures, (n, height, width, channels), each scaled from its minimum, 0, to 1."""
    low = pictures.min(axis=(1, 2, 3), keepdims=True)
    high = pictures.max(axis=(1, 2, 3), keepdims=True)
    shares: np.ndarray = (pictures - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    return shares


def _show(axes: Axes, picture: np.ndarray, **options: Any) -> None:
    axes.imshow(picture, interpolation="nearest", **options)
    axes.set_axis_off()
