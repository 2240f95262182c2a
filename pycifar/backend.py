"""Keras, imported without the noise that TensorFlow makes when it starts.

Modules that need Keras import it from here: ``from pycifar.backend import keras``. Which backend
computes is Keras's own choice (``KERAS_BACKEND``, its configuration file, else TensorFlow).
"""

from __future__ import annotations

import gc
import importlib
import math
import os
import random
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pycifar.errors import BackendWarning, DependencyError, ForkedError

_ONEDNN_STATE = "tensorflow.python.util._pywrap_util_port"

_SEEDING = threading.RLock()

JUST_NOW = 0.5  # seconds; importing the rest of what a call needs takes less


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Point file descriptor 2 at the null device: TensorFlow's C++ code writes there directly."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no descriptor 2, so there is nothing to silence
        yield
        return
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def check_process() -> None:
    """Raise a ForkedError where a computation would wait for ever."""
    if _started_in != os.getpid():
        raise ForkedError(
            "This process was forked from one in which Keras was loaded, and has none of the "
            "threads in which it computes.",
            fix='Start processes anew, as multiprocessing.get_context("spawn") does.',
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make what Keras draws inside depend on `seed` alone, and leave the caller's state as it was.

    Keras takes the seed of each initializer and dropout layer that was given none from Python's
    `random`, whatever the backend, and the rest follows from those; NumPy's global state is
    covered for builder functions that use it. Both are the whole process's, so one thread at a time
    is inside.
    """
    check_process()
    with _SEEDING:
        python_state, numpy_state = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def free_memory() -> None:
    """Let go of Keras models that nobody has any more.

    They refer to themselves, which Python finds out rarely, and TensorFlow keeps what it has
    compiled of them.
    """
    gc.collect()
    if tensorflow is not None:
        context = importlib.import_module("tensorflow.python.eager.context")
        context.context().clear_kernel_cache()  # as `keras.backend.clear_session` does it


@contextmanager
def without_values() -> Iterator[None]:
    """Have Keras build networks whose weights have shapes and no values, and forget them after.

    Keras keeps a list of such weights, and gives them values when the next scope of its own ends,
    whoever opens that: a network too large for memory would fail a call that has nothing to do
    with it.
    """
    state = importlib.import_module("keras.src.backend.common.global_state")
    name = "uninitialized_variables"
    before = list(state.get_global_attribute(name, []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        state.set_global_attribute(name, before)


@contextmanager
def torch_generator_kept() -> Iterator[None]:
    """Leave the generator that `seed_torch` sets as it was."""
    if keras.backend.backend() != "torch":
        yield
        return
    with importlib.import_module("torch").random.fork_rng():
        yield


def seed_torch(*numbers: int) -> None:
    """Make what layers draw next depend on these numbers, where it does not on their own seeds.

    PyTorch's dropout takes its numbers from PyTorch's own generator and not from the layer's.
    """
    if keras.backend.backend() == "torch":
        (seed,) = np.random.SeedSequence(numbers).generate_state(1)
        importlib.import_module("torch").manual_seed(int(seed))


def call_began() -> float:
    """When the call began that runs now, as `time.monotonic` has it.

    A call that imports Keras only gets here once that is done. Where it is done this moment, the
    first call to ask began before it.
    """
    global _import_ended
    now = time.monotonic()
    imported_just_now = now - _import_ended < JUST_NOW
    _import_ended = -math.inf
    return _import_began if imported_just_now else now


def list_devices() -> list[str]:
    """What the backend can compute on, such as "cpu:0" and "gpu:0"."""
    if keras.backend.backend() != "torch":
        devices: list[str] = keras.distribution.list_devices()
        return devices
    torch = importlib.import_module("torch")  # of which Keras does not tell it
    return ["cpu:0", *(f"gpu:{i}" for i in range(torch.cuda.device_count()))]


def compute_capabilities() -> list[tuple[int, ...]]:
    """NVIDIA's number of what each of its GPUs here can compute, such as (8, 0)."""
    name = keras.backend.backend()
    if name == "tensorflow":
        config = tensorflow.config
        gpus = map(config.experimental.get_device_details, config.list_physical_devices("GPU"))
        return [gpu["compute_capability"] for gpu in gpus if "compute_capability" in gpu]
    if name == "torch":
        cuda = importlib.import_module("torch").cuda
        return [cuda.get_device_capability(number) for number in range(cuda.device_count())]
    devices = importlib.import_module("jax").devices()
    found = [
        re.fullmatch(r"(\d+)\.(\d+)", str(getattr(d, "compute_capability", ""))) for d in devices
    ]
    return [(int(match[1]), int(match[2])) for match in found if match]


def gradient(score: Callable[[Any], Any], values: Any) -> tuple[Any, Any]:
    """A score, and its gradient with respect to `values`, whatever the backend.

    Args:
        score: makes one number of a tensor, by operations of Keras.
        values: the tensor.
    """
    if keras.backend.backend() == "tensorflow":
        with tensorflow.GradientTape() as tape:
            tape.watch(values)
            result = score(values)
        return result, tape.gradient(result, values)
    if keras.backend.backend() == "torch":
        values = values.detach().requires_grad_()
        result = score(values)
        result.backward()
        return result, values.grad
    result, slopes = importlib.import_module("jax").value_and_grad(score)(values)
    return result, slopes


def lacks_onednn() -> bool:
    """Whether TensorFlow was imported before pycifar could have it compute by oneDNN's kernels."""
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"
    if tensorflow is None or not (_tensorflow_came_first and asked):
        return False
    try:  # no public name of TensorFlow's tells it
        return not importlib.import_module(_ONEDNN_STATE).IsMklEnabled()
    except (ImportError, AttributeError):
        return False


_started_in = os.getpid()
_import_began = time.monotonic()
_tensorflow_came_first = "tensorflow" in sys.modules
tensorflow: Any = None  # where Keras computes with something else
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    with _silent_stderr():
        import keras

        if keras.backend.backend() == "tensorflow":
            tensorflow = importlib.import_module("tensorflow")

            tensorflow.config.list_physical_devices()  # looks for GPUs, and is loud about it
            # Each training traces a function of its own, which TensorFlow takes for a mistake.
            tensorflow.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())
except Exception as error:  # an unknown backend is a ValueError, a broken one can be anything
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise DependencyError(
        f"Keras cannot be imported: {first_line.rstrip('.')}.",
        fix="Install TensorFlow (`pip install tensorflow`), or set KERAS_BACKEND to a backend "
        "that is installed.",
    ) from error
_import_ended = time.monotonic()
if lacks_onednn():
    warnings.warn(
        "TensorFlow was imported before pycifar, and computes without oneDNN on this processor. "
        "Training takes up to twice as long, and gives weights that differ in the last bits from "
        "those of runs with it. Import pycifar first, or set TF_ENABLE_ONEDNN_OPTS=1.",
        BackendWarning,
        stacklevel=2,
    )

__all__ = [
    "call_began",
    "compute_capabilities",
    "gradient",
    "keras",
    "lacks_onednn",
    "list_devices",
    "seed_torch",
    "seeded",
    "tensorflow",
    "torch_generator_kept",
]
