"""What a card is made of: sections of texts, tables, code, plots and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Text:
    """A paragraph without markup."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table of texts; numbers are right-aligned.

    Args:
        heads: one head a column.
        rows: the cells.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Code:
    """Lines of a programming language.

    Args:
        language: "r", "python" or "sh".
        text: the lines.
    """

    language: str
    text: str


@dataclass(frozen=True)
class Plot:
    """A plot, which only the page has.

    Args:
        draw: makes the Matplotlib figure.
        caption: what it shows.
    """

    draw: Callable[[], Any]
    caption: str


@dataclass(frozen=True)
class Picture:
    """An image with a caption.

    Args:
        pixels: uint8, shape (height, width, 3).
        caption: what it shows.
    """

    pixels: np.ndarray
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Images side by side on the page, and a table of what they show in Markdown."""

    pictures: Sequence[Picture]
    table: Table


Block = Text | Table | Code | Plot | Pictures


@dataclass(frozen=True)
class Section:
    """A part of a card.

    Args:
        title: its heading.
        blocks: what is in it, in order.
    """

    title: str
    blocks: Sequence[Block]
