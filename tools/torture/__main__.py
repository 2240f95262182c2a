"""Try everything that can go wrong, in numbers: `make torture`, about half an hour.

    python -m tools.torture --output benchmarks/results/faults.json

Ends with status 1 where anything was lost or came through.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tools.torture import cycles, faults, fuzzing, kills, structured


def main() -> int:
    """Run all, write the table, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--interrupts", type=int, default=50)
    parser.add_argument("--inputs", type=int, default=110_000)
    parser.add_argument("--every", type=int, default=1, help="try one of so many odd model files")
    parser.add_argument("--disks", type=int, default=50)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    rows = [
        *hostile_rows(),
        *structured_rows(given.every),
        *fuzz_rows(given.inputs),
        *disk_rows(given.disks),
        *failure_rows(),
        *kill_rows(given.kills),
        *interrupt_rows(given.interrupts),
        *cycle_rows(given.cycles),
    ]
    if given.output is not None:
        from pycifar.files import write_atomically

        report = {"command": f"python -m tools.torture {' '.join(sys.argv[1:])}", "faults": rows}
        text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
        write_atomically(given.output, lambda path: path.write_text(text))
    return int(any(row["tried"] != row["handled"] for row in rows))


def hostile_rows() -> list[dict[str, Any]]:
    """By what the cases attack."""
    found = faults.try_cases()
    counted = Counter(str(case["kind"]) for case in found)
    handled = Counter(str(case["kind"]) for case in found if case["outcome"] == "handled")
    for case in found:
        if case["outcome"] != "handled":
            print(case, file=sys.stderr)
    return [row(f"hostile {kind}", n, handled[kind]) for kind, n in counted.items()]


def structured_rows(every: int) -> list[dict[str, Any]]:
    """Model files that are sound archives and say odd things."""
    tried, failed = structured.try_files(every)
    for name, outcome in failed.items():
        print(ascii(name), outcome, file=sys.stderr)
    return [row("model files made by structure", tried, tried - len(failed))]


def fuzz_rows(inputs: int) -> list[dict[str, Any]]:
    """By what was read."""
    rows = []
    for found in fuzzing.fuzz(inputs):
        for error in found["uncaught"]:
            print(error, file=sys.stderr)
        n = found["tried"]
        rows.append(row(f"fuzzed {found['target']}", n, n - found["failed"]))
    return rows


def disk_rows(times: int) -> list[dict[str, Any]]:
    """Full disks."""
    found = faults.fill_disk(times)
    print(dict(found), file=sys.stderr)
    return [row("disk full while a model is saved", times, found["handled"] - found["lost"])]


def failure_rows() -> list[dict[str, Any]]:
    """Calls that write, failing one by one."""
    found = faults.fail_each_call()
    print(dict(found), file=sys.stderr)
    return [row("a call that fails while a file is written", found["tried"], found["handled"])]


def kill_rows(times: int) -> list[dict[str, Any]]:
    """Trainings killed."""
    found = kills.kill(times)
    print(found, file=sys.stderr)
    lost = found["other_weights"] + found["failed"]
    return [row("training killed at a random instant", found["killed"], found["killed"] - lost)]


def interrupt_rows(times: int) -> list[dict[str, Any]]:
    """Trainings interrupted."""
    found = kills.interrupt(times)
    print(found, file=sys.stderr)
    return [
        row(
            "training interrupted at a random instant",
            times,
            times - found["hung"] - found["failed"],
        )
    ]


def cycle_rows(times: int) -> list[dict[str, Any]]:
    """Long lives: each cycle is handled where the process does not grow."""
    rows = []
    for language in ("Python", "R"):
        growth = cycles.growth(language, times)
        fault = f"train, predict, save, load in one {language} process"
        handled = times if growth < cycles.MOST else 0
        rows.append(row(fault, times, handled) | {"growth": round(growth, 4)})
    return rows


def row(fault: str, tried: int, handled: int) -> dict[str, Any]:
    """A line of the table, printed too."""
    print(f"{fault:<48}{tried:>8} tried {handled:>8} handled", flush=True)
    return {"fault": fault, "tried": tried, "handled": handled}


if __name__ == "__main__":
    sys.exit(main())
