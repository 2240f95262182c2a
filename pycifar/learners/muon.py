"""Muon, an optimizer that makes each update of a convolution kernel an orthogonal matrix."""

from __future__ import annotations

from typing import Any

from pycifar.backend import keras
from pycifar.learners.optimizers import MOMENTA

# Both are as in airbench94_muon.py of github.com/KellerJordan/cifar10-airbench.
ITERATIONS = 3
COEFFICIENTS = (3.4445, -4.775, 2.0315)  # of the quintic that brings all singular values near 1

SMALLEST = 1e-30  # the smallest norm to divide by; see `_above_0`
ADAM_RATE_SHARE = 0.1  # the learning rate of all other variables, as a share of that of the kernels


@keras.saving.register_keras_serializable("pycifar")
class Muon(keras.optimizers.Adam):
    """Muon for the kernels of convolutions, Adam for all else.

    A kernel is reshaped to a matrix with one column per filter. Its update, with Nesterov momentum,
    is made orthogonal by Newton-Schulz iterations. It is then scaled so that its norm is
    `learning_rate` times the norm of the kernel.

    After the update the kernel is rescaled to the norm that it had before. Batch normalisation
    after a convolution cancels this norm anyway. Weight decay of a kernel therefore does not change
    what such a network computes.

    Figures are in docs/decisions/muon.md.

    Args:
        learning_rate: the relative change of a kernel in a step, above 0.
        momentum: of the gradients of the kernels, from 0 to below 1.
        others: the learning rate of all other variables, as a share of `learning_rate`.
        settings: further arguments of `keras.optimizers.Adam`.

    Source:
        Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float = MOMENTA["muon"],
        others: float = ADAM_RATE_SHARE,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        self.momentum = momentum
        self.others = others

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable: a kernel by Muon, any other by Adam."""
        if len(variable.shape) < 4:
            super().update_step(gradient, variable, learning_rate * self.others)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, self.momentum * momentum + gradient)
        ahead = keras.ops.reshape(gradient + self.momentum * momentum, (-1, variable.shape[-1]))
        step = keras.ops.reshape(orthogonal(ahead), variable.shape)
        norm = _norm(variable)
        rate = keras.ops.cast(learning_rate, variable.dtype)
        changed = variable - step * (rate * norm / _above_0(_norm(step)))
        self.assign(variable, changed * (norm / _above_0(_norm(changed))))

    def get_config(self) -> dict[str, Any]:
        """Return the settings from which Keras can make the same optimizer."""
        config: dict[str, Any] = super().get_config()
        return config | {"momentum": self.momentum, "others": self.others}


def orthogonal(matrix: Any) -> Any:
    """Return a matrix with the same singular vectors and with singular values of about 1.

    They are between 0.6 and 1.2, except those that were very small.

    Each Newton-Schulz iteration multiplies the matrix by a polynomial of its Gram matrix, the
    product with its own transpose. The Gram matrix of the shorter side is used. All iterations are
    done on that small matrix, and the large one is multiplied only once, at the end. The time that
    this saves is in docs/decisions/muon.md.
    """
    first, third, fifth = COEFFICIENTS
    ops, tall = keras.ops, matrix.shape[0] > matrix.shape[1]
    square = ops.matmul(ops.transpose(matrix), matrix) if tall else matrix @ ops.transpose(matrix)
    norm = ops.sqrt(ops.trace(square)) + 1e-7
    square = square / ops.square(norm)
    one = ops.eye(square.shape[0], dtype=square.dtype)
    product = one / norm
    for iteration in range(ITERATIONS):
        factor = first * one + third * square + fifth * (square @ square)
        product = factor @ product
        if iteration < ITERATIONS - 1:
            square = factor @ square @ factor
    return matrix @ product if tall else product @ matrix


def _above_0(norm: Any) -> Any:
    """Return a norm to divide by, at least `SMALLEST`, so that zeros give zeros and not NaN."""
    return keras.ops.maximum(norm, SMALLEST)


def _norm(values: Any) -> Any:
    return keras.ops.sqrt(keras.ops.sum(keras.ops.square(values)))
