"""What pycifar knows about an architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycifar.config import DEFAULTS, Settings

if TYPE_CHECKING:
    import keras
    import numpy as np

    from pycifar.scratch import NumpyModel


@dataclass(frozen=True)
class Architecture:
    """A network by name.

    Args:
        summary: its layers in one line.
        origin: where it comes from.
        build: makes it: called with `input_shape` (height, width, 3) and `n_classes`, returns a
            Keras model, or one of NumPy, from raw uint8 pixels to class probabilities.
        recipe: how it is trained unless the caller says otherwise.
        options: names of further arguments that `build` takes.
        in_numpy: whether it is a network of NumPy, not of Keras.
        prepare: called with a new model and some of the training images, uint8 of shape
            (n, height, width, 3), before it is trained, to set weights by them; None where all
            weights are drawn.
        flip_weights: for a network to which mirrored images can be the same as the images: takes
            the weights of a layer, and returns those that do to mirrored images what these do to
            images. A training that mirrors images keeps both equal. None for other networks.
    """

    summary: str
    origin: str
    build: Callable[..., keras.Model | NumpyModel]
    recipe: Settings
    options: tuple[str, ...] = ()
    in_numpy: bool = False
    prepare: Callable[[keras.Model, np.ndarray], None] | None = None
    flip_weights: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def settings(self) -> Settings:
        """The recipe with the defaults where it says nothing."""
        return self.recipe.over(DEFAULTS)
