"""The progress of `reproduce`: a line per training, with an estimate of the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pycifar.console import Bar, is_watched, say

if TYPE_CHECKING:
    import keras


class Progress:
    """The display of the progress of a series of trainings.

    Args:
        write: called with each line; None shows no lines.
        update: called after each epoch with the share of the series that is done, 0-1, and a short
            text; None if there is no bar.
        each_epoch: whether to write a line for each epoch as well.
        close: called at the end of the series, to remove the bar.
    """

    def __init__(
        self,
        write: Callable[[str], Any] | None = None,
        update: Callable[[float, str], Any] | None = None,
        each_epoch: bool = False,
        close: Callable[[], Any] | None = None,
    ) -> None:
        self._write = write
        self._close = close
        self._update = update
        self._each_epoch = each_epoch

    def begin(self, work: Sequence[float]) -> None:
        """Start a series of trainings.

        Args:
            work: about how much work each training is, in any unit.
        """
        self._work = list(work)
        self._done = 0
        self._started = time.perf_counter()

    def callback(self, name: str) -> keras.callbacks.Callback:
        """Return a Keras callback that reports the epochs of the training `name`."""
        from pycifar.backend import keras

        report = self._epoch

        class EpochReporter(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
                report(name, epoch + 1, self.params["epochs"], (logs or {})["val_accuracy"])

        return EpochReporter()

    def _epoch(self, name: str, epoch: int, epochs: int, accuracy: float) -> None:
        told = f"{name}: epoch {epoch}/{epochs}, test accuracy {accuracy:.4f}"
        if self._update is not None:
            work = sum(self._work[: self._done]) + self._work[self._done] * epoch / epochs
            self._update(work / sum(self._work), told)
        if self._each_epoch and self._write is not None:
            self._write(told)

    def finished(self, name: str, accuracy: float, seconds: float) -> None:
        """Report the end of a training: its test accuracy, its seconds, and the time left."""
        self._done += 1
        if self._write is None:
            return
        elapsed = time.perf_counter() - self._started
        left = elapsed * sum(self._work[self._done :]) / sum(self._work[: self._done])
        line = (
            f"{self._done}/{len(self._work)}  {name}: test accuracy {accuracy:.4f} "
            f"in {in_time(seconds)}"
        )
        self._write(line + (f"; about {in_time(left)} left" if left else ""))

    def end(self) -> None:
        """Remove the bar."""
        if self._close is not None:
            self._close()


def progress_for(verbose: int) -> Progress:
    """Return what shows the progress.

    Args:
        verbose: 0 shows nothing; 1 a line per training, and a bar as well on a terminal; 2 a line
            per training and per epoch.
    """
    if verbose == 0:
        return Progress()
    if verbose == 1 and is_watched():
        bar = Bar()
        return Progress(bar.line, bar.update, close=bar.close)
    return Progress(say, each_epoch=verbose == 2)


def in_time(seconds: float) -> str:
    """Return a duration as text, such as "45 s", "12 min" or "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
