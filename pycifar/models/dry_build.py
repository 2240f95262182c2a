"""Building a network from its description: measured first, without computing anything."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass

from pycifar.backend import keras, tensorflow, without_values


@dataclass(frozen=True)
class Measured:
    """What a network takes.

    Args:
        weights: the number of its weights.
        building: bytes of what is computed while it is built, such as masks and the results of
            layers that are called on constants; 0 on PyTorch, where nothing tells it.
    """

    weights: int
    building: int


def measure(make: Callable[[], keras.Model]) -> tuple[keras.Model, Measured]:
    """Build a network without values of its weights, and tell what it takes.

    What its layers would compute is written down by TensorFlow as a graph, or by JAX as an
    expression, and never run. Where that is anything, the network is of no further use.

    Args:
        make: builds the network.
    """
    made: list[keras.Model] = []
    building = _bytes_computed(lambda: made.append(build_without_values(make)))
    weights = sum(math.prod(weight.shape) for weight in made[0].weights)
    return made[0], Measured(weights, building)


def build_without_values(make: Callable[[], keras.Model]) -> keras.Model:
    """Build a network whose weights have shapes and no values."""
    with without_values():
        return make()


def give_zeros(network: keras.Model) -> None:
    """Make the weights of a network that has no values yet zeros, whatever its initializers."""
    weights = {id(weight) for weight in network.weights}
    for variable in network.variables:
        initializer = variable._initializer
        if id(variable) in weights:
            variable._initializer = keras.initializers.Zeros()
        variable._deferred_initialize()
        variable._initializer = initializer


def _bytes_computed(build: Callable[[], None]) -> int:
    """Bytes of all values that `build` would compute, were it not for where it is run."""
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
