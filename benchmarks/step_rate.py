"""How many images a second does `cnn2` train on, against the batch size? Beside its peers.

    pip install torch
    python benchmarks/step_rate.py --output benchmarks/results/step_rate.json

The same network, the same images and the same optimizer: pycifar as it comes and in float32, plain
Keras (`fit`), and PyTorch as its users tune it on a processor (channels last, fused optimizer), in
float32 and with bfloat16 autocast. Each has a process of its own; they take turns, each turn trains
on the same number of images, after a turn that does not count. Needs an otherwise idle machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from peer import Peer
from script import command_line, write_report

import pycifar

IMAGES = 4096  # a turn
BATCHES = (32, 64, 128, 256, 512)
RATE, MOMENTUM = 0.01, 0.9
FILTERS, HIDDEN, DROPOUT = 32, 512, 0.5


def main() -> None:
    """Measure, compare and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    speeds: dict[str, dict[int, float]] = {name: {} for name in PEERS}
    for batch in BATCHES:
        peers = {name: Peer(prepare, *given, batch) for name, (prepare, given) in PEERS.items()}
        seconds: dict[str, list[float]] = {name: [] for name in PEERS}
        for repeat in range(arguments.repeats + 1):
            for name, peer in peers.items():
                took = peer.call()
                if repeat:
                    seconds[name].append(took)
        for name, peer in peers.items():
            peer.end()
            speeds[name][batch] = round(IMAGES / median(seconds[name]))
        print(batch, {name: speeds[name][batch] for name in speeds}, flush=True)
    write_report(
        arguments.output,
        ("pycifar", "tensorflow", "keras", "torch"),
        images_per_second=speeds,
        pycifar_to_others={
            name: {
                batch: round(speeds["pycifar"][batch] / speed, 2) for batch, speed in row.items()
            }
            for name, row in speeds.items()
            if name != "pycifar"
        },
    )


def load() -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 in the order of their pixels, and labels."""
    train = pycifar.load_dataset("cifar10", n_train=IMAGES, n_test=100).split("train")
    return np.ascontiguousarray(train.images), train.labels


def prepare_pycifar(precision: str, batch: int) -> Callable[[], float]:
    """The epoch that `train` runs."""
    from pycifar.trainer import train

    dataset = pycifar.load_dataset("cifar10", n_train=IMAGES, n_test=100)
    network = pycifar.build_model("cnn2", seed=1, precision=precision)
    settings = {"batch_size": batch, "validation": None, "seed": 1, "verbose": 0}

    def turn() -> float:
        # The first epoch of a call has a compilation in it, which is not what is asked here.
        return train(dataset, network, epochs=2, **settings).seconds[-1]

    return turn


def prepare_keras(batch: int) -> Callable[[], float]:
    """`fit`, with all settings as they come."""
    import keras

    images, labels = load()
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(FILTERS, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(FILTERS, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(HIDDEN, activation="relu"),
            keras.layers.Dropout(DROPOUT),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(RATE, momentum=MOMENTUM),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    def turn() -> float:
        started = time.perf_counter()
        model.fit(images, labels, batch_size=batch, epochs=1, verbose=0)
        return time.perf_counter() - started

    return turn


def prepare_torch(precision: str, batch: int) -> Callable[[], float]:
    """A loop over batches in memory, with what PyTorch offers for a processor."""
    import torch
    from torch import nn

    images, labels = load()
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2)  # in memory, the channels are last
    truth = torch.from_numpy(labels.astype(np.int64))
    model = nn.Sequential(
        nn.Conv2d(3, FILTERS, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(FILTERS, FILTERS, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(FILTERS * 16 * 16, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, 10),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)
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
    "pycifar": (prepare_pycifar, ("auto",)),
    "pycifar float32": (prepare_pycifar, ("float32",)),
    "Keras fit": (prepare_keras, ()),
    "PyTorch float32": (prepare_torch, ("float32",)),
    "PyTorch bfloat16": (prepare_torch, ("bfloat16",)),
}


if __name__ == "__main__":
    main()
