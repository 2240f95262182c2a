"""What takes time to make, such as images that are read from files, made before it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

DEPTH = 3  # results that are ready or being made; each is a batch of images in memory

Given = TypeVar("Given")
Made = TypeVar("Made")


@contextmanager
def made_in_turn(
    make: Callable[[Given], Made], given: Iterable[Given], ahead: bool
) -> Iterator[Iterator[Made]]:
    """Yield an iterator over what `make` returns for each of `given`, in their order.

    An error of `make` is raised where its result would come. No thread is left at the end of the
    context, even if not all results were taken.

    Args:
        make: called for one of `given` at a time.
        given: what `make` takes.
        ahead: whether one thread makes up to `DEPTH` results before they are taken. If not, each is
            made when it is taken.
    """
    if not ahead:
        yield map(make, given)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="pycifar-ahead") as pool:
        try:
            yield _taken(pool, make, iter(given))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # the pool itself waits for what runs


def _taken(
    pool: ThreadPoolExecutor, make: Callable[[Given], Made], given: Iterator[Given]
) -> Iterator[Made]:
    waiting: deque[Future[Made]] = deque(pool.submit(make, one) for one in islice(given, DEPTH))
    while waiting:
        made = waiting.popleft().result()
        waiting.extend(pool.submit(make, one) for one in islice(given, 1))
        yield made
