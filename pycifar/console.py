"""Messages and progress bars on the standard error stream.

Text that cannot be written is dropped, so that a training does not fail only because its progress
cannot be shown. The stream may be closed, its disk may be full, the reader of its pipe may have
ended, or its terminal may be gone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

# The errors of writing to a stream that is closed or broken, or that is None, as under pythonw.
_GONE = (OSError, ValueError, AttributeError)


class ForgivingStream:
    """A text stream that drops what it cannot write.

    Args:
        stream: the stream to write to; None drops all text.
    """

    encoding = "utf-8"

    def __init__(self, stream: TextIO | None) -> None:
        self._stream: Any = stream

    def write(self, text: str) -> int:
        """Write text, if that is possible, and return its length."""
        with contextlib.suppress(*_GONE):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if that is possible."""
        with contextlib.suppress(*_GONE):
            self._stream.flush()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        with contextlib.suppress(*_GONE):
            return bool(self._stream.isatty())
        return False

    def fileno(self) -> int:
        """Return the file descriptor of the stream."""
        return int(self._stream.fileno())


# What shows lines, and what shows how much is done, in place of the standard error stream. The
# latter is None where no bar can be shown.
Screen = tuple[Callable[[str], Any], Callable[[float, str], Any] | None]
_screen: ContextVar[Screen | None] = ContextVar("screen", default=None)


@contextlib.contextmanager
def shown_by(
    write_line: Callable[[str], Any], update_bar: Callable[[float, str], Any] | None
) -> Iterator[None]:
    """Show lines and bars inside by functions of the caller, as R does.

    Args:
        write_line: called with each line.
        update_bar: called with the share that is done and a short text; None for no bar.
    """
    token = _screen.set((write_line, update_bar))
    try:
        yield
    finally:
        _screen.reset(token)


def say(line: str) -> None:
    """Write a line to the standard error stream, if that is possible."""
    if (screen := _screen.get()) is not None:
        screen[0](line)
        return
    stream = ForgivingStream(sys.stderr)
    stream.write(f"{line}\n")
    stream.flush()


def is_watched() -> bool:
    """Return whether the standard error stream is a terminal, where a bar can be shown."""
    if (screen := _screen.get()) is not None:
        return screen[1] is not None
    return ForgivingStream(sys.stderr).isatty()


class Bar:
    """A progress bar on the standard error stream, with lines of text above it.

    The bar appears with its first update.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None

    def line(self, text: str) -> None:
        """Write a line of text above the bar."""
        if self._bar is None:
            say(text)
        else:
            self._bar.console.print(text, highlight=False, markup=False)

    def update(self, share: float, text: str) -> None:
        """Show how much is done.

        Args:
            share: the share that is done, from 0 to 1.
            text: a short description beside the bar.
        """
        if (screen := _screen.get()) is not None and screen[1] is not None:
            screen[1](share, text)
            return
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task("", total=1.0)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=share, description=text)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


# Seconds after which the first bar or line is shown, and between two of them.
_BAR_AFTER, _BAR_EVERY = 0.5, 0.1
_LINE_AFTER, _LINE_EVERY = 10.0, 10.0


@contextlib.contextmanager
def counting(total: int, things: str, verbose: bool = True) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows how many of many things are done, and how many a second.

    On a terminal it updates a bar. Elsewhere it writes a line now and then. Neither is shown of
    what takes little time.

    Args:
        total: the number of things.
        things: what they are, in the plural.
        verbose: whether anything is shown.
    """
    bar, began = Bar(), monotonic()
    due = began + (_BAR_AFTER if is_watched() else _LINE_AFTER)

    def show(done: int) -> None:
        nonlocal due
        if not verbose or (now := monotonic()) < due:
            return
        text = f"{done:,} of {total:,} {things}, {done / (now - began):,.0f} a second"
        if is_watched():
            bar.update(done / total, text)
            due = now + _BAR_EVERY
        else:
            say(f"{text} ...")
            due = now + _LINE_EVERY

    try:
        yield show
    finally:
        bar.close()


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    # The stream is taken now, because rich replaces `sys.stderr` while it shows the bar.
    stream: Any = ForgivingStream(sys.stderr)
    return Progress(
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
