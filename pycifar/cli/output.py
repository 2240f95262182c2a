"""Results on the standard output: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


def print_json(value: Any) -> None:
    """Print a value as JSON, in which a number that is not finite is null."""
    print(json.dumps(_finite(value), indent=2, allow_nan=False))


def print_table(table: pandas.DataFrame) -> None:
    """Print a table: ruled on a terminal, with aligned columns elsewhere."""
    names = [str(name) for name in table.columns]
    rows = [
        [f"{value:.4f}" if isinstance(value, float) else str(value) for value in row]
        for row in zip(*(table[name].tolist() for name in table.columns), strict=True)
    ]
    is_text = [all(isinstance(v, str) for v in table[name].tolist()) for name in table.columns]
    if sys.stdout is not None and sys.stdout.isatty():
        _print_ruled(names, rows, is_text)
    else:
        _print_aligned(names, rows, is_text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_ruled(names: list[str], rows: list[list[str]], is_text: list[bool]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for name, text in zip(names, is_text, strict=True):
        table.add_column(name, justify="left" if text else "right")
    for row in rows:
        table.add_row(*map(Text, row))  # Text, because "[x]" in a plain string would be markup
    Console().print(table)


def _print_aligned(names: list[str], rows: list[list[str]], is_text: list[bool]) -> None:
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for row in [names, *rows]:
        cells = [
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(row, widths, is_text, strict=True)
        ]
        print("  ".join(cells).rstrip())
