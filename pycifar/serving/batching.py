"""Images of several requests are computed together that came together."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pycifar.serving.limits import MOST_IMAGES

Waiting = tuple[np.ndarray, "asyncio.Future[Any]"]


class Batcher:
    """Computes images of several callers at once, on their threads.

    A thread that comes while another one computes leaves its images to that one. So an image that
    comes alone is computed at once.

    Args:
        compute: a function from images, shape (n, …), to one row for each.
    """

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        self._compute = compute
        self._waiting: deque[Waiting] = deque()
        self._computing = threading.Lock()

    def compute(self, images: Iterable[Waiting]) -> None:
        """Have images computed; a row, or the error of the computation, ends each future.

        Args:
            images: each with its future, of a loop that runs. What is cancelled is not computed.
        """
        self._waiting.extend(images)
        # Whoever does not get the lock has left its images before its holder looks again.
        while self._waiting and self._computing.acquire(blocking=False):
            try:
                self._compute_some()
            finally:
                self._computing.release()

    def _compute_some(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IMAGES))]
        left = [(image, future) for image, future in taken if not future.cancelled()]
        if not left:
            return
        try:
            rows: Any = self._compute(np.stack([image for image, _ in left]))
        except Exception as error:  # a network of any origin can raise anything
            rows = [error] * len(left)
        end([future for _, future in left], rows)


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
