"""Everything that pycifar raises on purpose.

    PycifarError
    ├── ArgumentError (ValueError)            an argument has a wrong type or value
    │   └── UnknownNameError                  a name that is not in the list of allowed names
    ├── DataError                             images or labels cannot be used
    │   ├── DataNotFoundError                 no data set where it was looked for
    │   ├── DataFormatError                   a file is missing parts, truncated or another format
    │   ├── ImageError                        images of a wrong shape, type or range
    │   └── DownloadError                     the download failed or its checksum does not hold
    ├── ModelFileError                        a saved model cannot be read
    │   └── ModelVersionError                 a saved model was written by a newer pycifar
    ├── OutputError                           a file cannot be written
    │   └── OutputExistsError                 a file exists and overwriting was not asked for
    ├── TrainingError                         training cannot go on
    │   ├── DivergenceError                   the loss is no finite number any more
    │   ├── CallbackError                     a callback given by the caller failed
    │   └── CheckpointError (OutputError)     a checkpoint cannot be made, or does not fit
    ├── HandleError                           an R object outlived its Python object
    ├── ForkedError                           a forked process cannot compute with Keras
    └── DependencyError                       an optional library or a backend is missing

Each class has a `kind`: R sees the class ``pycifar_error_<kind>``, then its parents' classes, then
``pycifar_error``. Each instance may carry a `fix`: one sentence that says what to do.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def printable(text: str) -> str:
    r"""Text as it can be shown: what would move the cursor or end a line or column is escaped.

    Names of classes and files may come from a stranger.

    Examples:
        >>> printable("a\tcat\x1b[31m")
        'a\\tcat\\x1b[31m'
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


class PycifarError(Exception):
    """Base of all errors that pycifar raises on purpose.

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
            self.add_note(fix)  # which a traceback shows

    @classmethod
    def kinds(cls) -> list[str]:
        """The kinds of this class and its parents, most specific first, without the root."""
        lineage = [c for c in cls.__mro__ if issubclass(c, PycifarError) and c is not PycifarError]
        return [c.kind for c in lineage]


class ArgumentError(PycifarError, ValueError):
    """An argument has a wrong type or value."""

    kind = "argument"


class UnknownNameError(ArgumentError):
    """A name is not in the list of allowed names."""

    kind = "unknown_name"


class DataError(PycifarError):
    """Images or labels cannot be used."""

    kind = "data"


class DataNotFoundError(DataError):
    """There is no data set where it was looked for."""

    kind = "data_not_found"


class DataFormatError(DataError):
    """A data file misses parts, is truncated, or is not what it claims to be."""

    kind = "data_format"


class ImageError(DataError):
    """Images have a wrong shape, type or range."""

    kind = "image"


class DownloadError(DataError):
    """A download failed, or what came does not have the published checksum."""

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
    """A file exists, and overwriting it was not asked for."""

    kind = "output_exists"


class TrainingError(PycifarError):
    """Training cannot go on.

    `model` is the `TrainedModel` as far as it came, or None.
    """

    kind = "training"
    model: Any = None


class DivergenceError(TrainingError):
    """The loss is no finite number any more.

    `model` has the last weights that gave a finite loss, at most 100 steps old.
    """

    kind = "divergence"


class CallbackError(TrainingError):
    """A callback that the caller gave failed."""

    kind = "callback"


class CheckpointError(TrainingError, OutputError):
    """A checkpoint cannot be made, is damaged, or is of another training."""

    kind = "checkpoint"


class HandleError(PycifarError):
    """An R object outlived the Python object that it points to."""

    kind = "handle"


class ForkedError(PycifarError):
    """This process was forked from one in which Keras's backend had started its threads."""

    kind = "forked"


class DependencyError(PycifarError):
    """An optional library or a backend is missing."""

    kind = "dependency"


class PycifarWarning(UserWarning):
    """Base of all warnings of pycifar."""

    kind = "pycifar"


class TimeBudgetWarning(PycifarWarning):
    """The time budget was too short for one pass over the training images."""

    kind = "time_budget"


class InterruptedWarning(PycifarWarning):
    """Training was interrupted; the model holds what was learned until then."""

    kind = "interrupted"


class CheckpointWarning(PycifarWarning):
    """A checkpoint was made elsewhere, in a way that changes no weights."""

    kind = "checkpoint"


class BackendWarning(PycifarWarning):
    """Keras's backend computes more slowly than it could, or to other last bits."""

    kind = "backend"


@contextmanager
def warnings_collected() -> Iterator[list[PycifarWarning]]:
    """Collect the warnings of pycifar, for somebody who shows them in their own way.

    Those of others are shown as ever.
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
