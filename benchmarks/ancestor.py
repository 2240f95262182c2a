"""fastnet's published ancestor in PyTorch, with its own recipe: accuracy and seconds.

    pip install torch
    python benchmarks/ancestor.py --epochs 2 --output benchmarks/results/ancestor.json

Written from Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU": whitened 2×2 patches in
the first layer, three blocks of two convolutions with 64, 256 and 256 filters, identity
initialisation, normalisation without scales, alternating flip, translation by 2 pixels, label
smoothing, Nesterov momentum with biases that learn 64 times as fast, lookahead, and six views of
each image at the end. It takes 9.9 epochs there. `--epochs` and `--width` make it shorter, and its
schedule spans the epochs that it is given. It runs as PyTorch's users tune it: channels last, and
autocast to bfloat16 where the processor or GPU has that. Emulated bfloat16 is slower than float32.
The seconds are those of the training with its whitening, without loading and measuring.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from script import command_line, write_report
from torch import nn
from torch.nn import functional

import pycifar
from pycifar.precision import NATIVE
from pycifar.processor import find_processor

BATCH = 1024
RATE, MOMENTUM, DECAY, BIAS_SCALE = 11.5, 0.85, 0.0153, 64.0
SMOOTHING = 0.2
WIDTHS = (64, 256, 256)
OUTPUT_SCALE = 1 / 9
START, PEAK_AT, END = 0.2, 0.23, 0.07  # of the triangle of learning rates
WHITENING_BIAS_EPOCHS = 3
TRANSLATION = 2  # pixels
LOOKAHEAD_EVERY = 5  # steps
MEAN, DEVIATION = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)  # of the pixels, 0-255


class Normalisation(nn.BatchNorm2d):
    """Batch normalisation that learns its biases alone."""

    def __init__(self, filters: int) -> None:
        super().__init__(filters, eps=1e-12, momentum=0.4)
        self.weight.requires_grad = False


class Convolution(nn.Conv2d):
    """3×3, no bias; its first filters begin by passing on what comes in."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__(inputs, filters, 3, padding="same", bias=False)
        with torch.no_grad():
            nn.init.dirac_(self.weight[:inputs])


def block(inputs: int, filters: int) -> nn.Sequential:
    """Return two convolutions with pooling after the first."""
    return nn.Sequential(
        Convolution(inputs, filters),
        nn.MaxPool2d(2),
        Normalisation(filters),
        nn.GELU(),
        Convolution(filters, filters),
        Normalisation(filters),
        nn.GELU(),
    )


class Network(nn.Module):
    """The whole network."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.whitening = nn.Conv2d(3, 24, 2)
        self.whitening.weight.requires_grad = False
        ins = (24, *widths[:-1])
        self.blocks = nn.Sequential(*(block(i, o) for i, o in zip(ins, widths, strict=True)))
        self.head = nn.Linear(widths[-1], 10, bias=False)

    def whiten(self, images: torch.Tensor) -> None:
        """Set the first layer by the patches of some images."""
        patches = functional.unfold(images, 2).transpose(1, 2).reshape(-1, 12).double()
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / torch.sqrt(values + 5e-4)).T.flip(0).reshape(12, 3, 2, 2).float()
        self.whitening.weight.data = torch.cat([filters, -filters])
        self.whitening.bias.data.zero_()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute a score for each class, before softmax."""
        values = self.blocks(functional.gelu(self.whitening(images)))
        values = functional.max_pool2d(values, 3).flatten(1)
        return self.head(values) * OUTPUT_SCALE


def main() -> None:
    """Train for each seed, and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--epochs", type=float, default=9.9)
    parser.add_argument("--width", type=float, default=1.0, help="times the published one")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    runs = []
    for seed in range(1, arguments.seeds + 1):
        runs.append(run(arguments.epochs, arguments.width, seed))
        print(runs[-1], flush=True)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    write_report(arguments.output, ("torch",), gpu=gpu, runs=runs)


def run(epochs: float, width: float = 1.0, seed: int = 1) -> dict[str, Any]:
    """Train once, on the GPU where there is one.

    Return the seconds, and the accuracy on the test images.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = pycifar.load_dataset("cifar10")
    train_images, test_images = (
        as_tensors(dataset.split(name), device) for name in ("train", "test")
    )
    started = time.perf_counter()
    network = train(*train_images, epochs, width, seed)
    seconds = time.perf_counter() - started
    one, six = measure(network, *test_images)
    return {
        "epochs": epochs,
        "width": width,
        "seed": seed,
        "precision": "bfloat16" if has_bfloat16(device.type) else "float32",
        "seconds": round(seconds, 1),
        "test_accuracy": round(one, 4),
        "test_accuracy_six_views": round(six, 4),
    }


def as_tensors(split: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the normalised images, channels last in memory, and the labels."""
    pixels = torch.from_numpy(np.ascontiguousarray(split.images)).to(device).float()
    mean, deviation = (torch.tensor(values, device=device) for values in (MEAN, DEVIATION))
    images = ((pixels - mean) / deviation).permute(0, 3, 1, 2)
    return images, torch.from_numpy(split.labels.astype(np.int64)).to(device)


def has_bfloat16(device: str) -> bool:
    """Tell whether the device computes bfloat16 natively."""
    return device == "cuda" or bool(NATIVE & set(find_processor().instructions or ()))


def computing(images: torch.Tensor) -> torch.autocast:
    """Return a context in which products are computed in bfloat16, where there is any."""
    device = images.device.type
    return torch.autocast(device, torch.bfloat16, enabled=has_bfloat16(device))


def train(
    images: torch.Tensor, labels: torch.Tensor, epochs: float, width: float, seed: int
) -> Network:
    """Return a trained network."""
    torch.manual_seed(seed)
    network = Network(tuple(int(width * filters) for filters in WIDTHS)).to(images.device)
    network = network.to(memory_format=torch.channels_last)
    network.whiten(images[:5000])
    per_epoch = len(images) // BATCH
    total = int(np.ceil(epochs * per_epoch))
    rate = RATE / (1024 * (1 + 1 / (1 - MOMENTUM)))
    decay = DECAY * BATCH / (1024 * (1 + 1 / (1 - MOMENTUM)))
    biases = [p for n, p in network.named_parameters() if p.requires_grad and n.endswith("bias")]
    weights = [p for n, p in network.named_parameters() if p.requires_grad and p.dim() > 1]
    optimizer = torch.optim.SGD(
        [
            {"params": biases, "lr": rate * BIAS_SCALE, "weight_decay": decay / rate / BIAS_SCALE},
            {"params": weights, "lr": rate, "weight_decay": decay / rate},
        ],
        momentum=MOMENTUM,
        nesterov=True,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: triangle(step, total))
    slow = {name: value.clone() for name, value in network.state_dict().items()}
    flipped = torch.rand(len(images), device=images.device) < 0.5
    step = 0
    network.train()
    for epoch in range(int(np.ceil(epochs))):
        network.whitening.bias.requires_grad = epoch < WHITENING_BIAS_EPOCHS
        for chosen in torch.randperm(len(images), device=images.device).split(BATCH)[:per_epoch]:
            batch = augment(images[chosen], flipped[chosen] ^ bool(epoch % 2))
            with computing(images):
                outputs = network(batch.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(
                outputs.float(), labels[chosen], label_smoothing=SMOOTHING, reduction="sum"
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step % LOOKAHEAD_EVERY == 0:
                look_ahead(network, slow, 0.95**5 * (step / total) ** 3)
            if step == total:
                look_ahead(network, slow, 1.0)
                return network
    return network


def triangle(step: int, total: int) -> float:
    """Return the share of the learning rate at a step."""
    peak = PEAK_AT * total
    if step < peak:
        return START + (1 - START) * step / peak
    return 1 + (END - 1) * (step - peak) / max(1.0, total - peak)


@torch.no_grad()
def look_ahead(network: Network, slow: dict[str, torch.Tensor], keep: float) -> None:
    """Move slow weights towards the network's, and let the network go on from there."""
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            slow[name].lerp_(value, 1 - keep) if keep < 1 else None
            value.copy_(slow[name])


def augment(images: torch.Tensor, flipped: torch.Tensor) -> torch.Tensor:
    """Mirror the images that are marked, and move each by up to 2 pixels."""
    images = torch.where(flipped[:, None, None, None], images.flip(-1), images)
    padded = functional.pad(images, (TRANSLATION,) * 4, "reflect")
    side = 2 * TRANSLATION + 1
    offsets = torch.randint(side * side, (len(images),), device=images.device)
    moved = torch.empty_like(images)
    for offset in range(side * side):
        down, right = divmod(offset, side)
        chosen = offsets == offset
        moved[chosen] = padded[chosen, :, down : down + 32, right : right + 32]
    return moved


@torch.no_grad()
def measure(network: Network, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Return the accuracies with one view and with six views of each image."""
    network.eval()
    right = [0, 0]
    for batch, truth in zip(images.split(2000), labels.split(2000), strict=True):
        padded = functional.pad(batch, (1,) * 4, "reflect")
        views = ((0.5, batch), (0.25, padded[..., :32, :32]), (0.25, padded[..., 2:, 2:]))
        with computing(images):
            one = network(batch)
            six = sum(w * (network(v) + network(v.flip(-1))).float() for w, v in views)
        for i, outputs in enumerate((one, six)):
            right[i] += int((outputs.argmax(1) == truth).sum())
    return right[0] / len(labels), right[1] / len(labels)


if __name__ == "__main__":
    main()
