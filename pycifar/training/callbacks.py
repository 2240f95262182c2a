"""Callbacks of a training: those of the caller, the progress display, and early stopping."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np

from pycifar.arguments import check_choice, describe, is_flag
from pycifar.backend import keras
from pycifar.config import TrainingConfig
from pycifar.console import Bar, is_watched, say
from pycifar.errors import ArgumentError, CallbackError, PycifarError
from pycifar.language import constant
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.training.checkpoint import arrays_like

# The keys of a mapping of callback functions, each with the arguments of its function.
EVENTS = {
    "on_train_begin": "(logs)",
    "on_train_end": "(logs)",
    "on_epoch_begin": "(epoch, logs)",
    "on_epoch_end": "(epoch, logs)",
    "on_train_batch_end": "(batch, logs)",
}


class FunctionsCallback(keras.callbacks.Callback):
    """A Keras callback made of plain functions.

    Epochs and batches count from 1. `logs` is the mapping that all callbacks share, so that what a
    function adds to it counts as what a Keras callback adds. A function that returns False stops
    the training after the current epoch or batch. A function that fails ends the training with a
    `CallbackError`.

    Args:
        functions: the functions by name; the names are those in `EVENTS`.
    """

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__()
        for name, function in functions.items():
            check_choice("callbacks", name, EVENTS)
            if not callable(function):
                raise ArgumentError(f"Callback `{name}` must be a function{EVENTS[name]}.")
        self._functions = dict(functions)
        # Keras checks which methods a callback defines, so only those that were given are set.
        for name in functions:
            counted = EVENTS[name] != "(logs)"
            setattr(self, name, self._counted(name) if counted else self._plain(name))

    def _counted(self, name: str) -> Callable[..., None]:
        return lambda index, logs=None: self._call(name, index + 1, {} if logs is None else logs)

    def _plain(self, name: str) -> Callable[..., None]:
        return lambda logs=None: self._call(name, {} if logs is None else logs)

    def _call(self, name: str, *arguments: Any) -> None:
        answer = call_user_function(name, self._functions[name], *arguments)
        if is_flag(answer) and not answer and name != "on_train_end":  # which is too late to stop
            self.model.stop_training, self.model.stopped_by = True, name


class ProgressReport(keras.callbacks.Callback):
    """A callback that shows the progress: one line per epoch, and a bar if there is one.

    Args:
        write: called with the line of each finished epoch.
        update: called with the share of the run that is done, 0-1, and a short text, at most five
            times a second; None if there is no bar.
        close: called at the end of the training, to remove the bar.
    """

    INTERVAL = 0.2  # seconds between two updates; nobody can read more than five a second

    def __init__(
        self,
        write: Callable[[str], Any] = say,
        update: Callable[[float, str], Any] | None = None,
        close: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__()
        self._write = write
        self._update = update
        self._close = close
        self._epoch = self._steps_done = 0
        self._epoch_began = self._next = 0.0
        if update is not None:  # Keras calls a method only if it is defined
            self.on_train_batch_end = self._report

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the count of steps at those that were done before a resume."""
        self._steps_done = self.params["steps_done"]

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start the timer of the epoch."""
        self._epoch, self._epoch_began = epoch + 1, time.perf_counter()

    def _report(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._steps_done += 1
        now = time.perf_counter()
        if now >= self._next and self._update is not None:
            self._next = now + self.INTERVAL
            text = f"epoch {self._epoch}/{self.params['epochs']}  {_metrics(logs or {})}"
            self._update(self._steps_done / self.params["total_steps"], text)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the line of the epoch."""
        seconds = time.perf_counter() - self._epoch_began
        self.show(epoch_line(epoch + 1, self.params["epochs"], logs or {}, seconds), logs or {})

    def show(self, line: str, logs: Mapping[str, float]) -> None:
        """Write the line of the epoch."""
        self._write(line)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Remove the bar, and say which function stopped the training, if one did."""
        if self._close is not None:
            self._close()
        if name := getattr(self.model, "stopped_by", None):
            self._write(f"stopped by `{name}`, which returned {constant(False)}")


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's early stopping, with a state that a checkpoint can save and restore."""

    NUMBERS = ("wait", "best", "best_epoch", "stopped_epoch")

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._found: Mapping[str, Any] = {}

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Reset the state as Keras does, then set it to the restored one if there is one."""
        super().on_train_begin(logs)
        for name, value in self._found.items():
            setattr(self, name, value)

    def state(self) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """Return its counters, and the best weights so far if it will restore them."""
        numbers = {name: getattr(self, name) for name in self.NUMBERS}
        return {"stopping": numbers}, {"best": self.best_weights or []}

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[Any]]) -> None:
        """Store a saved state, to be set when the training begins.

        Raises:
            ValueError: the state belongs to a training without early stopping.
        """
        if not plain["stopping"]:
            raise ValueError("its early stopping is another")
        # Before the first epoch has ended there are no best weights.
        kept = self.restore_best_weights and plain["seconds"]
        best = arrays_like(arrays, "best", self.model.get_weights()) if kept else None
        self._found = {**plain["stopping"], "best_weights": best}


class CallbackList:
    """Keras's list of callbacks; an error in a callback names its class and method.

    Args:
        callbacks: Keras callbacks.
        model: the model that is trained.
        **params: what callbacks can read as `params`.
    """

    def __init__(
        self, callbacks: Sequence[keras.callbacks.Callback], model: Any, **params: Any
    ) -> None:
        self._list = keras.callbacks.CallbackList(callbacks, model=model, **params)
        self.params = self._list.params
        self._last: dict[str, Any] = {}  # the logs of the last epoch

    def train_begin(self) -> None:
        """Call `on_train_begin` of all callbacks."""
        with self._failures_named():
            self._list.on_train_begin()

    def train_end(self) -> None:
        """Call `on_train_end` of all callbacks."""
        with self._failures_named():
            self._list.on_train_end(self._last)

    def epoch_begin(self, epoch: int, **params: Any) -> None:
        """Update `params`, and call `on_epoch_begin` of all callbacks; epochs count from 1."""
        self.params |= params
        with self._failures_named():
            self._list.on_epoch_begin(epoch - 1)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> dict[str, float]:
        """Call `on_epoch_end` of all callbacks; epochs count from 1.

        Returns:
            What the callbacks added to the logs, such as a metric of their own: numbers by name.
        """
        own = dict(logs)
        with self._failures_named():
            # Not by Keras's list, which would hand a copy of the logs to the callbacks.
            for callback in self._list.callbacks:
                callback.on_epoch_end(epoch - 1, own)
        self._last = own
        added = {name: _number(value) for name, value in own.items() if name not in logs}
        return {name: number for name, number in added.items() if number is not None}

    def step_begin(self, step: int) -> None:
        """Call `on_train_batch_begin` of all callbacks; steps count from 0."""
        with self._failures_named():
            # Not by Keras's list, which would convert the logs at each step.
            for callback in self._list.callbacks:
                callback.on_train_batch_begin(step, {})

    def step_end(self, step: int, logs: dict[str, float]) -> None:
        """Call `on_train_batch_end` of all callbacks; steps count from 0."""
        with self._failures_named():
            for callback in self._list.callbacks:
                callback.on_train_batch_end(step, logs)

    def test_begin(self) -> None:
        """Call `on_test_begin` of all callbacks."""
        with self._failures_named():
            self._list.on_test_begin()

    def test_step_begin(self, step: int) -> None:
        """Call `on_test_batch_begin` of all callbacks; steps count from 0."""
        with self._failures_named():
            for callback in self._list.callbacks:
                callback.on_test_batch_begin(step, {})

    def test_step_end(self, step: int, logs: dict[str, float]) -> None:
        """Call `on_test_batch_end` of all callbacks; steps count from 0."""
        with self._failures_named():
            for callback in self._list.callbacks:
                callback.on_test_batch_end(step, logs)

    def test_end(self, logs: dict[str, float]) -> None:
        """Call `on_test_end` of all callbacks."""
        with self._failures_named():
            self._list.on_test_end(logs)

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        """Raise a `CallbackError` that names the callback for an error that one raises inside."""
        try:
            yield
        except PycifarError:
            raise
        except Exception as error:
            name = _failing_method(error, self._list.callbacks)
            raise _callback_error(name, error) from error


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback], config: TrainingConfig) -> None:
    """Raise an ArgumentError for callbacks that cannot do here what they do in Keras's `fit`."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ArgumentError(
                "`callbacks` must not have a BackupAndRestore: it restores weights, and all epochs "
                "would be trained again.",
                fix="Give `checkpoint_dir` and `resume` in its place.",
            )
        scheduler = isinstance(callback, keras.callbacks.LearningRateScheduler)
        sets_rate = scheduler or isinstance(callback, keras.callbacks.ReduceLROnPlateau)
        if sets_rate and config.optimizer not in OPTIMIZERS and config.schedule != "constant":
            raise ArgumentError(
                f"`callbacks` has a {type(callback).__name__}, which sets the learning rate; that "
                f"of `optimizer` is a {config.schedule}, and Keras lets nobody set it.",
                fix="Give the optimizer a number as its learning rate.",
            )
        if scheduler and config.schedule != "constant":
            raise ArgumentError(
                "`callbacks` has a LearningRateScheduler, which sets the learning rate itself; "
                f'`schedule` must then be "constant", not {describe(config.schedule)}.'
            )


def progress_callbacks(verbose: int) -> list[keras.callbacks.Callback]:
    """Return the callbacks that show progress.

    Args:
        verbose: 0 shows nothing; 1 lines, and a bar as well on a terminal; 2 lines alone.
    """
    if verbose == 0:
        return []
    if verbose == 1 and is_watched():
        bar = Bar()
        return [ProgressReport(bar.line, bar.update, bar.close)]
    return [ProgressReport()]


def early_stopping_callbacks(
    config: TrainingConfig, validated: bool, directions: Mapping[str, str]
) -> list[keras.callbacks.Callback]:
    """Return the callback for early stopping and for the best weights, if either is asked for.

    Args:
        config: the settings.
        validated: whether there is a validation; without one the training metric is monitored.
        directions: "min" or "max" by metric, which tells its better values.

    Raises:
        ArgumentError: nobody knows which values of the metric are better.
    """
    if config.early_stopping is None and not config.best_weights:
        return []
    mode = directions.get(config.monitor)
    if mode is None:
        raise ArgumentError(
            f"`monitor` must be a metric of which it is known whether higher is better; of "
            f"{config.monitor} it is not.",
            fix="Give keras.callbacks.EarlyStopping(monitor=, mode=) in `callbacks`.",
        )
    return [
        EarlyStopping(
            monitor=f"val_{config.monitor}" if validated else config.monitor,
            mode=mode,
            # For the best weights alone, the training never stops early.
            patience=sys.maxsize if config.early_stopping is None else config.early_stopping,
            restore_best_weights=config.best_weights,
        )
    ]


def restored_epoch(callbacks: Sequence[keras.callbacks.EarlyStopping]) -> int | None:
    """Return the epoch, from 1, whose weights the last of these callbacks restored, or None."""
    epochs = [callback.best_epoch + 1 for callback in callbacks if callback.best_weights]
    return epochs[-1] if epochs else None


def as_callbacks(value: Any) -> list[keras.callbacks.Callback]:
    """Return Keras callbacks for one callback, one mapping of functions, or a list of these.

    A list may hold lists, and be a `keras.callbacks.CallbackList`: each callback is checked alone.
    """
    if value is None:
        return []
    if isinstance(value, keras.callbacks.CallbackList):
        value = value.callbacks
    if isinstance(value, (list, tuple)):
        return [callback for item in value for callback in as_callbacks(item)]
    return [_as_callback(value)]


def _number(value: Any) -> float | None:
    """Return one number of Python, NumPy or the backend as a float; None if a value is none."""
    if isinstance(value, (str, bytes)):
        return None
    try:
        return None if np.ndim(value) else float(value)
    except (TypeError, ValueError):
        return None


def call_user_function(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function of the caller returns; raise a `CallbackError` if it fails."""
    try:
        return function(*arguments)
    except PycifarError:
        raise
    except Exception as error:
        raise _callback_error(name, error) from error


def _failing_method(error: Exception, callbacks: Sequence[keras.callbacks.Callback]) -> str:
    """Return the class and method of the callback that raised an error, joined by a dot."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        own = frame.f_locals.get("self")
        if any(own is callback for callback in callbacks):
            return f"{type(own).__name__}.{frame.f_code.co_name}"
    return "callbacks"


def _callback_error(name: str, error: Exception) -> CallbackError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    return CallbackError(f"`{name}` failed: {reason}")


def epoch_line(epoch: int, epochs: int, logs: Mapping[str, float], seconds: float) -> str:
    """Return the line that is shown for a finished epoch."""
    width = len(str(epochs))
    return f"epoch {epoch:>{width}}/{epochs}  {_metrics(logs)}  {seconds:.1f} s"


def _metrics(logs: Mapping[str, float]) -> str:
    # In this order: Keras passes logs in alphabetical order.
    ours = [name for name in ("loss", "accuracy", "val_loss", "val_accuracy") if name in logs]
    # A callback may add what is no number.
    others = sorted(name for name in set(logs) - set(ours) if isinstance(logs[name], Real))
    return "  ".join(f"{name} {logs[name]:.4f}" for name in [*ours, *others])


def _as_callback(item: Any) -> keras.callbacks.Callback:
    if isinstance(item, keras.callbacks.Callback):
        return item
    if isinstance(item, Mapping):
        return FunctionsCallback(item)
    raise ArgumentError(
        "`callbacks` must hold Keras callbacks, or mappings from "
        f"{', '.join(EVENTS)} to functions, not {describe(item)}."
    )
