"""How accurate is what can be trained in 30 seconds, 1, 2, 5 and 10 minutes? Beside plain Keras.

    python benchmarks/budget.py --output benchmarks/results/budget.json

`train(dataset, "fastnet", time_budget=...)` on all training images, each budget in a process of its
own: the seconds from the call of `train` to its return, compilation included, and the accuracy on
the test images, with one view and with six. Beside it `fit` of plain Keras on `cnn2` and `cnn4`,
for the longest budget: the seconds of the epochs so far, and the test accuracy after each. PyTorch
on fastnet's published ancestor is `ancestor.py`. Nothing is chosen by these accuracies. Needs an
otherwise idle machine.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from peer import in_a_process
from script import command_line, write_report

import pycifar

BUDGETS = (30, 60, 120, 300, 600)
KERAS_BATCH = 128


def main() -> None:
    """Measure and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS)
    parser.add_argument("--networks", nargs="*", default=["cnn2", "cnn4"], help="of plain Keras")
    arguments = parser.parse_args()
    runs = []
    for budget in arguments.budgets:
        for seed in range(1, arguments.seeds + 1):
            runs.append(in_a_process(spend, budget, seed))
            print(runs[-1], flush=True)
    curves = {}
    for name in arguments.networks:
        curves[name] = in_a_process(fit, name, max(arguments.budgets))
        print(name, curves[name][-1], flush=True)
    write_report(arguments.output, fastnet=runs, keras=curves)


def spend(budget: float, seed: int) -> dict[str, Any]:
    """Train fastnet for so many seconds."""
    dataset = pycifar.load_dataset("cifar10")
    started = time.perf_counter()
    model = pycifar.train(
        dataset, "fastnet", time_budget=budget, validation=None, seed=seed, verbose=0
    )
    seconds = time.perf_counter() - started
    return {
        "budget": budget,
        "seed": seed,
        "seconds": round(seconds, 1),
        "passes": round(model.config.passes or 0, 2),
        "precision": model.config.precision,
        "test_accuracy": pycifar.evaluate(model, dataset).accuracy,
        "test_accuracy_six_views": pycifar.evaluate(model, dataset, tta=True).accuracy,
    }


def fit(name: str, budget: float) -> list[dict[str, float]]:
    """The network as plain Keras trains it, epoch by epoch."""
    import keras

    dataset = pycifar.load_dataset("cifar10")
    train, test = dataset.split("train"), dataset.split("test")
    images, test_images = (np.ascontiguousarray(part.images) for part in (train, test))
    model = keras.models.clone_model(pycifar.build_model(name, seed=1, precision="float32"))
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    seconds, curve = 0.0, []
    while seconds < budget:
        started = time.perf_counter()
        model.fit(images, train.labels, batch_size=KERAS_BATCH, epochs=1, verbose=0)
        seconds += time.perf_counter() - started
        accuracy = model.evaluate(test_images, test.labels, batch_size=500, verbose=0)[1]
        curve.append({"seconds": round(seconds, 1), "test_accuracy": round(accuracy, 4)})
    return curve


if __name__ == "__main__":
    main()
