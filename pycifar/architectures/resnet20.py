"""`resnet20`: residual learning, as its paper has it for CIFAR-10.

He, Zhang, Ren and Sun 2015, "Deep Residual Learning for Image Recognition", section 4.2: one
convolution, three stages of three blocks with 16, 32 and 64 filters, two convolutions with batch
normalisation a block, and shortcuts without parameters: where a stage halves the size, the shortcut
takes every other pixel and fills up the new maps with zeros (option A). Its 0.27 million
parameters are the paper's. Changed: pixels are scaled to 0-1, and no mean image is taken off them,
which the normalisation makes up for; the learning rate rises and falls in one cycle, which a short
training needs, where the paper divides 0.1 by 10 twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import chain, normalised_convolution, pixels, probabilities
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

STAGES = (16, 32, 64)  # filters
BLOCKS = 3  # in a stage
SMALLEST = 4  # pixels: two halvings


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Conv 16, three stages of three residual blocks, the average over the image, dense."""
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
    """Two convolutions, and what went in added to what comes out."""
    from pycifar.backend import keras

    layers = [
        *normalised_convolution(filters, 3, f"{name}a", stride=stride),
        *normalised_convolution(filters, 3, f"{name}b", activation=False),
    ]
    shortcut = values
    if stride > 1:
        new_maps = filters - values.shape[-1]
        every_other = keras.layers.MaxPooling2D(1, strides=stride, name=f"{name}_shortcut")
        sides = ((0, 0), (0, 0), (0, 0), (new_maps // 2, new_maps - new_maps // 2))
        shortcut = keras.ops.pad(every_other(values), sides)
    added = keras.layers.Add(name=f"{name}_add")([chain(values, layers), shortcut])
    return keras.layers.ReLU(name=f"{name}_relu")(added)


ARCHITECTURE = Architecture(
    summary="conv 16, 3 stages of 3 residual blocks of 16, 32 and 64 filters, average, dense 10",
    origin="system E: He et al. 2015",
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
