"""How the checks count: no bad end is taken for a good one."""

import sys

import pytest

from tools.checks import counts, stages
from tools.checks.__main__ import main
from tools.checks.counts import Counts
from tools.checks.r_cmd_check import copy_of_package, has_warnings

PYTEST_REPORT = """<testsuites><testsuite name="pytest" tests="7" failures="1" errors="1"
 skipped="2"></testsuite></testsuites>"""


def test_pytest_counts_are_read_from_its_report(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(PYTEST_REPORT)
    assert counts.from_pytest(report) == Counts(passed=3, failed=2, skipped=2)


def test_testthat_counts_are_read_from_its_report(tmp_path):
    report = tmp_path / "report.txt"
    report.write_text("12 1 3\n")
    assert counts.from_testthat(report) == Counts(passed=12, failed=1, skipped=3)


@pytest.mark.parametrize("counted", [None, Counts()])
def test_a_suite_that_ran_no_test_has_failed(counted):
    assert counts.of_suite(counted, 0) == Counts(failed=1)


def test_a_suite_that_crashed_after_its_tests_has_failed():
    assert counts.of_suite(Counts(passed=5), 139) == Counts(passed=5, failed=1)


def test_a_failed_test_is_counted_once():
    assert counts.of_suite(Counts(passed=5, failed=1), 1) == Counts(passed=5, failed=1)


@pytest.mark.parametrize(("status", "expected"), [(0, Counts(passed=1)), (1, Counts(failed=1))])
def test_a_check_that_is_one_thing_counts_as_one(status, expected):
    assert counts.of_status(status) == expected


def test_the_total_is_one_plain_line():
    total = Counts(passed=5) + Counts(failed=1, skipped=2)
    assert str(total) == "5 passed, 1 failed, 2 skipped"


def test_an_unknown_check_is_named_with_those_that_exist(capsys):
    assert main(["pytset"]) == 2
    assert "'pytset'" in capsys.readouterr().err


def test_of_two_checks_at_once_each_is_counted_and_shown_as_a_whole(monkeypatch, capfd):
    def check(line, status):
        code = f"import sys; print({line!r}); sys.exit({status})"
        return line, lambda: counts.of_status(stages.run(sys.executable, "-c", code))

    checks = {"good": check("all is well", 0), "bad": check("this is wrong", 1)}
    monkeypatch.setattr("tools.checks.__main__.STAGES", checks)
    assert main(["--two-at-once"]) == 1
    shown = capfd.readouterr().out
    assert "all is well" in shown and "this is wrong" in shown
    assert shown.endswith("\n1 passed, 1 failed, 0 skipped\n")


@pytest.mark.parametrize(
    ("status", "expected"),
    [("OK", False), ("1 NOTE", False), ("1 WARNING, 2 NOTEs", True), ("1 ERROR", True)],
)
def test_notes_pass_and_warnings_do_not(tmp_path, status, expected):
    log = tmp_path / "00check.log"
    log.write_text(f"* checking tests ... OK\n* DONE\nStatus: {status}\n")
    assert has_warnings(log) is expected


def test_the_copy_for_r_cmd_build_keeps_the_link_to_the_python_package(tmp_path):
    copy = copy_of_package(tmp_path / "source")
    assert (copy / "inst/python/pycifar").is_symlink()
    assert (copy / "inst/python/pycifar/__init__.py").is_file()
    assert (copy / "inst/extdata/reproduction.json").is_file()
    assert not list(copy.rglob("__pycache__"))
    assert not (copy / ".venv").exists()
