"""Muon: each step of a convolution's kernel is a matrix whose directions all count the same."""

from __future__ import annotations

from typing import Any

from pycifar.backend import keras
from pycifar.learners.optimizers import MOMENTA

ITERATIONS = 3
COEFFICIENTS = (3.4445, -4.775, 2.0315)  # of the quintic that brings all singular values near 1
SMALLEST = 1e-30  # norm that is divided by
OTHERS = 0.1  # the learning rate of all other variables, as a share of that of the kernels


@keras.saving.register_keras_serializable("pycifar")
class Muon(keras.optimizers.Adam):
    """Muon for the kernels of convolutions, Adam for all else.

    A kernel is taken as a matrix with one column a filter. Its step, with Nesterov momentum, is
    made orthogonal by Newton-Schulz iterations, and changes the kernel by `learning_rate` times
    its norm; the norm itself stays as it is, since normalisation behind a convolution takes it out
    anyway. Weight decay therefore says nothing to kernels.

    Args:
        learning_rate: the relative change of a kernel in a step, above 0.
        momentum: of the gradients of the kernels, from 0 to below 1.
        others: learning rate of the rest, as a share of this.
        settings: of `keras.optimizers.Optimizer`.

    Source:
        Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float = MOMENTA["muon"],
        others: float = OTHERS,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        self.momentum = momentum
        self.others = others

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable."""
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
        """What makes the same optimizer again."""
        config: dict[str, Any] = super().get_config()
        return config | {"momentum": self.momentum, "others": self.others}


def orthogonal(matrix: Any) -> Any:
    """A matrix with the same directions, all but very weak ones about as strong (0.6 to 1.2).

    Each iteration multiplies it with a polynomial of its products with itself, and so on the side
    where it is short. There all of them are worked out, and the matrix is multiplied once.
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
    """A norm to divide by: a gradient of zeros changes nothing, and a kernel of zeros stays."""
    return keras.ops.maximum(norm, SMALLEST)


def _norm(values: Any) -> Any:
    return keras.ops.sqrt(keras.ops.sum(keras.ops.square(values)))
