"""Try everything that can go wrong, in numbers: `make torture`, about half an hour.

    python -m tools.torture --output benchmarks/results/faults.json

The exit status is 1 where anything was lost or was not refused.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.torture import cycles, faults, fuzzing, kills, structured


def main() -> int:
    """Run all parts or the named ones; write and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", help="these alone; the rows of others stay")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--interrupts", type=int, default=50)
    parser.add_argument("--inputs", type=int, default=110_000)
    parser.add_argument("--every", type=int, default=1, help="try one of so many odd model files")
    parser.add_argument("--disks", type=int, default=50)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    # A shell has its background jobs ignore Ctrl-C, and their children with them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "hostile": hostile_rows,
        "structured": lambda: structured_rows(given.every),
        "fuzz": lambda: fuzz_rows(given.inputs),
        "disks": lambda: disk_rows(given.disks),
        "failures": failure_rows,
        "kills": lambda: kill_rows(given.kills),
        "interrupts": lambda: interrupt_rows(given.interrupts),
        "cycles": lambda: cycle_rows(given.cycles),
    }
    if unknown := set(given.parts or ()) - set(parts):
        parser.error(f"there is no part {min(unknown)}; there are {', '.join(parts)}")
    rows = []
    for name, find in parts.items():
        if name in (given.parts or parts):
            rows += find()
            if given.output is not None:
                _keep(given.output, rows)
    return int(any(row["tried"] != row["handled"] for row in rows))


def _keep(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows so far, each with its command, in place of the rows of an earlier run."""
    from pycifar.files import write_atomically

    kept = json.loads(path.read_text())["faults"] if path.exists() else []
    command = f"python -m tools.torture {' '.join(sys.argv[1:])}"
    by_fault = {row["fault"]: row for row in kept}
    by_fault |= {row["fault"]: {"command": command, **row} for row in rows}
    text = json.dumps({"faults": list(by_fault.values())}, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda target: target.write_text(text))


def hostile_rows() -> list[dict[str, Any]]:
    """Read hostile input; return one row for each thing that the cases attack."""
    found = faults.try_cases()
    counted = Counter(str(case["kind"]) for case in found)
    handled = Counter(str(case["kind"]) for case in found if case["outcome"] == "handled")
    for case in found:
        if case["outcome"] != "handled":
            print(case, file=sys.stderr)
    return [row(f"hostile {kind}", n, handled[kind]) for kind, n in counted.items()]


def structured_rows(every: int) -> list[dict[str, Any]]:
    """Read model files that are sound archives with odd contents."""
    tried, failed = structured.try_files(every)
    for name, outcome in failed.items():
        print(ascii(name), outcome, file=sys.stderr)
    return [row("model files made by structure", tried, tried - len(failed))]


def fuzz_rows(inputs: int) -> list[dict[str, Any]]:
    """Read fuzzed input; return one row for each kind of file."""
    rows = []
    for found in fuzzing.fuzz(inputs):
        for error in found["uncaught"]:
            print(error, file=sys.stderr)
        n = found["tried"]
        rows.append(row(f"fuzzed {found['target']}", n, n - found["failed"]))
    return rows


def disk_rows(times: int) -> list[dict[str, Any]]:
    """Save to full disks."""
    found = faults.fill_disk(times)
    print(dict(found), file=sys.stderr)
    return [row("disk full while a model is saved", times, found["handled"] - found["lost"])]


def failure_rows() -> list[dict[str, Any]]:
    """Have each call that writes fail."""
    found = faults.fail_each_call()
    print(dict(found), file=sys.stderr)
    return [row("a call that fails while a file is written", found["tried"], found["handled"])]


def kill_rows(times: int) -> list[dict[str, Any]]:
    """Kill trainings."""
    found = kills.kill(times)
    print(found, file=sys.stderr)
    lost = found["other_weights"] + found["failed"]
    return [row("training killed at a random instant", found["killed"], found["killed"] - lost)]


def interrupt_rows(times: int) -> list[dict[str, Any]]:
    """Interrupt trainings."""
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
    """Run many cycles; one is handled where the process does not grow."""
    rows = []
    for language in ("Python", "R"):
        growth = cycles.growth(language, times)
        fault = f"train, predict, save, load in one {language} process"
        handled = times if growth < cycles.MOST else 0
        rows.append(row(fault, times, handled) | {"growth": round(growth, 4)})
    return rows


def row(fault: str, tried: int, handled: int) -> dict[str, Any]:
    """Print a row of the table, and return it."""
    print(f"{fault:<48}{tried:>8} tried {handled:>8} handled", flush=True)
    return {"fault": fault, "tried": tried, "handled": handled}


if __name__ == "__main__":
    sys.exit(main())
