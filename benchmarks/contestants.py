"""The programs that are compared, each in a process of its own that loads no other of them."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.3  # seconds, in which the threads of the one before come to rest


class Peer:
    """One of the programs that are compared.

    Args:
        prepare: is called with `given` in the process of its own, and returns the function that is
            timed. That function takes the arguments of `call`. It returns the seconds to count, or
            None to count all seconds of the call.
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
        """Run the prepared function, and return the seconds that it takes."""
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
    """Return the result of a call that runs in a process of its own.

    The function, its arguments and its result must be such that they can be pickled.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, given)


def _serve(prepare: Callable[..., Callable[..., Any]], given: Any, connection: Any) -> None:
    work = prepare(*given)
    connection.send(None)
    while (arguments := connection.recv()) is not None:
        started = time.perf_counter()
        seconds = work(*arguments)
        connection.send(time.perf_counter() - started if seconds is None else seconds)
