"""Fuzzing that looks for inputs which reach new lines of code: `make fuzz SECONDS=60`.

    python -m tools.torture.guided 60 [TARGET ...]

Each target of `targets` is fuzzed by atheris for so many seconds, in a process of its own. An input
that raises what it must not is kept in .check/fuzz/, and the status is 1.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from tools.torture.targets import EXPECTED, TARGETS, seeds

FOUND = Path(__file__).parents[2] / ".check/fuzz"
LIMITS = ("-rss_limit_mb=4096", "-timeout=30", "-max_len=100000")


def main(seconds: str, names: list[str]) -> int:
    """Fuzz the named targets, or all targets."""
    failed = []
    for name in names or list(TARGETS):
        command = [sys.executable, "-m", "tools.torture.guided", seconds, name, "--here"]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
    print("Inputs that came through:", ", ".join(failed) or "none")
    return int(bool(failed))


def fuzz_here(seconds: str, name: str) -> None:
    """Fuzz one target in this process, which atheris ends."""
    import atheris

    with atheris.instrument_imports(include=["pycifar"], enable_loader_override=False):
        import pycifar.datasets.archives
        import pycifar.datasets.image_files
        import pycifar.datasets.python_batches
        import pycifar.models.file
        import pycifar.npz  # noqa: F401

    corpus = FOUND / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, sound in enumerate(seeds(name)):
        (corpus / f"seed{number}").write_bytes(sound)

    def once(data: bytes) -> None:
        with contextlib.suppress(*EXPECTED):
            TARGETS[name](data)

    output = f"-artifact_prefix={FOUND}/{name}-"
    options = [f"-max_total_time={seconds}", "-print_final_stats=1", output, *LIMITS]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[-1] == "--here":
        fuzz_here(sys.argv[1], sys.argv[2])
    else:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
