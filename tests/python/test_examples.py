"""The examples in the docstrings run as they are printed, and every public name has one."""

import doctest
import importlib
import pkgutil

import pytest

import pycifar

MODULES = [
    module.name
    for module in pkgutil.walk_packages(pycifar.__path__, "pycifar.")
    if not module.name.endswith("__main__")
]

# Errors and the classes that functions return have no example of their own.
WITHOUT = {"Dataset", "Evaluation", "LearningRates", "ModelFile", "PycifarError", "Split"} | {
    "TrainedModel"
}


def examples_in(name: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", [name for name in ["pycifar", *MODULES] if examples_in(name)])
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DebugRunner()
    for test in examples_in(name):
        try:
            runner.run(test)
        except doctest.UnexpectedException as unexpected:
            raise unexpected.exc_info[1] from None


@pytest.mark.parametrize("name", sorted(set(pycifar.__all__) - WITHOUT))
def test_each_public_function_has_an_example(name):
    assert ">>>" in (getattr(pycifar, name).__doc__ or "")
