"""Networks to which mirrored images are the same as the images, and how they stay so.

Such a network is equivariant to flips: each weight has a partner, its flip weight, that does to
mirrored images what the weight does to images, and both are equal.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.backend import keras
from pycifar.learners.undo import set_until_closed

if TYPE_CHECKING:
    import keras as keras_types

# How far rounding alone may have moved a weight from its flip weight. In a network that learned to
# tell mirrored images apart, they differ by more.
DRIFT = 1e-2


def tie_flips(
    optimizer: keras_types.optimizers.Optimizer,
    variables: Sequence[keras_types.Variable],
    flip_weights: Callable[[np.ndarray], np.ndarray],
    changes: ExitStack,
) -> None:
    """Have an optimizer change each weight as it changes its flip weight.

    Both go by the mean of their gradients, so that an image teaches what it and its mirror image
    would together. A network that has learned to tell mirrored images apart, whose weights are not
    their flip weights, is left to go on as it did.

    Args:
        optimizer: of Keras.
        variables: what it changes, the trainable variables of a model, in their order.
        flip_weights: see `pycifar.architectures.architecture.Architecture`.
        changes: closed when the optimizer is to be Keras's own again.

    Source:
        Cohen and Welling 2016, "Group Equivariant Convolutional Networks".
    """
    values = [keras.ops.convert_to_numpy(variable) for variable in variables]
    if not all(np.allclose(own, flip_weights(own), rtol=0, atol=DRIFT) for own in values):
        return
    flip_indices = []
    for own in values:
        indices = np.arange(own.size, dtype=np.int32).reshape(own.shape)
        flip_indices.append(flip_weights(indices).ravel())
    apply = functools.partial(_apply_means, optimizer, flip_indices)
    set_until_closed(changes, optimizer, "apply", apply)


def _apply_means(
    optimizer: Any, flip_indices: list[np.ndarray], gradients: Sequence[Any], variables: Any = None
) -> None:
    """Call `keras.optimizers.Optimizer.apply` with the mean of each weight's and its partner's."""
    ops, means = keras.ops, []
    for gradient, indices in zip(gradients, flip_indices, strict=True):
        flipped = ops.take(ops.reshape(gradient, (-1,)), indices)
        means.append((gradient + ops.reshape(flipped, gradient.shape)) / 2)
    type(optimizer).apply(optimizer, means, variables)
