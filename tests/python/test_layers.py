import ast
from pathlib import Path

import pycifar

PACKAGE = Path(pycifar.__file__).parent

# A module may import from its own layer and from those above it in this list.
LAYERS = (
    {"errors", "arguments", "config", "files", "backend", "memory", "processor"}
    | {"console", "npz", "precision", "figure", "table", "limits"},
    {"datasets", "augmentation"},
    {"architectures", "scratch"},
    {
        "optimization",
        "muon",
        "rules",
        "budget",
        "fused",
        "callbacks",
        "trained_model",
        "training_run",
        "trainer",
    }
    | {"checkpoint", "model_build", "model_check", "model_file", "model_inspection", "model_state"}
    | {
        "averaging",
        "identity",
        "interrupts",
        "learning_rates",
        "mirroring",
        "portions",
        "record",
        "settings",
    },
    {"evaluation", "plots", "probe", "diagnosis", "reproduction"}
    | {
        "explanation",
        "explanation_plots",
        "receptive_fields",
    },
    {"entry_points", "cli", "__main__"},
)
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}
TOP = len(LAYERS) - 1


def top_name(path: Path) -> str:
    """The name below pycifar that a file belongs to: "trainer", or "datasets" for all in it."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def imported_names(tree: ast.Module) -> set[str]:
    """What a module imports from pycifar, wherever in it the import stands."""
    names = set()
    for node in ast.walk(tree):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package in full"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = found if node.module == "pycifar" else [node.module]
        names |= {name.split(".")[1] for name in modules if name.startswith("pycifar.")}
    return names


def test_every_module_has_a_layer_and_every_layer_names_modules():
    assert {top_name(path) for path in sources()} - {"__init__"} == set(LAYER_OF)


def test_imports_point_down():
    for path, tree in sources().items():
        if top_name(path) == "__init__":
            continue
        here = LAYER_OF[top_name(path)]
        for name in imported_names(tree) - {"__version__"}:
            where = f"{path.relative_to(PACKAGE)} imports {name}"
            assert LAYER_OF[name] <= here, where


def test_only_the_top_layer_uses_the_public_names_of_the_package():
    for path, tree in sources().items():
        if top_name(path) == "__init__" or LAYER_OF[top_name(path)] == TOP:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                where = f"{path.relative_to(PACKAGE)} uses pycifar.{node.attr}"
                assert node.value.id != "pycifar" or node.attr == "__version__", where


def test_keras_comes_through_the_backend_module():
    for path, tree in sources().items():
        if path.stem == "backend":
            continue
        guarded = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and node not in guarded:
                heavy = {alias.name.split(".")[0] for alias in node.names} & {"keras", "tensorflow"}
                assert not heavy, f"{path.relative_to(PACKAGE)} imports {heavy}"
