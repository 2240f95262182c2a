"""Run the checks one after the other, all of them, and end with one line of counts.

A test counts as one; so does a check that is not a test suite, such as the linter. The last line
is "N passed, N failed, N skipped", and the exit status is 0 when nothing failed.
"""

import sys
import time

from .counts import Counts
from .stages import APART, STAGES


def main(names: list[str]) -> int:
    """Run the named checks, or all of them in order.

    Args:
        names: names of checks, from STAGES or APART; empty for all of STAGES.

    Returns:
        The exit status: 0 nothing failed, 1 something failed, 2 a name is unknown.
    """
    known = STAGES | APART
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"No check is called {unknown[0]!r}. Checks: {', '.join(known)}.", file=sys.stderr)
        return 2
    chosen = [name for name in known if name in (names or STAGES)]
    results = {name: run_stage(name) for name in chosen}
    print(heading("summary"))
    for name, (counts, seconds) in results.items():
        print(f"{name:<16} {counts}  ({seconds:.0f} s)")
    total = sum((counts for counts, _ in results.values()), Counts())
    print(f"\n{total}")
    return 0 if total.failed == 0 else 1


def run_stage(name: str) -> tuple[Counts, float]:
    """Run one check under a heading; what it counted and how long it took in seconds."""
    title, check = (STAGES | APART)[name]
    print(heading(title), flush=True)
    start = time.monotonic()
    counts = check()
    return counts, time.monotonic() - start


def heading(title: str) -> str:
    """A line that stands out in a long log."""
    return f"\n{f'== {title} ':=<100}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
