"""Damaged and doctored inputs, made from sound ones."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ODD_BYTES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\n", b".", b"(")
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 10**30, -0.5, 1e308, "", "Lambda", "keras.utils", "os",
    "../../x", "\0", [], {}, [[]], {"class_name": "Lambda", "config": {}}, [1] * 100,
)  # fmt: skip


def mutated(sound: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to eight changes."""
    content = bytearray(sound)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(content) + 1)
        change = rng.randrange(7)
        if change == 0:
            content[place : place + 1] = bytes([rng.randrange(256)])
        elif change == 1:
            content[place:place] = rng.randbytes(rng.randint(1, 16))
        elif change == 2:
            del content[place : place + rng.randint(1, 64)]
        elif change == 3:
            content[place : place + 4] = rng.choice((0, 1, 2**31 - 1, 2**32 - 1)).to_bytes(
                4, rng.choice(("little", "big"))
            )
        elif change == 4:
            length = rng.randint(1, 64)
            content[place:place] = content[place : place + length]
        elif change == 5:
            content[place : place + 1] = rng.choice(ODD_BYTES)
        elif rng.random() < 0.2:
            del content[place:]
    return bytes(content)


def doctored(sound: bytes, rng: random.Random) -> bytes:
    """Return JSON with one to three values replaced, removed or repeated."""
    value = json.loads(sound)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(value))
        if not places:
            break
        holder, key = rng.choice(places)
        change = rng.randrange(4)
        if change == 0:
            del holder[key]
        elif change == 1:
            other, at = rng.choice(places)
            holder[key] = copy.deepcopy(other[at]) if at in _keys(other) else None
        else:
            holder[key] = rng.choice(ODD_VALUES)
    return json.dumps(value, default=str).encode()


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(value: Any) -> Any:
    """Yield each place in a value, as its container and its key."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        items = here.items() if isinstance(here, dict) else enumerate(here)
        for key, inner in items:
            yield here, key
            if isinstance(inner, (dict, list)):
                waiting.append(inner)
