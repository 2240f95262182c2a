import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pycifar
from pycifar import entry_points
from pycifar.diagnosis import Check, Diagnosis

pytestmark = pytest.mark.usefixtures("small_model")  # Keras is loaded, so that looking is quick


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    for name in ("KERAS_BACKEND", "RETICULATE_PYTHON", "VIRTUAL_ENV", "PYCIFAR_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def checks() -> dict[str, Check]:
    return {check.name: check for check in pycifar.doctor().checks}


def test_a_sound_installation_has_no_problem():
    found = checks()
    assert pycifar.doctor().ok
    assert found["pycifar"].value.startswith(f"{pycifar.__version__} in ")
    assert sys.executable in found["Python"].value
    assert found["backend"].value.startswith("tensorflow 2.")
    assert "cpu" in found["devices"].value.lower()


def test_the_diagnosis_reads_line_by_line():
    diagnosis = Diagnosis(
        (
            Check("Python", "3.12.1"),
            Check("keras", "not installed", "problem", "Run `pip install keras`."),
            Check("cache", "cannot be written", "warning"),
        )
    )
    assert not diagnosis.ok
    assert str(diagnosis).splitlines() == [
        "ok       Python  3.12.1",
        "problem  keras   not installed",
        "                 → Run `pip install keras`.",
        "warning  cache   cannot be written",
        "",
        "1 problem, 1 warning.",
    ]
    assert str(Diagnosis((Check("Python", "3"),))).endswith("No problems, no warnings.")


def test_a_diagnosis_shows_the_same_at_a_prompt_and_a_table_in_a_notebook():
    fix = "Run `pip install keras`" + ", or another" * 9
    diagnosis = Diagnosis(
        (Check("Python", "3.12.1 at /<b>/python"), Check("keras", "not there", "problem", fix))
    )
    assert repr(diagnosis) == str(diagnosis)
    shown = diagnosis._repr_html_()
    assert shown.startswith("<p>1 problem, no warnings.</p>")
    for cell in ("ok", "Python", "3.12.1 at /&lt;b&gt;/python", "", "problem", fix):
        assert f"<td>{cell}</td>" in shown


def test_a_notebook_shows_a_diagnosis_as_text_where_pandas_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert Diagnosis((Check("Python", "3"),))._repr_html_() is None


def test_a_library_older_than_asked_for_is_a_problem(tmp_path, monkeypatch):
    metadata = tmp_path / "pycifar-0.1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: pycifar\nVersion: 0.1.0\nRequires-Dist: keras>=99.1\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = checks()["keras"]
    assert check.status == "problem"
    assert check.value.endswith("but pycifar needs 99.1 or newer")
    assert "'keras>=99.1'" in check.fix


def test_settings_that_change_speed_or_bits_are_told(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4096")
    monkeypatch.setenv("OMP_NUM_THREADS", "as many as you like")
    found = checks()
    assert found["TF_ENABLE_ONEDNN_OPTS"].status == "warning"
    assert found["TF_NUM_INTRAOP_THREADS"].status == "ok"
    assert "bit for bit" in found["TF_NUM_INTRAOP_THREADS"].value
    assert "OMP_NUM_THREADS" not in found


def test_idle_cores_are_a_warning(monkeypatch):
    monkeypatch.setattr("pycifar.processor.usable_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    check = checks()["OMP_NUM_THREADS"]
    assert check.status == "warning"
    assert "6 of 8 cores stay idle" in check.value


def test_another_python_for_r_or_in_the_environment_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setenv("RETICULATE_PYTHON", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    found = checks()
    assert found["RETICULATE_PYTHON"].status == found["VIRTUAL_ENV"].status == "warning"
    monkeypatch.setenv("RETICULATE_PYTHON", str(Path(sys.executable).with_name("python3")))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    found = checks()
    assert "RETICULATE_PYTHON" not in found
    assert "VIRTUAL_ENV" not in found


def test_where_cifar10_is_or_how_it_comes_is_told(monkeypatch, tmp_path):
    assert checks()["CIFAR-10"].status == "warning"
    assert "PYCIFAR_DATA_DIR" in checks()["CIFAR-10"].fix
    monkeypatch.setenv("PYCIFAR_DATA_DIR", str(tmp_path))
    assert checks()["CIFAR-10"].status == "problem"
    (tmp_path / "data_batch_1").touch()
    assert checks()["CIFAR-10"].value == f"Python batches in {tmp_path}"


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert checks()["cache"].status == "warning"


def test_r_gets_plain_dicts():
    envelope = entry_points.doctor()
    assert envelope["ok"]
    assert set(envelope["value"][0]) == {"name", "value", "status", "fix"}


def test_it_works_where_nothing_is_installed(tmp_path):
    # -S leaves out the installed packages, as in a Python that has none.
    source = Path(pycifar.__file__).parents[1]
    child = subprocess.run(
        [sys.executable, "-S", "-m", "pycifar", "doctor", "--json"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(source)},
    )
    assert (child.returncode, child.stderr) == (1, "")
    result = json.loads(child.stdout)
    statuses = {check["name"]: check["status"] for check in result["checks"]}
    assert not result["ok"]
    assert statuses["numpy"] == statuses["keras"] == "problem"
    assert statuses["matplotlib"] == "warning"
