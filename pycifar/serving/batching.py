"""Images of several requests are computed together that came together."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from pycifar.serving.limits import MOST_IMAGES

Waiting = tuple[np.ndarray, "asyncio.Future[Any]"]


class Batcher:
    """Computes images of several callers at once, on their threads.

    A thread that comes while as many compute as may leaves its images to those. So an image that
    comes alone is computed at once.

    Args:
        compute: a function from images, shape (n, …), to one row for each.
        threads: how many may compute at a time.
    """

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray], threads: int = 1) -> None:
        self._compute = compute
        self._waiting: deque[Waiting] = deque()
        self._free = threading.Semaphore(threads)

    def compute(self, images: Iterable[Waiting]) -> None:
        """Have images computed; a row, or the error of the computation, ends each future.

        Args:
            images: each with its future, of a loop that runs. What is cancelled is not computed.
        """
        self._waiting.extend(images)
        # Whoever may not compute has left its images before those who do look again.
        while self._waiting and self._free.acquire(blocking=False):
            try:
                self._compute_some()
            finally:
                self._free.release()

    def _compute_some(self) -> None:
        left = [(image, future) for image, future in self._taken() if not future.cancelled()]
        if not left:
            return
        try:
            rows: Any = self._compute(np.stack([image for image, _ in left]))
        except Exception as error:  # a network of any origin can raise anything
            rows = [error] * len(left)
        end([future for _, future in left], rows)

    def _taken(self) -> Iterator[Waiting]:
        """Yield images that wait, as many as are computed at a time."""
        with contextlib.suppress(IndexError):  # there are no more; other threads take them, too
            for _ in range(MOST_IMAGES):
                yield self._waiting.popleft()


def end(futures: Sequence[asyncio.Future[Any]], results: Sequence[Any]) -> None:
    """End futures of one loop with their results, from any thread; an Exception is raised there."""
    loop = futures[0].get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_end_in_loop, futures, results)


def _end_in_loop(futures: Sequence[asyncio.Future[Any]], results: Sequence[Any]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():  # nobody waits for it any more
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
