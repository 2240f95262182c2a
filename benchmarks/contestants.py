"""Those that are compared, each in a process of its own, where nothing of the others is loaded."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.3  # seconds, in which the threads of the one before come to rest


class Peer:
    """One of those compared.

    Args:
        prepare: called with `given` in the process of its own, returns the function to be timed,
            which is called with what `call` is given and returns the seconds to count, or None for
            all that the call took.
        given: values that can be pickled.
    """

    def __init__(self, prepare: Callable[..., Callable[..., Any]], *given: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(prepare, given, theirs))
        self._process.start()
        theirs.close()  # so that its end is noticed
        self._connection.recv()  # it is ready

    def call(self, *arguments: Any) -> float:
        """Let it do its work; the seconds that takes."""
        time.sleep(PAUSE)
        self._connection.send(arguments)
        return self._connection.recv()

    def end(self) -> None:
        """End the process."""
        self._connection.send(None)
        self._process.join()


def as_it_comes() -> None:
    """Have TensorFlow choose its kernels by itself, as where nobody imported pycifar before it."""
    os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)


def in_a_process(work: Callable[..., Any], *given: Any) -> Any:
    """What a call returns in a process of its own; all can be pickled."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, given)


def _serve(prepare: Callable[..., Callable[..., Any]], given: Any, connection: Any) -> None:
    work = prepare(*given)
    connection.send(None)
    while (arguments := connection.recv()) is not None:
        started = time.perf_counter()
        seconds = work(*arguments)
        connection.send(time.perf_counter() - started if seconds is None else seconds)
