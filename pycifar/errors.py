"""The errors and warnings that pycifar raises on purpose.

    PycifarError
    ├── ArgumentError (ValueError)            an argument has a wrong type or value
    │   ├── UnknownNameError                  a name that is not in the list of allowed names
    │   ├── UnknownArgumentError (TypeError)  a function has no argument of that name
    │   └── ObjectiveError                    a loss or a metric cannot be computed
    ├── DataError                             images or labels cannot be used
    │   ├── DataNotFoundError                 no data set at the place where it should be
    │   ├── DataFormatError                   a file is incomplete, truncated or of another format
    │   ├── ImageError (ValueError)           images of a wrong shape, type or range
    │   ├── DownloadError                     a download failed or its checksum does not match
    │   └── WeightsError                      pretrained weights are not there, or are others
    ├── ModelFileError                        a saved model cannot be read
    │   └── ModelVersionError                 a saved model was written by a newer pycifar
    ├── OutputError                           a file cannot be written
    │   └── OutputExistsError                 a file exists and overwriting was not requested
    ├── TrainingError                         a training cannot continue
    │   ├── DivergenceError                   the loss is not finite any more
    │   ├── CallbackError                     a callback given by the caller failed
    │   ├── CheckpointError (OutputError)     a checkpoint cannot be saved or continued from
    │   └── ImagesChangedError (DataError)    images that are read from files have changed
    ├── ExportError                           a format cannot hold a model, or computes otherwise
    ├── ServingError                          a server cannot start
    ├── HandleError                           an R object outlived its Python object
    ├── ForkedError                           a forked process cannot compute with Keras
    └── DependencyError                       an optional library or a backend is missing

Each class has a `kind`. In R, an error is a condition of class ``pycifar_error_<kind>``, followed
by the classes of its parents and by ``pycifar_error``. An error may have a `fix`, one sentence that
says what to do.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def warn(warning: PycifarWarning) -> None:
    """Issue a warning that belongs to the line of the caller of pycifar."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "pycifar":
        frame, level = frame.f_back, level + 1
    warnings.warn(warning, stacklevel=level)


def printable(text: str) -> str:
    r"""Return text with all characters escaped that are not printable.

    Names of classes and files may come from an untrusted source. Such characters could move the
    cursor, end a line or forge a column of a table.

    Examples:
        >>> printable("a\tcat\x1b[31m")
        'a\\tcat\\x1b[31m'
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in text_on_disk(text)
    )


def text_on_disk(name: str) -> str:
    """Return the text of a name on disk, which is UTF-8 whatever the locale.

    Where the locale is not UTF-8, as "C" in a cron job, Python reads the bytes of such a name that
    are not ASCII as lone surrogates. Bytes that are not UTF-8 stay so.
    """
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return name


def name_on_disk(text: str) -> str:
    """Return the name by which Python finds what has this text as its name on disk.

    It is the inverse of `text_on_disk`.
    """
    try:
        return os.fsdecode(text.encode("utf-8", "surrogateescape"))
    except UnicodeError:
        return text


def first_of(names: Sequence[str], most: int = 5) -> str:
    """Return the first of many names as text, and how many more there are.

    Examples:
        >>> first_of(["a.png", "b.png", "c.png"], most=2)
        'a.png, b.png and 1 more'
    """
    shown = ", ".join(printable(name) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


class PycifarError(Exception):
    """Base class of all errors that pycifar raises on purpose.

    Args:
        message: What is wrong, what is allowed, and what was received.
        fix: One sentence that says what to do, or None.
    """

    kind = "pycifar"

    def __init__(self, message: str, fix: str | None = None) -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message
        self.fix = fix
        if fix is not None:
            self.add_note(fix)  # tracebacks show notes

    @classmethod
    def kinds(cls) -> list[str]:
        """Return the kinds of this class and its parents, from the most to the least specific.

        The kind of `PycifarError` itself is left out.
        """
        lineage = [c for c in cls.__mro__ if issubclass(c, PycifarError) and c is not PycifarError]
        return [c.kind for c in lineage]


class ArgumentError(PycifarError, ValueError):
    """An argument has a wrong type or value."""

    kind = "argument"


class UnknownNameError(ArgumentError):
    """A name is not in the list of allowed names."""

    kind = "unknown_name"


class UnknownArgumentError(ArgumentError, TypeError):
    """A function has no argument of that name; `fix` has the name in pycifar, if there is one."""

    kind = "unknown_argument"


class ObjectiveError(ArgumentError):
    """A loss or a metric cannot be computed, such as a function of the caller that fails."""

    kind = "objective"


class DataError(PycifarError):
    """Images or labels cannot be used."""

    kind = "data"


class DataNotFoundError(DataError):
    """There is no data set at the place where it should be."""

    kind = "data_not_found"


class DataFormatError(DataError):
    """A data file is incomplete, truncated, or of another format than it should be."""

    kind = "data_format"


class WeightsError(DataError):
    """Pretrained weights are not there, or are not those that they should be."""

    kind = "weights"


class ImageError(DataError, ValueError):
    """Images have a wrong shape, type or range."""

    kind = "image"


class DownloadError(DataError):
    """A download failed, or the file does not have the published checksum."""

    kind = "download"


class ModelFileError(PycifarError):
    """A saved model cannot be read."""

    kind = "model_file"


class ModelVersionError(ModelFileError):
    """A saved model was written by a newer pycifar."""

    kind = "model_version"


class OutputError(PycifarError):
    """A file cannot be written."""

    kind = "output"


class OutputExistsError(OutputError):
    """A file exists, and overwriting it was not requested."""

    kind = "output_exists"


class TrainingError(PycifarError):
    """A training cannot continue.

    `model` is the `TrainedModel` with what it learned until then, or None.
    """

    kind = "training"
    model: Any = None


class DivergenceError(TrainingError):
    """The loss is not finite any more.

    `model` has weights that gave a finite loss and are at most 100 steps old.
    """

    kind = "divergence"


class CallbackError(TrainingError):
    """A callback given by the caller failed."""

    kind = "callback"


class CheckpointError(TrainingError, OutputError):
    """A checkpoint cannot be saved, is damaged, or belongs to another training."""

    kind = "checkpoint"


class ImagesChangedError(TrainingError, DataError):
    """Images that a training reads from files have changed or are gone.

    `model` has what was learned until then.
    """

    kind = "images_changed"


class ExportError(PycifarError):
    """A format cannot hold a model, or its runtime computes something else."""

    kind = "export"


class ServingError(PycifarError):
    """A server cannot start, such as on a port that is in use."""

    kind = "serving"


class HandleError(PycifarError):
    """An R object outlived the Python object that it points to."""

    kind = "handle"


class ForkedError(PycifarError):
    """This process was forked after Keras's backend had started threads, which a fork loses."""

    kind = "forked"


class DependencyError(PycifarError):
    """An optional library or a backend is missing."""

    kind = "dependency"


class PycifarWarning(UserWarning):
    """Base class of all warnings of pycifar."""

    kind = "pycifar"


class TimeBudgetWarning(PycifarWarning):
    """The time budget was too short for one pass over the images, or for all layers to learn."""

    kind = "time_budget"


class FrozenWarning(PycifarWarning):
    """A training was stopped while the last layer learned alone."""

    kind = "frozen"


class InterruptedWarning(PycifarWarning):
    """Training was interrupted; the model holds what was learned until then."""

    kind = "interrupted"


class CheckpointWarning(PycifarWarning):
    """A checkpoint was saved in another environment, but the difference changes no weights."""

    kind = "checkpoint"


class BackendWarning(PycifarWarning):
    """Keras's backend is slower than it could be, or its results differ in the last bits."""

    kind = "backend"


class UnsavedWarning(PycifarWarning):
    """A model can be trained and used, but a file of it cannot be loaded again in this process."""

    kind = "unsaved"


class SkippedWarning(PycifarWarning):
    """Files, folders or images were passed over, because they hold no image that can be read."""

    kind = "skipped"


class CacheWarning(PycifarWarning):
    """A cache of images is written anew, because it is of other files or of another version."""

    kind = "cache"


class ResizeWarning(PycifarWarning):
    """The images of a data set were resized in another way than those that a model learned from."""

    kind = "resize"


class DataWarning(PycifarWarning):
    """A data set can be used, but what is learned or measured on it may say little."""

    kind = "data"


class OptimizerWarning(PycifarWarning):
    """An optimizer starts anew where a model has other trainable weights than it had."""

    kind = "optimizer"


@contextmanager
def warnings_collected() -> Iterator[list[PycifarWarning]]:
    """Collect pycifar's warnings in a list, for a caller that shows them in its own way.

    Warnings of other packages are shown as usual.
    """
    collected: list[PycifarWarning] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", PycifarWarning)
        show = warnings.showwarning

        def collect(message: Any, *others: Any, **named: Any) -> None:
            if isinstance(message, PycifarWarning):
                collected.append(message)
            else:
                show(message, *others, **named)

        warnings.showwarning = collect
        yield collected
