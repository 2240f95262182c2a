"""`zfnet`: AlexNet, improved after its features were visualised, at a quarter of its width.

Zeiler and Fergus 2013, "Visualizing and Understanding Convolutional Networks".

As in the paper: the first filters are smaller than AlexNet's and have a smaller stride. The second
convolution has stride 2. The last three convolutions are wider (512, 1024 and 512 in the paper's
best network).

Changed: for images of 32×32, the first filters are 3×3 with stride 1, not 7×7 with stride 2. Every
width is a quarter of the paper's, so that two processor cores can train the network. Weights are
initialised as in He et al. 2015.

Left out: the contrast normalisation.
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

FILTERS = (24, 64, 128, 256, 128)  # 96, 256, 512, 1024 and 512 in the paper
HIDDEN = 1024  # 4096 in the paper
SMALLEST = 16  # pixels: three poolings and one convolution halve the size


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build the network.

    Its layers: conv 3×3, pool, conv 5×5 with stride 2, pool, three wide conv 3×3, pool, twice dense
    and dropout, and dense with softmax.
    """
    from pycifar.backend import keras

    layers = [
        *pixels(input_shape, SMALLEST),
        convolution(FILTERS[0], 3, "conv1"),
        overlapping_pooling("pool1"),
        convolution(FILTERS[1], 5, "conv2", stride=2),
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
    return keras.Sequential(layers, name="zfnet")


ARCHITECTURE = Architecture(
    summary="conv 24 of 3×3, conv 64 of 5×5, conv 128, 256 and 128 of 3×3, dense 1024 twice",
    origin="system E: Zeiler and Fergus 2013",
    parameters=2_288_362,
    multiply_adds=15_321_088,
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
