"""A Matplotlib figure that a notebook shows as a picture.

IPython shows a figure of Matplotlib as a picture only after Matplotlib's inline backend was
switched on. This one has a method that IPython looks for on each object, so it needs no backend.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib import figure

TIGHT: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.1}  # inches


class Figure(figure.Figure):
    """A figure of Matplotlib, which IPython shows as a PNG where nothing else is switched on."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi="figure", **TIGHT)
        return stream.getvalue()
