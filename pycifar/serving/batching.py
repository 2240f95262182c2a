"""One thread computes the images of all requests, those together that came together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from pycifar.serving.limits import MOST_IMAGES

Job = tuple[np.ndarray, "Future[np.ndarray]"]


class Batcher:
    """Computes images of several callers at once.

    It takes what waits and never waits for more, so a lone image is computed at once.

    Args:
        compute: a function from images, shape (n, …), to one row for each.
    """

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        self._compute = compute
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="pycifar-batches", daemon=True)
        self._thread.start()

    def submit(self, images: np.ndarray) -> Future[np.ndarray]:
        """Return what will have the rows of these images."""
        future: Future[np.ndarray] = Future()
        self._waiting.put((images, future))
        return future

    def close(self) -> None:
        """Compute what waits, and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        more = True
        while more:
            first = self._waiting.get()
            if first is None:
                return
            jobs = [first]
            while more and sum(len(images) for images, _ in jobs) < MOST_IMAGES:
                try:
                    job = self._waiting.get_nowait()
                except queue.Empty:
                    break
                more = job is not None
                jobs += [] if job is None else [job]
            self._answer([job for job in jobs if job[1].set_running_or_notify_cancel()])

    def _answer(self, jobs: list[Job]) -> None:
        """Compute jobs together, and give each its rows, or the error of the computation."""
        if not jobs:
            return
        try:
            rows = self._compute(np.concatenate([images for images, _ in jobs]))
        except Exception as error:  # a network of any origin can raise anything
            for _, future in jobs:
                future.set_exception(error)
            return
        start = 0
        for images, future in jobs:
            future.set_result(rows[start : start + len(images)])
            start += len(images)
