"""Results on the standard output: tables for people, JSON for programs."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from pycifar.errors import printable

if TYPE_CHECKING:
    import pandas


class ResultLostError(Exception):
    """The standard output cannot be written to."""


@contextmanager
def results_on_stdout() -> Iterator[None]:
    """Let a command print its result inside a `with` block.

    Raises:
        ResultLostError: the standard output is closed or full, or its reader has left.
    """
    if sys.stdout is None:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
        raise ResultLostError("the standard output is closed")
    with contextlib.redirect_stdout(_Results(sys.stdout)):
        yield
        sys.stdout.flush()


class _Results(io.TextIOBase):
    """The standard output, whose failures are told apart from those of files.

    They raise a `ResultLostError` in place of an OSError.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write text, and return its length."""
        with self._told():
            return self._stream.write(text)

    def flush(self) -> None:
        """Write the text that is buffered."""
        with self._told():
            self._stream.flush()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of the stream."""
        return self._stream.fileno()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _let_go(self._stream)
            raise ResultLostError(error.strerror or str(error)) from error


def drop_lost_messages() -> None:
    """Drop what could not be written to the standard error stream, at the end of a command."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        _let_go(sys.stderr)


def _let_go(stream: TextIO) -> None:
    """Let a stream that cannot be written to lead nowhere.

    At its exit Python flushes the stream again, and would end with the status 120.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_json(value: Any) -> None:
    """Print a value as JSON; numbers that are not finite become null."""
    print(json.dumps(_finite(value), indent=2, allow_nan=False))


def print_table(table: pandas.DataFrame) -> None:
    """Print a table: with a ruled header on a terminal, with aligned columns elsewhere."""
    names = [str(name) for name in table.columns]
    rows = [
        [f"{value:.4f}" if isinstance(value, float) else printable(str(value)) for value in row]
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
        table.add_row(*map(Text, row))  # Text: Rich reads "[x]" in a plain string as markup
    Console().print(table)


def _print_aligned(names: list[str], rows: list[list[str]], is_text: list[bool]) -> None:
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for row in [names, *rows]:
        cells = [
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(row, widths, is_text, strict=True)
        ]
        print("  ".join(cells).rstrip())
