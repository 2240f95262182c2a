"""Tables of results: as text for a prompt, and as HTML for a notebook.

Of a table with many rows, the first and the last rows are shown with the number of all rows. How
many rows that are is set in pandas, by its options ``display.max_rows`` and ``display.min_rows``.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from pycifar.errors import printable

if TYPE_CHECKING:
    import pandas


def as_text(table: pandas.DataFrame, floats: str = ".4f", index: bool = False) -> str:
    """Lay out a table as text.

    Args:
        table: what is shown.
        floats: the format of a float, as Python's `format` takes it.
        index: whether the names of the rows are shown.
    """
    text: str = _printable(table).to_string(**_layout(table, floats, index))
    return text


def as_html(table: pandas.DataFrame, floats: str = ".4f", index: bool = False) -> str:
    """Lay out a table as HTML, with the arguments of `as_text`; pandas escapes what is in it."""
    import pandas

    with pandas.option_context("display.max_colwidth", None):
        text: str = _printable(table).to_html(**_layout(table, floats, index))
    return text


def paragraph(text: str) -> str:
    """Make a paragraph of HTML from plain text, with the same line breaks."""
    lines = html.escape(text).replace("\n", "<br>")
    return f"<p>{lines}</p>\n"


def _printable(table: pandas.DataFrame) -> pandas.DataFrame:
    """The table with names that may come from a stranger as they can be shown."""

    def shown(value: Any) -> Any:
        return printable(value) if isinstance(value, str) else value

    return table.map(shown).rename(index=shown, columns=shown)


def _layout(table: pandas.DataFrame, floats: str, index: bool) -> dict[str, Any]:
    """The arguments that pandas' `to_string` and `to_html` share."""
    import pandas

    most, few = (pandas.get_option(f"display.{name}") for name in ("max_rows", "min_rows"))
    is_long = bool(most) and len(table) > most
    return {
        "index": index,
        "float_format": f"{{:{floats}}}".format,
        "max_rows": min(few or most, most) if is_long else None,
        "show_dimensions": is_long,
    }
