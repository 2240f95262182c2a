"""Draw how the modules of pycifar rest on each other, in docs/house.svg: `python -m tools.house`.

    python -m tools.house            # write the picture
    python -m tools.house --check    # exit with 1 where the committed picture is another

The picture has one row for each layer of the package. A file or a folder imports from its own row
and from rows below, and tests/python/test_layers.py fails where one does not. Below the package,
the picture shows the files of pycifar/training in the same manner. The roof is pycifar/__init__.py,
which gives the public names; imports from it are not counted.
"""

from __future__ import annotations

import argparse
import ast
import html
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pycifar"
PICTURE = ROOT / "docs/house.svg"

# Names below pycifar, a file or a folder each, from the ground up. What stands in one layer may
# import from it and from those before it in this list, which are below it in the picture.
LAYERS = (
    {
        "errors",
        "language",
        "arguments",
        "limits",
        "files",
        "npz",
        "config",
        "extras",
        "content",
        "console",
        "download",
        "table",
    }
    | {
        "figure",
        "foreign_names",
        "backend",
        "processor",
        "keras_files",
        "layer_calls",
        "feature_tensor",
        "pixels",
        "precision",
    }
    | {"memory", "interrupts", "shipped"},
    {"datasets"},
    {"scratch"},
    {"learners"},
    {"pretrained"},
    {"architectures"},
    {"rules"},
    {"models"},
    {"training"},
    {"given_images", "evaluation", "receptive_fields", "import_check"},
    {"calibration", "explanation", "export", "features", "diagnosis", "reproduction"},
    {"card", "explanation_plots", "plots", "serving"},
    {"entry_points", "cli", "sklearn", "__main__"},
)

# The same within the training.
FLOORS = (
    {"budget", "recovery", "rate", "batches", "identity", "checkpoint", "resolve"},
    {"averaging", "callbacks", "progress", "run_state"},
    {"validation", "phases"},
    {"run"},
    {"prepare"},
    {"train", "lr_finder"},
)

# All in pixels. A name is set in a monospaced font of 12 pixels, whose letters are 7.2 wide or a
# little more, depending on the font that a machine has.
WIDTH = 880
MARGIN = 20
LETTER = 7.5
PADDING = 10  # between the edge of a box and its name
BOX = 26
GAP = 8
NUMBER = 40  # the width that the number of a row takes
CAPTION = 20
HEADING = 46
ROOF = 60

STYLE = """\
  .ground { fill: #ffffff } .row { fill: #f1f4f8 } .roof { fill: #dde5ee }
  .box { fill: #ffffff; stroke: #5b6b7d } .folder { stroke-width: 2.5 }
  text { fill: #1c2733; font: 12px sans-serif }
  .name { font: 12px monospace; text-anchor: middle } .heading { font: bold 15px sans-serif }
  .number { font: bold 14px sans-serif; text-anchor: middle } .middle { text-anchor: middle }
  .caption { fill: #4a5866; font-size: 11px }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0f151c } .row { fill: #1b2530 } .roof { fill: #2a3846 }
    .box { fill: #0f151c; stroke: #8b9cae }
    text { fill: #e6edf3 } .caption { fill: #aebccb }
  }
"""


def main(arguments: list[str] | None = None) -> int:
    """Write the picture, or compare it with the committed one; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args(arguments)
    drawn = picture()
    if not given.check:
        PICTURE.write_text(drawn, "utf-8")
    elif not PICTURE.exists() or PICTURE.read_text("utf-8") != drawn:
        where = PICTURE.relative_to(ROOT)
        print(f"{where} is not what the imports are: `python -m tools.house`", file=sys.stderr)
        return 1
    return 0


def picture() -> str:
    """Return the picture as SVG."""
    parts, top = roof(), MARGIN + ROOF
    for heading, rows, imports in (
        ("", LAYERS, package_imports()),
        ("Within pycifar/training", FLOORS, training_imports()),
    ):
        if heading:
            parts.append(label("heading", MARGIN, top + HEADING - 14, heading))
            top += HEADING
        for number in range(len(rows), 0, -1):
            drawn, height = row(number, top, rows, imports)
            parts += drawn
            top += height + 4
    explanation = (
        "An import counts once for each pair of boxes, and only between rows. "
        "A box with a thick edge is a folder."
    )
    parts.append(label("caption", MARGIN, top + 14, explanation))
    height = top + 14 + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">'
    )
    title = "<title>The modules of pycifar in rows; imports point down</title>"
    ground = f'<rect class="ground" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, title, f"<style>\n{STYLE}</style>", ground, *parts, "</svg>", ""])


def roof() -> list[str]:
    """Draw the roof over the package."""
    eaves = MARGIN + ROOF - 4
    points = f"{MARGIN},{eaves} {WIDTH / 2:g},{MARGIN / 2:g} {WIDTH - MARGIN},{eaves}"
    name = label("heading middle", WIDTH / 2, eaves - 16, "pycifar")
    return [f'<polygon class="roof" points="{points}"/>', name]


def row(
    number: int, top: int, rows: Sequence[Set[str]], imports: Mapping[str, Set[str]]
) -> tuple[list[str], int]:
    """Draw a row.

    Args:
        number: of the row, counted from 1 at the bottom.
        top: the upper edge, in pixels.
        rows: the names in each row, the lowest row first.
        imports: the names that each name imports from.

    Returns:
        The elements of SVG, and the height in pixels.
    """
    left = MARGIN + NUMBER
    boxes, lines = placed(sorted(rows[number - 1]), left, WIDTH - MARGIN - GAP)
    height = GAP + lines * (BOX + GAP) + CAPTION
    drawn = [
        f'<rect class="row" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" '
        f'height="{height}" rx="4"/>',
        label("number", MARGIN + NUMBER / 2, top + GAP + 18, str(number)),
    ]
    for name, x, line in boxes:
        y = top + GAP + line * (BOX + GAP)
        kind = "box folder" if (PACKAGE / name).is_dir() and rows is LAYERS else "box"
        size = f'width="{box_width(name):g}" height="{BOX}" rx="3"'
        drawn.append(f'<rect class="{kind}" x="{x:g}" y="{y}" {size}/>')
        drawn.append(label("name", x + box_width(name) / 2, y + 17, name))
    told = imports_down(number, rows, imports)
    return [*drawn, label("caption", left, top + height - 9, told)], height


def placed(
    names: Iterable[str], left: float, right: float
) -> tuple[list[tuple[str, float, int]], int]:
    """Place boxes side by side between two edges, in as many lines as that takes.

    Returns:
        The name, the left edge and the line of each box; and the number of lines.
    """
    boxes, x, line = [], left, 0
    for name in names:
        if x > left and x + box_width(name) > right:
            x, line = left, line + 1
        boxes.append((name, x, line))
        x += box_width(name) + GAP
    return boxes, line + 1


def box_width(name: str) -> float:
    """Return the width of the box of a name, in pixels."""
    return len(name) * LETTER + 2 * PADDING


def label(kind: str, x: float, y: float, text: str) -> str:
    """Write a text into the picture."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{html.escape(text)}</text>'


def imports_down(number: int, rows: Sequence[Set[str]], imports: Mapping[str, Set[str]]) -> str:
    """Say how many imports lead from a row to rows below, and to which."""
    counted: Counter[int] = Counter()
    for below in range(number - 1, 0, -1):
        counted[below] = sum(len(imports[name] & rows[below - 1]) for name in rows[number - 1])
    total = counted.total()
    if not total:
        return "no import from another row"
    (first, n), *others = [(below, n) for below, n in counted.items() if n]
    told = ", ".join([f"{n} from row {first}", *(f"{n} from {below}" for below, n in others)])
    return f"↓ {total} {'import' if total == 1 else 'imports'}: {told}"


def package_imports() -> dict[str, set[str]]:
    """Return the names that each file or folder of the package imports from."""
    imports: dict[str, set[str]] = {}
    for path, tree in sources().items():
        imports.setdefault(top_name(path), set()).update(imported_names(tree))
    return imports


def training_imports() -> dict[str, set[str]]:
    """Return the files of the training that each of them imports from."""
    imports = {}
    for path, tree in sources().items():
        if top_name(path) == "training":
            found = [name.split(".") for name in imported_modules(tree)]
            imports[path.stem] = {parts[2] for parts in found if parts[1] == "training"}
    return imports


def sources() -> dict[Path, ast.Module]:
    """Return the syntax of each file of the package."""
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def top_name(path: Path) -> str:
    """Return the name below pycifar that a file belongs to, such as "rules" or "datasets"."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.Module) -> set[str]:
    """Return what a file imports from pycifar, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package in full"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        names |= {name for name in modules if name.startswith("pycifar.")}
    return names


def imported_names(tree: ast.Module) -> set[str]:
    """Return the names below pycifar that a file imports from."""
    return {name.split(".")[1] for name in imported_modules(tree)}


if __name__ == "__main__":
    sys.exit(main())
