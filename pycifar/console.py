"""What is said on the standard error stream: lines and bars, for trainings, series and downloads.

What cannot be written is dropped: a training is not lost because nobody can see how it goes. The
stream may be closed, full, a pipe whose reader has left, or a terminal that is gone.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

# What writing to a stream raises that is gone: closed, or None as under pythonw.
_GONE = (OSError, ValueError, AttributeError)


class ForgivingStream:
    """A stream of text that drops what it cannot write.

    Args:
        stream: to write to; None drops all.
    """

    encoding = "utf-8"

    def __init__(self, stream: TextIO | None) -> None:
        self._stream: Any = stream

    def write(self, text: str) -> int:
        """Write text, if that is possible; its length."""
        with contextlib.suppress(*_GONE):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, if that is possible."""
        with contextlib.suppress(*_GONE):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        with contextlib.suppress(*_GONE):
            return bool(self._stream.isatty())
        return False

    def fileno(self) -> int:
        """Its file descriptor."""
        return int(self._stream.fileno())


def say(line: str) -> None:
    """Write a line to the standard error stream."""
    stream = ForgivingStream(sys.stderr)
    stream.write(f"{line}\n")
    stream.flush()


def is_watched() -> bool:
    """Whether a person looks at the standard error stream, so that a bar makes sense."""
    return ForgivingStream(sys.stderr).isatty()


class Bar:
    """A bar on the standard error stream, with lines above it. It is shown once it is updated."""

    def __init__(self) -> None:
        self._bar: Progress | None = None

    def line(self, text: str) -> None:
        """Leave a line above the bar."""
        if self._bar is None:
            say(text)
        else:
            self._bar.console.print(text, highlight=False, markup=False)

    def update(self, share: float, text: str) -> None:
        """Show how much is done.

        Args:
            share: from 0 to 1.
            text: a few words beside the bar.
        """
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task("", total=1.0)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=share, description=text)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    # The stream as it is now: while the bar is shown, rich puts another in its place.
    stream: Any = ForgivingStream(sys.stderr)
    return Progress(
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
