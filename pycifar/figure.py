"""A Matplotlib figure that a notebook shows as a picture.

IPython shows a Matplotlib figure as a picture only after Matplotlib's inline backend was switched
on. `Figure` has a method that IPython looks for on each object, `_repr_png_`, so it does not need
that backend.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib import figure

# Arguments of `savefig` that cut off empty margins and leave 0.1 inches.
TIGHT: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.1}


class Figure(figure.Figure):
    """A Matplotlib figure that IPython shows as a PNG, without any backend for notebooks."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi="figure", **TIGHT)
        return stream.getvalue()
