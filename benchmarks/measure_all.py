"""Measure again: run the commands that the committed results name, then write tables and pictures.

    python benchmarks/measure_all.py                   # all: some hours
    python benchmarks/measure_all.py step_rate limit   # results/step_rate.json and limit.json

Needs the environment that `make setup` leaves, real CIFAR-10, `pip install '.[bench]'` for the
programs that are compared, and an otherwise idle machine. `make bench` brings all but the idle
machine. The tables say what processor `budget` and `step_rate` were measured on: with bfloat16,
without it (`_float32`), or with AVX2 alone (`_avx2`). Name those that suit yours.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = sorted(HERE.glob("results/*.json"))


def main() -> None:
    """Run each command in turn, and end at the first that fails."""
    commands = {path.stem: json.loads(path.read_text()).get("command") for path in RESULTS}
    commands = {name: command for name, command in commands.items() if command}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="*", metavar="RESULT", help=", ".join(commands))
    names = parser.parse_args().results
    if unknown := [name for name in names if name not in commands]:
        parser.error(f"no result {', '.join(unknown)}; there are {', '.join(commands)}")
    for name in names or commands:
        print(f"== {commands[name]}", flush=True)
        run(sys.executable, *shlex.split(commands[name])[1:])
    run(sys.executable, "benchmarks/report.py")
    run("Rscript", "benchmarks/figures.R")


def run(*command: str) -> None:
    """Run a command in the project's folder."""
    done = subprocess.run(command, cwd=HERE.parent, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)} ended with status {done.returncode}")


if __name__ == "__main__":
    main()
