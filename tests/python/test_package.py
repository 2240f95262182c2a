import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pycifar

ROOT = Path(pycifar.__file__).parents[1]

PUBLIC = [
    "Augmentation",
    "Dataset",
    "Evaluation",
    "Explanation",
    "Export",
    "LearningRates",
    "ModelFile",
    "PycifarError",
    "Reproduction",
    "Server",
    "Split",
    "TrainedModel",
    "adopt_model",
    "build_model",
    "calibrate",
    "clear_cache",
    "doctor",
    "evaluate",
    "explain",
    "explore",
    "export_model",
    "extract_features",
    "find_learning_rate",
    "inspect_model",
    "list_architectures",
    "load_dataset",
    "load_model",
    "load_reproduction",
    "plot_confusion",
    "plot_explanation",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_learning_rates",
    "plot_reproduction",
    "plot_samples",
    "predict",
    "receptive_field",
    "reproduce",
    "save_model",
    "serve",
    "train",
    "write_model_card",
]


def in_a_fresh_process(code: str) -> str:
    child = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return child.stdout.strip()


def test_the_public_surface_is_this():
    assert pycifar.__all__ == PUBLIC


def test_every_public_name_is_there_and_explains_itself():
    for name in PUBLIC:
        value = getattr(pycifar, name)
        assert value.__doc__, name
        assert value.__module__.startswith("pycifar."), name


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(pycifar, "trian")


def test_importing_loads_nothing_heavy():
    heavy = ["tensorflow", "keras", "pandas", "numpy", "matplotlib", "PIL", "rich", "sklearn"]
    code = f"import sys, pycifar; print([name for name in {heavy} if name in sys.modules])"
    assert in_a_fresh_process(code) == "[]"


def test_names_are_functions_even_after_their_modules_were_imported():
    code = "import pycifar.cli.commands, pycifar.diagnosis; print(callable(pycifar.doctor))"
    assert in_a_fresh_process(code) == "True"


def test_both_packages_have_one_version():
    description = (ROOT / "DESCRIPTION").read_text("utf-8")
    assert re.search(r"^Version: (.+)$", description, re.MULTILINE)[1] == pycifar.__version__
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'dynamic = ["version"]' in project
    assert 'path = "pycifar/__init__.py"' in project


def test_the_r_package_carries_this_very_source():
    assert (ROOT / "inst" / "python" / "pycifar").resolve() == Path(pycifar.__file__).parent


def test_a_type_checker_knows_what_the_functions_return(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        'import pycifar\n\nreveal_type(pycifar.train(pycifar.load_dataset("synthetic")))\n'
    )
    quick = ["--config-file=", f"--cache-dir={os.devnull}", "--follow-imports=silent"]
    child = subprocess.run(
        [sys.executable, "-m", "mypy", *quick, script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert 'Revealed type is "pycifar.models.trained_model.TrainedModel"' in child.stdout
    assert child.returncode == 0, child.stdout
