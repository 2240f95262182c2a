"""How accurate is what can be trained in 30 seconds, 1, 2, 5 and 10 minutes? Beside its peers.

    pip install torch
    python benchmarks/budget.py --output benchmarks/results/budget.json

Three things are measured:

- `train(dataset, "fastnet", time_budget=...)` on all training images, each budget in a process of
  its own. The seconds run from the call of `train` to its return, with compilation. The accuracy on
  the test images is measured with one view and with six. The seconds that six views add are told.
- PyTorch on fastnet's published ancestor with its own recipe (`ancestor.py`), and fastnet again
  with a share of the seconds that this took.
- `fit` of plain Keras on `cnn2` and `cnn4`: the seconds of the epochs so far, and the test accuracy
  after each epoch.

Nothing is chosen by these accuracies. Needs an otherwise idle machine.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from contestants import as_it_comes, in_a_process
from script import command_line, write_report

import pycifar

BUDGETS = (30, 60, 120, 300, 600)
SHARE = 0.6  # of the ancestor's seconds
KERAS_BATCH = 128


def main() -> None:
    """Measure and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS)
    parser.add_argument("--networks", nargs="*", default=["cnn2", "cnn4"], help="of plain Keras")
    parser.add_argument("--ancestor-epochs", type=float, default=8, help="0 leaves it out")
    parser.add_argument("--keras-seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    packages, budgets, results = ["pycifar", "tensorflow", "keras"], list(arguments.budgets), {}
    seed = arguments.seed
    if arguments.ancestor_epochs:
        results["ancestor"] = told(in_a_process(run_ancestor, arguments.ancestor_epochs, seed))
        budgets.append(round(SHARE * results["ancestor"]["seconds"], 1))
        packages.append("torch")
    in_a_process(read_libraries)  # from the disk, which the first to start would wait for
    results["fastnet"] = [told(in_a_process(spend, budget, seed)) for budget in sorted(budgets)]
    results["keras"] = {
        name: told(in_a_process(fit, name, arguments.keras_seconds, seed))
        for name in arguments.networks
    }
    write_report(arguments.output, tuple(packages), **results)


def told(result: Any) -> Any:
    """Print the result, and return it."""
    print(result, flush=True)
    return result


def read_libraries() -> None:
    """Import what a training imports."""
    import pycifar.training.train  # noqa: F401


def run_ancestor(epochs: float, seed: int) -> dict[str, Any]:
    """Run PyTorch's training."""
    import ancestor  # here: TensorFlow and PyTorch do not go together in one process

    return ancestor.run(epochs, seed=seed)


def spend(budget: float, seed: int) -> dict[str, Any]:
    """Train fastnet for a number of seconds."""
    dataset = pycifar.load_dataset("cifar10")
    started = time.perf_counter()
    model = pycifar.train(
        dataset, "fastnet", time_budget=budget, validation=None, seed=seed, verbose=0
    )
    seconds = time.perf_counter() - started
    six_views = pycifar.evaluate(model, dataset, tta=True).accuracy
    measured = time.perf_counter() - started
    return {
        "budget": budget,
        "seed": seed,
        "seconds": round(seconds, 1),
        "seconds_of_six_views": round(measured - seconds, 1),
        "passes": round(model.config.passes or 0, 2),
        "precision": model.config.precision,
        "test_accuracy": pycifar.evaluate(model, dataset).accuracy,
        "test_accuracy_six_views": six_views,
    }


def fit(name: str, budget: float, seed: int) -> list[dict[str, float]]:
    """Train the network with plain Keras, and return one record an epoch."""
    as_it_comes()
    import keras

    dataset = pycifar.load_dataset("cifar10")
    train, test = dataset.split("train"), dataset.split("test")
    images, test_images = (np.ascontiguousarray(part.images) for part in (train, test))
    model = keras.models.clone_model(pycifar.build_model(name, seed=seed, precision="float32"))
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
