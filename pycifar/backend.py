"""The import of Keras, and what differs between its backends TensorFlow, JAX and PyTorch.

Modules that need Keras import it from here: ``from pycifar.backend import keras``. That hides the
messages that TensorFlow prints while it is imported. Keras chooses the backend itself: by the
environment variable ``KERAS_BACKEND``, else by its configuration file, else TensorFlow.
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

# A private module of TensorFlow, which tells whether oneDNN's kernels are on.
_ONEDNN_STATE = "tensorflow.python.util._pywrap_util_port"

# Held while the global random generators of Python and NumPy are seeded.
_SEEDING = threading.RLock()

# Seconds. The modules that a call imports after Keras take less time than this; see `call_began`.
JUST_NOW = 0.5


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Redirect file descriptor 2 to the null device inside the context.

    TensorFlow's C++ code writes to the descriptor directly, so that replacing `sys.stderr` would
    not silence it.
    """
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
    """Raise a ForkedError if this process was forked after Keras was imported.

    A fork does not copy the threads of the backend, so a computation would never end.
    """
    if _started_in != os.getpid():
        raise ForkedError(
            "This process was forked from one in which Keras was loaded, and has none of the "
            "threads in which it computes.",
            fix='Start processes anew, as multiprocessing.get_context("spawn") does.',
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global random generators inside the context, and restore their states after it.

    With every backend, Keras draws the seed of an initializer or dropout layer that has none from
    Python's `random`. Its other random numbers follow from these seeds. NumPy's global generator is
    seeded for builder functions that use it. Both generators belong to the whole process, so a lock
    admits one thread at a time.

    Raises:
        ForkedError: see `check_process`.
    """
    check_process()
    with generators_kept():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        yield


@contextmanager
def generators_kept() -> Iterator[None]:
    """Restore the states of the global random generators after the context, as `seeded` does.

    This is for copies of networks: a layer of a copy draws a seed, which the copied state replaces.
    """
    with _SEEDING:
        python_state, numpy_state = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def free_memory() -> None:
    """Free the memory of Keras models that are not used any more.

    Such a model refers to itself. Only Python's garbage collector can free it, which runs rarely.
    TensorFlow also caches the kernels that it compiled for the model.
    """
    gc.collect()
    if tensorflow is not None:
        context = importlib.import_module("tensorflow.python.eager.context")
        context.context().clear_kernel_cache()  # as `keras.backend.clear_session` does


@contextmanager
def without_values() -> Iterator[None]:
    """Let Keras build networks whose weights have shapes but no values.

    Keras keeps a list of such weights. It initializes all of them when its next scope ends, whoever
    opened that scope. A network that is too large for memory would then make an unrelated call
    fail. So the list is restored after the context to what it was before.
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
    """Restore PyTorch's global random generator, which `seed_torch` seeds, after the context.

    On other backends, do nothing.
    """
    if keras.backend.backend() != "torch":
        yield
        return
    with importlib.import_module("torch").random.fork_rng():
        yield


def seed_torch(*numbers: int) -> None:
    """Seed PyTorch's global random generator from these numbers; do nothing on other backends.

    On PyTorch, dropout draws from this generator and ignores the seed of its layer.
    """
    if keras.backend.backend() == "torch":
        (seed,) = np.random.SeedSequence(numbers).generate_state(1)
        importlib.import_module("torch").manual_seed(int(seed))


def call_began() -> float:
    """Return when the running call began, in seconds on the clock of `time.monotonic`.

    A call that imports Keras gets here only after the import. So the first call of this function,
    if it comes within `JUST_NOW` seconds of the import, returns when the import began. Every other
    call returns the present time.
    """
    global _import_ended
    now = time.monotonic()
    imported_just_now = now - _import_ended < JUST_NOW
    _import_ended = -math.inf
    return _import_began if imported_just_now else now


def list_devices() -> list[str]:
    """Return the devices that the backend can compute on, such as "cpu:0" and "gpu:0"."""
    if keras.backend.backend() != "torch":
        devices: list[str] = keras.distribution.list_devices()
        return devices
    torch = importlib.import_module("torch")  # whose devices Keras does not list
    return ["cpu:0", *(f"gpu:{i}" for i in range(torch.cuda.device_count()))]


def compute_capabilities() -> list[tuple[int, ...]]:
    """Return the compute capability of each NVIDIA GPU, such as (8, 0) for version 8.0."""
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
    """Return a score and its gradient with respect to `values`, on any backend.

    Args:
        score: computes one number from a tensor, by operations of Keras.
        values: the tensor.
    """
    if keras.backend.backend() == "tensorflow":
        with tensorflow.GradientTape() as tape:
            tape.watch(values)
            result = score(values)
        return result, tape.gradient(result, values, unconnected_gradients="zero")
    if keras.backend.backend() == "torch":
        values = values.detach().requires_grad_()
        result = score(values)
        result.backward()
        return result, values.grad
    result, slopes = importlib.import_module("jax").value_and_grad(score)(values)
    return result, slopes


def lacks_onednn() -> bool:
    """Return whether oneDNN's kernels are off because TensorFlow was imported before pycifar."""
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"
    if tensorflow is None or not (_tensorflow_came_first and asked):
        return False
    try:  # TensorFlow has no public function that tells it
        return not importlib.import_module(_ONEDNN_STATE).IsMklEnabled()
    except (ImportError, AttributeError):
        return False


_started_in = os.getpid()
_import_began = time.monotonic()
_tensorflow_came_first = "tensorflow" in sys.modules
tensorflow: Any = None  # stays None with another backend
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides information and warnings, not errors
try:
    with silent_stderr():
        import keras

        if keras.backend.backend() == "tensorflow":
            tensorflow = importlib.import_module("tensorflow")

            tensorflow.config.list_physical_devices()  # looks for GPUs; the first call is verbose
            # Each training traces a new function. TensorFlow warns of that as if by mistake.
            tensorflow.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())
except Exception as error:  # ValueError for an unknown backend; a broken one can raise anything
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
    "generators_kept",
    "gradient",
    "keras",
    "lacks_onednn",
    "list_devices",
    "seed_torch",
    "seeded",
    "tensorflow",
    "torch_generator_kept",
]
