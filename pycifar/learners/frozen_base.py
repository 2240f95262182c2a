"""A network in two parts: a base that stays as it is, and a head that learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from pycifar.backend import keras
from pycifar.errors import ArgumentError
from pycifar.feature_tensor import feature_tensor, head_layer
from pycifar.layer_calls import graph_of


class FrozenBase:
    """A network whose last layer with weights learns alone, from what the layers before it compute.

    The head shares its layers with the network. The base computes as in a prediction: without
    dropout, and with the statistics of batch normalisation.

    Args:
        network: a Keras model.

    Attributes:
        base: gives the features of images.
        head: gives the probabilities of features.

    Raises:
        ArgumentError: the last layer with weights lies inside of a nested network, is used twice,
            has a way around it, or is not trainable.
    """

    def __init__(self, network: Any) -> None:
        graph, features = graph_of(network), _not_random(feature_tensor(network))
        try:
            self.base = keras.Model(graph.inputs, features, name="base")
            self.head = keras.Model(features, graph.outputs[0], name=network.name)
        except ValueError as error:  # there is no path between these tensors
            raise ArgumentError(
                "`frozen_epochs` must be left out for this network: its last layer with weights "
                "lies inside of a nested network, is used twice, or has a way around it.",
                fix="Let all that the network computes go through one last layer.",
            ) from error
        if not self.head.trainable_variables:
            raise ArgumentError(
                "`frozen_epochs` must be left out for this network, whose last layer with weights, "
                f'"{head_layer(network).name}", is not trainable.'
            )
        self.base.dtype_policy = self.head.dtype_policy = network.dtype_policy

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the features of uint8 images, one row or feature map each."""
        return np.asarray(self.base.predict_on_batch(np.ascontiguousarray(images)))


def _not_random(tensor: Any) -> Any:
    """Return what enters the layers that only drop or disturb values, such as dropout."""
    while True:
        history = tensor._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if not hasattr(history.operation, "seed_generator") or len(node.input_tensors) != 1:
            return tensor
        tensor = node.input_tensors[0]
