"""Networks of `keras.applications`, with the weights from ImageNet that Keras publishes for them.

Each is Keras's own network without its top, between an input for raw pixels and a new last layer.
Pixels are prepared inside, as the weights expect them. What was changed:

- The mean of each map, and dropout before the last layer where the original has it, take the place
  of the top. The MobileNets lose their last hidden layer with it, as in Keras.
- Batch normalisation has a momentum of 0.9. With Keras's 0.99 or 0.999, a short training ends
  before the moving averages are close to the real statistics.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycifar.architectures import efficientnet_lite0
from pycifar.architectures.architecture import Architecture, Pretrained
from pycifar.architectures.blocks import pixels, probabilities
from pycifar.download import RemoteFile, download_file
from pycifar.files import awaited
from pycifar.layer_calls import layers_of
from pycifar.pretrained.weights_file import set_weights_from

if TYPE_CHECKING:
    import keras

SMALLEST = 32  # pixels: Keras builds none of them for less
PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class Application:
    """A network of `keras.applications`.

    Args:
        summary: as in `Architecture`, as the next three.
        origin: its source.
        parameters: how many weights it has.
        multiply_adds: how many of them a prediction takes.
        function: its name there.
        file: the file of its weights without the top, behind `PUBLISHED`.
        checksum: the MD5 or SHA-256 that Keras publishes for that file.
        licence: the licence of the weights in SPDX.
        scale: the factor by which the network expects the pixels to be multiplied.
        offset: what it expects to be added then.
        dropout: the rate of dropout before the last layer; 0 for none.
        precision: what its recipe computes in. Convolutions of each channel by itself are slower
            in bfloat16 on processors.
    """

    summary: str
    origin: str
    parameters: int
    multiply_adds: int
    function: str
    file: str
    checksum: str
    licence: str
    scale: float = 1.0
    offset: float = 0.0
    dropout: float = 0.0
    precision: str = "float32"

    @property
    def remote(self) -> RemoteFile:
        """The published file of its weights."""
        url, name = f"{PUBLISHED}/{self.file}", Path(self.file).name
        fix = f"or put the file {name}, which is at {url}, into the folder {weights_folder()}."
        return RemoteFile(url, None, self.checksum, fix)


# All but `resnet50_v2` have a layer inside that prepares pixels of 0-255.
APPLICATIONS = {
    "mobilenet_v3_small": Application(
        summary="11 blocks of convolutions of each channel by itself, "
        "most with attention to channels",
        origin="Howard et al. 2019",
        parameters=944_890,
        multiply_adds=54_902_336,
        function="MobileNetV3Small",
        file="mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        checksum="d3e8ec802a04aa4fc771ee12a9a9b836",
        licence="Apache-2.0",
        dropout=0.2,
    ),
    "mobilenet_v3_large": Application(
        summary="15 blocks of convolutions of each channel by itself, "
        "half with attention to channels",
        origin="Howard et al. 2019",
        parameters=3_005_962,
        multiply_adds=214_090_560,
        function="MobileNetV3Large",
        file="mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        checksum="07fb09a5933dd0c8eaafa16978110389",
        licence="Apache-2.0",
        dropout=0.2,
    ),
    "efficientnet_v2_b0": Application(
        summary="21 blocks, "
        "the first 5 of plain convolutions, the others with attention to channels",
        origin="Tan and Le 2021",
        parameters=5_932_122,
        multiply_adds=716_818_976,
        function="EfficientNetV2B0",
        file="efficientnet_v2/efficientnetv2-b0_notop.h5",
        checksum="893217f2bb855e2983157299931e43ff",
        licence="Apache-2.0",
        dropout=0.2,
    ),
    "resnet50_v2": Application(
        summary="16 residual blocks of three convolutions, with normalisation before each",
        origin="He et al. 2016",
        parameters=23_585_290,
        multiply_adds=3_480_227_840,
        function="ResNet50V2",
        file="resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        checksum="fac2f116257151a9d068a22e544a4917",
        licence="BSD-3-Clause",
        scale=1 / 127.5,
        offset=-1.0,
        precision="bfloat16",
    ),
    "convnext_tiny": Application(
        summary="18 residual blocks of a 7×7 convolution of each channel and two dense layers",
        origin="Liu et al. 2022",
        parameters=27_827_818,
        multiply_adds=4_454_770_944,
        function="ConvNeXtTiny",
        file="convnext/convnext_tiny_notop.h5",
        checksum="d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        licence="MIT",
    ),
}


def weights_folder() -> Path:
    """Return the folder in which Keras keeps published weights, so that both share one copy."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def build(name: str, input_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Build a network of `APPLICATIONS` with a last layer for `n_classes`, with softmax."""
    from pycifar.backend import keras

    own = APPLICATIONS[name]
    start, scaling = pixels(input_shape, SMALLEST, own.scale, own.offset)
    base = getattr(keras.applications, own.function)(
        include_top=False,
        weights=None,
        input_tensor=scaling(start),
        input_shape=input_shape,
        pooling="avg",
    )
    _name_by_number(base)
    for layer in layers_of(base):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    values = base.outputs[0]
    if own.dropout:
        values = keras.layers.Dropout(own.dropout, name="dropout")(values)
    return keras.Model(start, probabilities(n_classes)(values), name=name)


def _name_by_number(network: Any) -> None:
    """Give numbers from 1 on to what has no name of its own; Keras goes on from other networks."""
    numbers: Counter[str] = Counter()
    for operation in network.operations:
        kind = re.sub(r"_\d+$", "", operation.name)
        if kind.replace("_", "") == type(operation).__name__.lower():
            numbers[kind] += 1
            operation.name = f"{kind}_{numbers[kind]}"


def set_weights(name: str, network: keras.Model) -> None:
    """Set the weights of a new network, but for its last layer, to those of ImageNet.

    They are downloaded where they are not in the folder of Keras.

    Raises:
        DownloadError: they cannot be downloaded.
        OutputError: they cannot be written.
    """
    remote, folder = APPLICATIONS[name].remote, weights_folder()
    path = folder / remote.name
    if not remote.is_at(path):  # the folder may be one that nobody can write to
        with awaited(
            folder / f"{remote.name}.lock", f"Waiting for another process that downloads to {path}."
        ):
            download_file(remote, folder)
    set_weights_from(network, path)


def _architecture(name: str, own: Application) -> Architecture:
    return Architecture(
        summary=own.summary,
        origin=own.origin,
        parameters=own.parameters,
        multiply_adds=own.multiply_adds,
        build=lambda input_shape, n_classes: build(name, input_shape, n_classes),
        recipe=replace(efficientnet_lite0.ARCHITECTURE.recipe, precision=own.precision),
        transfer=efficientnet_lite0.ARCHITECTURE.transfer,
        image_size=224,
        pretrained={
            "imagenet": Pretrained(
                origin=f"{PUBLISHED}/{own.file}",
                licence=own.licence,
                set_weights=lambda network: set_weights(name, network),
            )
        },
    )


ARCHITECTURES = {name: _architecture(name, own) for name, own in APPLICATIONS.items()}
