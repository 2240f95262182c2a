"""Ctrl-C while a network is trained."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """Hold an interrupt (Ctrl-C) back until the function that this gives is called.

    Python raises KeyboardInterrupt wherever it is: inside a finaliser, which swallows it, or
    between two halves of an update. A second interrupt is raised at once. Where another handler
    than Python's own is in place, as in R, or off the main thread, nothing changes.
    """
    pressed = False

    def note(signal_number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def raise_interrupt() -> None:
        if pressed:
            raise KeyboardInterrupt

    on_main_thread = threading.current_thread() is threading.main_thread()
    if not on_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield raise_interrupt
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield raise_interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
