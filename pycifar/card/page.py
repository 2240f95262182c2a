"""A card as one HTML page, with its plots and pictures inside."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from pycifar.card.blocks import Block, Code, Picture, Pictures, Plot, Section, Table, Text
from pycifar.errors import printable

NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)? ?%?")
DPI = 110  # of plots, so that letters are sharp at twice the size of a screen's pixels

STYLE = """\
:root { --ground: #f6f7f5; --card: #fff; --text: #1d2421; --quiet: #56615c; --line: #d5dbd7;
  --code: #eef1ef; --accent: #0d6b57 }
@media (prefers-color-scheme: dark) { :root { --ground: #131816; --card: #1c2320; --text: #e6ece9;
  --quiet: #a3b0aa; --line: #36413c; --code: #262f2b; --accent: #6fd0b6 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1rem 3rem; max-width: 56rem; background: var(--ground);
  color: var(--text); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Liberation Sans", sans-serif }
h1 { margin: 0 0 1.25rem; font-size: 1.8rem; line-height: 1.2; overflow-wrap: anywhere }
h2 { margin: 0 0 .75rem; font-size: 1.2rem; color: var(--accent) }
section { margin-bottom: 1.25rem; padding: 1.1rem 1.25rem; border: 1px solid var(--line);
  border-radius: .9rem; background: var(--card) }
p { margin: .4rem 0; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin: .75rem 0 }
table { border-collapse: collapse; font-size: .92rem }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top }
.facts td:last-child { overflow-wrap: anywhere }
th { color: var(--quiet); font-weight: 500 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
pre { margin: .75rem 0; padding: .8rem 1rem; border-radius: .6rem; background: var(--code);
  overflow-x: auto; font-size: .88rem }
figure { margin: .75rem 0 }
figcaption { color: var(--quiet); font-size: .88rem; overflow-wrap: anywhere }
.plot img { display: block; max-width: 100%; padding: .5rem; border-radius: .6rem;
  background: #fff }
.pictures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)) }
.pictures figure { margin: 0 }
.pictures img { display: block; width: 100%; border-radius: .5rem; background: var(--code) }
.small { image-rendering: pixelated }
"""
SMALL = 100  # pixels; an image with fewer a side is shown with sharp pixels


def as_page(title: str, sections: Sequence[Section]) -> str:
    """Return a card as HTML. It loads nothing, and runs nothing."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="content-security-policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n"
    )
    body = "".join(
        f"<section>\n<h2>{escape(section.title)}</h2>\n"
        + "".join(map(_block, section.blocks))
        + "</section>\n"
        for section in sections
    )
    return f"{head}<body>\n<h1>{_text(title)}</h1>\n{body}</body>\n</html>\n"


def _text(text: str) -> str:
    return escape(printable(text))


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{_text(block.text)}</p>\n"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Code):
        return f'<pre><code class="language-{block.language}">{escape(block.text)}</code></pre>\n'
    if isinstance(block, Plot):
        return _plot(block)
    return _pictures(block)


def _table(table: Table) -> str:
    columns = list(zip(*table.rows, strict=True)) or [() for _ in table.heads]
    numbers = [all(NUMBER.fullmatch(cell) for cell in column if cell) for column in columns]

    def row(tag: str, cells: Sequence[str]) -> str:
        marked = (
            f"<{tag}{' class=number' if number else ''}>{_text(cell)}</{tag}>"
            for cell, number in zip(cells, numbers, strict=True)
        )
        return f"<tr>{''.join(marked)}</tr>\n"

    rows = "".join(row("td", cells) for cells in table.rows)
    if any(table.heads):
        start = f"<table><thead>{row('th', table.heads)}</thead>"
    else:
        start = '<table class="facts">'
    return f'<div class="scroll">{start}<tbody>\n{rows}</tbody></table></div>\n'


def _plot(plot: Plot) -> str:
    stream = io.BytesIO()
    plot.draw().savefig(stream, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.1)
    image = f'<img src="{_address(stream)}" alt="{_text(plot.caption)}">'
    return f'<figure class="plot">{image}<figcaption>{_text(plot.caption)}</figcaption></figure>\n'


def _pictures(pictures: Pictures) -> str:
    return f'<div class="pictures">\n{"".join(map(_picture, pictures.pictures))}</div>\n'


def _picture(picture: Picture) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture.pixels).save(stream, "PNG")
    small = ' class="small"' if max(picture.pixels.shape[:2]) < SMALL else ""
    image = f'<img{small} src="{_address(stream)}" alt="">'
    return f"<figure>{image}<figcaption>{_text(picture.caption)}</figcaption></figure>\n"


def _address(stream: Any) -> str:
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
