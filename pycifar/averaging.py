"""Weights that are means over the last part of a training.

After Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pycifar.backend import keras
from pycifar.scratch import NumpyModel


class WeightMean:
    """The mean of the weights that a network had at some moments.

    Attributes:
        number: of these moments.
        arrays: the mean, in the order of the network's weights and in float64; none before the
            first moment.
    """

    def __init__(self) -> None:
        """Of no moment yet."""
        self.number = 0
        self.arrays: list[np.ndarray] = []

    def add(self, weights: Sequence[np.ndarray]) -> None:
        """Take in the weights of one more moment."""
        self.number += 1
        if self.number == 1:
            self.arrays = [values.astype(np.float64) for values in weights]
            return
        pairs = zip(self.arrays, weights, strict=True)
        self.arrays = [mean + (values - mean) / self.number for mean, values in pairs]

    def give(self, network: keras.Model | NumpyModel, images: Iterable[np.ndarray]) -> None:
        """Set a network's weights to the mean.

        Args:
            network: whose weights were added.
            images: batches of training images, by which normalisation is measured anew: that of
                any moment fits other weights than the mean.
        """
        dtypes = [values.dtype for values in network.get_weights()]
        network.set_weights([m.astype(d) for m, d in zip(self.arrays, dtypes, strict=True)])
        if isinstance(network, NumpyModel) or not (layers := list(_normalisations(network))):
            return
        momenta = [layer.momentum for layer in layers]
        try:
            for number, batch in enumerate(images):
                for layer in layers:
                    layer.momentum = number / (number + 1)  # so that all batches count alike
                network(batch, training=True)
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum


def _normalisations(network: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers that normalise by the batch, those of networks within the network too."""
    for layer in getattr(network, "layers", []):
        if isinstance(layer, keras.layers.BatchNormalization):
            yield layer
        yield from _normalisations(layer)
