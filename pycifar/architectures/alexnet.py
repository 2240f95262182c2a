"""`alexnet`: the network that won ImageNet 2012, at a quarter of its width.

Krizhevsky, Sutskever and Hinton 2012, "ImageNet Classification with Deep Convolutional Neural
Networks".

As in the paper: five convolutions, overlapping max pooling after the first, second and last of
them, two wide hidden layers with dropout, and ReLU.

Changed: for images of 32×32, the first filters are 5×5 with stride 1, not 11×11 with stride 4.
Every width is a quarter of the paper's, so that two processor cores can train the network. Weights
are initialised as in He et al. 2015.

Left out: the local response normalisation, which later work found to bring nothing, and the split
over two GPUs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import (
    convolution,
    dense_with_dropout,
    overlapping_pooling,
    pixels,
    probabilities,
)
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

FILTERS = (24, 64, 96, 96, 64)  # 96, 256, 384, 384 and 256 in the paper
HIDDEN = 1024  # 4096 in the paper
SMALLEST = 8  # pixels: three poolings halve the size


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build the network.

    Its layers: conv 5×5, pool, conv 5×5, pool, three conv 3×3, pool, twice dense and dropout, and
    dense with softmax.
    """
    from pycifar.backend import keras

    layers = [
        *pixels(input_shape, SMALLEST),
        convolution(FILTERS[0], 5, "conv1"),
        overlapping_pooling("pool1"),
        convolution(FILTERS[1], 5, "conv2"),
        overlapping_pooling("pool2"),
        convolution(FILTERS[2], 3, "conv3"),
        convolution(FILTERS[3], 3, "conv4"),
        convolution(FILTERS[4], 3, "conv5"),
        overlapping_pooling("pool5"),
        keras.layers.Flatten(name="flatten"),
        *dense_with_dropout(HIDDEN, 1),
        *dense_with_dropout(HIDDEN, 2),
        probabilities(n_classes),
    ]
    return keras.Sequential(layers, name="alexnet")


ARCHITECTURE = Architecture(
    summary="conv 24 and 64 of 5×5, conv 96, 96 and 64 of 3×3, dense 1024 twice with dropout",
    origin="system E: Krizhevsky et al. 2012",
    parameters=2_343_530,
    multiply_adds=26_167_296,
    build=build,
    recipe=Settings(
        epochs=40,
        batch_size=128,
        learning_rate=0.02,
        schedule="one_cycle",
        augmentation={"flip": True, "shift": 4},
        weight_decay=5e-3,
    ),
)
