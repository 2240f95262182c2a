"""The processor: its name, the cores that may be used, and the instructions that decide speed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

# Linux's name for each instruction set that matters for matrix products, with the usual name.
INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX512",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "amx_tile": "AMX",
    "asimd": "NEON",
    "sve": "SVE",
    "bf16": "BF16",
}


@dataclass(frozen=True)
class Processor:
    """What computes where there is no GPU.

    Args:
        name: as the maker has it, or the architecture where that is all that is known.
        cores: logical cores that this process may use.
        instructions: the names in `INSTRUCTIONS` that it has; None where the system does not tell.
    """

    name: str
    cores: int
    instructions: tuple[str, ...] | None


def find_processor(cpuinfo: Path = CPUINFO) -> Processor:
    """The processor of this machine.

    Args:
        cpuinfo: the file in which Linux describes it.
    """
    fields = _read_cpuinfo(cpuinfo)
    name = fields.get("model name") or _name_elsewhere()
    flags = fields.get("flags") or fields.get("Features")  # x86 and ARM
    known = None
    if flags is not None:
        known = tuple(title for flag, title in INSTRUCTIONS.items() if flag in flags.split())
    return Processor(name, _usable_cores(), known)


def threads_asked_for(names: Iterable[str], cores: int) -> int:
    """Return what the first of these environment variables that is set says, else all cores."""
    given = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return int(given) if given.isdecimal() else cores


def _read_cpuinfo(path: Path) -> dict[str, str]:
    """The fields of the first core; empty where the system is not Linux."""
    fields: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return fields
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _name_elsewhere() -> str:
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.stdout.strip():
            return answer.stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
