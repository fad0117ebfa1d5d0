"""The architecture, held by tests: which package may import which, and what an import costs."""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("fourfold", "scenes", "generator", "evaluator")  # folders at the top of the repository
HEAVY = ("torch", "trimesh", "pyrender", "scipy", "open_clip", "transformers")
# What an import statement must not load, for it is what `fourfold --help` and a worker process pay for.
LIGHT = {
    "import fourfold, fourfold.cli.main": (*HEAVY, "numpy", "PIL"),
    "import fourfold.scenes.truth.claims, fourfold.scenes.model.edits": (*HEAVY, "OpenGL"),
    "import fourfold.scenes.render.renderers, fourfold.scenes.truth.verification": (*HEAVY, "OpenGL"),
    "import fourfold.generator.run.pipeline": HEAVY,
    "import fourfold.conditions, fourfold.english, fourfold.files, fourfold.ray_cluster, fourfold.version": (
        *HEAVY,
        "numpy",
        "ray",
    ),
    "import fourfold.statistics": (*HEAVY, "PIL", "pandas", "ray"),
}
# Libraries that these files alone may know, so that another can take their place.
AT_HOME = {
    "pyrender": {"scenes/render/opengl_start.py", "scenes/render/passes.py"},
    "OpenGL": {"scenes/render/opengl.py", "scenes/render/opengl_start.py", "scenes/render/passes.py"},
    "open_clip": {"evaluator/encoders/openclip.py"},
    "transformers": {"evaluator/encoders/huggingface.py"},
}


def loaded_by(statement: str, names: tuple[str, ...]) -> list[str]:
    """Which of the named modules a fresh interpreter has loaded after the statement."""
    code = f"import sys\n{statement}\nprint(*[name for name in {names!r} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()


def imports_of(source: str) -> set[str]:
    """Top-level names of everything that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def circles(imports: Mapping[str, Collection[str]]) -> set[frozenset[str]]:
    """The sets of modules that import each other, directly or by way of others."""
    reached: dict[str, set[str]] = {}
    for module in imports:
        waiting, seen = [module], set[str]()
        while waiting:
            new = set(imports.get(waiting.pop(), ())) - seen
            seen |= new
            waiting += new
        reached[module] = seen
    inside = [module for module, seen in reached.items() if module in seen]
    return {frozenset(other for other in reached[module] if module in reached[other]) for module in inside}


def room_of(module: str) -> str:
    """fourfold.scenes.truth.claims -> fourfold.scenes.truth; what stands above the rooms is its own."""
    names = module.split(".")
    return ".".join(names[:3] if names[1:2] and names[1] in ("scenes", "generator", "evaluator") else names[:2])


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)


@pytest.mark.parametrize("statement", LIGHT)
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement, LIGHT[statement]) == []


def test_what_is_loaded_would_be_noticed() -> None:
    assert "trimesh" in loaded_by("import fourfold.scenes.shapes.geometric", HEAVY)


def test_every_public_name_is_there_for_type_checkers_too() -> None:
    """Names are looked up when first used; the list, the table and what type checkers read must say the same."""
    tree = ast.parse((ROOT / "fourfold" / "__init__.py").read_text(encoding="utf-8"))
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    checked = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert checked == values["_WHERE"]
    assert set(checked) == set(values["__all__"])


def test_no_public_name_is_a_module_too() -> None:
    """Importing a submodule binds its name in the package, whatever the package meant by it."""
    tree = ast.parse((ROOT / "fourfold" / "__init__.py").read_text(encoding="utf-8"))
    names = {alias.asname for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    modules = {
        path.stem for path in (ROOT / "fourfold").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert names & modules == set()


def test_each_library_is_known_where_it_is_at_home_alone() -> None:
    users = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name in imports_of(path.read_text(encoding="utf-8")) & set(AT_HOME):
                users[name].add(path.relative_to(ROOT).as_posix())
    assert users == AT_HOME


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b as c, d\ndef f():\n    from e.f import g\n    if g:\n        import h\nfrom . import i"
    assert imports_of(source) == {"a", "d", "e", "h"}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Every module and what it imports of ours: inside functions and for type checkers alone as well."""
    graph = grimp.build_graph("fourfold", exclude_type_checking_imports=False, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def test_no_module_imports_itself_by_way_of_others(imports: dict[str, set[str]]) -> None:
    assert len(imports) > 200
    assert circles(imports) == set()


def test_no_room_imports_itself_by_way_of_others(imports: dict[str, set[str]]) -> None:
    rooms = defaultdict(set)
    for module, found in imports.items():
        rooms[room_of(module)] |= {room_of(each) for each in found} - {room_of(module)}
    assert {"fourfold.scenes.truth", "fourfold.generator.run", "fourfold.evaluator.encoders"} < rooms.keys()
    assert circles(rooms) == set()


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}


def test_import_contracts_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_contracts_notice_what_breaks_them(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, symlinks=True, ignore=lambda _, names: _without_code(names))
    planted = {
        "scenes/model/spec.py": "import fourfold.generator.recipe.reading",
        "generator/recipe/reading.py": "def _f():\n    import torch\n    import fourfold.generator.run.pipeline",
        "evaluator/data/items.py": "import fourfold.generator.captions.wording, fourfold.evaluator.run",
        "scenes/truth/claims.py": "from fourfold.scenes.render.rendering import Renderer",
        "scenes/shapes/parts.py": "import fourfold.scenes.model.layout",
    }
    for name, line in planted.items():
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert done.returncode == 1
    for contract in contracts:
        assert f"{contract['name']} BROKEN" in " ".join(done.stdout.split())


def _without_code(names: list[str]) -> set[str]:
    return {name for name in names if "." in name and not name.endswith(".py")} | {"__pycache__"}
