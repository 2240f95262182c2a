"""`resnet20`: the residual network for CIFAR-10 of the original paper.

He, Zhang, Ren and Sun 2015, "Deep Residual Learning for Image Recognition", section 4.2.

As in the paper: one convolution, then three stages of three blocks with 16, 32 and 64 filters. Each
block has two convolutions with batch normalisation, and a shortcut without parameters. Where a
stage halves the size, the shortcut takes every other pixel and fills the new maps with zeros
(option A). There are 0.27 million parameters.

Changed: pixels are scaled to 0-1, and no mean image is subtracted, which batch normalisation makes
up for. The learning rate rises and falls in one cycle, which a short training needs. In the paper
it starts at 0.1 and is divided by 10 twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import chain, normalised_convolution, pixels, probabilities
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

STAGES = (16, 32, 64)  # filters in each stage
BLOCKS = 3  # residual blocks in each stage
SMALLEST = 4  # pixels: two stages halve the size


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build conv 16, three stages of three residual blocks, global average pooling and dense."""
    from pycifar.backend import keras

    start, scaling = pixels(input_shape, SMALLEST)
    values = chain(scaling(start), normalised_convolution(STAGES[0], 3, "conv1"))
    for stage, filters in enumerate(STAGES, start=2):
        for block in range(1, BLOCKS + 1):
            halved = stage > 2 and block == 1
            values = residual(values, filters, 2 if halved else 1, f"conv{stage}_{block}")
    values = keras.layers.GlobalAveragePooling2D(name="average")(values)
    return keras.Model(start, probabilities(n_classes)(values), name="resnet20")


def residual(values: Any, filters: int, stride: int, name: str) -> Any:
    """Apply a residual block: two convolutions, whose output is added to the block's input."""
    from pycifar.backend import keras

    layers = [
        *normalised_convolution(filters, 3, f"{name}a", stride=stride),
        *normalised_convolution(filters, 3, f"{name}b", activation=False),
    ]
    shortcut = values
    if stride > 1:
        new_maps = filters - values.shape[-1]
        # Pooling of a single pixel with a stride takes every other pixel.
        every_other = keras.layers.MaxPooling2D(1, strides=stride, name=f"{name}_shortcut")
        sides = ((0, 0), (0, 0), (0, 0), (new_maps // 2, new_maps - new_maps // 2))
        shortcut = keras.ops.pad(every_other(values), sides)
    added = keras.layers.Add(name=f"{name}_add")([chain(values, layers), shortcut])
    return keras.layers.ReLU(name=f"{name}_relu")(added)


ARCHITECTURE = Architecture(
    summary="conv 16, 3 stages of 3 residual blocks of 16, 32 and 64 filters, average, dense 10",
    origin="system E: He et al. 2015",
    parameters=271_098,
    multiply_adds=40_551_040,
    build=build,
    recipe=Settings(
        epochs=60,
        batch_size=128,
        learning_rate=0.1,
        schedule="one_cycle",
        augmentation={"flip": True, "shift": 4},
        weight_decay=1e-3,
    ),
)
