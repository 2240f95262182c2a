"""The result of `reproduce`: a record of each training, and a table over the seeds."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_path, describe
from pycifar.content import ByContent
from pycifar.errors import DataFormatError
from pycifar.files import read_file
from pycifar.foreign_names import known_arguments_only
from pycifar.models.record import (
    checked_config,
    checked_count,
    checked_number,
    checked_rows,
    checked_text,
    checked_texts,
)
from pycifar.models.trained_model import HISTORY_COLUMNS
from pycifar.reproduction.systems import CASES, Case
from pycifar.table import as_html, paragraph

if TYPE_CHECKING:
    import pandas

FORMAT = 1  # version of the file format

HEADS = ("system", "architecture", "parameters", "budget", "train", "test", "stated", "difference")


@dataclass(frozen=True, eq=False)
class Reproduction(ByContent):
    """The result of `reproduce`.

    Args:
        records: one dict for each finished training, as in the file.
        calls: the calls that added to the records, written as shell commands.
        interrupted: whether the user interrupted the last call.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> found = pycifar.reproduce("C", seeds=[1, 2], epochs=1, dataset=dataset, verbose=0)
        >>> found.runs["seed"].tolist()
        [1, 2]
    """

    records: tuple[dict[str, Any], ...]
    calls: tuple[str, ...]
    interrupted: bool = False

    @property
    def runs(self) -> pandas.DataFrame:
        """One row per training: its main settings, last losses and accuracies, and time."""
        import pandas

        left_out = ("config", "history", "versions")
        return pandas.DataFrame(
            [{k: v for k, v in record.items() if k not in left_out} for record in self.records]
        )

    @property
    def history(self) -> pandas.DataFrame:
        """One row per value: `architecture`, `budget`, `seed`, and the columns of a history."""
        import pandas

        rows = [
            (record["architecture"], record["budget"], record["seed"], *row)
            for record in self.records
            for row in record["history"]
        ]
        return pandas.DataFrame(rows, columns=["architecture", "budget", "seed", *HISTORY_COLUMNS])

    @property
    def table(self) -> pandas.DataFrame:
        """One row per network and budget: means over its seeds, beside the stated figures.

        The columns are `system`, `architecture`, `parameters`, `budget`, `epochs`, `seeds` (a
        list), the means `train_accuracy`, `test_accuracy`, `seconds` and `images_per_second`, the
        standard deviations `train_sd` and `test_sd` (NaN for one seed), `stated_train`,
        `stated_test`, `difference` (measured minus stated test accuracy), `data` and `machine`.
        """
        import pandas

        order = [case.architecture for case in CASES]
        groups: dict[tuple[int, str, str], list[dict[str, Any]]] = {}
        for record in self.records:
            number = order.index(record["architecture"])
            key = (number, record["architecture"], record["budget"])
            groups.setdefault(key, []).append(record)
        return pandas.DataFrame([_row(groups[key]) for key in sorted(groups)])

    def __repr__(self) -> str:
        if not self.records:
            return "no training was finished"
        rows = [HEADS, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        import pandas

        if not self.records:
            return paragraph(str(self))
        return as_html(pandas.DataFrame(self._cells(), columns=HEADS))

    def _cells(self) -> list[tuple[str, ...]]:
        """Return the table as text, row by row, with one cell for each of `HEADS`."""
        return [
            (
                row["system"],
                row["architecture"],
                f"{row['parameters']:,}",
                row["budget"],
                with_deviation(row["train_accuracy"], row["train_sd"]),
                with_deviation(row["test_accuracy"], row["test_sd"]),
                "" if math.isnan(row["stated_test"]) else f"{row['stated_test']:.4f}",
                "" if math.isnan(row["difference"]) else f"{row['difference']:+.4f}",
            )
            for row in self.table.to_dict("records")
        ]


@known_arguments_only
def load_reproduction(path: str | Path) -> Reproduction:
    """Load the result that `reproduce` saved to a file.

    Args:
        path: the file, ending in ``.json``.

    Raises:
        DataFormatError: there is no such file, or it is damaged or of another format.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> settings = {"epochs": 1, "dataset": dataset, "path": "r.json", "verbose": 0}
        >>> found = pycifar.reproduce("softmax", **settings)
        >>> len(pycifar.load_reproduction("r.json").records)
        1
    """
    source = check_path("path", path)
    if not source.exists():
        raise DataFormatError(f"There is no file {source} with a reproduction.")
    try:
        kept = json.loads(read_file(source))
        if type(kept["format"]) is not int or kept["format"] != FORMAT:
            raise ValueError(f"its format is {describe(kept['format'])}, and {FORMAT} is known")
        if not (isinstance(kept["calls"], list) and isinstance(kept["runs"], list)):
            raise ValueError("its calls and trainings are no lists")
        calls = tuple(checked_text("calls", call) for call in kept["calls"])
        found = Reproduction(tuple(_checked(record) for record in kept["runs"]), calls)
        str(found)  # raises if the records do not make a table
        return found
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        reason = f"it has no entry {error}" if isinstance(error, KeyError) else error
        raise DataFormatError(
            f"{source} is not a reproduction, or it is damaged: {reason}."
        ) from None


# The entries of a training's record besides architecture, config, versions and history.
_TEXTS = ("system", "budget", "weights", "data_name", "data", "machine")
_COUNTS = ("parameters", "epochs", "seed", "images_per_second")
_NUMBERS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds")


def _checked(record: Any) -> dict[str, Any]:
    """Return the record of a training, with each entry checked: the file may be untrusted."""
    known = {"architecture", "config", "versions", "history", *_TEXTS, *_COUNTS, *_NUMBERS}
    if not isinstance(record, dict) or set(record) != known:
        raise ValueError("one of its trainings has other entries")
    if record["architecture"] not in [case.architecture for case in CASES]:
        raise ValueError(f"it has an architecture {describe(record['architecture'])}")
    return {
        **record,
        **{name: checked_text(name, record[name]) for name in _TEXTS},
        **{name: checked_count(name, record[name]) for name in _COUNTS},
        **{name: checked_number(name, record[name], -math.inf) for name in _NUMBERS},
        "config": checked_config(record["config"]).to_dict(),
        "versions": checked_texts("versions", record["versions"]),
        "history": [list(row) for row in checked_rows(record["history"])],
    }


def with_deviation(mean: float, deviation: float) -> str:
    """Return a mean as text, with its standard deviation unless that is NaN."""
    return f"{mean:.4f}" if math.isnan(deviation) else f"{mean:.4f} ± {deviation:.4f}"


def _row(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one row of the table: a network and budget over its seeds."""
    first = records[0]
    stated = _stated(first)

    def values(name: str) -> np.ndarray:
        return np.array([record[name] for record in records], float)

    def deviation(name: str) -> float:
        return float(values(name).std(ddof=1)) if len(records) > 1 else math.nan

    test = float(values("test_accuracy").mean())
    stated_test = math.nan if stated.stated_test is None else stated.stated_test
    return {
        "system": first["system"],
        "architecture": first["architecture"],
        "parameters": first["parameters"],
        "budget": first["budget"],
        "epochs": first["epochs"],
        "seeds": sorted(record["seed"] for record in records),
        "train_accuracy": float(values("train_accuracy").mean()),
        "train_sd": deviation("train_accuracy"),
        "test_accuracy": test,
        "test_sd": deviation("test_accuracy"),
        "stated_train": math.nan if stated.stated_train is None else stated.stated_train,
        "stated_test": stated_test,
        "difference": test - stated_test,
        "seconds": float(values("seconds").mean()),
        "images_per_second": float(values("images_per_second").mean()),
        "data": first["data"],
        "machine": first["machine"],
    }


def _stated(record: dict[str, Any]) -> Case:
    """Return the case whose figures belong to a record: that of as many epochs, or of any number.

    If no case fits, one without figures is returned.
    """
    for case in CASES:
        if case.architecture == record["architecture"] and case.epochs in (None, record["epochs"]):
            return case
    return Case(record["system"], record["architecture"])
