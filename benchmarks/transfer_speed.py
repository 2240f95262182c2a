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

import keras
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from script import command_line, write_report

import pycifar

SIZE, BATCH, CLASSES = 224, 32, 10
EPOCHS = 4


def main() -> None:
    """Measure, and write the report."""
    arguments = command_line(__doc__, repeats=15).parse_args()
    draws = np.random.default_rng(1)
    images = draws.integers(0, 256, (10 * BATCH, SIZE, SIZE, 3), np.uint8)
    labels = np.arange(len(images)) % CLASSES
    write_report(
        arguments.output,
        ("pycifar", "tensorflow", "keras", "torch"),
        images=len(images),
        frozen=frozen(images, labels),
        whole_network=whole_network(images, labels, arguments.repeats),
    )


def network(trainable: bool) -> keras.Model:
    """Return the network of Keras, compiled."""
    model = pycifar.build_model("efficientnet_lite0", (SIZE, SIZE, 3), CLASSES, weights="imagenet")
    for layer in model.layers[:-1]:
        layer.trainable = layer.trainable and trainable
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def frozen(images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the images a second of each epoch with a frozen base."""
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


class Seconds(keras.callbacks.Callback):
    """Notes the seconds of each epoch."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Start with no epoch."""
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self._began)


def whole_network(images: np.ndarray, labels: np.ndarray, repeats: int) -> dict[str, Any]:
    """Return the milliseconds of a step on the whole network, and ratios of pairs."""
    batch, truth = images[:BATCH], labels[:BATCH]
    steps = {
        "pycifar": step_of_pycifar(batch, truth),
        "Keras": step_of_keras(batch, truth),
        "PyTorch, bfloat16": step_of_torch(batch, truth, torch.bfloat16),
        "PyTorch, float32": step_of_torch(batch, truth, None),
    }
    for step in steps.values():
        step()
        step()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            taken[name].append(1000 * (time.perf_counter() - began))
    return {
        name: {
            "ms_a_step": round(median(times), 1),
            "images_a_second": round(1000 * BATCH / median(times), 1),
            "pycifar_is_faster_by": round(
                median(b / a for a, b in zip(taken["pycifar"], times, strict=True)), 2
            ),
        }
        for name, times in taken.items()
    }


def step_of_pycifar(images: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    """Return a step as a training of pycifar does it."""
    from pycifar.config import Settings
    from pycifar.training.prepare import prepare_run

    dataset = pycifar.load_dataset({"train": (images, labels)})
    settings = Settings(weights="imagenet", frozen_epochs=0, validation=None, seed=1)
    run = prepare_run(dataset, "efficientnet_lite0", settings)
    run.learner.begin(images, labels, None)
    return lambda: float(run.learner.step(images, labels)["loss"])


def step_of_keras(images: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    """Return a step as `fit` of Keras does it."""
    model = network(trainable=True)
    return lambda: model.train_on_batch(images, labels)


def step_of_torch(
    images: np.ndarray, labels: np.ndarray, dtype: torch.dtype | None
) -> Callable[[], Any]:
    """Return a step of PyTorch on the same network, with batch normalisation as it is."""
    model = EfficientNet.from_name("efficientnet-lite0", num_classes=CLASSES)
    model = model.to(memory_format=torch.channels_last)
    model.train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()
            layer.weight.requires_grad = layer.bias.requires_grad = False
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-4)
    truth = torch.from_numpy(labels)

    def step() -> float:
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        pixels = ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            loss = torch.nn.functional.cross_entropy(model(pixels).float(), truth)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


if __name__ == "__main__":
    main()
