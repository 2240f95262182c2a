"""Signals that end a training: Ctrl-C, a scheduler's or container's SIGTERM, a closed terminal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Each signal with what is in place where nobody has asked for anything else.
HANDLED: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
if hasattr(signal, "SIGHUP"):  # Windows has none
    HANDLED[signal.SIGHUP] = signal.SIG_DFL


class Terminated(SystemExit):
    """The process was asked to end while it trained.

    Its code is 128 and the number of the signal, as in a shell. `model` is the `TrainedModel` as
    far as it came, or None.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.model: Any = None


@contextmanager
def interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """Hold signals back until the function that this gives is called, and raises them.

    Ctrl-C is raised as KeyboardInterrupt, the others as `Terminated`. Python raises at any place:
    inside a finaliser, which swallows it, or between two halves of an update. A second signal of
    the same kind does at once what it always does. Where another handler is in place, as that of R
    for Ctrl-C, or off the main thread, nothing changes.
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
