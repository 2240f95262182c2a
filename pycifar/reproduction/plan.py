"""The plan of `reproduce`: which networks to train, with which seeds, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.architectures import ARCHITECTURES, build_model
from pycifar.arguments import check_choice, check_seed, describe
from pycifar.datasets.augmentation import resolve_augmentation
from pycifar.errors import ArgumentError
from pycifar.learners import learner_for
from pycifar.learners.schedules import SHORTER
from pycifar.models.multiply_adds import count_multiply_adds
from pycifar.reproduction.systems import CASES, SYSTEMS, Case

PRECISION = "float32"  # the precision of the published systems
# Settings of a recipe that a finished training must share with it, besides those in `is_done_by`.
OF_RECIPES = ("optimizer", "learning_rate", "schedule", "weight_decay", "label_smoothing")
OVERHEAD = 1e6  # multiply-adds that take about as long as all else that is done for an image


@dataclass(frozen=True)
class Planned:
    """A network and how long to train it: a number of epochs, or of seconds."""

    case: Case
    epochs: int | None
    time_budget: float | None

    @property
    def budget(self) -> str:
        """How long the training is, in words, such as "10 epochs" or "600 s"."""
        if self.time_budget is not None:
            return f"{self.time_budget:g} s"
        return f"{self.epochs} epoch{'s' if self.epochs != 1 else ''}"

    def work(self) -> float:
        """Return about how much work the training is, for comparison within one call.

        The unit is seconds with a time budget, else multiply-adds for one training image in all
        epochs.
        """
        if self.time_budget is not None:
            return self.time_budget
        model = build_model(self.case.architecture, seed=1)
        network = learner_for(model).as_keras()
        computed = count_multiply_adds(network)
        return (self.epochs or 1) * (computed + OVERHEAD)

    def is_done_by(self, record: dict[str, Any], seed: int, n_train: int) -> bool:
        """Return whether a record belongs to this training, with the recipe as it is now.

        Args:
            record: the record of a finished training.
            seed: the seed of this training.
            n_train: the number of training images.
        """
        recipe = ARCHITECTURES[self.case.architecture].settings
        wanted_config = {name: getattr(recipe, name) for name in OF_RECIPES} | {
            "batch_size": min(recipe.batch_size or n_train, n_train),
            "augmentation": resolve_augmentation(recipe.augmentation).to_dict(),
            "precision": PRECISION,
        }
        config = {"label_smoothing": 0.0, "precision": PRECISION} | record["config"]
        # A run that is too short for the recipe's schedule records the one that replaced it.
        if config["schedule"] == SHORTER.get(wanted_config["schedule"]):
            config["schedule"] = wanted_config["schedule"]
        same = {name: config[name] for name in wanted_config} == wanted_config
        wanted = (self.case.architecture, self.budget, seed)
        return same and wanted == (record["architecture"], record["budget"], record["seed"])


def plan(cases: Sequence[Case], epochs: int | None, budget: float | None) -> list[Planned]:
    """Return each network with how long to train it, without duplicates."""
    planned: dict[tuple[str, str], Planned] = {}
    for case in cases:
        recipe = ARCHITECTURES[case.architecture].settings
        for_epochs = None if budget is not None else epochs or case.epochs or recipe.epochs
        one = Planned(case, for_epochs, budget)
        planned.setdefault((case.architecture, one.budget), one)
    return list(planned.values())


def check_systems(systems: Any) -> list[Case]:
    """Return the cases of systems and architectures, given by name; all cases for None."""
    if systems is None:
        return list(CASES)
    given = [systems] if isinstance(systems, str) else systems
    if not isinstance(given, (list, tuple)) or not given:
        raise ArgumentError(
            f"`systems` must be names of systems or architectures, not {describe(systems)}."
        )
    allowed = [*SYSTEMS, *ARCHITECTURES]
    names = [check_choice("systems", name, allowed) for name in given]
    return [case for case in CASES if case.system in names or case.architecture in names]


def check_seeds(seeds: Any) -> list[int]:
    """Return one or several seeds as a list; raise an ArgumentError unless all differ."""
    given = list(seeds) if isinstance(seeds, (list, tuple, np.ndarray, range)) else [seeds]
    if not given or None in given:
        raise ArgumentError(f"`seeds` must be one or several whole numbers, not {describe(seeds)}.")
    checked = [check_seed(seed, "seeds") for seed in given]
    if len(set(checked)) < len(checked):
        raise ArgumentError(f"`seeds` must all differ, not {describe(seeds)}.")
    return checked
