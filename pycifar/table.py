"""Tables of results, as text for a terminal and as HTML for a notebook.

A long table is shown by its first and last rows, with the number of all rows. The options
``display.max_rows`` and ``display.min_rows`` of pandas set which tables are long, and how many rows
of them are shown.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from pycifar.errors import printable

if TYPE_CHECKING:
    import pandas


def as_text(table: pandas.DataFrame, floats: str = ".4f", index: bool = False) -> str:
    """Return a table as text.

    Args:
        table: the table to show.
        floats: the format of floats, as Python's `format` takes it.
        index: whether the names of the rows are shown.
    """
    text: str = _printable(table).to_string(**_layout(table, floats, index))
    return text


def as_html(table: pandas.DataFrame, floats: str = ".4f", index: bool = False) -> str:
    """Return a table as HTML; the arguments are those of `as_text`.

    pandas escapes the content of the cells.
    """
    import pandas

    # By default, pandas would cut the text of a cell after 50 characters.
    with pandas.option_context("display.max_colwidth", None):
        text: str = _printable(table).to_html(**_layout(table, floats, index))
    return text


def paragraph(text: str) -> str:
    """Return plain text as a paragraph of HTML, with the same line breaks."""
    lines = html.escape(text).replace("\n", "<br>")
    return f"<p>{lines}</p>\n"


def _printable(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return a table with all texts made printable: names may come from an untrusted source."""

    def shown(value: Any) -> Any:
        return printable(value) if isinstance(value, str) else value

    return table.map(shown).rename(index=shown, columns=shown)


def _layout(table: pandas.DataFrame, floats: str, index: bool) -> dict[str, Any]:
    """Return the arguments that are the same for `to_string` and `to_html` of pandas."""
    import pandas

    most, few = (pandas.get_option(f"display.{name}") for name in ("max_rows", "min_rows"))
    is_long = bool(most) and len(table) > most
    return {
        "index": index,
        "float_format": f"{{:{floats}}}".format,
        "max_rows": min(few or most, most) if is_long else None,
        "show_dimensions": is_long,
    }
