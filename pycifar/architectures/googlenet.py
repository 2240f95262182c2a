"""`googlenet`: nine inception modules, at a quarter of their width.

Szegedy et al. 2014, "Going Deeper with Convolutions".

As in the paper: each module has four branches, 1×1, 3×3, 5×5 and pooling, and concatenates their
outputs. The 3×3 and 5×5 convolutions follow a 1×1 convolution that reduces the number of maps.
Global average pooling comes before the only fully connected layer.

Changed: for images of 32×32, the stem halves the size once, not three times. Its first filters are
3×3 with stride 1, not 7×7 with stride 2, and its second pooling is left out. Every width is a
quarter of the paper's, so that two processor cores can train the network. Weights are initialised
as in He et al. 2015.

Left out: the two auxiliary classifiers, which bring half a percentage point according to the paper,
and the local response normalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import (
    chain,
    convolution,
    overlapping_pooling,
    pixels,
    probabilities,
)
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras


class Widths(NamedTuple):
    """The numbers of filters in the branches of a module, as in the paper's table."""

    one: int
    reduced_three: int
    three: int
    reduced_five: int
    five: int
    pooled: int


NARROWED = 4  # the divisor of the paper's widths
STEM = (64, 64, 192)
MODULES = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}
POOLED_AFTER = ("3b", "4e")
DROPOUT = 0.4
SMALLEST = 8  # pixels: three poolings halve the size


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build three convolutions, nine inception modules, global average pooling and dense."""
    from pycifar.backend import keras

    start, scaling = pixels(input_shape, SMALLEST)
    values = chain(
        scaling(start),
        [
            convolution(STEM[0] // NARROWED, 3, "stem1"),
            overlapping_pooling("stem_pool"),
            convolution(STEM[1] // NARROWED, 1, "stem2"),
            convolution(STEM[2] // NARROWED, 3, "stem3"),
        ],
    )
    for name, widths in MODULES.items():
        values = inception(values, widths, name)
        if name in POOLED_AFTER:
            values = overlapping_pooling(f"pool{name[0]}")(values)
    values = keras.layers.GlobalAveragePooling2D(name="average")(values)
    values = keras.layers.Dropout(DROPOUT, name="dropout")(values)
    return keras.Model(start, probabilities(n_classes)(values), name="googlenet")


def inception(values: Any, widths: Widths, name: str) -> Any:
    """Apply an inception module: four branches, whose outputs are concatenated."""
    from pycifar.backend import keras

    narrow = Widths(*(width // NARROWED for width in widths))
    pooling = keras.layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")
    branches = [
        [convolution(narrow.one, 1, f"{name}_1x1")],
        [
            convolution(narrow.reduced_three, 1, f"{name}_3x3_reduce"),
            convolution(narrow.three, 3, f"{name}_3x3"),
        ],
        [
            convolution(narrow.reduced_five, 1, f"{name}_5x5_reduce"),
            convolution(narrow.five, 5, f"{name}_5x5"),
        ],
        [pooling, convolution(narrow.pooled, 1, f"{name}_pool_1x1")],
    ]
    joined = [chain(values, branch) for branch in branches]
    return keras.layers.Concatenate(name=f"{name}_join")(joined)


ARCHITECTURE = Architecture(
    summary="stem of 3 conv, 9 inception modules of 64 to 256 maps, average, dropout, dense 10",
    origin="system E: Szegedy et al. 2014",
    parameters=377_126,
    multiply_adds=24_809_984,
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
