"""The list of planted bugs fits the tree, and the command that plants them tells the dead from the living."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SOUND = "def is_adult(age):\n    return age >= 18\n"
TESTS = "from adults import is_adult\n\ndef test_a_child_is_none():\n    assert not is_adult(17)\n"
ROW = '[[mutation]]\nname = "{name}"\nfile = "adults.py"\nold = "{old}"\nnew = "{new}"\ntests = ["{tests}"]\n'


def load() -> Any:
    spec = importlib.util.spec_from_file_location("mutations", ROOT / "benchmarks" / "mutations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


MODULE = load()
MUTATIONS = MODULE.read_mutations(MODULE.LIST, ROOT)


def test_the_list_is_long_and_covers_every_package() -> None:
    assert len(MUTATIONS) >= 66
    assert {each.file.partition("/")[0] for each in MUTATIONS} == {"scenes", "generator", "evaluator", "fourfold"}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_a_planted_bug_is_no_syntax_error(mutation: Any) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8").replace(mutation.old, mutation.new)
    assert ast.dump(ast.parse(text)) != ast.dump(ast.parse((ROOT / mutation.file).read_text(encoding="utf-8")))


def project(folder: Path, *rows: dict[str, str]) -> Path:
    """A git tree with one module, its tests, and a list of mutations."""
    (folder / "adults.py").write_text(SOUND, encoding="utf-8")
    (folder / "test_adults.py").write_text(TESTS, encoding="utf-8")
    (folder / "list.toml").write_text("\n".join(ROW.format(**row) for row in rows), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", encoding="utf-8")
    subprocess.run("git init -q . && git add .", shell=True, cwd=folder, check=True)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "mutations.py"), "--root", str(folder)]
    command += ["--list", str(folder / "list.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


KILLED = {"name": "younger", "old": "age >= 18", "new": "age >= 16", "tests": "test_adults.py"}
SURVIVES = {"name": "older", "old": "age >= 18", "new": "age >= 21", "tests": "test_adults.py"}


def test_what_no_test_notices_survives_and_is_named(tmp_path: Path) -> None:
    done = run(project(tmp_path, KILLED, SURVIVES), "--out", str(tmp_path / "out.jsonl"))
    assert done.returncode == 1
    assert done.stdout.startswith("survived: older\n1 of 2 killed")
    verdicts = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {row["name"]: row["outcome"] for row in verdicts} == {"younger": "killed", "older": "survived"}
    assert (tmp_path / "adults.py").read_text(encoding="utf-8") == SOUND
    again = run(tmp_path, "--out", str(tmp_path / "out.jsonl"), "--allowed", "1")
    assert (again.returncode, again.stdout.splitlines()[-1].split(",")[0]) == (0, "1 of 2 killed")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2  # nothing was planted again


def test_all_that_are_noticed_are_a_success(tmp_path: Path) -> None:
    done = run(project(tmp_path, KILLED, SURVIVES), "--only", "younger")
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "1 of 1 killed")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"old": "age > 18"}, "its text stands in adults.py 0 times; it must be once"),
        ({"old": "age"}, "its text stands in adults.py 2 times; it must be once"),
        ({"new": "age >= 18"}, "changes nothing"),
        ({"tests": "test_children.py"}, "there is no test_children.py"),
    ],
)
def test_a_list_that_does_not_fit_is_one_line(row: dict[str, str], said: str, tmp_path: Path) -> None:
    done = run(project(tmp_path, {**KILLED, **row}))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"mutations: younger: {said}\n"


def test_nothing_is_planted_where_a_test_fails_already(tmp_path: Path) -> None:
    folder = project(tmp_path, KILLED)
    (folder / "adults.py").write_text(SOUND.replace("18", "16") + "# age >= 18\n", encoding="utf-8")
    done = run(folder)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "mutations: a test fails before anything is planted: FAILED test_adults.py::test_a_child"
    )
