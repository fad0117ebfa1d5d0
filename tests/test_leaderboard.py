"""A leaderboard: ranked by shares, tested in pairs against the best, one file, and no number of other data in it."""

import csv
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.leaderboard import rank
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS, TRAINED
from fourfold.evaluator.analysis.metrics import group_score
from fourfold.evaluator.analysis.results import Results, save
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.reporting.leaderboard import make_leaderboard, ranking_table, write_leaderboard
from fourfold.statistics import holm, mcnemar_exact

TRUTH = np.eye(2, dtype=bool)


def make_run(model: str, skills: dict[str, float], *, n: int = 60, seed: int = 0, data: str = "d1", **facts) -> Results:
    rng = np.random.default_rng([seed, len(model)])
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
    metrics, comparisons = summarise(items, seed=0, replicates=20)
    return Results(
        items=items,
        metrics=metrics,
        comparisons=comparisons,
        model={"name": model, "identity": model, "embed_dim": 8, "has_patches": True},
        scorers={name: {"n_parameters": 0, "set_dependent": name == "marginal"} for name in skills},
        dataset={"name": "demo", "content_sha256": data},
        settings={"seed": 0, "replicates": 20, "level": 0.95, "baseline": "cosine"},
        versions={"fourfold": "0.2.0"},
        command=f"fourfold evaluate demo --model {model}",
        **facts,
    )


GOOD = make_run("good/model", {"cosine": 1.2, "dcsm": 4.0})
FAIR = make_run("fair", {"dcsm": 3.9, "marginal": 1.0, "oracle": 50.0}, seed=1)
RUNS = {"one": GOOD, "two": FAIR}


def is_control(name: str) -> bool:
    return name == "oracle"


def right(results: Results, scorer: str, category: str) -> np.ndarray:
    chosen = [item for item in results.items if category in ("all", item.category)]
    return (group_score(np.stack([item.scores[scorer] for item in chosen]), np.stack([TRUTH] * len(chosen))) > 0)[:, 0]


@pytest.mark.parametrize("category", ["all", "binding"])
def test_places_follow_the_shares_and_tests_are_those_of_the_items(category: str) -> None:
    board = rank(RUNS, category=category, is_control=is_control)
    ranked = [place for place in board.places if place.rank is not None]
    values = [place.row.value for place in ranked]
    assert values == sorted(values, reverse=True)
    assert [place.rank for place in ranked] == [1 + sum(other > value for other in values) for value in values]
    of = {place.name: right(RUNS[place.run], place.row.scorer, category) for place in board.places}
    best = of[board.best.name]
    counts = [((of[p.name] & ~best).sum(), (best & ~of[p.name]).sum()) for p in ranked[1:]]
    assert [(place.wins, place.losses) for place in ranked[1:]] == counts
    assert [place.p for place in ranked[1:]] == holm([mcnemar_exact(*each) for each in counts])
    assert all(place.row.value == of[place.name].mean() for place in board.places)
    assert board.best.p is None
    assert {p.name: p.ties_with_best for p in ranked[1:]}["good/model, cosine"] is False
    assert any(place.ties_with_best for place in ranked)  # 4.0 and 3.9 are one skill


def test_equal_shares_share_a_rank() -> None:
    same = replace(GOOD, model={"name": "same"})
    board = rank({"one": GOOD, "again": same})
    assert [place.rank for place in board.places] == [1, 1, 3, 3]
    assert board.places[1].p == 1.0


def test_controls_and_heads_on_their_own_training_items_are_shown_without_a_rank() -> None:
    facts = {**FAIR.scorers, "dcsm": {"n_parameters": 9, "set_dependent": False, "training_items": 60}}
    board = rank({"one": GOOD, "two": replace(FAIR, scorers=facts)}, is_control=is_control)
    assert {place.scorer for place in board.places if place.rank is None} == {"oracle", f"dcsm{TRAINED}"}
    assert {place.scorer for place in board.places if place.rank is not None} == {"cosine", "dcsm", "marginal†"}
    assert [place.rank is None for place in board.places] == [False] * 3 + [True] * 2
    with pytest.raises(InputError, match="nothing to rank"):
        rank({"two": FAIR}, is_control=lambda name: True)


def test_results_on_other_data_are_named_and_left_out() -> None:
    part = make_run("part", {"cosine": 9.0}, n=10, data="d2")
    board = rank({"part": part, **RUNS}, is_control=is_control)
    assert "part" not in {place.run for place in board.places}
    assert board.left_out == ("left out: part is on other data (demo, 10 items)",)
    assert board.left_out[0] in ranking_table(board).notes
    with pytest.raises(InputError, match="say that they are on the same items, and are not"):
        rank({"one": GOOD, "two": replace(FAIR, items=FAIR.items[::-1])})
    with pytest.raises(InputError, match="no results that say which items"):
        rank({"one": replace(GOOD, dataset={"name": "demo"})})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"category": "bindings"}, "Did you mean 'binding'"),
        ({"metric": "groups"}, "unknown metric"),
        ({"metric": "hard_positive"}, "no scorer has 'hard positive' of 'all'"),
    ],
)
def test_what_the_results_have_not_is_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rank(RUNS, **options)


def test_a_metric_that_is_no_share_is_ranked_and_not_tested() -> None:
    board = rank(RUNS, metric="matching_auc", is_control=is_control)
    assert [place.p for place in board.places] == [None] * 5
    assert "differences are not tested" in " ".join(ranking_table(board).notes)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A leaderboard with every sign, hostile names and several seeds, in all its forms."""
    root = tmp_path_factory.mktemp("board")
    hostile = make_run("</script><img src=x onerror=alert(1)>|x", {"cosine": 1.0}, seed=2)
    seeds = make_run("seeded", {f"dcsm#{seed}": 2.0 + seed for seed in range(3)}, seed=3, notes=(RANDOM_WEIGHTS,))
    known = {**FAIR.scorers, "dcsm": {"n_parameters": 9, "set_dependent": False, "training_items": 60}}
    noted = replace(FAIR, scorers=known, notes=(f"{TRAINED} dcsm was trained on 60 of these 60 items",))
    other = make_run("elsewhere", {"cosine": 1.0}, data="d2")
    runs = {"one": GOOD, "two": noted, "hostile": hostile, "seeds": seeds, "zz": other}
    for name, run in runs.items():
        save(run, root / name)
    board = make_leaderboard([root / name for name in runs])
    texts = {end: write_leaderboard(board, root / f"board.{end}") for end in ("html", "md", "csv", "json")}
    return SimpleNamespace(board=board, texts={end: path.read_text("utf-8") for end, path in texts.items()}, root=root)


@pytest.mark.parametrize("form", ["html", "md"])
def test_signs_notes_seeds_and_what_was_left_out_are_on_every_page(written: SimpleNamespace, form: str) -> None:
    text = written.texts[form]
    for said in (
        "marginal†",
        "a score depends on what else is in the set",
        f"dcsm{TRAINED}",
        "was trained on 60 of these 60 items",
        "seeded§",
        "random weights were allowed",
        "zz is on other data (demo, 60 items)",
        "Over training seeds",
        "0, 1, 2",
        "Holm-corrected over",
        "fourfold evaluate demo --model",
    ):
        assert said in text, said
    assert "elsewhere" not in text.replace("Intervals elsewhere", "")


def test_the_page_is_one_file_that_runs_nothing_of_others(written: SimpleNamespace) -> None:
    page = written.texts["html"]
    assert "<img src=x" not in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert "default-src 'none'" in html.unescape(page)
    assert page.count('class="numbers sortable"') == 4  # ranking, categories, seeds, facts


def test_data_forms_hold_every_place(written: SimpleNamespace) -> None:
    rows = list(csv.DictReader(written.texts["csv"].splitlines()))
    places = written.board.places
    assert [(row["model"], row["scorer"], row["rank"]) for row in rows] == [
        (place.facts["model_name"], place.row.scorer, "" if place.rank is None else str(place.rank)) for place in places
    ]
    assert [float(row["share"]) for row in rows] == [place.row.value for place in places]
    data = json.loads(written.texts["json"])
    assert (data["format"], len(data["places"])) == ("fourfold-leaderboard", len(places))
    assert data["places"][0]["row"]["value"] == places[0].row.value


def test_the_command_prints_the_ranking_and_writes_the_page(written: SimpleNamespace, fourfold, tmp_path: Path) -> None:
    folders = [written.root / name for name in ("one", "two")]
    said = fourfold("leaderboard", *folders, "--out", tmp_path / "new" / "board.html", "--category", "binding")
    assert (said.code, "demo: group of binding, percent" in said.out) == (0, True), said.err
    assert "<title>Leaderboard of demo</title>" in (tmp_path / "new" / "board.html").read_text("utf-8")
    said = fourfold("leaderboard", *folders, "--out", tmp_path / "board.pdf")
    assert (said.code, "ends in .html or .md or .csv or .json" in said.err) == (2, True)
    said = fourfold("leaderboard", tmp_path / "nowhere")
    assert (said.code, "is " in said.err, said.err.count("\n")) == (2, True, 1)
