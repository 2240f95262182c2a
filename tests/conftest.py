"""What holds for all Python tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    # A shell makes its background jobs ignore Ctrl-C, and their children with them; the tests of
    # interrupts need a process that listens.
    signal.signal(signal.SIGINT, signal.default_int_handler)
