"""Which settings suit a network written in NumPy? A search on real CIFAR-10.

    python benchmarks/search.py mlp_relu --output benchmarks/results/search_mlp_relu.json
    python benchmarks/search.py mlp_sigmoid --output benchmarks/results/search_mlp_sigmoid.json

Learning rate, schedule, batch size, decay, augmentation and preprocessing are drawn at random. All
settings are trained for a few epochs, and the best of them for more. The best are those with the
highest accuracy on a held-out tenth of the training split. The test split is not used. Each round
is written as it ends, and a round that is in the output already is not done again. Needs the
environment that `make setup` leaves (`. ./env.sh`) and real CIFAR-10.
"""

from __future__ import annotations

import json
from statistics import mean
from typing import Any

import numpy as np
from script import command_line, write_report

import pycifar
from pycifar.architectures import ARCHITECTURES
from pycifar.backend import seeded

ROUNDS = (  # settings that go on, epochs, seeds
    (32, 8, (1,)),
    (8, 25, (1,)),
    (3, 80, (1, 2)),
)

SPACE = {
    "schedule": ("constant", "step", "exponential", "cosine", "one_cycle"),
    "batch_size": (32, 64, 128, 256),
    "l2": (0.0, 1e-5, 1e-4, 1e-3),
    "augmentation": ("none", "flip", "flip shift"),
    "normalised": (False, True),  # each image to its own mean and deviation
}
INPUTS = {"mlp_relu": "colours", "mlp_sigmoid": "greys"}
# Found by an earlier search of this kind, without preprocessing; they go to the last round at once.
KNOWN = {
    "mlp_relu": {
        "learning_rate": 0.043,
        "schedule": "step",
        "batch_size": 256,
        "l2": 1e-3,
        "augmentation": "flip",
    }
}
RATES = {"mlp_relu": (-2.7, -0.7), "mlp_sigmoid": (-1.7, 0.3)}  # powers of ten at batch 128


def main() -> None:
    """Search, and write the settings of each round with their accuracies, best first."""
    parser = command_line(__doc__)
    parser.add_argument("architecture", choices=list(RATES))
    arguments = parser.parse_args()
    dataset = pycifar.load_dataset("cifar10")
    rng = np.random.default_rng(1)
    candidates = [draw(rng, RATES[arguments.architecture]) for _ in range(ROUNDS[0][0])]
    done = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    rounds = done.get("rounds", [])
    for number, (kept, epochs, seeds) in enumerate(ROUNDS):
        if number == len(rounds):
            chosen = candidates[:kept]
            if number == len(ROUNDS) - 1 and arguments.architecture in KNOWN:
                known = KNOWN[arguments.architecture]
                chosen += [{**known, "normalised": normalised} for normalised in (False, True)]
            found = []
            for settings in chosen:
                accuracies = [
                    validated(dataset, arguments.architecture, settings, epochs, seed)
                    for seed in seeds
                ]
                found.append({**settings, "accuracy": round(mean(accuracies), 4)})
                print(epochs, found[-1], flush=True)
            found.sort(key=lambda one: -one["accuracy"])
            rounds.append({"epochs": epochs, "seeds": seeds, "found": found})
            write_report(arguments.output, (), data=dataset.fingerprint("train"), rounds=rounds)
        candidates = [without_accuracy(one) for one in rounds[number]["found"]]


def without_accuracy(found: dict[str, Any]) -> dict[str, Any]:
    """Return the settings alone."""
    return {name: value for name, value in found.items() if name != "accuracy"}


def draw(rng: np.random.Generator, rates: tuple[float, float]) -> dict[str, Any]:
    """Draw settings at random.

    The learning rate is drawn evenly on a logarithmic scale.
    """
    settings: dict[str, Any] = {name: rng.choice(values).item() for name, values in SPACE.items()}
    rate = 10 ** rng.uniform(*rates) * (settings["batch_size"] / 128) ** 0.5
    return {"learning_rate": float(f"{rate:.2g}"), **settings}


def validated(
    dataset: pycifar.Dataset, architecture: str, settings: dict[str, Any], epochs: int, seed: int
) -> float:
    """Return the accuracy on the held-out tenth after the last epoch.

    It is 0 where the loss is no number.
    """
    training = {name: value for name, value in settings.items() if name not in ("l2", "normalised")}
    training["augmentation"] = settings["augmentation"].split()
    inputs = ("normalised " if settings["normalised"] else "") + INPUTS[architecture]
    with seeded(seed):
        network = ARCHITECTURES[architecture].build(
            (32, 32, 3), 10, l2=settings["l2"], inputs=inputs
        )
    try:
        model = pycifar.train(
            dataset, network, epochs=epochs, seed=seed, validation=0.1, verbose=0, **training
        )
    except pycifar.errors.DivergenceError:
        return 0.0
    return model.final("validation", "accuracy")


if __name__ == "__main__":
    main()
