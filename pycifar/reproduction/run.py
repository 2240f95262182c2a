"""The call: what it takes, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycifar.arguments import check_output, check_verbosity
from pycifar.datasets import Dataset, load_dataset
from pycifar.datasets.dataset import check_dataset
from pycifar.errors import DataFormatError
from pycifar.files import check_writable
from pycifar.reproduction.plan import check_seeds, check_systems, plan
from pycifar.reproduction.progress import Progress, progress_for
from pycifar.reproduction.result import Reproduction, load_reproduction
from pycifar.reproduction.series import Series
from pycifar.rules import check_settings

SUFFIX = ".json"


def reproduce(
    systems: Any = None,
    seeds: Any = 1,
    epochs: int | None = None,
    time_budget: float | None = None,
    dataset: Dataset | None = None,
    path: str | Path | None = None,
    verbose: int = 1,
) -> Reproduction:
    """Train the published systems and set what comes out beside what they state.

    Each network is trained on the whole training split with its own recipe in float32, and measured
    on the test split after each epoch, as the systems did it; nothing is chosen by those figures.

    With `path`, each finished training is kept in that file. Where the file is there already, its
    trainings are not done again, so a call that was cut short goes on where it stopped, and the
    result holds all that is in the file.

    Args:
        systems: letters "A" to "E", "baseline", and names of architectures, one or several; None
            is all.
        seeds: one or several seeds, each 0 to 2³¹ - 1; each network is trained once with each.
        epochs: for every network; None takes what the system states, else the recipe's.
        time_budget: seconds for each training, above 0, in place of epochs; see `train`.
        dataset: what `load_dataset` returned; None loads CIFAR-10.
        path: a file ending in ``.json``, or None to keep nothing.
        verbose: 0 or False is silent; 1 or True tells of each training and the time that is left;
            2 of each epoch.

    Returns:
        A `Reproduction`; interrupted (Ctrl-C), with what was finished until then.

    Raises:
        ArgumentError: an argument is not as above.
        DataFormatError: the file at `path` is no such file, or its trainings were on other data.
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
    """`reproduce`, with the progress told to `progress`."""
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
    """The call that made the records, as the shell has it."""
    names = [] if systems is None else [systems] if isinstance(systems, str) else list(systems)
    words = ["pycifar reproduce", *names, "--seeds", ",".join(map(str, seeds))]
    if epochs is not None:
        words += ["--epochs", str(epochs)]
    if budget is not None:
        words += ["--time-budget", f"{budget:g}"]
    return " ".join(words)
