import ast

from tools.house import FLOORS, LAYERS, PACKAGE, imported_modules, imported_names, sources, top_name

LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}
TOP = len(LAYERS) - 1
FLOOR_OF = {name: number for number, names in enumerate(FLOORS) for name in names}


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


def test_imports_within_the_training_point_down():
    folder = PACKAGE / "training"
    stems = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert stems == set(FLOOR_OF)
    for stem in stems:
        tree = ast.parse((folder / f"{stem}.py").read_text("utf-8"))
        found = [name.split(".") for name in imported_modules(tree)]
        for name in {parts[2] for parts in found if parts[1] == "training"}:
            assert FLOOR_OF[name] <= FLOOR_OF[stem], f"{stem} imports {name}"


def test_one_place_asks_of_what_kind_a_network_is():
    asks = [
        path.relative_to(PACKAGE).as_posix()
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "isinstance"
        and "NumpyModel" in ast.unparse(node.args[1])
    ]
    assert {path for path in asks if not path.startswith("scratch/")} == {"learners/__init__.py"}


def test_the_run_is_a_loop_with_few_attributes():
    source = (PACKAGE / "training/run.py").read_text("utf-8")
    assert len(source.splitlines()) <= 250
    targets = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and ast.unparse(node.value) == "self"
    }
    assert len(targets) <= 15


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


def test_every_folder_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").exists()] == []
