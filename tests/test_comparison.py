"""Several runs beside each other: paired where the items are the same, plainly said where they are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.evaluator.analysis.comparison import compare, load_runs
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.model_table import model_table
from fourfold.evaluator.analysis.result_tables import comparison_table
from fourfold.evaluator.analysis.results import Results, save
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.tables.formats import WRITERS, write_table
from fourfold.statistics import holm, mcnemar_exact

TRUTH = np.eye(2, dtype=bool)


def make_run(
    model: str, skills: dict[str, float], *, n: int = 80, seed: int = 0, notes: tuple[str, ...] = ()
) -> Results:
    rng = np.random.default_rng(seed)
    items = tuple(
        ScoredItem(
            id=f"item-{i}",
            category=("content", "binding")[i % 2],
            cluster=f"item-{i}",
            tags={},
            images=("a.png", "b.png"),
            captions=("a", "b"),
            truth=TRUTH,
            scores={
                name: (TRUTH * skill + rng.standard_normal((2, 2))).astype(np.float32) for name, skill in skills.items()
            },
        )
        for i in range(n)
    )
    metrics, comparisons = summarise(items, seed=0, replicates=100)
    return Results(
        items=items,
        metrics=metrics,
        comparisons=comparisons,
        model={"name": model, "identity": model},
        scorers={name: {"n_parameters": 0, "set_dependent": False} for name in skills},
        dataset={"content_sha256": "1234"},
        settings={"seed": 0, "replicates": 100, "level": 0.95, "baseline": "cosine"},
        versions={},
        notes=notes,
    )


SMALL = make_run("small", {"cosine": 0.3, "dcsm": 2.0}, seed=1)
LARGE = make_run("large", {"cosine": 2.5}, seed=2)


def test_models_on_the_same_items_are_compared_in_pairs() -> None:
    found = compare({"one": SMALL, "two": LARGE}, replicates=100)
    assert [entry.name for entry in found.entries] == ["small, cosine", "small, dcsm", "large, cosine"]
    assert found.paired
    row = next(
        r for r in found.comparisons if (r.scorer, r.category) == ("large, cosine", "binding") and r.p is not None
    )

    def group(run: Results) -> np.ndarray:
        s = np.stack([item.scores["cosine"] for item in run.items if item.category == "binding"])
        rows, columns = s[:, [0, 1], [0, 1]], s[:, [0, 1], [1, 0]]
        return (rows > columns).all(axis=1) & (rows > columns[:, ::-1]).all(axis=1)

    ours, theirs = group(LARGE), group(SMALL)
    assert row.baseline == "small, cosine"
    assert row.difference == pytest.approx(ours.mean() - theirs.mean())
    assert (row.wins, row.losses) == ((ours & ~theirs).sum(), (theirs & ~ours).sum())
    assert row.p == mcnemar_exact(row.wins, row.losses)
    assert row.p_holm >= row.p


def test_all_models_and_categories_are_one_family() -> None:
    """Two categories and two others beside the first: four tests, whose p-values Holm corrects together."""
    found = compare({"one": SMALL, "two": LARGE}, replicates=20)
    tested = [row for row in found.comparisons if row.p is not None and row.category != "all"]
    assert [row.p_holm for row in tested] == holm([row.p for row in tested])
    assert {row.family for row in tested} == {4}
    alone = [row for row in SMALL.comparisons if row.p_holm is not None]
    assert {row.family for row in alone} == {2}
    notes = [comparison_table(each).notes[0] for each in (found, SMALL)]
    assert notes == [
        "p: exact McNemar test on groups; Holm corrects for all 4 tests, of categories and models together",
        "p: exact McNemar test on groups; Holm corrects for the number of categories",
    ]


def test_values_beside_each_other_are_those_of_the_single_runs() -> None:
    found = compare({"one": SMALL, "two": LARGE}, replicates=50)
    values = {(row.scorer, row.category, row.metric): row.value for row in found.metrics}
    for name, run in (("small", SMALL), ("large", LARGE)):
        for row in run.metrics:
            assert values[f"{name}, {row.scorer}", row.category, row.metric] == row.value


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (replace(LARGE, items=tuple(replace(item, captions=("a", "c")) for item in LARGE.items)), "no item is common"),
        (replace(LARGE, items=tuple(replace(item, truth=~TRUTH) for item in LARGE.items)), "no item is common"),
        (replace(LARGE, dataset={"content_sha256": "9"}), "different pixels"),
        (replace(LARGE, items=LARGE.items[:70], dataset={"content_sha256": "9"}), "different pixels"),
    ],
)
def test_runs_on_other_items_stand_beside_each_other_without_differences(other: Results, reason: str) -> None:
    found = compare({"one": SMALL, "two": other})
    assert not found.paired
    assert found.comparisons == ()
    assert found.notes[0].startswith("not paired: ")
    assert reason in found.notes[0]
    table = model_table(found)
    assert [row[0] for row in table.rows] == ["small, cosine", "small, dcsm", "large, cosine", "chance"]


def test_scorers_are_picked_and_ordered() -> None:
    found = compare({"one": SMALL, "two": LARGE}, scorers=["cosine"], replicates=10)
    assert [entry.name for entry in found.entries] == ["small, cosine", "large, cosine"]
    with pytest.raises(InputError, match=r"no run has the scorer 'maxsim'\. They have: cosine, dcsm"):
        compare({"one": SMALL, "two": LARGE}, scorers=["maxsim"])
    with pytest.raises(InputError, match="nothing to compare"):
        compare({"two": LARGE})


def test_runs_of_one_model_are_told_apart() -> None:
    found = compare({"a/run": LARGE, "b/run": LARGE}, replicates=10)
    assert [entry.name for entry in found.entries] == ["large, cosine (a/run)", "large, cosine (b/run)"]
    assert {row.difference for row in found.comparisons} == {0.0}


def test_notes_of_the_runs_are_kept() -> None:
    one, two = replace(SMALL, notes=("both", "mine")), replace(LARGE, notes=("both",))
    assert compare({"one": one, "two": two}, replicates=10).notes == ("both", "one: mine")


def test_runs_are_named_by_the_shortest_telling_end_of_their_path(tmp_path: Path) -> None:
    for folder in ("x/run", "y/run", "y/other"):
        save(LARGE, tmp_path / folder)
    folders = [tmp_path / folder for folder in ("x/run", "y/run")]
    assert list(load_runs(folders)) == ["x/run", "y/run"]
    assert list(load_runs([tmp_path / "x/run", tmp_path / "y/other"])) == ["run", "other"]
    with pytest.raises(InputError, match="named twice"):
        load_runs([tmp_path / "x/run", tmp_path / "x/../x/run"])


def test_tables_hold_models_categories_chance_and_marks() -> None:
    found = compare({"one": SMALL, "two": LARGE}, replicates=100)
    table = model_table(found)
    assert table.header == ("model", "content: group", "binding: group", "all: group")
    assert str(table.rows[-1][1]) == "16.7"
    assert table.rows[2][2].mark == "*"
    assert table.notes[0] == "* differs from small, cosine (exact McNemar, Holm-corrected p < .05)"
    differences = comparison_table(found)
    assert differences.title == "difference to small, cosine, percentage points"
    assert len(differences.rows) == 2 * 3
    for form in WRITERS:
        assert "large" in write_table(table, form)
    with pytest.raises(InputError, match="unknown metric"):
        model_table(found, "accuracy")


@pytest.mark.parametrize(
    "change", [{"id": "other"}, {"category": "relation"}, {"cluster": "other"}, {"captions": ("b", "a")}]
)
def test_pairs_are_the_same_question(change: dict) -> None:
    """Tags, file names and scores may differ; id, category, cluster, captions and truth may not."""
    same = replace(LARGE.items[0], tags={"x": 1}, images=("c.png", "d.png"))
    assert compare({"one": SMALL, "two": replace(LARGE, items=(same, *LARGE.items[1:]))}, replicates=5).paired
    other = replace(LARGE, items=(replace(LARGE.items[0], **change), *LARGE.items[1:]))
    found = compare({"one": SMALL, "two": other}, replicates=5)
    assert found.paired
    assert found.notes[0] == (
        "paired on the 79 items that are common to one and two; left out: 1 of the 80 of one, 1 of the 80 of two"
    )


def test_items_in_another_order_are_paired_by_what_they_are() -> None:
    turned = replace(LARGE, items=LARGE.items[::-1])
    straight, other = (compare({"one": SMALL, "two": run}, replicates=5) for run in (LARGE, turned))
    assert (other.comparisons, other.metrics, other.notes) == (straight.comparisons, straight.metrics, ())


def test_what_is_common_is_paired_and_the_rest_is_named() -> None:
    part = replace(LARGE, items=LARGE.items[20:], dataset={"content_sha256": "other", "scenes_sha256": "s"})
    whole = replace(SMALL, dataset={"content_sha256": "1234", "scenes_sha256": "s"})
    found = compare({"one": whole, "two": part}, replicates=20)
    assert {row.items for row in found.metrics if row.category == "binding"} == {30}
    alone = compare({"one": replace(SMALL, items=SMALL.items[20:], dataset=part.dataset), "two": part}, replicates=20)
    assert found.comparisons == alone.comparisons
    assert found.notes == ("paired on the 60 items that are common to one and two; left out: 20 of the 80 of one",)
    assert found.notes[0] in model_table(found).notes


def test_runs_with_nothing_in_common_are_not_paired_and_one_line_says_so() -> None:
    first, last = replace(SMALL, items=SMALL.items[:40]), replace(LARGE, items=LARGE.items[40:])
    found = compare({"one": first, "two": last}, replicates=5)
    assert (found.paired, found.comparisons) == (False, ())
    assert found.notes == ("not paired: no item is common to one and two",)


def with_pixels(run: Results, other: range = range(0)) -> Results:
    items = (replace(item, pixels=f"{i}{' changed' * (i in other)}") for i, item in enumerate(run.items))
    return replace(run, items=tuple(items), dataset={"content_sha256": f"{other}"})


def test_the_same_question_about_other_pixels_is_another() -> None:
    found = compare({"one": with_pixels(SMALL), "two": with_pixels(LARGE, range(10))}, replicates=5)
    assert found.notes[0].endswith("10 of the 80 of two (10 of them show other pixels)")
    none = compare({"one": with_pixels(SMALL), "two": with_pixels(LARGE, range(80))}, replicates=5)
    assert none.notes[0] == "not paired: one and two share 80 questions, but were run on different pixels"


def test_what_was_asked_stands_above_the_models() -> None:
    changed = replace(SMALL, dataset={"name": "v1", "changes": ["seed 7"], "split": "train"})
    table = model_table(compare({"one": changed, "two": LARGE}, replicates=5))
    assert table.title == "models by category on v1, modified: seed 7; split train / these items, percent"


def test_chance_stands_under_the_models() -> None:
    table = model_table(compare({"one": SMALL, "two": LARGE}, replicates=50), "text_score")
    assert table.header == ("model", "content: text", "binding: text", "all: text")
    assert [str(cell) for cell in table.rows[-1]] == ["chance", "25.0", "25.0", "25.0"]
    found = {row[0]: row[1:] for row in table.rows}
    assert {cell.mark.strip("≈▽") for cell in found["small, cosine"]} == {""}  # the baseline differs from nothing
