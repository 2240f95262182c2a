"""How many images a second do `cnn2` and `cnn4` train on, by batch size? Beside their peers.

    pip install torch
    python benchmarks/step_rate.py --output benchmarks/results/step_rate.json

These train the same network on the same images with the same optimizer:

- pycifar with its defaults, and in float32;
- plain Keras (`fit`) with the kernels that TensorFlow chooses by itself;
- PyTorch as its users tune it on a processor (channels last, fused optimizer), in float32 and with
  bfloat16 autocast.

Each has a process of its own. They take turns, after a turn that does not count. Each turn trains
on the same number of images. Needs an otherwise idle machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from contestants import Peer, as_it_comes
from script import command_line, write_report

import pycifar

IMAGES = 4096  # a turn
BATCHES = {"cnn2": (32, 128, 512), "cnn4": (32, 128)}
RATE, MOMENTUM = 0.01, 0.9
# The filters of each block of two convolutions, and what regularises.
NETWORKS = {
    "cnn2": {"blocks": (32,), "dropout": 0.5, "decay": 0.0},
    "cnn4": {"blocks": (32, 64), "dropout": 0.0, "decay": 2e-4},
}
HIDDEN = 512


def main() -> None:
    """Measure, compare and write the report."""
    parser = command_line(__doc__, repeats=5)
    others = [name for name in PEERS if name != "pycifar"]
    parser.add_argument("--without", nargs="*", default=[], choices=others, help="some of these")
    arguments = parser.parse_args()
    for name in arguments.without:
        del PEERS[name]
    rows = []
    for network, batches in BATCHES.items():
        for batch in batches:
            rows.append(compare(network, batch, arguments.repeats))
            print(rows[-1], flush=True)
    write_report(arguments.output, ("pycifar", "tensorflow", "keras", "torch"), speeds=rows)


def compare(network: str, batch: int, repeats: int) -> dict[str, Any]:
    """Return the images a second of each, and the ratio of pycifar to each of its peers.

    Both are medians of the turns.
    """
    peers = {
        name: Peer(prepare, network, batch, *given) for name, (prepare, *given) in PEERS.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in PEERS}
    for turn in range(repeats + 1):
        for name, peer in peers.items():
            took = peer.call()
            if turn:
                seconds[name].append(took)
    for peer in peers.values():
        peer.end()
    ours = seconds["pycifar"]
    return {
        "architecture": network,
        "batch_size": batch,
        "images_per_second": {name: round(IMAGES / median(s)) for name, s in seconds.items()},
        "pycifar_to": {
            name: round(median(b / a for a, b in zip(ours, theirs, strict=True)), 2)
            for name, theirs in seconds.items()
            if name != "pycifar"
        },
    }


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return the images, uint8 in the order of their pixels, and the labels."""
    train = pycifar.load_dataset("cifar10", n_train=IMAGES, n_test=100).split("train")
    return np.ascontiguousarray(train.images), train.labels


def prepare_pycifar(name: str, batch: int, precision: str) -> Callable[[], float]:
    """Prepare the epoch that `train` runs."""
    from pycifar.training.train import train

    dataset = pycifar.load_dataset("cifar10", n_train=IMAGES, n_test=100)
    network = pycifar.build_model(name, seed=1, precision=precision)
    settings = {"batch_size": batch, "validation": None, "seed": 1, "verbose": 0}
    settings |= {"optimizer": "sgd", "learning_rate": RATE, "augmentation": "none"}

    def turn() -> float:
        # The first epoch of a call has a compilation in it, which is not what is asked here.
        return train(dataset, network, epochs=2, **settings).seconds[-1]

    return turn


def prepare_keras(name: str, batch: int, autotuning: bool) -> Callable[[], float]:
    """Prepare `fit`, with all settings at their defaults or with one changed.

    `fit` passes arrays through tf.data, which tunes itself as it runs. At the end of an epoch it
    waits for the tuning to wake: after 10, 30, 70 ms and so on, each wait twice the one before. An
    epoch can take twice its time by that. Without autotuning it does not.
    """
    as_it_comes()
    import keras
    import tensorflow

    images, labels = load()
    network = NETWORKS[name]
    decay = keras.regularizers.L2(network["decay"]) if network["decay"] else None
    regularised = {"kernel_regularizer": decay, "bias_regularizer": decay}
    model = keras.Sequential(
        [keras.Input((32, 32, 3), dtype="uint8"), keras.layers.Rescaling(1 / 255)]
    )
    for filters in network["blocks"]:
        for _ in range(2):
            model.add(
                keras.layers.Conv2D(filters, 3, padding="same", activation="relu", **regularised)
            )
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(HIDDEN, activation="relu", **regularised))
    if network["dropout"]:
        model.add(keras.layers.Dropout(network["dropout"]))
    model.add(keras.layers.Dense(10, activation="softmax", **regularised))
    model.compile(
        keras.optimizers.SGD(RATE, momentum=MOMENTUM),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    given = {"x": images, "y": labels, "batch_size": batch}
    if not autotuning:
        options = tensorflow.data.Options()
        options.autotune.enabled = False
        slices = tensorflow.data.Dataset.from_tensor_slices((images, labels))
        given = {"x": slices.shuffle(len(images)).batch(batch).with_options(options)}

    def turn() -> float:
        started = time.perf_counter()
        model.fit(**given, epochs=1, verbose=0)
        return time.perf_counter() - started

    return turn


def prepare_torch(name: str, batch: int, precision: str) -> Callable[[], float]:
    """Prepare a loop over batches in memory, with what PyTorch offers for a processor."""
    import torch
    from torch import nn

    images, labels = load()
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2)  # in memory, the channels are last
    truth = torch.from_numpy(labels.astype(np.int64))
    network = NETWORKS[name]
    layers, channels, side = [], 3, 32
    for filters in network["blocks"]:
        for depth in (channels, filters):
            layers += [nn.Conv2d(depth, filters, 3, padding=1), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        channels, side = filters, side // 2
    layers += [nn.Flatten(), nn.Linear(channels * side * side, HIDDEN), nn.ReLU()]
    layers += [nn.Dropout(network["dropout"]), nn.Linear(HIDDEN, 10)]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=RATE,
        momentum=MOMENTUM,
        weight_decay=2 * network["decay"],  # the slope of the squares that Keras adds to the loss
        fused=True,
    )
    in_bfloat16 = precision == "bfloat16"

    def turn() -> float:
        started = time.perf_counter()
        for chosen in torch.randperm(len(inputs)).split(batch):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=in_bfloat16):
                outputs = model(inputs[chosen].float() / 255)
            loss = nn.functional.cross_entropy(outputs.float(), truth[chosen])
            loss.backward()
            optimizer.step()
        return time.perf_counter() - started

    return turn


PEERS = {
    "pycifar": (prepare_pycifar, "auto"),
    "pycifar float32": (prepare_pycifar, "float32"),
    "Keras fit": (prepare_keras, True),
    "Keras fit, no autotuning": (prepare_keras, False),
    "PyTorch float32": (prepare_torch, "float32"),
    "PyTorch bfloat16": (prepare_torch, "bfloat16"),
}


if __name__ == "__main__":
    main()
