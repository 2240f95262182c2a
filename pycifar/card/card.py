"""`write_model_card`: say what a model is, for whoever is given its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycifar.arguments import check_flag, check_output
from pycifar.card.content import Measured, metadata_of, sections_of, title_of
from pycifar.card.markdown import as_markdown
from pycifar.card.page import as_page
from pycifar.config import DEFAULT_SPLIT
from pycifar.datasets import Dataset
from pycifar.evaluation import check_model, evaluate_images
from pycifar.files import write_atomically
from pycifar.foreign_names import known_arguments_only
from pycifar.models.trained_model import TrainedModel
from pycifar.plots import require_matplotlib

PAGE = ".html"
SUFFIXES = (".md", PAGE)


@known_arguments_only
def write_model_card(
    model: TrainedModel,
    path: str | Path,
    dataset: Dataset | None = None,
    split: str = DEFAULT_SPLIT,
    overwrite: bool = False,
) -> Path:
    """Write the card of a model: what it is, what it learned from, and how well it does.

    The card has the classes, data, settings and versions that the model file records, with
    fingerprints, and lines for R, Python and the shell. With a data set it also has what is
    measured on it: accuracy of each class, confusions, calibration, coverage of prediction sets,
    and the wrong answers that the model was most sure of.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        path: the file to write. ``.md`` is Markdown that begins with the metadata that hubs of
            models read. ``.html`` is one page with curves, plots and the images that went wrong
            inside; it needs the extra `plots`.
        dataset: a data set with the model's classes, to measure the model on; None measures
            nothing.
        split: the split to measure on; see `evaluate`.
        overwrite: whether an existing file may be replaced.

    Returns:
        The path of the file.

    Raises:
        ArgumentError: an argument is not as above.
        DataError: there is no such split, or its classes are not the model's.
        DependencyError: the card is a page, and Matplotlib is missing.
        ImageError: the images do not have the model's image size.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Source:
        Mitchell et al. 2019, "Model Cards for Model Reporting".

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.write_model_card(model, "card.md", dataset, overwrite=True).name
        'card.md'
    """
    check_model(model)
    target = check_target(path, check_flag("overwrite", overwrite))
    measured = None if dataset is None else _measure(model, dataset, split)
    sections = sections_of(model, measured)
    if target.suffix.lower() == PAGE:
        text = as_page(title_of(model), sections)
    else:
        text = as_markdown(title_of(model), metadata_of(model, measured), sections)
    write_atomically(target, lambda temporary: temporary.write_text(text, "utf-8"))
    return target


def check_target(path: Any, overwrite: bool) -> Path:
    """Return the path of a card.

    Raises:
        ArgumentError: it has another ending.
        DependencyError: it is a page, and Matplotlib is missing.
        OutputExistsError: there is a file that may not be replaced.
    """
    target = check_output("path", path, SUFFIXES, overwrite)
    if target.suffix.lower() == PAGE:
        require_matplotlib()
    return target


def _measure(model: TrainedModel, dataset: Dataset, split: str) -> Measured:
    evaluation, probabilities = evaluate_images(model, dataset, split)
    return Measured(dataset.name, model.split_of(dataset, split), evaluation, probabilities)
