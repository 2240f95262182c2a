"""The networks that pycifar knows by name (layer 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pycifar.architectures import cnn2, cnn4
from pycifar.architectures.architecture import Architecture
from pycifar.arguments import check_choice, check_count, check_seed, describe
from pycifar.config import Recipe
from pycifar.errors import ArgumentError

if TYPE_CHECKING:
    import keras
    import pandas

__all__ = ["ARCHITECTURES", "Architecture", "build_model", "list_architectures"]

ARCHITECTURES: dict[str, Architecture] = {
    "cnn2": cnn2.ARCHITECTURE,
    "cnn4": cnn4.ARCHITECTURE,
}

# The name under which a network of the caller's own is recorded.
CUSTOM = "custom"


def list_architectures() -> pandas.DataFrame:
    """The architectures that `train` and `build_model` know by name.

    Returns:
        One row an architecture: `architecture`, `summary`, `origin`, and its recipe's `epochs`,
        `batch_size`, `optimizer`, `learning_rate` and `schedule`.

    Example:
        >>> import pycifar
        >>> pycifar.list_architectures().architecture.tolist()
        ['cnn2', 'cnn4']
    """
    import pandas

    rows = [
        {
            "architecture": name,
            "summary": architecture.summary,
            "origin": architecture.origin,
            "epochs": architecture.recipe.epochs,
            "batch_size": architecture.recipe.batch_size,
            "optimizer": architecture.recipe.optimizer,
            "learning_rate": architecture.recipe.learning_rate,
            "schedule": architecture.recipe.schedule,
        }
        for name, architecture in ARCHITECTURES.items()
    ]
    return pandas.DataFrame(rows)


def build_model(
    architecture: str | Callable[..., keras.Model] | keras.Model = "cnn2",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    n_classes: int = 10,
    seed: int | None = None,
) -> keras.Model:
    """An untrained Keras model.

    Args:
        architecture: a name from `list_architectures`; or a function that is called with
            `input_shape` and `n_classes` and returns a Keras model; or a Keras model, which is
            checked and returned as it is.
        input_shape: (height, width, 3) of the images, in pixels.
        n_classes: the number of classes, at least 2.
        seed: fixes the initial weights, 0 to 2³¹ - 1; None draws one. The state of Python's and
            NumPy's own generators is left as it was.

    Returns:
        A Keras model from raw uint8 pixels, shape (n, height, width, 3), to class probabilities,
        shape (n, `n_classes`).

    Raises:
        ArgumentError: an argument is not as above, or the model does not fit the shapes.

    Example:
        >>> import pycifar
        >>> pycifar.build_model("cnn2").count_params()
        4210090
    """
    from pycifar.backend import keras, seeded

    n_classes = check_count("n_classes", n_classes, minimum=2)
    shape = _check_input_shape(input_shape)
    seed = check_seed(seed)
    if isinstance(architecture, keras.Model):
        return _check_model(architecture, shape, n_classes)
    if callable(architecture):
        with seeded(seed):
            return _check_model(architecture(shape, n_classes), shape, n_classes)
    name = check_choice("architecture", architecture, ARCHITECTURES)
    with seeded(seed):
        return ARCHITECTURES[name].build(shape, n_classes)


def recipe_for(architecture: Any) -> tuple[str, Recipe]:
    """The name to record for what was given as `architecture`, and the recipe that suits it."""
    if callable(architecture):  # a Keras model is, too
        return CUSTOM, Recipe()
    name = check_choice("architecture", architecture, ARCHITECTURES)
    return name, ARCHITECTURES[name].recipe


def _check_input_shape(shape: Any) -> tuple[int, int, int]:
    if not isinstance(shape, (tuple, list)) or len(shape) != 3 or shape[2] != 3:
        raise ArgumentError(f"`input_shape` must be (height, width, 3), not {describe(shape)}.")
    height, width = (check_count("input_shape", side) for side in shape[:2])
    return height, width, 3


def _check_model(model: Any, shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    from pycifar.backend import keras

    if not isinstance(model, keras.Model):
        raise ArgumentError(
            "`architecture` must be a name, a Keras model, or a function(input_shape, n_classes) "
            f"that returns one; what came is {describe(model)}."
        )
    if not model.built:
        model.build((None, *shape))
    if tuple(model.input_shape[1:]) != shape or tuple(model.output_shape[1:]) != (n_classes,):
        raise ArgumentError(
            f"The model must take images of shape {shape} and give {n_classes} probabilities; "
            f"it takes {model.input_shape[1:]} and gives {model.output_shape[1:]}."
        )
    return model
