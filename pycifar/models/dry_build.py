"""A dry build of a network: its size is measured before any weight gets a value.

A model file from an untrusted source may describe a network that needs more memory than the
machine has. The dry build finds that out without allocating it.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass

from pycifar.backend import keras, tensorflow, without_values


@dataclass(frozen=True)
class Measured:
    """The size of a network.

    Args:
        weights: the number of its weights.
        building: bytes of all values that are computed while it is built, such as masks and the
            results of layers that are called on constants. It is 0 on PyTorch, which has no way
            to measure them.
    """

    weights: int
    building: int


def measure(make: Callable[[], keras.Model]) -> tuple[keras.Model, Measured]:
    """Build a network whose weights have no values, and measure its size.

    TensorFlow records what building computes in a graph, and JAX in an expression. Neither is run.
    If `building` is above 0, build the network once more before it is used: some of its values
    then exist only in that graph or expression.

    Args:
        make: builds the network.

    Returns:
        The network without values, and its size.
    """
    made: list[keras.Model] = []
    building = _bytes_computed(lambda: made.append(build_without_values(make)))
    weights = sum(math.prod(weight.shape) for weight in made[0].weights)
    return made[0], Measured(weights, building)


def build_without_values(make: Callable[[], keras.Model]) -> keras.Model:
    """Build a network whose weights have shapes but no values yet."""
    with without_values():
        return make()


def give_zeros(network: keras.Model) -> None:
    """Set all weights to 0 in a network without values; other variables use their initializers."""
    weights = {id(weight) for weight in network.weights}
    for variable in network.variables:
        initializer = variable._initializer
        if id(variable) in weights:
            variable._initializer = keras.initializers.Zeros()
        variable._deferred_initialize()
        variable._initializer = initializer


def _bytes_computed(build: Callable[[], None]) -> int:
    """Return the bytes of all values that `build` computes, by tracing it without running it."""
    if keras.backend.backend() == "tensorflow":
        graph = tensorflow.Graph()
        with graph.as_default():
            build()
        shapes = [
            (output.shape.num_elements() or 0, output.dtype.size)
            for operation in graph.get_operations()
            for output in operation.outputs
        ]
    elif keras.backend.backend() == "jax":
        jax = importlib.import_module("jax")
        computed = jax.make_jaxpr(build)()
        shapes = [
            (math.prod(value.aval.shape), value.aval.dtype.itemsize)
            for equation in computed.eqns
            for value in equation.outvars
        ]
    else:
        build()
        return 0
    return sum(number * max(1, size) for number, size in shapes)
