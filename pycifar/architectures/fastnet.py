"""`fastnet`: a network that reaches high accuracy in a short training.

After Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU".

As there:

- The first layer whitens patches of 2×2 pixels, and is not trained.
- Three blocks have two convolutions each, with max pooling after the first.
- Batch normalisation has an offset but no scale.
- Each convolution starts as the identity.
- The input of the last layer is scaled down.
- Labels are smoothed, and each image is mirrored in every other epoch.

The optimizer, Muon, was published later (see `pycifar.learners.muon`).

Changed, to train on processors:

- half the filters, smaller batches, and ReLU in place of GELU,
- no bias after the whitening,
- Adam for all variables that are not kernels of convolutions,
- global max pooling at the end, for any size of image,
- two more convolutions where the feature maps are smallest, with shortcuts (He et al. 2015),
- at the end of long trainings, the mean of the weights (Izmailov et al. 2018).

A training that mirrors images keeps the network equivariant to flips, so that it learns in far
fewer steps (see `pycifar.learners.flip_equivariance`). For this, pooling has windows of 3×3 with
stride 2. If the width of the images is divisible by 8, these windows leave out no edge that the
mirrored image would have. Moving means and variances are not tied, so after a training a mirrored
image gives nearly the same result, and not quite the same.

Figures are in docs/decisions, in muon.md, widths.md, mirrored-weights.md, batches-and-rate.md,
averaging.md and ingredients.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture, Pretrained
from pycifar.architectures.blocks import chain, pixels
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras
    import numpy as np

FILTERS = (32, 128, 128)
ADDED = 2  # convolutions at the end, each with a shortcut around it
SMALLEST = 16  # pixels: whitening leaves 15, and the three poolings 7, 3 and 1
# Pixels become values of mean near 0 and standard deviation near 1. Both are exact in bfloat16.
SCALE, OFFSET = 1 / 64, -2.0
PATCH = 2  # pixels: the height and width of the patches that are whitened
RIDGE = 5e-4  # added to the variances of patches, so that weak components are not amplified
OUTPUT_SCALE = 1 / 9

# The first channels of each layer are their own partners under mirroring. There are as many as
# whitening filters that are symmetric: half of 2 × 3 × `PATCH`².
OWN_PARTNERS = 12


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build the whitening layer, three blocks of convolutions, dense `n_classes` with softmax."""
    from pycifar.backend import keras

    layers = keras.layers
    start, scaling = pixels(input_shape, SMALLEST, SCALE, OFFSET)
    values = chain(
        start,
        [
            scaling,
            layers.Conv2D(
                2 * 3 * PATCH**2, PATCH, use_bias=False, trainable=False, name="whitening"
            ),
            layers.ReLU(name="whitening_relu"),
        ],
    )
    for number, filters in enumerate(FILTERS, start=1):
        first, second = f"conv{number}_1", f"conv{number}_2"
        values = chain(
            values,
            [
                _convolution(filters, first),
                layers.MaxPooling2D(3, strides=2, name=f"pool{number}"),
                *_normalised(first),
                _convolution(filters, second),
                *_normalised(second),
            ],
        )
    for number in range(3, 3 + ADDED):
        name = f"conv{len(FILTERS)}_{number}"
        change = chain(values, [_convolution(FILTERS[-1], name), *_normalised(name)])
        values = layers.Add(name=f"{name}_added")([values, change])
    outputs = [
        layers.GlobalMaxPooling2D(name="pool"),
        layers.Rescaling(OUTPUT_SCALE, dtype="float32", name="calming"),
        layers.Dense(
            n_classes, use_bias=False, activation="softmax", dtype="float32", name="probabilities"
        ),
    ]
    return keras.Model(start, chain(values, outputs), name="fastnet")


def set_weights(model: keras.Model) -> None:
    """Set the weights of a new network to those of the one that is part of pycifar."""
    from pycifar.pretrained.weights_file import set_weights_from
    from pycifar.shipped import SHIPPED

    set_weights_from(model, SHIPPED["fastnet-cifar10"])


def flip_weights(weights: np.ndarray) -> np.ndarray:
    """Return the weights of a layer that do to mirrored images what these do to images."""
    if weights.ndim < 4:
        return weights[_partners(len(weights))]
    inputs, outputs = weights.shape[2:]
    return weights[:, ::-1, _partners(inputs)][..., _partners(outputs)]


def _partners(channels: int) -> list[int]:
    """Return the partner of each channel: what one finds in an image, its partner finds mirrored.

    The first channels are their own partners. After them, neighbours are partners: 12 and 13, 14
    and 15, and so on.
    """
    return [channel if channel < OWN_PARTNERS else channel ^ 1 for channel in range(channels)]


def prepare(model: keras.Model, images: np.ndarray) -> None:
    """Set the initial weights.

    The first layer whitens patches of these training images. The first filters of each other
    convolution pass their input channels on unchanged. All trainable weights are equal to their
    flip weights, so an image and its mirror image give the same result.

    Args:
        model: a new model from `build`.
        images: training images, uint8 of shape (n, height, width, 3).
    """
    from pycifar.backend import keras

    model.get_layer("whitening").set_weights([whitening_filters(images)])
    for layer in model.layers:
        if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)) or not layer.trainable:
            continue
        (kernel,) = layer.get_weights()
        if kernel.ndim == 4:
            passed = min(kernel.shape[2:])
            kernel[..., :passed] = 0
            kernel[1, 1, range(passed), range(passed)] = 1
        layer.set_weights([(kernel + flip_weights(kernel)) / 2])


def whitening_filters(images: np.ndarray) -> np.ndarray:
    """Return whitening filters, shape (2, 2, 3, 24).

    They are the principal components of the patches and of the mirrored patches, scaled so that
    their outputs are uncorrelated and equally strong over the images. Each component occurs twice,
    once with each sign. The first 12 filters do not change when they are mirrored. The last 12
    change their sign.
    """
    import numpy as np

    scaled = images.astype(np.float32) * SCALE + OFFSET
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (PATCH, PATCH), axis=(1, 2))
    patches = windows.transpose(5, 0, 1, 2, 4, 3).reshape(PATCH, -1, 3 * PATCH).astype(np.float64)
    # Sums of the left and the right column have the symmetric components, differences the others.
    left, right = patches / np.sqrt(2)
    found = []
    for sign in (1, -1):
        values = left + sign * right
        variances, components = np.linalg.eigh(values.T @ values / len(values))
        half = components / np.sqrt(2 * (variances + RIDGE))
        half = np.stack([half, -half], axis=-1).reshape(PATCH, 1, 3, -1)
        found.append(np.concatenate([half, sign * half], axis=1))
    return np.concatenate(found, axis=-1).astype(np.float32)


def _convolution(filters: int, name: str) -> Any:
    from pycifar.backend import keras

    return keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)


def _normalised(name: str) -> list[Any]:
    from pycifar.backend import keras

    return [
        keras.layers.BatchNormalization(momentum=0.6, scale=False, name=f"{name}_norm"),
        keras.layers.ReLU(name=f"{name}_relu"),
    ]


ARCHITECTURE = Architecture(
    summary="whitened patches, eight convolutions with 32, 128 and 128 filters",
    origin="pycifar's own, after Jordan 2024",
    parameters=794_336,
    multiply_adds=35_720_480,
    build=build,
    prepare=prepare,
    flip_weights=flip_weights,
    recipe=Settings(
        epochs=10,
        batch_size=256,
        optimizer="muon",
        learning_rate=0.22,
        schedule="averaging",
        label_smoothing=0.2,
        augmentation={"flip": "alternating", "shift": 2},
        precision="bfloat16",
    ),
    pretrained={
        "cifar10": Pretrained(
            origin="part of pycifar, which trained them on CIFAR-10",
            licence="MIT",
            set_weights=set_weights,
        )
    },
    transfer=Settings(
        epochs=8,
        frozen_epochs=3,
        batch_size=64,
        optimizer="adam",
        learning_rate=0.01,
        fine_tune_rate=0.001,
        schedule="cosine",
        weight_decay=0.0,
        label_smoothing=0.0,
        augmentation="none",
    ),
)
