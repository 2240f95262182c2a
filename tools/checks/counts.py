"""How many tests passed, failed and were skipped, and where those numbers are read from."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Counts:
    """Numbers of tests that passed, failed and were skipped; they can be added."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def of_status(status: int) -> Counts:
    """Count a check that is one thing, by its exit status."""
    return Counts(passed=1) if status == 0 else Counts(failed=1)


def of_suite(counted: Counts | None, status: int) -> Counts:
    """Count a test suite, by its own counts and its exit status.

    A suite that ended badly without naming a failed test (it crashed, or ran no test at all) counts
    as one failure, so that no bad end is taken for a good one.
    """
    if counted is None or counted == Counts():
        return Counts(failed=1)
    if status != 0 and counted.failed == 0:
        return counted + Counts(failed=1)
    return counted


def from_pytest(report: Path) -> Counts | None:
    """Read counts from a JUnit XML file of pytest; return None where there is none."""
    if not report.is_file():
        return None
    suites = list(ElementTree.parse(report).iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites)
        for key in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return Counts(total - failed - skipped, failed, skipped)


def from_testthat(report: Path) -> Counts | None:
    """Read counts from the file that testthat.R writes; return None where there is none."""
    if not report.is_file():
        return None
    passed, failed, skipped = (int(number) for number in report.read_text().split())
    return Counts(passed, failed, skipped)
