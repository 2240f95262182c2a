"""Signals that end a training: SIGINT, SIGTERM and SIGHUP.

Ctrl-C sends SIGINT, schedulers and containers send SIGTERM, and a terminal that is closed sends
SIGHUP.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

HANDLED: list[int] = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):  # Windows does not have it
    HANDLED.append(signal.SIGHUP)

AGAIN = 10.0  # seconds within which a second interrupt means more than its training
_last = -math.inf  # when the last interrupted training returned
_raised: list[int] = []  # signals that `signals_raise` raised, until they have ended its context


class Terminated(SystemExit):
    """The process received a signal to end while it trained.

    The exit status is 128 plus the number of the signal, as in a shell. `model` is the
    `TrainedModel` with what it learned until then, or None.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.model: Any = None


def _raise_terminated(number: int, frame: object) -> None:
    _raised.append(number)
    raise Terminated(number)


def _raise_again() -> None:
    """Raise a `Terminated` that was lost, as in a finalizer or where C++ called Python."""
    if _raised:
        raise Terminated(_raised[0])


@contextmanager
def signals_raise() -> Iterator[None]:
    """Raise a `Terminated` for SIGTERM and SIGHUP inside the context.

    So what was begun is cleaned up, as it is after Ctrl-C. Without it the process ends at once, and
    its temporary files stay. A signal that is ignored, as by nohup, is ignored further. Where the
    exception is lost, it is raised again before a training or a server starts, and at the end.
    """
    with handling(_raise_terminated, *(number for number in HANDLED if number != signal.SIGINT)):
        try:
            yield
            _raise_again()
        finally:
            _raised.clear()


@contextmanager
def interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """Hold signals back inside the context, and yield a function that raises the oldest of them.

    The training calls that function between steps. It raises a KeyboardInterrupt for SIGINT, a
    `Terminated` for other signals, and nothing if none has come. By itself, Python raises at any
    place: in a finalizer, where the exception is lost, or in the middle of an update.

    A second signal of the same kind is not held back. A signal keeps its handler if somebody has
    installed another one, as R does for SIGINT. Outside the main thread, nothing is held back.
    """
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        signal.signal(number, before[number])

    def raise_interrupt() -> None:
        if not came:
            return
        number = came.pop(0)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    with handling(note, *HANDLED) as before:
        yield raise_interrupt


@contextmanager
def handling(handler: Any, *numbers: int) -> Iterator[dict[int, Any]]:
    """Let a handler get signals inside the context, but those that somebody else handles.

    Yields the handlers that it replaces. In another than the main thread there are none.

    Raises:
        Terminated: a signal came before, and its exception was lost.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        _raise_again()
        for number in numbers:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            if (found := signal.getsignal(number)) in (usual, _raise_terminated):
                before[number] = found
    for number in before:
        signal.signal(number, handler)
    try:
        yield before
    finally:
        for number, found in before.items():
            signal.signal(number, found)


def raise_second_interrupt() -> None:
    """Note that a training was interrupted, or raise a KeyboardInterrupt if one was just before.

    An interrupted training returns, so a loop over trainings goes on with the next one. Whoever
    wants to end the loop interrupts again. At most `AGAIN` seconds of training are lost then.

    Raises:
        KeyboardInterrupt: an interrupted training returned less than `AGAIN` seconds ago.
    """
    global _last
    before, _last = _last, time.monotonic()
    if _last - before < AGAIN:
        raise KeyboardInterrupt
