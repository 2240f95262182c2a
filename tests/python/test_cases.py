"""Calls that must fail, the same for both languages; tests/cases/README.md explains them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import pycifar
from pycifar.errors import PycifarError

CASES = json.loads((Path(__file__).parents[1] / "cases" / "bad_arguments.json").read_text())


def array(shape: list[int], value: float | str) -> np.ndarray:
    if value == "NaN":
        value = float("nan")
    return np.full(shape, value, np.int64 if isinstance(value, int) else None)


def as_argument(value, folder: Path, request: pytest.FixtureRequest):
    if not isinstance(value, dict):
        return value
    if "is" not in value:
        return {name: as_argument(part, folder, request) for name, part in value.items()}
    kind = value["is"]
    if kind in ("dataset", "model"):
        return request.getfixturevalue(f"small_{kind}")
    if kind == "images":
        return array(value["shape"], value["value"])
    if kind == "function":
        return lambda *arguments: None
    if kind == "truncated_batches":
        return truncated_batches(folder)
    path = folder / value["name"]
    if kind == "text_file":
        path.write_text("not this\n")
    return str(path)


def truncated_batches(folder: Path) -> str:
    inside = folder / "cifar-10-batches-py"
    inside.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        (inside / name).write_bytes(bytes(100))
    return str(folder)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_bad_call_is_refused_and_leaves_every_file_as_it_was(case, tmp_path, request):
    arguments = {
        name: as_argument(value, tmp_path, request) for name, value in case["arguments"].items()
    }
    before = contents(tmp_path)
    with pytest.raises(PycifarError) as caught:
        getattr(pycifar, case["function"])(**arguments)
    said = f"{caught.value} {caught.value.fix or ''}"
    assert caught.value.kind == case["kind"]
    assert case["message"] in said
    assert contents(tmp_path) == before


def test_the_cases_are_there():
    assert len(CASES) > 40
