import os
import platform
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from pycifar import backend
from pycifar.backend import seeded


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run it where nothing was asked of TensorFlow, as this process has done already."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )


@pytest.mark.trains_in_a_child
def test_starting_keras_and_training_a_step_says_nothing():
    code = """
import numpy as np
from pycifar import build_model
model = build_model("cnn2", seed=1)
model.compile("sgd", "sparse_categorical_crossentropy")
model.train_on_batch(np.zeros((2, 32, 32, 3), "uint8"), np.zeros(2, "int64"))
"""
    done = run(code)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.trains_in_a_child
def test_a_training_leaves_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = run("""
import os, pycifar
dataset = pycifar.load_dataset("synthetic", n_train=20, n_test=10)
pycifar.train(dataset, "softmax", epochs=1, validation=None, seed=1, verbose=0)
print(os.listdir(os.environ["TMPDIR"]))
""")
    assert done.stdout == "[]\n"
    assert not list(tmp_path.iterdir())


needs_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is asked for on x86 alone"
)


ONEDNN = "from tensorflow.python.util import _pywrap_util_port as p; print(p.IsMklEnabled())"


@pytest.fixture(scope="module")
def after_the_import():
    """What a process says that asks when its first call began, and so imports Keras."""
    return run(f"""
import os, time
before = time.monotonic()
from pycifar.backend import call_began
print((call_began() - before) / (time.monotonic() - before))
print(time.monotonic() - call_began())
{ONEDNN}
os.write(2, b"still here")
""")


def test_the_standard_error_stream_works_after_the_import(after_the_import):
    assert after_the_import.stderr == "still here"


@needs_x86
def test_tensorflow_computes_by_onednn_on_every_processor(after_the_import):
    assert after_the_import.stdout.splitlines()[2] == "True"
    assert run(f"import pycifar, tensorflow; {ONEDNN}").stdout == "True\n"


@needs_x86
def test_tensorflow_that_was_imported_first_without_onednn_is_told():
    without = "import os; os.environ['TF_ENABLE_ONEDNN_OPTS'] = '0'; import tensorflow; "
    as_if_by_itself = "del os.environ['TF_ENABLE_ONEDNN_OPTS']; "
    first = run(f"{without}{as_if_by_itself}import pycifar; print(pycifar.doctor())")
    assert "BackendWarning: TensorFlow was imported before pycifar" in first.stderr
    assert "warning  oneDNN" in first.stdout
    asked_for = run(f"{without}import pycifar; print(pycifar.doctor())")
    assert "pycifar" not in asked_for.stderr
    assert "oneDNN" not in asked_for.stdout


def test_a_call_that_imports_keras_began_before_it_and_a_later_one_begins_now(after_the_import):
    share, later = map(float, after_the_import.stdout.splitlines()[:2])
    assert 0 <= share < 0.5
    assert later <= 0


def test_a_call_that_comes_long_after_the_import_of_keras_begins_now(monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(backend, "_import_ended", now - 0.6)
    assert backend.call_began() >= now


def test_seeding_leaves_the_generators_of_the_caller_as_they_were():
    random.seed(7)
    np.random.seed(7)
    expected = random.random(), np.random.random()
    random.seed(7)
    np.random.seed(7)
    with seeded(1):
        inside = random.random()
    assert (random.random(), np.random.random()) == expected
    with seeded(1):
        assert random.random() == inside
