"""The description of an architecture: how to build and train it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pycifar.config import DEFAULTS, Settings

if TYPE_CHECKING:
    import keras
    import numpy as np

    from pycifar.scratch import NumpyModel


@dataclass(frozen=True)
class Pretrained:
    """Weights from an earlier training, with which a network can begin.

    Args:
        origin: where they come from, in words.
        licence: the identifier of their licence in SPDX.
        set_weights: sets the weights of a new network from `build`. Those of the last layer are set
            only if it has as many classes as the weights.
    """

    origin: str
    licence: str
    set_weights: Callable[[keras.Model], None]


@dataclass(frozen=True)
class Architecture:
    """An architecture that pycifar knows by name.

    Args:
        summary: its layers in one line.
        origin: its source.
        build: builds it. It takes `input_shape` (height, width, 3) and `n_classes`, and returns a
            Keras model or a NumPy network, which maps raw uint8 pixels to class probabilities.
        recipe: the settings of its training, unless the caller sets others.
        options: names of further arguments that `build` takes.
        in_numpy: whether it is a NumPy network and not a Keras model.
        prepare: sets initial weights that depend on the training images. It is called before the
            training with a new model and some of the images, uint8 of shape (n, height, width, 3).
            None if all initial weights are random.
        flip_weights: for networks that can be equivariant to flips; None for others. It takes the
            weights of a layer and returns the weights that do to mirrored images what these do to
            images. A training that mirrors images keeps both equal; see
            `pycifar.learners.flip_equivariance`.
        image_size: the height and width of the images that it was made for, in pixels.
        parameters: how many weights it has, for 10 classes and images of this size.
        multiply_adds: how many of them a prediction takes, for the same.
        pretrained: weights with which it can begin, by name.
        transfer: the settings of a training that begins with these, over those of the recipe.
    """

    summary: str
    origin: str
    build: Callable[..., keras.Model | NumpyModel]
    recipe: Settings
    options: tuple[str, ...] = ()
    in_numpy: bool = False
    prepare: Callable[[keras.Model, np.ndarray], None] | None = None
    flip_weights: Callable[[np.ndarray], np.ndarray] | None = None
    image_size: int = 32
    parameters: int = 0
    multiply_adds: int = 0
    pretrained: Mapping[str, Pretrained] = field(default_factory=dict)
    transfer: Settings = field(default_factory=Settings)

    @property
    def settings(self) -> Settings:
        """The recipe, completed by the defaults of all training settings."""
        return self.recipe.over(DEFAULTS)
