"""What does each ingredient of fastnet bring, in accuracy and in time?

    python benchmarks/ablation.py --output benchmarks/results/ablation.json

fastnet is trained as it is, and then with one thing changed at a time. Each variant has a process
of its own, and trains for the same number of epochs on nine tenths of CIFAR-10's training images.
The accuracy is measured on the last tenth, with one view of each image and with six. The test
images are not used. The seconds are those of all epochs.
"""

from __future__ import annotations

import dataclasses
from statistics import mean
from typing import Any

import numpy as np
from contestants import in_a_process
from script import command_line, write_report

import pycifar

AS_IT_IS = "as it is"

# What is changed: settings of `train`, names of the module `fastnet`, and what sets weights before.
VARIANTS: dict[str, dict[str, Any]] = {
    AS_IT_IS: {},
    "SGD in place of Muon": {
        "settings": {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 5e-3}
    },
    "Adam in place of Muon": {"settings": {"optimizer": "adam", "learning_rate": 3e-3}},
    "float32": {"settings": {"precision": "float32"}},
    "no whitening, nor are mirrored images the same to it": {"without": "whitening"},
    "no identity at the start": {"without": "identity"},
    "no label smoothing": {"settings": {"label_smoothing": 0.0}},
    "mirrored images are not the same to it": {"without": "mirroring"},
    "no added convolutions": {"constants": {"ADDED": 0}},
    "no augmentation": {"settings": {"augmentation": "none"}},
    "flip alone": {"settings": {"augmentation": {"flip": "alternating"}}},
    "flip at random": {"settings": {"augmentation": {"flip": True, "shift": 2}}},
    "half a cosine of the rate": {"settings": {"schedule": "cosine", "learning_rate": 0.1}},
    "batches of 128": {"settings": {"batch_size": 128}},
    "batches of 512": {"settings": {"batch_size": 512}},
    "filters 16, 64, 64": {"constants": {"FILTERS": (16, 64, 64)}},
    "filters 64, 256, 256 (published)": {"constants": {"FILTERS": (64, 256, 256)}},
}


def main() -> None:
    """Train each variant and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in arguments.variants:
        runs = [
            in_a_process(train, name, arguments.epochs, seed)
            for seed in range(1, arguments.seeds + 1)
        ]
        rows.append({"variant": name, **{key: mean(run[key] for run in runs) for key in runs[0]}})
        print(rows[-1], flush=True)
        counts = {"epochs": arguments.epochs, "seeds": arguments.seeds}
        write_report(arguments.output, **counts, variants=rows)  # so far: it takes an hour


def train(name: str, epochs: int, seed: int) -> dict[str, float]:
    """Train one variant, in this process alone."""
    from pycifar.architectures import ARCHITECTURES, fastnet
    from pycifar.datasets.subset import split_subsets

    variant = VARIANTS[name]
    for constant, value in variant.get("constants", {}).items():
        setattr(fastnet, constant, value)
    without = variant.get("without")
    flips = None if without in ("mirroring", "whitening") else fastnet.flip_weights
    ARCHITECTURES["fastnet"] = dataclasses.replace(
        fastnet.ARCHITECTURE, prepare=preparing(without), flip_weights=flips
    )
    dataset = pycifar.load_dataset("cifar10")
    settings = {"validation": 0.1, "seed": seed, "verbose": 0} | variant.get("settings", {})
    model = pycifar.train(dataset, "fastnet", epochs=epochs, **settings)
    _, held_out = split_subsets(dataset, settings["validation"], seed)
    images, labels = held_out.take(slice(None))
    right = {
        views: float((pycifar.predict(model, images, tta=views == 6) == labels).mean())
        for views in (1, 6)
    }
    return {
        "accuracy": round(right[1], 4),
        "accuracy_six_views": round(right[6], 4),
        "seconds": round(sum(model.seconds), 1),
    }


def preparing(without: str | None) -> Any:
    """Return a function that sets the weights of fastnet before it is trained.

    Where `without` names an ingredient, the function leaves it out.
    """
    from pycifar.architectures import fastnet

    def prepare(model: Any, images: np.ndarray) -> None:
        drawn = {layer.name: layer.get_weights() for layer in model.layers}
        fastnet.prepare(model, images)
        for layer in model.layers:
            whitens = layer.name == "whitening"
            if whitens and without == "whitening":
                layer.set_weights(drawn[layer.name])
            if not whitens and without == "identity":
                weights = drawn[layer.name]
                layer.set_weights([(own + fastnet.flip_weights(own)) / 2 for own in weights])

    return prepare


if __name__ == "__main__":
    main()
