"""`vgg16`: a deep network of 3×3 convolutions, at a quarter of its width.

Simonyan and Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
configuration D.

As in the paper: thirteen 3×3 convolutions in five blocks, each of which ends with max pooling, and
two wide hidden layers with dropout. There is no batch normalisation, which came a year later.

Changed: every width is a quarter of the paper's, so that two processor cores can train the network.
Weights are initialised as in He et al. 2015. The paper started from the weights of a shallower
network that had been trained before. AdamW replaces the paper's SGD, with which the network learns
little in its first epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import (
    convolution,
    dense_with_dropout,
    pixels,
    probabilities,
)
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

# The filters of each block (a quarter of the paper's), and the number of its convolutions.
BLOCKS = ((16, 2), (32, 2), (64, 3), (128, 3), (128, 3))
HIDDEN = 1024  # 4096 in the paper
SMALLEST = 32  # pixels: five poolings halve the size, and leave one pixel of 32


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build thirteen 3×3 convolutions in five blocks, twice dense and dropout, and dense."""
    from pycifar.backend import keras

    layers = pixels(input_shape, SMALLEST)
    for block, (filters, convolutions) in enumerate(BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            layers.append(convolution(filters, 3, f"conv{block}_{number}"))
        layers.append(keras.layers.MaxPooling2D(2, name=f"pool{block}"))
    layers += [
        keras.layers.Flatten(name="flatten"),
        *dense_with_dropout(HIDDEN, 1),
        *dense_with_dropout(HIDDEN, 2),
        probabilities(n_classes),
    ]
    return keras.Sequential(layers, name="vgg16")


ARCHITECTURE = Architecture(
    summary="13 conv of 3×3 in five blocks, 16 to 128 filters, dense 1024 twice with dropout",
    origin="system E: Simonyan and Zisserman 2014",
    parameters=2_112_730,
    multiply_adds=21_096_448,
    build=build,
    recipe=Settings(
        epochs=40,
        batch_size=128,
        optimizer="adamw",
        learning_rate=0.001,
        schedule="one_cycle",
        weight_decay=0.05,
        augmentation={"flip": True, "shift": 4},
    ),
)
