"""Which networks train faster in bfloat16 than in float32 here, and by how much?

    python benchmarks/precision.py --output benchmarks/results/precision.json

Each network is built twice, once in each precision, and both are trained for a few steps in turn,
on real CIFAR-10 with the batch size of its recipe. The ratio of the median times says which
precision the recipe should name for processors that have bfloat16. Needs an otherwise idle machine,
and one that has it.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.scratch import NumpyModel

IMAGES = 1024  # trained on in each repeat


def main() -> None:
    """Measure and write the report."""
    arguments = command_line(__doc__, repeats=5).parse_args()
    few = pycifar.load_dataset("cifar10", n_train=IMAGES, n_test=100)
    images = np.ascontiguousarray(few.split("train").images)
    labels = few.split("train").labels
    rows = []
    for name in ARCHITECTURES:
        if isinstance(pycifar.build_model(name), NumpyModel):
            continue
        size = ARCHITECTURES[name].recipe.batch_size
        networks = {
            precision: pycifar.train(
                few, name, epochs=1, precision=precision, validation=None, seed=1, verbose=0
            ).network
            for precision in ("float32", "bfloat16")
        }
        seconds: dict[str, list[float]] = {precision: [] for precision in networks}
        for _ in range(arguments.repeats):
            for precision, network in networks.items():
                started = time.perf_counter()
                for start in range(0, IMAGES - size + 1, size):
                    network.train_on_batch(
                        images[start : start + size], labels[start : start + size]
                    )
                seconds[precision].append((time.perf_counter() - started) / (IMAGES // size * size))
        speeds = {precision: 1 / median(times) for precision, times in seconds.items()}
        rows.append(
            {
                "architecture": name,
                "batch_size": size,
                "images_per_second": {key: round(speed) for key, speed in speeds.items()},
                "bfloat16_to_float32": round(speeds["bfloat16"] / speeds["float32"], 2),
            }
        )
        print(rows[-1], flush=True)
    write_report(arguments.output, (), networks=rows)


if __name__ == "__main__":
    main()
