"""Operations: what a training step of networks for photographs spends its time on.

    python benchmarks/operations.py --output benchmarks/results/operations.json

Steps on 32 images of 224×224 pixels, all layers learning, batch normalisation frozen as with
pretrained weights. TensorFlow's profiler gives the time of all processors by kind of operation, in
float32 and in bfloat16. Then a step is timed in float32, in bfloat16, in float32 with batch
normalisation folded into the kernels, wherever it directly follows a convolution, and in float32
with Keras's own convolutions where pycifar replaces them; in turn, medians.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.architectures import keep_statistics
from pycifar.backend import keras, tensorflow
from pycifar.learners.fused_ops import compute_channels_apart
from pycifar.precision import computing_in, has_bfloat16

NETWORKS = ("efficientnet_lite0", "resnet50_v2", "convnext_tiny")
SIZE, BATCH = 224, 32
PROFILED = 3  # steps
SHOWN = 6  # kinds of operations
ROUNDING = 1e-4  # largest difference of a probability that folding may make
# What contains the operations, and would count them twice.
WHOLES = ("Process", "Run", "__inference", "__forward", "__backward", "PartitionedCall", "Session")


class Nothing(keras.layers.Layer):
    """A layer in the place of folded batch normalisation, called with what that was called with."""

    def call(self, values: Any, training: Any = None, mask: Any = None) -> Any:
        """Return the values."""
        return values


def main() -> None:
    """Profile, measure, and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    precisions = ["float32", *(["bfloat16"] if has_bfloat16() else [])]
    found = {}
    for name in NETWORKS:
        networks = {precision: network_of(name, precision) for precision in precisions}
        shares = {way: shares_of(step_of(network)) for way, network in networks.items()}
        count, as_computed = "0 of 0", networks["float32"]
        if normalisations(as_computed):
            networks["folded"], count = fold(as_computed)
        if any("convolution_op" in vars(layer) for layer in as_computed.layers):
            networks["keras"] = network_of(name, "float32", apart=False)
        steps = {way: step_of(network) for way, network in networks.items()}
        found[name] = {
            "shares": shares,
            "folded": count,
            "ms_an_image": times_of(steps, arguments.repeats),
        }
        print(name, found[name], flush=True)
    write_report(arguments.output, size=SIZE, batch=BATCH, networks=found)


def network_of(name: str, precision: str, apart: bool = True) -> Any:
    """Return a network with batch normalisation that does something, and is frozen.

    Args:
        name: of the architecture.
        precision: what it computes in.
        apart: whether channels that are groups are computed as in a training of pycifar.
    """
    with computing_in(precision):
        network = pycifar.build_model(name, (SIZE, SIZE, 3), 10, seed=1, precision=precision)
    keep_statistics(network)
    if apart:
        compute_channels_apart(network)
    random = np.random.default_rng(1)
    for layer in normalisations(network):
        scale, offset, mean, variance = (weight.shape for weight in layer.weights)
        layer.set_weights(
            [
                random.uniform(0.8, 1.2, scale),
                random.normal(0, 0.1, offset),
                random.normal(0, 0.1, mean),
                random.uniform(0.8, 1.2, variance),
            ]
        )
    return network


def normalisations(network: Any) -> list[Any]:
    """Return the layers of batch normalisation."""
    return [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]


def fold(network: Any) -> tuple[Any, str]:
    """Return the network with folded batch normalisation, and how many of how many were folded.

    Raises:
        ValueError: it gives other probabilities.
    """
    layers, before = normalisations(network), {}
    for layer in layers:
        convolution = layer.input._keras_history.operation
        kinds = keras.layers.Conv2D, keras.layers.DepthwiseConv2D
        if isinstance(convolution, kinds) and len(convolution._outbound_nodes) == 1:
            before[convolution.name] = layer
    gone = {layer.name for layer in before.values()}

    def clone(layer: Any) -> Any:
        if layer.name in gone:
            return Nothing(name=layer.name)
        bias = {"use_bias": True} if layer.name in before else {}
        return type(layer).from_config(layer.get_config() | bias)

    folded = keras.models.clone_model(network, clone_function=clone)
    for layer in network.layers:
        if layer.name in before:
            weights = folded_weights(layer, before[layer.name])
            folded.get_layer(layer.name).set_weights(weights)
        elif layer.name not in gone:
            folded.get_layer(layer.name).set_weights(layer.get_weights())
    keep_statistics(folded)
    images, _ = drawn()
    both = (np.asarray(one.predict_on_batch(images)) for one in (network, folded))
    if (difference := float(np.abs(np.subtract(*both)).max())) > ROUNDING:
        raise ValueError(f"The folded network differs by {difference:.2g}.")
    return folded, f"{len(before)} of {len(layers)}"


def folded_weights(convolution: Any, normalisation: Any) -> list[np.ndarray]:
    """Return the kernel and the bias of a convolution that normalises as well."""
    kernel, *bias = convolution.get_weights()
    scale, offset, mean, variance = normalisation.get_weights()
    scale = scale / np.sqrt(variance + normalisation.epsilon)
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    shaped = scale.reshape(kernel.shape[2:]) if depthwise else scale
    return [kernel * shaped, ((bias[0] if bias else 0) - mean) * scale + offset]


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Return a batch of images and their labels."""
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (BATCH, SIZE, SIZE, 3)).astype(np.uint8)
    return images, random.integers(0, 10, BATCH)


def step_of(network: Any) -> Callable[[], Any]:
    """Return a function that does one training step of a network; it is compiled."""
    network.compile(keras.optimizers.SGD(1e-6, momentum=0.9), "sparse_categorical_crossentropy")
    images, labels = drawn()
    network.train_on_batch(images, labels)
    return lambda: network.train_on_batch(images, labels)


def shares_of(step: Callable[[], Any]) -> dict[str, float]:
    """Return the share of the time of all processors by kind of operation, the largest ones."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with TemporaryDirectory() as folder:
        tensorflow.profiler.experimental.start(folder)
        for _ in range(PROFILED):
            step()
        tensorflow.profiler.experimental.stop()
        [file] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        if plane.name == "/host:CPU":
            for line in plane.lines:
                for event in line.events:
                    name = plane.event_metadata[event.metadata_id].name
                    _, colon, kind = name.rpartition(":")
                    kind = kind.strip()
                    if colon and not kind.startswith(WHOLES):
                        spent[kind.lstrip("_")] += event.duration_ps
    whole = sum(spent.values())
    return {kind: round(time / whole, 3) for kind, time in spent.most_common(SHOWN)}


def times_of(steps: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the milliseconds an image of each step, in turn."""
    rounds = [{way: seconds(step) for way, step in steps.items()} for _ in range(repeats)]
    return {way: round(1000 * median(r[way] for r in rounds) / BATCH, 2) for way in steps}


def seconds(step: Callable[[], Any]) -> float:
    """Return the seconds that a step takes."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
