"""How fast does `efficientnet_lite0` train, beside plain Keras and PyTorch?

    python benchmarks/transfer_speed.py --output benchmarks/results/transfer_speed.json

Drawn images of 224 pixels, in batches of 32. With a frozen base: an epoch of pycifar, the first one
with the features computed, and of `fit` of Keras on the same network whose layers but the last are
not trainable. The whole network: steps of pycifar, of Keras's `fit`, and of PyTorch (bfloat16,
channels last, Adam; and float32), one after the other, over and over.
Needs `pip install '.[bench]'`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from contestants import Peer, in_a_process
from script import command_line, write_report

# TensorFlow and PyTorch cannot be in one process here: both bring LLVM.
SIZE, BATCH, CLASSES = 224, 32, 10
EPOCHS, FROZEN = 4, 640
STEPS = 2  # of a turn


def main() -> None:
    """Measure, and write the report."""
    arguments = command_line(__doc__, repeats=12).parse_args()
    write_report(
        arguments.output,
        ("pycifar", "tensorflow", "keras", "torch"),
        images=FROZEN,
        frozen=in_a_process(frozen),
        whole_network=whole_network(arguments.repeats),
    )


def network(trainable: bool) -> Any:
    """Return the network of Keras, compiled."""
    import pycifar

    model = pycifar.build_model("efficientnet_lite0", (SIZE, SIZE, 3), CLASSES, weights="imagenet")
    for layer in model.layers[:-1]:
        layer.trainable = layer.trainable and trainable
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def frozen() -> dict[str, Any]:
    """Return the images a second of each epoch with a frozen base."""
    import keras

    import pycifar

    class Seconds(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds.append(time.perf_counter() - self.began)

    images, labels = drawn(FROZEN)
    dataset = pycifar.load_dataset({"train": (images, labels)})
    began, seconds = time.perf_counter(), []

    def end(epoch: int, logs: Any) -> None:
        seconds.append(time.perf_counter() - began - sum(seconds))

    def begin(logs: Any) -> None:
        nonlocal began
        began = time.perf_counter()

    pycifar.train(
        dataset,
        "efficientnet_lite0",
        weights="imagenet",
        epochs=EPOCHS,
        frozen_epochs=EPOCHS,
        validation=None,
        seed=1,
        verbose=0,
        callbacks={"on_train_begin": begin, "on_epoch_end": end},
    )
    fitted = Seconds()
    network(trainable=False).fit(
        images, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[fitted]
    )
    speeds = {"pycifar": seconds, "Keras fit": fitted.seconds}
    found: dict[str, Any] = {
        name: [round(len(images) / one, 1) for one in taken] for name, taken in speeds.items()
    }
    found["ratio_of_all_epochs"] = round(sum(fitted.seconds) / sum(seconds), 2)
    found["ratio_of_later_epochs"] = round(sum(fitted.seconds[1:]) / sum(seconds[1:]), 1)
    return found


def whole_network(repeats: int) -> dict[str, Any]:
    """Return the milliseconds of a step on the whole network, and ratios of pairs."""
    peers = {
        "pycifar": Peer(step_of_pycifar),
        "Keras": Peer(step_of_keras),
        "PyTorch, bfloat16": Peer(step_of_torch, "bfloat16"),
        "PyTorch, float32": Peer(step_of_torch, None),
    }
    for peer in peers.values():
        peer.call()
    rounds = [
        {name: 1000 * peer.call() / STEPS for name, peer in peers.items()} for _ in range(repeats)
    ]
    for peer in peers.values():
        peer.end()
    return {
        name: {
            "ms_a_step": round(median(one[name] for one in rounds), 1),
            "images_a_second": round(1000 * BATCH / median(one[name] for one in rounds), 1),
            "ratio_to_pycifar": round(median(one[name] / one["pycifar"] for one in rounds), 2),
        }
        for name in peers
    }


def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return drawn images and their labels."""
    draws = np.random.default_rng(1)
    return draws.integers(0, 256, (n, SIZE, SIZE, 3), np.uint8), np.arange(n) % CLASSES


def step_of_pycifar() -> Callable[[], None]:
    """Return steps as a training of pycifar does them."""
    import pycifar
    from pycifar.config import Settings
    from pycifar.training.prepare import prepare_run

    images, labels = drawn(BATCH)
    dataset = pycifar.load_dataset({"train": (images, labels)})
    settings = Settings(weights="imagenet", frozen_epochs=0, validation=None, seed=1)
    run = prepare_run(dataset, "efficientnet_lite0", settings)
    run.learner.begin(images, labels, None)

    def steps() -> None:
        for _ in range(STEPS):
            float(run.learner.step(images, labels)["loss"])

    return steps


def step_of_keras() -> Callable[[], None]:
    """Return steps as `fit` of Keras does them."""
    images, labels = drawn(BATCH)
    model = network(trainable=True)

    def steps() -> None:
        for _ in range(STEPS):
            model.train_on_batch(images, labels)

    return steps


def step_of_torch(dtype: str | None) -> Callable[[], None]:
    """Return steps of PyTorch on the same network, with batch normalisation as it is."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    images, labels = drawn(BATCH)
    model = EfficientNet.from_name("efficientnet-lite0", num_classes=CLASSES)
    model = model.to(memory_format=torch.channels_last)
    model.train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()
            layer.weight.requires_grad = layer.bias.requires_grad = False
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-4)
    truth = torch.from_numpy(labels)
    kind = None if dtype is None else getattr(torch, dtype)

    def steps() -> None:
        for _ in range(STEPS):
            pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
            pixels = ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=kind, enabled=kind is not None):
                loss = torch.nn.functional.cross_entropy(model(pixels).float(), truth)
            loss.backward()
            optimizer.step()
            float(loss.detach())

    return steps


if __name__ == "__main__":
    main()
