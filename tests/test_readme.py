"""The README is true: its table is that of the stored results, its commands parse, its Python runs."""

import importlib.util
import json
import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from fourfold.cli.main import cli
from fourfold.evaluator.analysis.chance_marks import BELOW, UNCLEAR, chance_mark

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    part.split("#")[0].strip()
    for line in re.findall(r"^    (fourfold .*)$", TEXT, flags=re.MULTILINE)
    for part in line.split("&&")
]
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_parses(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    context = cli.commands[name].make_context(name, arguments)  # click refuses what it does not know
    assert context.params


def test_the_readme_names_every_use() -> None:
    names = {shlex.split(line)[1] for line in COMMANDS}
    assert {"generate", "verify", "preview", "evaluate", "report", "train-head"} <= names


def benchmark(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_of_the_demonstration_are_those_of_its_stored_results() -> None:
    module = benchmark("demo_tables")
    assert [page.name for page in module.TABLES] == ["README.md", "fourfold-tiny.md"]
    for page in module.TABLES:
        assert module.with_table(page) == page.read_text(encoding="utf-8")


def test_rows_of_the_demonstration_are_those_of_its_stored_scores() -> None:
    module = benchmark("demo_tables")
    stored = module.load(module.STORED)
    again = module.summarised(stored)
    for part in ("metrics", "comparisons"):
        for row, computed in zip(getattr(stored, part), getattr(again, part), strict=True):
            for given, made in zip(asdict(row).values(), asdict(computed).values(), strict=True):
                assert given == (pytest.approx(made, rel=1e-9, abs=1e-12) if isinstance(made, float) else made)


def test_the_probe_of_the_demonstration_says_what_its_cosine_says() -> None:
    """Does a model's space satisfy a group's condition? That is its group score, by another way."""
    module = benchmark("demo_tables")
    rows = {(row.category, row.scorer, row.metric): row for row in module.load(module.STORED).metrics}
    satisfied = [row for row in module.read_probe(module.STORED / "probe.json").rows if row.measure == "satisfied"]
    assert len(satisfied) == 4
    for row in satisfied:
        scored = rows[row.category, "cosine", "group_score"]
        assert (row.value, row.low, row.high) == pytest.approx((scored.value, scored.low, scored.high))


def test_what_the_readme_says_of_binding_relation_and_negation_is_measured() -> None:
    module = benchmark("demo_tables")
    rows = {(row.category, row.metric): row for row in module.load(module.STORED).metrics if row.scorer == "cosine"}
    right = {category: rows[category, "match_score"].value * 60 for category in ("binding", "relation", "negation")}
    assert right == pytest.approx({"binding": 39, "relation": 23, "negation": 26})
    assert {chance_mark(rows[category, "match_score"]) for category in right} == {UNCLEAR}
    assert {chance_mark(rows[category, "group_score"]) for category in right} == {BELOW}
    inverted = rows["negation", "group_score"]
    both = round(2 * 60 * inverted.chance_given_offsets)
    assert f"in {both - round(60 * inverted.value)} groups of {both}" in " ".join(TEXT.split())
    assert inverted.p_given_offsets < 1e-4
    assert all(rows[category, "group_score"].p_given_offsets == 1 for category in ("binding", "relation"))


def test_the_heads_card_shows_the_stored_numbers() -> None:
    module = benchmark("heads")
    card = ROOT / "data_cards" / "fourfold-tiny-dcsm.md"
    record = json.loads(module.stored(card).read_text(encoding="utf-8"))
    assert module.with_section(card.read_text(encoding="utf-8"), record) == card.read_text(encoding="utf-8")
    assert {row["split"] for row in record["rows"]} >= {"test", "test-objects", "test-templates"}
    for row in record["rows"]:
        assert all(0 <= right <= row["groups"] for right in row["right"].values())


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_python_of_the_readme_runs(snippet: str, generated: Path, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    # The variable is read when the library is imported, which another test may have done: what a set of the same name
    # left in the user's cache must not be taken for this one.
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.chdir(tmp_path)
    Path("my-set").symlink_to(generated)
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()
