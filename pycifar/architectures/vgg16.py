"""`vgg16`: depth by small filters alone, at a quarter of its width.

Simonyan and Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
configuration D. Kept: thirteen convolutions of 3×3 in five blocks, each of which ends in max
pooling, and two wide hidden layers with dropout. Every width is a quarter of the paper's, so that
two processor cores train it. Changed: batch normalisation follows each convolution (Ioffe and
Szegedy 2015), as without it a plain network of this depth hardly begins to learn; the paper began
with the weights of a shallower network that had been trained before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import (
    dense_with_dropout,
    normalised_convolution,
    pixels,
    probabilities,
)
from pycifar.config import Recipe

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
            layers += normalised_convolution(filters, 3, f"conv{block}_{number}")
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
    recipe=Recipe(
        epochs=40,
        batch_size=128,
        learning_rate=0.05,
        schedule="one_cycle",
        augmentation={"flip": True, "shift": 4},
        weight_decay=5e-3,
    ),
)
