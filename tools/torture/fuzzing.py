"""Inputs by the thousand for the readers of `targets`, made from sound ones with a seed."""

from __future__ import annotations

import random
import time
import traceback
import warnings
from typing import Any

from tools.torture.mutation import doctored, mutated
from tools.torture.targets import EXPECTED, TARGETS, seeds

# How many inputs each target gets of 100, by what one costs. Those of models that are sound enough
# for Keras to open them take a tenth of a second.
SHARES = {
    "image": 30, "batch": 30, "meta": 12, "archive": 9, "zipped_archive": 9, "arrays": 9.5,
    "model": 0.2, "config": 0.15, "record": 0.15,
}  # fmt: skip
JSON = ("config", "record")


def fuzz(total: int, seed: int = 1) -> list[dict[str, Any]]:
    """Try a number of inputs in all.

    Returns:
        One record a target: `target`, `tried`, `read`, `refused`, `failed`, `uncaught` (the
        distinct errors of those that failed) and `seconds`.
    """
    return [_fuzz(name, max(1, round(total * share / 100)), seed) for name, share in SHARES.items()]


def _fuzz(name: str, n: int, seed: int) -> dict[str, Any]:
    draws = random.Random(f"{name} {seed}")
    sound, target = seeds(name), TARGETS[name]
    change = doctored if name in JSON else mutated
    refused = failed = 0
    uncaught: dict[str, bytes] = {}
    started = time.monotonic()
    for _ in range(n):
        data = change(draws.choice(sound), draws)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                target(data)
        except EXPECTED:
            refused += 1
        except Exception:
            failed += 1
            uncaught.setdefault(traceback.format_exc(limit=-3), data)
    return {
        "target": name,
        "tried": n,
        "read": n - refused - failed,
        "refused": refused,
        "failed": failed,
        "uncaught": list(uncaught),
        "seconds": round(time.monotonic() - started, 1),
    }
