import sys

import pytest

from pycifar import import_check


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Puts a library of that source first on the path of the process that tries them."""

    def write(name: str, source: str) -> None:
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "__init__.py").write_text(source)

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    # Stand-ins for what takes seconds to import.
    for name in ("numpy", "pandas", "matplotlib"):
        write(name, "__version__ = '1.2.3'")
    return write


def test_a_library_that_ends_the_process_is_found_out(library):
    library("keras", "import os; os.abort()")
    found = import_check.check_imports()
    assert found["pandas"] == {"version": "1.2.3"}
    assert found["keras"]["error"] == "importing it ended the process with SIGABRT"


def test_what_comes_after_the_culprit_was_not_tried(library):
    library("rich", "import os; os._exit(3)")
    found = import_check.check_imports()
    assert found["rich"]["error"] == "importing it ended the process with status 3"
    assert found["keras"]["error"].startswith("not tried")


def test_an_error_on_import_is_told_in_one_line(library):
    library("keras", "raise RuntimeError('no such\\nthing')")
    found = import_check.check_imports()["keras"]
    assert found["error"] == "Keras cannot be imported: no such."
    assert "KERAS_BACKEND" in found["fix"]


def test_a_library_that_hangs_is_given_up(library, monkeypatch):
    monkeypatch.setattr(import_check, "PATIENCE", 3)
    library("pandas", "import time; time.sleep(60)")
    found = import_check.check_imports()
    assert found["numpy"] == {"version": "1.2.3"}
    assert found["pandas"]["error"] == "importing it took more than 3 seconds"


def test_where_keras_is_loaded_this_process_is_asked(small_model):
    found = import_check.check_imports()
    assert set(found) == set(import_check.MODULES)
    assert found["keras"]["version"] == sys.modules["keras"].__version__
    assert found["keras"]["devices"]
