"""Run the checks one after the other, all of them, and end with one line of counts.

With --two-at-once, two run at a time, and the output of each is shown when it ends.
A test counts as one. So does a check that is not a test suite, such as the linter. The last line
is "N passed, N failed, N skipped", and the exit status is 0 when nothing failed.
"""

import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .counts import Counts
from .stages import APART, STAGES, output

TWO_AT_ONCE = "--two-at-once"


def main(arguments: list[str]) -> int:
    """Run the named checks, or all of them in order.

    Args:
        arguments: names of checks, from STAGES or APART, none for all of STAGES; and TWO_AT_ONCE,
            where two are to run at a time.

    Returns:
        The exit status: 0 nothing failed, 1 something failed, 2 a name is unknown.
    """
    names = [name for name in arguments if name != TWO_AT_ONCE]
    known = STAGES | APART
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"No check is called {unknown[0]!r}. Checks: {', '.join(known)}.", file=sys.stderr)
        return 2
    chosen = [name for name in known if name in (names or STAGES)]
    results = run_two_at_once(chosen) if TWO_AT_ONCE in arguments else map(run_stage, chosen)
    counted = dict(zip(chosen, results, strict=True))
    print(heading("summary"))
    for name, (counts, seconds) in counted.items():
        print(f"{name:<16} {counts}  ({seconds:.0f} s)")
    total = sum((counts for counts, _ in counted.values()), Counts())
    print(f"\n{total}")
    return 0 if total.failed == 0 else 1


def run_stage(name: str) -> tuple[Counts, float]:
    """Run one check under a heading; return its counts and its seconds."""
    title, check = (STAGES | APART)[name]
    print(heading(title), flush=True)
    start = time.monotonic()
    counts = check()
    return counts, time.monotonic() - start


def run_two_at_once(names: Iterable[str]) -> Iterable[tuple[Counts, float]]:
    """Run each check as `run_stage` does, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(run_stage_apart, names)


def run_stage_apart(name: str) -> tuple[Counts, float]:
    """Run one check as `run_stage` does, and show all of its output at its end."""
    title, check = (STAGES | APART)[name]
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        output.set(said)
        counts = check()
        said.seek(0)
        print(f"{heading(title)}\n{said.read()}", flush=True)
    return counts, time.monotonic() - start


def heading(title: str) -> str:
    """Format a line that stands out in a long log."""
    return f"\n{f'== {title} ':=<100}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
