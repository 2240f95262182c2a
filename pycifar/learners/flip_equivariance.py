"""Training that keeps a network equivariant to horizontal flips.

Such a network gives an image and its mirror image nearly the same prediction. Each weight has a
partner, its flip weight, which does to the mirrored image what the weight does to the image. The
network is equivariant if each weight equals its flip weight. Figures are in
docs/decisions/mirrored-weights.md.
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

# The largest difference between a weight and its flip weight that counts as rounding error. In a
# network that learned to tell mirrored images apart, they differ by more.
DRIFT = 1e-2


def tie_flips(
    optimizer: keras_types.optimizers.Optimizer,
    variables: Sequence[keras_types.Variable],
    flip_weights: Callable[[np.ndarray], np.ndarray],
    changes: ExitStack,
) -> None:
    """Make an optimizer update each weight and its flip weight alike.

    Both are updated by the mean of their two gradients. A step on an image then equals a step on
    the image and its mirror image together. If the weights differ from their flip weights, the
    network has learned to tell mirrored images apart. The optimizer is then left as it is.

    Args:
        optimizer: a Keras optimizer.
        variables: the trainable variables of a model, in the model's order.
        flip_weights: see `pycifar.architectures.architecture.Architecture`.
        changes: undoes the change to the optimizer when it is closed.

    Source:
        Cohen and Welling 2016, "Group Equivariant Convolutional Networks".
    """
    values = [keras.ops.convert_to_numpy(variable) for variable in variables]
    if not all(np.allclose(own, flip_weights(own), rtol=0, atol=DRIFT) for own in values):
        return
    # Flipping the indices of a weight instead of its values gives the order of its flip weights.
    flip_indices = []
    for own in values:
        indices = np.arange(own.size, dtype=np.int32).reshape(own.shape)
        flip_indices.append(flip_weights(indices).ravel())
    apply = functools.partial(_apply_means, optimizer, flip_indices)
    set_until_closed(changes, optimizer, "apply", apply)


def _apply_means(
    optimizer: Any, flip_indices: list[np.ndarray], gradients: Sequence[Any], variables: Any = None
) -> None:
    """Call the optimizer's own `apply` with the mean gradient of each weight and its flip weight.

    Args:
        optimizer: a Keras optimizer.
        flip_indices: for each variable, the flat index of the partner of each weight.
        gradients: the gradients of the variables.
        variables: as `keras.optimizers.Optimizer.apply` takes them.
    """
    ops, means = keras.ops, []
    for gradient, indices in zip(gradients, flip_indices, strict=True):
        flipped = ops.take(ops.reshape(gradient, (-1,)), indices)
        means.append((gradient + ops.reshape(flipped, gradient.shape)) / 2)
    type(optimizer).apply(optimizer, means, variables)
