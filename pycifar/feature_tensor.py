"""Where the head of a network begins: what enters the last layer that has weights."""

from __future__ import annotations

from typing import Any

from pycifar.arguments import listing
from pycifar.errors import ArgumentError
from pycifar.layer_calls import graph_of


def feature_tensor(network: Any) -> Any:
    """Return the Keras tensor that enters the last layer with weights.

    The last layer is the one that computes last. Layers behind it have no weights, such as an
    activation, or what makes two probabilities of one unit. A layer inside of a nested network
    counts like any other, and its tensor belongs to the graph of that network.

    Args:
        network: a functional or Sequential Keras network that is built.

    Returns:
        The symbolic tensor, with the batch as its first dimension.

    Raises:
        ArgumentError: no layer has weights, or the last one takes several tensors.
    """
    node = _last_node(network)
    if len(node.input_tensors) != 1:
        names = listing([tensor.name for tensor in node.input_tensors])
        raise ArgumentError(
            f"The last layer with weights, {node.operation.name}, takes several tensors: {names}."
        )
    return node.input_tensors[0]


def head_layer(network: Any) -> Any:
    """Return the last layer with weights of a Keras network; see `feature_tensor`.

    Raises:
        ArgumentError: no layer has weights.
    """
    return _last_node(network).operation


def _last_node(network: Any) -> Any:
    """Return Keras's node of the last call of a layer with weights."""
    graph = graph_of(network)
    for depth in sorted(graph._nodes_by_depth):  # the outputs have depth 0
        for node in reversed(graph._nodes_by_depth[depth]):
            if getattr(node.operation, "weights", None):
                inner = graph_of(node.operation)
                return node if inner is None else _last_node(node.operation)
    raise ArgumentError("`model` has no layer with weights, so there is no head.")
