"""What the scripts here share: their options, and reports that say what they were made on."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any


def command_line(description: str | None, repeats: int | None = None) -> argparse.ArgumentParser:
    """Return a parser of `--output` and, where `repeats` gives its default, `--repeats`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if repeats is not None:
        parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--output", type=Path, required=True)
    return parser


def write_report(
    output: Path, packages: tuple[str, ...] = ("pycifar", "tensorflow", "keras"), **results: Any
) -> None:
    """Write results as JSON, after the command, the machine and the versions of packages."""
    script, *options = sys.argv
    command = shlex.join(["python", f"benchmarks/{Path(script).name}", *options])
    report: dict[str, Any] = {"command": command, "machine": describe_machine()}
    if packages:
        report["versions"] = {name: importlib.metadata.version(name) for name in packages}
    output.write_text(json.dumps(report | results, indent=1) + "\n")


def describe_machine() -> dict[str, str | int]:
    """Describe processor, cores, memory and system.

    Nothing in it names the owner of the machine.
    """
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
