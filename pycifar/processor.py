"""The processor: its name, the cores that may be used, and the instruction sets for speed."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

# Linux's name and the usual name of each instruction set that matters for matrix products.
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
    """The processor of a machine.

    Args:
        name: the name that its maker gave it, or the architecture if nothing else is known.
        cores: the number of logical cores that this process may use.
        instructions: the usual names of those of `INSTRUCTIONS` that it has, or None if the system
            does not tell.
    """

    name: str
    cores: int
    instructions: tuple[str, ...] | None


def find_processor(cpuinfo: Path = CPUINFO) -> Processor:
    """Return the processor of this machine.

    Args:
        cpuinfo: the file in which Linux describes it.
    """
    fields = _read_cpuinfo(cpuinfo)
    name = fields.get("model name") or _name_elsewhere()
    flags = fields.get("flags") or fields.get("Features")  # x86 and ARM
    known = None
    if flags is not None:
        known = tuple(title for flag, title in INSTRUCTIONS.items() if flag in flags.split())
    return Processor(name, usable_cores(), known)


def threads_asked_for(names: Iterable[str], cores: int) -> int:
    """Return the number of threads that environment variables ask for.

    Args:
        names: the variables; the first one that is set counts.
        cores: the result if none is set, or if the first one is not a whole number.
    """
    given = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return int(given) if given.isdecimal() else cores


def _read_cpuinfo(path: Path) -> dict[str, str]:
    """Return the fields of the first core; none on systems other than Linux."""
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
    """Return the name of the processor where ``/proc/cpuinfo`` does not have it, as on macOS."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.stdout.strip():
            return answer.stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def usable_cores() -> int:
    """Return the number of logical cores that this process may use, or of all if unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def stay_on_core(number: int) -> None:
    """Keep this thread on one of the cores that this process may use, where the system can.

    Linux can. Threads that this one starts stay there, too.

    Args:
        number: of the core, from 0; numbers beyond the last core begin anew.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):  # some containers do not allow it
        os.sched_setaffinity(0, {cores[number % len(cores)]})
