"""Threads that read pictures and have them computed."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pycifar.errors import PycifarError
from pycifar.processor import stay_on_core
from pycifar.serving.batching import end
from pycifar.serving.limits import MOST_IN_A_ROW
from pycifar.serving.served_model import ServedModel, unread_record


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to be read and computed, unless its future is cancelled before.

    Args:
        model: the model.
        content: the bytes of the image file.
        place: where its pixels go, uint8 of shape (height, width, 3) in the size of the model.
        future: of a loop that runs. It ends with the probabilities, or with the record of a picture
            that cannot be read.
    """

    model: ServedModel
    content: bytes
    place: np.ndarray
    future: asyncio.Future[Any]


class Workers:
    """Threads that do jobs.

    Each takes a share of the jobs that wait, reads their pictures, and then has them computed: a
    thread that changes between the two for each picture loses time in waiting for Python's lock.

    Args:
        n: how many threads.
        each_on_a_core: whether each stays on a core of its own. Linux lets threads that wake each
            other run in turn on one core, while another has nothing to do.
    """

    def __init__(self, n: int, each_on_a_core: bool = False) -> None:
        self._each_on_a_core = each_on_a_core
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(i,), name=f"pycifar-work-{i}", daemon=True)
            for i in range(n)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Have a job done."""
        self._jobs.put(job)

    def close(self) -> None:
        """Do what waits, and end the threads."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        if self._each_on_a_core:
            stay_on_core(number)
        while self._do_some():
            pass

    def _do_some(self) -> bool:
        """Wait for jobs and do them; return whether there may be more.

        While it waits, no variable holds the pictures of earlier ones.
        """
        first = self._jobs.get()
        if first is None:
            return False
        jobs = [first, *self._more(self._jobs.qsize() // len(self._threads))]
        readable = [job for job in jobs if _read(job)]
        for model in dict.fromkeys(job.model for job in readable):
            model.batcher.compute(
                [(job.place, job.future) for job in readable if job.model is model]
            )
        return True

    def _more(self, n: int) -> Iterator[Job]:
        """Yield up to `n` jobs that wait, as many as are read in a row."""
        for _ in range(min(n, MOST_IN_A_ROW - 1)):
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is None:
                self._jobs.put(None)  # for the next turn
                return
            yield job


def _read(job: Job) -> bool:
    """Read the picture of a job; return whether it is there to be computed."""
    if job.future.cancelled():
        return False
    try:
        job.model.read(job.content, job.place)
    except PycifarError as error:
        end([job.future], [unread_record(error)])
        return False
    except Exception as error:  # which nobody expects, and which must not end this thread
        end([job.future], [error])
        return False
    return True
