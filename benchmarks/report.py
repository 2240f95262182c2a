"""Write the tables of benchmarks/README.md from the committed results.

python benchmarks/report.py            # write
python benchmarks/report.py --check    # exit with 1 where the page and the results disagree
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas

HERE = Path(__file__).parent
PAGE = HERE / "README.md"


def main() -> None:
    """Write the page, or compare it."""
    before = PAGE.read_text()
    after = before
    for name, table in {"epochs": epochs_table(), "doors": doors_table()}.items():
        start, end = f"<!-- {name}: made by report.py -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        after = pattern.sub(f"{start}\n\n{table}\n\n{end}", after)
    if "--check" in sys.argv:
        sys.exit(before != after and "benchmarks/README.md and the results disagree")
    PAGE.write_text(after)


def epochs_table() -> str:
    """The stated figures of cnn2 beside the measured ones, epoch by epoch."""
    stated = pandas.read_csv(HERE / "stated_cnn2.csv")
    history = pandas.DataFrame(result("doors_10_epochs")["history"])
    history["column"] = (
        history["split"].map({"train": "", "validation": "val_"}) + history["metric"]
    )
    measured = history.pivot(index="epoch", columns="column", values="value").reset_index()
    rows = [["epoch"] + [f"{name} {who}" for name in METRICS for who in ("stated", "measured")]]
    for (_, a), (_, b) in zip(stated.iterrows(), measured.iterrows(), strict=True):
        cells = [f"{frame[name]:.4f}" for name in METRICS for frame in (a, b)]
        rows.append([str(int(a["epoch"])), *cells])
    return markdown(rows)


def doors_table() -> str:
    """What a training through each door takes."""
    report = result("doors_3_epochs")
    rows = [["door", "wall time, s", "of it training, s", "peak memory, MB", "wall time / Python"]]
    for door, found in report["medians"].items():
        ratios = report["wall_ratio_to_python"].get(door)
        ratio = "1" if ratios is None else " ".join(f"{r:.3f}" for r in ratios)
        numbers = [f"{found[name]:.0f}" for name in ("wall", "training", "peak_mb")]
        rows.append([door, *numbers, ratio])
    return markdown(rows)


METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def result(name: str) -> dict[str, Any]:
    """A committed result."""
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def markdown(rows: list[list[str]]) -> str:
    """A Markdown table whose first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


if __name__ == "__main__":
    main()
