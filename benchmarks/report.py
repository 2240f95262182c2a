"""Write the tables of README.md and benchmarks/README.md from the committed results.

python benchmarks/report.py            # write
python benchmarks/report.py --check    # exit with 1 where the page and the results disagree
"""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pandas

from pycifar import Reproduction, load_reproduction
from pycifar.reproduction.result import with_deviation

HERE = Path(__file__).parent
PAGES = (HERE.parent / "README.md", HERE / "README.md")


def main() -> None:
    """Write the pages, or compare them."""
    tables = {
        "epochs": epochs_table(),
        "doors": doors_table(),
        "mlp": mlp_table(),
        "search": search_table(),
        "budget": budget_table(),
        "reproduction": reproduction_table(),
        "reproduction in short": short_reproduction_table(),
    }
    for page in PAGES:
        before = page.read_text()
        after = with_tables(before, tables)
        if "--check" not in sys.argv:
            page.write_text(after)
        elif before != after:
            sys.exit(f"{page.relative_to(HERE.parent)} and the results disagree")


def with_tables(text: str, tables: dict[str, str]) -> str:
    """The text with each table between its marks."""
    for name, table in tables.items():
        start, end = f"<!-- {name}: made by report.py -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        text = pattern.sub(f"{start}\n\n{table}\n\n{end}", text)
    return text


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


def mlp_table() -> str:
    """How fast `mlp_relu` trains, beside its peers and the machine's limit."""
    report = result("mlp")
    rows = [["", "images a second", "/ pycifar", "share of the sgemm rate"]]
    for name, speed in report["images_per_second"].items():
        version = report["versions"][name.replace("PyTorch", "torch")]
        ratio = report["ratio_to_pycifar"][name]
        rows.append(
            [
                f"{name} {version}",
                f"{speed:,}",
                f"{ratio:.2f}",
                f"{report['share_of_sgemm'][name]:.2f}",
            ]
        )
    square, own = report["sgemm_gflops"], report["own_products_gflops"]
    return (
        f"{markdown(rows)}\n\nSquare matrices of 2048: {square:.0f} GFLOP/s; the two largest "
        f"products of this network alone: {own:.0f} GFLOP/s."
    )


def budget_table() -> str:
    """What fastnet reaches in a given time."""
    head = ["time budget, s", "seconds", "passes over the images", "precision"]
    rows = [[*head, "test accuracy", "with six views"]]
    for run in result("budget")["fastnet"]:
        rows.append(
            [
                f"{run['budget']:g}",
                f"{run['seconds']:.0f}",
                f"{run['passes']:.1f}",
                run["precision"],
                f"{run['test_accuracy']:.4f}",
                f"{run['test_accuracy_six_views']:.4f}",
            ]
        )
    return markdown(rows)


def search_table() -> str:
    """The best settings that were found, and how they did on held-out training images."""
    columns = ("learning_rate", "schedule", "batch_size", "l2", "augmentation", "normalised")
    rows = [[*columns, "epochs", "held-out accuracy"]]
    last = result("search_mlp_relu")["rounds"][-1]
    for one in last["found"]:
        cells = [str(one[column]) for column in columns]
        rows.append([*cells, str(last["epochs"]), f"{one['accuracy']:.4f}"])
    return markdown(rows)


def short_reproduction_table() -> str:
    """Each network's accuracy on the test images beside the stated one."""
    rows = [["system", "network", "parameters", "trained for", "test accuracy", "stated"]]
    for row in reproduction().table.to_dict("records"):
        rows.append(
            [
                row["system"],
                f"`{row['architecture']}`",
                f"{row['parameters']:,}",
                row["budget"],
                accuracy(row, "test"),
                share(row["stated_test"]),
            ]
        )
    return markdown(rows)


def reproduction_table() -> str:
    """All that was measured of each network, and the calls that measured it."""
    found = reproduction()
    head = ["system", "network", "trained for", "epochs", "seeds", "training accuracy", "stated"]
    head += ["test accuracy", "stated", "difference", "seconds", "images a second"]
    rows = [head]
    for row in found.table.to_dict("records"):
        rows.append(
            [
                row["system"],
                f"`{row['architecture']}`",
                row["budget"],
                str(row["epochs"]),
                ", ".join(map(str, row["seeds"])),
                accuracy(row, "train"),
                share(row["stated_train"]),
                accuracy(row, "test"),
                share(row["stated_test"]),
                "" if math.isnan(row["difference"]) else f"{row['difference']:+.4f}",
                f"{row['seconds']:.0f}",
                f"{row['images_per_second']:,.0f}",
            ]
        )
    machines = " and ".join(sorted(set(found.table["machine"])))
    data = " and ".join(sorted({name[:16] for name in found.table["data"]}))
    calls = "\n".join(f"    {call}" for call in found.calls)
    return f"{markdown(rows)}\n\nMachine: {machines}; data: {data}…; calls:\n\n{calls}"


def reproduction() -> Reproduction:
    """The committed reproduction."""
    return load_reproduction(HERE / "results" / "reproduction.json")


def accuracy(row: dict[str, Any], split: str) -> str:
    """A mean over the seeds, with its deviation."""
    return with_deviation(row[f"{split}_accuracy"], row[f"{split}_sd"])


def share(value: float) -> str:
    """A share with four digits, or nothing."""
    return "" if math.isnan(value) else f"{value:.4f}"


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
