"""How fast does `mlp_relu` train? Beside scikit-learn and PyTorch, and beside the machine's limit.

    pip install scikit-learn torch
    python benchmarks/mlp.py --output benchmarks/results/mlp.json

Each program trains the same network, 3072-64-64-10 with ReLU and softmax, by gradient descent with
momentum in batches of 128 on the 50,000 training images. The images are in memory. Each program has
a process of its own; they train an epoch in turn, and each epoch is timed. scikit-learn and PyTorch
are given the images as float32 before the clock starts. pycifar turns bytes to numbers while it
runs. The limit is the rate at which NumPy multiplies large square matrices, measured between the
epochs. Beside it stands the rate of the two largest products of the network alone: a batch with the
weights of the first layer, and back. Needs an otherwise idle machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from contestants import Peer
from script import command_line, write_report

import pycifar

BATCH = 128
IMAGES = 50_000
RATE, MOMENTUM = 0.01, 0.9
SIDE = 2048  # of the square matrices
# Multiply-adds of a step, for each image: forward, and backward but to the pixels.
PIXELS, UNITS = 3072, 64
LAYERS = (PIXELS * UNITS, UNITS * UNITS, UNITS * 10)
WORK = 2 * (2 * sum(LAYERS) + sum(LAYERS[1:]))  # floating-point operations


def main() -> None:
    """Measure, compare and write the report."""
    arguments = command_line(__doc__, repeats=7).parse_args()
    peers = {name: Peer(_prepare, name) for name in EPOCHS}
    seconds: dict[str, list[float]] = {name: [] for name in EPOCHS}
    rates: list[float] = []
    product_rates: list[float] = []
    for repeat in range(arguments.repeats + 1):
        rates.append(sgemm_rate((SIDE, SIDE, SIDE)))
        product_rates.append(sgemm_rate((BATCH, PIXELS, UNITS), (PIXELS, BATCH, UNITS)))
        for name, peer in peers.items():
            took = peer.call()
            if repeat:  # the first is for warming up
                seconds[name].append(took)
    for peer in peers.values():
        peer.end()
    speeds = {name: IMAGES / median(times) for name, times in seconds.items()}
    limit = median(rates)
    results = {
        "images_per_second": {name: round(speed) for name, speed in speeds.items()},
        "ratio_to_pycifar": {
            name: round(speed / speeds["pycifar"], 3) for name, speed in speeds.items()
        },
        "sgemm_gflops": round(limit / 1e9, 1),
        "own_products_gflops": round(median(product_rates) / 1e9, 1),
        "share_of_sgemm": {name: round(speed * WORK / limit, 3) for name, speed in speeds.items()},
    }
    print(json.dumps(results, indent=1))
    results["seconds"] = {name: [round(s, 4) for s in times] for name, times in seconds.items()}
    write_report(arguments.output, ("pycifar", "numpy", "scikit-learn", "torch"), **results)


def _prepare(name: str) -> Callable[[], Any]:
    return EPOCHS[name](pycifar.load_dataset("cifar10"))


def as_rows(dataset: pycifar.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the training images as rows of float32 from -1 to 1, and their labels."""
    train = dataset.split("train")
    return train.images.reshape(len(train), -1).astype(np.float32) / 128 - 1, train.labels


def pycifar_epoch(dataset: pycifar.Dataset) -> Callable[[], Any]:
    """Return a function that runs one epoch of the loop of `pycifar.train` on all images."""
    # Here, and not above: TensorFlow and PyTorch do not go together in one process.
    from pycifar.config import Settings
    from pycifar.training.prepare import prepare_run

    settings = Settings(
        epochs=1,
        batch_size=BATCH,
        learning_rate=RATE,
        schedule="constant",
        weight_decay=0.0,
        augmentation="none",
        validation=None,
        seed=1,
    )
    network = pycifar.build_model("mlp_relu", hidden=[64, 64], seed=1)

    def epoch() -> None:
        prepare_run(dataset, network, settings).train([])

    return epoch


def sklearn_epoch(dataset: pycifar.Dataset) -> Callable[[], Any]:
    """Return a function that runs one epoch of MLPClassifier.

    Its `partial_fit` goes over all images once, in batches.
    """
    from sklearn.neural_network import MLPClassifier

    rows, labels = as_rows(dataset)
    model = MLPClassifier(
        hidden_layer_sizes=(64, 64),
        solver="sgd",
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        random_state=1,
    )
    classes = np.arange(10)
    return lambda: model.partial_fit(rows, labels, classes=classes)


def torch_epoch(dataset: pycifar.Dataset) -> Callable[[], Any]:
    """Return a function that runs one epoch in PyTorch.

    Batches follow a random order, as PyTorch's users take them from data in memory.
    """
    import torch

    rows, labels = as_rows(dataset)
    torch.manual_seed(1)
    inputs, truth = torch.from_numpy(rows), torch.from_numpy(labels.astype(np.int64))
    model = torch.nn.Sequential(
        torch.nn.Linear(3072, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)

    def epoch() -> None:
        for chosen in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(model(inputs[chosen]), truth[chosen])
            loss.backward()
            optimizer.step()

    return epoch


EPOCHS = {"pycifar": pycifar_epoch, "scikit-learn": sklearn_epoch, "PyTorch": torch_epoch}


def sgemm_rate(*products: tuple[int, int, int]) -> float:
    """Return the floating-point operations a second of products of float32 matrices.

    Args:
        products: (n, k, m) each, for (n, k) by (k, m).
    """
    rng = np.random.default_rng(1)
    matrices = [
        tuple(rng.standard_normal(shape, dtype=np.float32) for shape in ((n, k), (k, m), (n, m)))
        for n, k, m in products
    ]
    work = sum(2 * n * k * m for n, k, m in products)
    times = []
    for _ in range(max(5, 2 * 10**9 // work)):
        started = time.perf_counter()
        for a, b, out in matrices:
            np.matmul(a, b, out=out)
        times.append(time.perf_counter() - started)
    return work / median(times)


if __name__ == "__main__":
    main()
