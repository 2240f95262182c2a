"""What a network learns on from besides its weights, and copies that have all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pycifar.backend import keras
from pycifar.errors import ArgumentError
from pycifar.scratch import NumpyModel


def copy_of(network: keras.Model | NumpyModel) -> keras.Model | NumpyModel:
    """A network of its own with the same weights, whose layers draw the same numbers next.

    Raises:
        ArgumentError: it is a Keras model that Keras cannot copy.
    """
    if isinstance(network, NumpyModel):
        copy = NumpyModel(**network.settings())
        copy.set_weights(network.weights)
        return copy
    try:
        copy = keras.models.clone_model(network)
        # By way of NumPy: JAX would have the two share their arrays.
        set_all_variables(copy, all_variables(network))
    except Exception as error:
        raise ArgumentError(
            f"This model cannot be copied to be trained on: {error}",
            fix="Give its `network` as `architecture`, which is then trained in place.",
        ) from error
    return copy


def optimizer_state(network: keras.Model | NumpyModel) -> list[np.ndarray]:
    """Copies of an optimizer's variables, such as momenta; none where there is no optimizer."""
    if isinstance(network, NumpyModel):
        return [velocity.copy() for velocity in network.velocities]
    optimizer = getattr(network, "optimizer", None)
    return [] if optimizer is None else [as_numpy(variable) for variable in optimizer.variables]


def set_optimizer_state(network: keras.Model | NumpyModel, state: Sequence[np.ndarray]) -> None:
    """Take these values, in the order of `optimizer_state`.

    Raises:
        ValueError: they are those of another optimizer.
    """
    if isinstance(network, NumpyModel):
        for velocity, value in zip(network.velocities, state, strict=True):
            velocity[...] = value
        return
    for variable, value in zip(network.optimizer.variables, state, strict=True):
        variable.assign(value)


def all_variables(network: keras.Model | NumpyModel) -> list[np.ndarray]:
    """Copies of all weights, and of the states of the layers' random generators."""
    if isinstance(network, NumpyModel):
        return network.get_weights()
    return [as_numpy(variable) for variable in network.variables]


def set_all_variables(network: keras.Model | NumpyModel, values: Sequence[np.ndarray]) -> None:
    """Take these values, in the order of `all_variables`."""
    if isinstance(network, NumpyModel):
        network.set_weights(values)
        return
    for variable, value in zip(network.variables, values, strict=True):
        variable.assign(value)


def generator_states(network: keras.Model | NumpyModel) -> list[list[int]]:
    """The states of the layers' random generators, such as dropout's, in the layers' order."""
    return [as_numpy(variable).tolist() for variable in _generators(network)]


def set_generator_states(network: keras.Model | NumpyModel, states: Sequence[list[int]]) -> None:
    """Have the layers' generators go on from these states."""
    for variable, state in zip(_generators(network), states, strict=True):
        variable.assign(np.array(state))


def _generators(network: keras.Model | NumpyModel) -> list[Any]:
    if isinstance(network, NumpyModel):
        return []
    weights = {id(weight) for weight in network.weights}
    return [variable for variable in network.variables if id(variable) not in weights]


def as_numpy(variable: Any) -> np.ndarray:
    """A copy of the values of a variable of Keras."""
    return np.array(keras.ops.convert_to_numpy(variable))
