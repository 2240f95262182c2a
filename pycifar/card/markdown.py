"""A card as Markdown, with the metadata block that hubs of models read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pycifar.card.blocks import Block, Code, Pictures, Section, Table, Text
from pycifar.errors import printable

# Signs of markup; an underscore within a word is none.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~]|(?<!\w)_|_(?!\w))")


def as_markdown(title: str, metadata: Mapping[str, Any], sections: Sequence[Section]) -> str:
    """Return a card as Markdown.

    Args:
        title: its heading.
        metadata: of the block at its beginning. Each value is JSON, which is YAML as well.
        sections: its parts; plots are left out.
    """
    lines = ["---"]
    lines += [f"{key}: {json.dumps(value)}" for key, value in metadata.items()]
    lines += ["---", "", f"# {_escaped(title)}", ""]
    for section in sections:
        shown = [text for block in section.blocks if (text := _block(block))]
        if shown:
            lines += [f"## {section.title}", "", *shown]
    return "\n".join(lines)


def _block(block: Block) -> str | None:
    if isinstance(block, Text):
        return f"{_escaped(block.text)}\n"
    if isinstance(block, Code):
        return f"```{block.language}\n{block.text}\n```\n"
    if isinstance(block, Pictures):
        return _table(block.table)
    return _table(block) if isinstance(block, Table) else None


def _table(table: Table) -> str:
    rows = [[_escaped(cell) for cell in row] for row in table.rows]
    rule = ["---" for _ in table.heads]
    return "".join(f"| {' | '.join(row)} |\n" for row in [list(table.heads), rule, *rows])


def _escaped(text: str) -> str:
    """Return text whose signs are no markup: names come from files of strangers."""
    return _SPECIAL.sub(r"\\\1", printable(text))
