"""`vgg16`: depth by small filters alone, at a quarter of its width.

Simonyan and Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
configuration D. Kept: thirteen convolutions of 3×3 in five blocks, each of which ends in max
pooling, and two wide hidden layers with dropout; the smallest image that fits is 32×32, of which
the last pooling leaves one pixel. Every width is a quarter of the paper's, so that two processor
cores train it. Changed: weights start as in He et al. 2015, where the paper began with those of a
shallower network that had been trained before; and AdamW trains it, as with the paper's SGD it
learns little in its first epochs. It needs no batch normalisation, which came a year later.
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

BLOCKS = ((16, 2), (32, 2), (64, 3), (128, 3), (128, 3))  # filters, a quarter; convolutions
HIDDEN = 1024  # 4096 in the paper
SMALLEST = 32  # pixels: five poolings by 2


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Thirteen convolutions of 3×3 in five blocks, dense and dropout twice, dense."""
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
