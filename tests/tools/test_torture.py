"""A slice of `make torture`, which tries as much by the thousand."""

from __future__ import annotations

import random

import pytest

from tools.torture import faults, fuzzing, hostile, mutation, structured, targets

CASES = hostile.cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.name}" for case in CASES])
def test_hostile_input_does_no_harm(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert faults.outcome_of(case) == "handled"


def test_a_case_that_is_not_handled_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def runs(folder):
        (folder / "made").touch()

    def write(folder):
        (folder / "image.png").touch()

    case = hostile.Case("image", "makes a file", write, runs)
    assert faults.outcome_of(case) == "was read"
    case = hostile.Case("image", "makes a file", write, runs, harmless=True)
    assert faults.outcome_of(case).startswith("files were made or changed")
    case = hostile.Case("image", "fails", write, lambda folder: 1 / 0)
    assert faults.outcome_of(case) == "uncaught ZeroDivisionError: division by zero"


@pytest.mark.parametrize("name", targets.TARGETS)
def test_sound_input_is_read(name):
    sound = targets.seeds(name)
    assert sound
    for data in sound:
        targets.TARGETS[name](data)


def test_fuzzed_input_raises_no_other_error():
    for found in fuzzing.fuzz(3000):
        assert found["uncaught"] == [], found["target"]


def test_model_files_made_by_structure_do_no_harm():
    tried, failed = structured.try_files(every=20)
    assert tried > 300
    assert failed == {}


def test_mutations_are_those_of_their_seed():
    sound = b'{"a": [1, {"b": 2}]}'
    for change in (mutation.mutated, mutation.doctored):
        first, second = ([change(sound, r) for _ in range(20)] for r in map(random.Random, (1, 1)))
        assert first == second
        assert len(set(first)) > 10


def test_a_full_disk_loses_nothing():
    found = faults.fill_disk(8)
    assert found == {"handled": 8}


def test_a_call_that_fails_while_a_file_is_written_loses_nothing(monkeypatch):
    # Each call that fails is tried by `make torture`; here those around the renaming.
    calls = [call for call in faults.CALLS if call[1] in ("mkstemp", "fsync", "replace", "savez")]
    monkeypatch.setattr(faults, "CALLS", calls)
    found = faults.fail_each_call()
    assert found["tried"] > 10
    assert found == {"tried": found["tried"], "handled": found["tried"]}
