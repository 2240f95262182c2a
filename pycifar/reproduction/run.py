"""The function `reproduce`: it checks the arguments, and starts the trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycifar.arguments import check_output, check_verbosity
from pycifar.datasets import Dataset, load_dataset
from pycifar.datasets.dataset import check_dataset
from pycifar.errors import DataFormatError
from pycifar.files import check_writable
from pycifar.foreign_names import known_arguments_only
from pycifar.reproduction.plan import check_seeds, check_systems, plan
from pycifar.reproduction.progress import Progress, progress_for
from pycifar.reproduction.result import Reproduction, load_reproduction
from pycifar.reproduction.series import Series
from pycifar.rules import check_settings

SUFFIX = ".json"


@known_arguments_only
def reproduce(
    systems: Any = None,
    seeds: Any = 1,
    epochs: int | None = None,
    time_budget: float | None = None,
    dataset: Dataset | None = None,
    path: str | Path | None = None,
    verbose: int = 1,
) -> Reproduction:
    """Train the published systems, and compare the measured figures with the stated ones.

    Each network is trained on the whole training split in float32, with its own recipe. After each
    epoch it is measured on the test split, as the published systems were. These figures are used to
    choose neither settings nor epochs.

    With `path`, each finished training is saved to that file. Trainings that the file already has
    are not repeated, so a call that was cut short continues where it stopped. The result has all
    trainings of the file.

    Args:
        systems: letters "A" to "E", "baseline", or names of architectures, one or several; None
            means all systems.
        seeds: one or several seeds, each from 0 to 2³¹ - 1. Each network is trained once per seed.
        epochs: the number of epochs for every network. None takes the number that the system
            states, or that of the recipe if none is stated.
        time_budget: seconds for each training, above 0, instead of `epochs`; see `train`.
        dataset: the data set, as returned by `load_dataset`; None loads CIFAR-10.
        path: the file to save to, ending in ``.json``; None saves nothing.
        verbose: 0 or False shows nothing; 1 or True shows each finished training and the time left;
            2 shows each epoch as well.

    Returns:
        A `Reproduction`. After an interrupt (Ctrl-C), it has the trainings that were finished.

    Raises:
        ArgumentError: an argument is not as above.
        DataFormatError: the file at `path` is of another format, or its trainings were on other
            images.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> found = pycifar.reproduce("C", epochs=1, dataset=dataset, verbose=0)
        >>> found.table["architecture"].tolist()
        ['mlp_relu']
    """
    progress = progress_for(check_verbosity(verbose))
    return run_cases(systems, seeds, epochs, time_budget, dataset, path, progress)


def run_cases(
    systems: Any,
    seeds: Any,
    epochs: Any,
    time_budget: Any,
    dataset: Any,
    path: Any,
    progress: Progress,
) -> Reproduction:
    """Run `reproduce`, with the progress shown by `progress`."""
    cases, seeds = check_systems(systems), check_seeds(seeds)
    length = check_settings({"epochs": epochs, "time_budget": time_budget})
    epochs, time_budget = length["epochs"], length["time_budget"]
    target = None if path is None else check_output("path", path, (SUFFIX,), overwrite=True)
    if target is not None:
        check_writable(target)
    if dataset is not None:
        check_dataset(dataset)
    kept = load_reproduction(target) if target and target.exists() else Reproduction((), ())
    if dataset is None:
        dataset = load_dataset("cifar10", verbose=False)
    _check_same_data(kept, dataset, target)
    call = _in_words(systems, seeds, epochs, time_budget)
    series = Series(dataset, list(kept.records), [*kept.calls, call], target, progress)
    planned = plan(cases, epochs, time_budget)
    return series.run([(case, seed) for case in planned for seed in seeds])


def _check_same_data(kept: Reproduction, dataset: Dataset, target: Path | None) -> None:
    if any(record["data"] != dataset.fingerprint("train") for record in kept.records):
        raise DataFormatError(
            f"The trainings in {target} were on other images than those of {dataset.name}.",
            fix="Give another path for these.",
        )


def _in_words(systems: Any, seeds: list[int], epochs: int | None, budget: float | None) -> str:
    """Return the call as a shell command."""
    names = [] if systems is None else [systems] if isinstance(systems, str) else list(systems)
    words = ["pycifar reproduce", *names, "--seeds", ",".join(map(str, seeds))]
    if epochs is not None:
        words += ["--epochs", str(epochs)]
    if budget is not None:
        words += ["--time-budget", f"{budget:g}"]
    return " ".join(words)
