"""Data sets from a table with the path and the label of each image file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import describe, listing
from pycifar.datasets.file_list import SPLIT_NAMES, FileList, Listing, check_inside
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataFormatError,
    DataNotFoundError,
    first_of,
    name_on_disk,
    text_on_disk,
)

if TYPE_CHECKING:
    import pandas


def is_table(source: Any) -> bool:
    """Return whether a source is a table of pandas, or the path of a CSV file."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source).lower().endswith(".csv")
    return hasattr(source, "columns") and hasattr(source, "iloc")


def list_table(
    source: Any, data_dir: Path | None, group: str | None, follow_links: bool
) -> Listing:
    """List the image files of a table, in the order of its rows.

    Args:
        source: a table with the columns ``path`` and ``label`` and maybe ``split``, ``group`` and
            ``weight``; or the path of a CSV file of it. Other columns are not looked at.
        data_dir: the folder that the paths are relative to; None means that of the CSV file, or the
            working directory.
        group: the column of the groups; None means ``group``, if there is one.
        follow_links: whether files may lie outside `data_dir`.

    Raises:
        ArgumentError: the table has no such column.
        DataNotFoundError: there is no such CSV file.
        DataFormatError: the CSV file cannot be read, or a file lies outside `data_dir`.
        DataError: a value is missing or not allowed, or a path occurs twice.
    """
    name, where = "table", "a table"
    if isinstance(source, (str, os.PathLike)):
        file = Path(name_on_disk(os.fspath(source))).expanduser()
        name, where = text_on_disk(file.stem), f"the table {text_on_disk(str(file))}"
        source, data_dir = _read_csv(file), file.parent if data_dir is None else data_dir
    elif not len(source):
        raise DataError("The table of images must have at least one row, and it has none.")
    top = Path() if data_dir is None else data_dir
    if not top.is_dir():
        raise DataNotFoundError(f"`data_dir` must be a folder of images; there is none at {top}.")
    paths = [name_on_disk(path) for path in _texts(source, "path")]
    files = tuple(top / Path(path) for path in paths)
    _check_differ(files)
    if data_dir is not None and not follow_links:
        relative = [
            file for file, path in zip(files, paths, strict=True) if not Path(path).is_absolute()
        ]
        check_inside(relative, top)
    labels = _texts(source, "label")
    groups = _texts(source, group or "group") if group or "group" in source.columns else []
    weights = _weights(source) if "weight" in source.columns else None
    return Listing(
        name,
        f"image files in {where}",
        top,
        FileList(files, np.array(labels), tuple(groups), weights),
        _splits(source, len(files)),
        _class_names(source["label"], labels),
    )


def _read_csv(file: Path) -> pandas.DataFrame:
    """Read a CSV file with all cells as text, so that NA may be a class."""
    import pandas

    if not file.is_file():
        raise DataNotFoundError(f"`source` must be a CSV file of images; there is none at {file}.")
    try:
        table = pandas.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # the errors of its parser are ValueErrors
        raise DataFormatError(
            f"{file} must be a table with commas between its columns, in UTF-8: {error}."
        ) from error
    if not len(table):
        raise DataError(f"{file} must have at least one row below its names, and it has none.")
    return table


def _texts(table: pandas.DataFrame, name: str) -> list[str]:
    """Return a column as text, whole numbers as they are written.

    Raises:
        ArgumentError: the table does not have the column, or has it twice.
        DataError: a value is missing.
    """
    values = _column(table, name)
    missing = np.flatnonzero(values.isna() | (values.astype(str) == ""))
    if len(missing):
        raise DataError(
            f"The column `{name}` must have a value in each row; {len(missing):,} of "
            f"{len(values):,} rows have none ({first_of([f'row {i + 1}' for i in missing])})."
        )
    return [
        f"{value:.0f}" if isinstance(value, float) and value == np.trunc(value) else str(value)
        for value in values.tolist()
    ]


def _column(table: pandas.DataFrame, name: str) -> pandas.Series[Any]:
    has = [str(column) for column in table.columns]
    if has.count(name) != 1:
        needed = "the columns `path` and `label`" if name in ("path", "label") else f"`{name}`"
        raise ArgumentError(
            f"A table of images must have {needed}, each once; it has "
            f"{listing([f'`{column}`' for column in has]) or 'none'}."
        )
    return table[name]


def _check_differ(files: tuple[Path, ...]) -> None:
    """Raise a DataError for a file that occurs twice."""
    seen: dict[str, int] = {}
    twice = []
    for row, file in enumerate(files, 1):
        # Two names of one file are one path; where links lead makes no difference.
        first = seen.setdefault(os.path.abspath(file), row)  # noqa: PTH100
        if first != row:
            twice.append(f"{file} in rows {first} and {row}")
    if twice:
        raise DataError(
            f"Each path of a table must occur once; {len(twice):,} occur again: {first_of(twice)}."
        )


def _splits(table: pandas.DataFrame, n: int) -> np.ndarray:
    if "split" not in table.columns:
        return np.full(n, "train")
    given = _texts(table, "split")
    if unknown := sorted({name for name in given if name.lower() not in SPLIT_NAMES}):
        raise DataError(
            f"The column `split` must hold {', '.join(SPLIT_NAMES)}, not {describe(unknown[0])}."
        )
    return np.array([SPLIT_NAMES[name.lower()] for name in given])


def _weights(table: pandas.DataFrame) -> np.ndarray:
    try:
        weights: np.ndarray = _column(table, "weight").to_numpy(np.float32)
    except (TypeError, ValueError):
        weights = np.full(1, np.nan, np.float32)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError("The column `weight` must hold numbers of at least 0 in each row.")
    return weights


def _class_names(column: pandas.Series[Any], labels: list[str]) -> tuple[str, ...] | None:
    """Return the categories of a categorical, or whole numbers in order; None for other labels."""
    if hasattr(column, "cat"):
        return tuple(str(category) for category in column.cat.categories)
    found = {*labels}
    if all(label.isascii() and label.removeprefix("-").isdecimal() for label in found):
        return tuple(sorted(found, key=int))
    return None
