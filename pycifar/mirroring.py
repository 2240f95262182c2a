"""Networks to which mirrored images are the same as the images, and how they stay so."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.backend import keras

if TYPE_CHECKING:
    import keras as keras_types

DRIFT = 1e-2  # of a weight from its partner, by rounding alone


def tie(
    optimizer: keras_types.optimizers.Optimizer,
    variables: Sequence[keras_types.Variable],
    mirrored: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Have an optimizer change each weight as it changes its partner.

    The partner does to mirrored images what the weight does to images. Both go by the mean of their
    gradients, so that an image teaches what it and its mirror image would together. A network that
    has learned to tell mirrored images apart, whose weights are not those of their partners, is
    left to go on as it did.

    Args:
        optimizer: of Keras.
        variables: what it changes, the trainable variables of a model, in their order.
        mirrored: see `pycifar.architectures.architecture.Architecture`.

    Source:
        Cohen and Welling 2016, "Group Equivariant Convolutional Networks".
    """
    values = [keras.ops.convert_to_numpy(variable) for variable in variables]
    if not all(np.allclose(own, mirrored(own), rtol=0, atol=DRIFT) for own in values):
        return
    partners = []
    for own in values:
        places = np.arange(own.size, dtype=np.int32).reshape(own.shape)
        partners.append(mirrored(places).ravel())
    optimizer.apply = functools.partial(_apply, optimizer, partners)


def _apply(
    optimizer: Any, partners: list[np.ndarray], gradients: Sequence[Any], variables: Any = None
) -> None:
    """`keras.optimizers.Optimizer.apply` by the means of each gradient and its partner's."""
    ops, means = keras.ops, []
    for gradient, places in zip(gradients, partners, strict=True):
        partner = ops.take(ops.reshape(gradient, (-1,)), places)
        means.append((gradient + ops.reshape(partner, gradient.shape)) / 2)
    type(optimizer).apply(optimizer, means, variables)
