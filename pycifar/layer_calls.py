"""The calls of layers in a Keras network, also of those inside of nested networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call of a layer, of a nested network or of an operation between layers.

    Args:
        path: the name of what is called. Inside of a nested network it follows the name of that and
            a slash, which Keras allows in no name.
        operation: what is called.
        inputs: the symbolic tensors that it takes.
        outputs: the symbolic tensors that it returns. They have the shapes of this call: a nested
            network for images of any size has none of its own.
    """

    path: str
    operation: Any
    inputs: list[Any]
    outputs: list[Any]

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer, and neither a nested network nor an operation."""
        from pycifar.backend import keras

        return isinstance(self.operation, keras.Layer) and graph_of(self.operation) is None


def graph_of(network: Any) -> Any:
    """Return the graph of a functional or Sequential network; None for anything else."""
    from pycifar.backend import keras

    graph = getattr(network, "_functional", None) or network
    return graph if isinstance(graph, keras.Function) else None


def calls_of(network: Any) -> list[Call]:
    """Return the calls in a network in their order; a nested network follows what is inside."""
    calls: list[Call] = []
    graph = graph_of(network)
    _follow(graph, graph.inputs, "", calls)
    return calls


def layers_of(network: Any) -> Iterator[Any]:
    """Yield the layers of a network, those inside of nested networks included."""
    for layer in getattr(network, "layers", ()):
        yield layer
        yield from layers_of(layer)


def _follow(graph: Any, inputs: Any, prefix: str, calls: list[Call]) -> Any:
    """Add the calls in a graph with these inputs to `calls`; return the outputs of the graph."""
    from pycifar.backend import keras

    def noted(operation: Any) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            path, inner = prefix + operation.name, graph_of(operation)
            if inner is None:
                outputs = operation.compute_output_spec(*values, **named)
            else:
                outputs = _follow(inner, (values, named.get("inputs")), f"{path}/", calls)
            given = keras.tree.flatten((values, named))
            taken = [tensor for tensor in given if keras.utils.is_keras_tensor(tensor)]
            calls.append(Call(path, operation, taken, keras.tree.flatten(outputs)))
            return outputs

        return call

    return graph._run_through_graph(inputs, operation_fn=noted)
