"""`fastnet`: the most accuracy for the time.

After Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU". Kept: a first layer that
whitens patches of 2×2 pixels and does not learn, three blocks of two convolutions with max pooling
after the first, normalisation whose scale is fixed, an identity at the start of each convolution,
a last layer whose output is scaled down, label smoothing, and images that are mirrored in every
other epoch; and Muon, which came after it (see `pycifar.learners.muon`). Changed for processors:
half the filters, ReLU in place of GELU, no bias behind the whitening, smaller batches, Adam for
what is no kernel, the largest value of each map at the end whatever its size, two more convolutions
where the maps are smallest, each added to what it is given (He et al. 2015), and at the end of long
trainings the mean of the weights (Izmailov et al. 2018).

A training that mirrors images has the network be the same to both (see
`pycifar.learners.flip_equivariance`), which takes far fewer steps to learn; pooling by windows of
3×3 leaves out no edge that its mirror image would have. Where the width is no power of two,
mirrored images are nearly the same to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.architectures.architecture import Architecture
from pycifar.architectures.blocks import chain, pixels
from pycifar.config import Settings

if TYPE_CHECKING:
    import keras
    import numpy as np

FILTERS = (32, 128, 128)
ADDED = 2  # convolutions at the end, each added to what it is given
SMALLEST = 16  # pixels: what the patches and three poolings leave one of
SCALE, OFFSET = 1 / 64, -2.0  # mean near 0 and deviation near 1, in numbers that bfloat16 has
PATCH = 2  # pixels
RIDGE = 5e-4  # added to the variances of patches, so that faint ones are not blown up
OUTPUT_SCALE = 1 / 9

OWN_PARTNERS = 12  # channels, the first ones: patches that are the same when mirrored


def build(input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Whitened patches, three blocks of convolutions, dense `n_classes` with softmax."""
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


def flip_weights(weights: np.ndarray) -> np.ndarray:
    """The weights of a layer that do to mirrored images what these do to images."""
    if weights.ndim < 4:
        return weights[_partners(len(weights))]
    inputs, outputs = weights.shape[2:]
    return weights[:, ::-1, _partners(inputs)][..., _partners(outputs)]


def _partners(channels: int) -> list[int]:
    """Of each channel, the one that finds in mirrored images what it finds in images."""
    return [channel if channel < OWN_PARTNERS else channel ^ 1 for channel in range(channels)]


def prepare(model: keras.Model, images: np.ndarray) -> None:
    """Whiten by the training images, and have each convolution begin by passing its input on.

    Mirrored images are the same to the network.
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
    """Filters, shape (2, 2, 3, 24), whose outputs over the images are uncorrelated and as strong.

    They are the principal components of the patches and of mirrored ones, each with either sign:
    first those that are the same when mirrored, and then those that turn into the opposite.
    """
    import numpy as np

    scaled = images.astype(np.float32) * SCALE + OFFSET
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (PATCH, PATCH), axis=(1, 2))
    patches = windows.transpose(5, 0, 1, 2, 4, 3).reshape(PATCH, -1, 3 * PATCH).astype(np.float64)
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
)
