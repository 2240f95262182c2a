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

# Each signal with the handler that it has unless somebody has installed another one.
HANDLED: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
if hasattr(signal, "SIGHUP"):  # Windows does not have it
    HANDLED[signal.SIGHUP] = signal.SIG_DFL


AGAIN = 10.0  # seconds within which a second interrupt means more than its training
_last = -math.inf  # when the last interrupted training returned


class Terminated(SystemExit):
    """The process received a signal to end while it trained.

    The exit status is 128 plus the number of the signal, as in a shell. `model` is the
    `TrainedModel` with what it learned until then, or None.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.model: Any = None


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
        signal.signal(number, HANDLED[number])

    def raise_interrupt() -> None:
        if not came:
            return
        number = came.pop(0)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    replaced = []
    if threading.current_thread() is threading.main_thread():
        replaced = [
            number for number, usual in HANDLED.items() if signal.getsignal(number) is usual
        ]
    for number in replaced:
        signal.signal(number, note)
    try:
        yield raise_interrupt
    finally:
        for number in replaced:
            signal.signal(number, HANDLED[number])


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
