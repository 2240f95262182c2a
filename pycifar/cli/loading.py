"""The data set of a command: the one that is asked for, or that of a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pycifar.console import say
from pycifar.errors import ArgumentError, InterruptedWarning, warnings_collected

if TYPE_CHECKING:
    from pycifar.datasets import Dataset
    from pycifar.models.trained_model import TrainedModel

# Data sets that can be loaded by name alone.
SELF_SUFFICIENT = ("cifar10", "synthetic")


def load_dataset(command: str, arguments: dict[str, Any]) -> Dataset:
    """Load a data set; show warnings in the name of the command."""
    from pycifar.datasets import load_dataset

    with warnings_said(command):
        return load_dataset(**arguments)


def data_if_asked(
    command: str, model: TrainedModel, arguments: dict[str, Any], needed: bool
) -> Dataset | None:
    """Load the data set for a model if an option names one or needs one; else return None."""
    if not (needed or set(arguments) - {"verbose"}):
        return None
    return load_dataset(command, data_for(model, arguments))


def data_for(model: TrainedModel, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `load_dataset` for a model.

    The model's own data set is loaded unless another is given. Images of a folder are resized to
    the size that the model takes, as those of its training were.
    """
    source = arguments.get("source") or _source_of(model)
    rule = {} if model.resize is None else {"resize": model.resize}
    size = {} if source in SELF_SUFFICIENT else {"image_size": model.image_shape[:2]} | rule
    return size | arguments | {"source": source}


def _source_of(model: TrainedModel) -> str:
    """Return the name of the data set that a model was trained on.

    Raises:
        ArgumentError: the data set cannot be loaded by its name alone.
    """
    name = model.data["name"]
    if name in SELF_SUFFICIENT:
        return name
    if model.adopted:
        raise ArgumentError(
            "`dataset` must be given: an adopted model does not say which images it was trained on."
        )
    raise ArgumentError(
        f"`dataset` must be given: the model was trained on {name} ({model.data['source']}), "
        "which cannot be loaded by its name alone.",
        fix="Give --dataset folder with --data-dir for a folder of images.",
    )


@contextmanager
def warnings_said(command: str) -> Iterator[None]:
    """Show pycifar's warnings in one line each, except interrupts, which the commands report."""
    with warnings_collected() as collected:
        try:
            yield
        finally:
            for warning in collected:
                if not isinstance(warning, InterruptedWarning):
                    say(f"pycifar {command}: {warning}")
