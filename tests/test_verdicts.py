"""What a report says in words: for planted results the sentence that is true of them, and no more than tests show."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.results import Results, save
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.reporting import write_report
from fourfold.evaluator.reporting.lead import make_lead
from fourfold.evaluator.reporting.loading import load_material
from fourfold.evaluator.reporting.markdown import escape
from fourfold.evaluator.reporting.pages import make_title
from fourfold.evaluator.reporting.systems import list_systems
from fourfold.evaluator.reporting.verdicts import against_baseline, against_chance, p_of
from fourfold.evaluator.reporting.view import NBSP, Numbers

TRUTH = np.eye(2, dtype=bool)
IMAGE, CAPTION = np.array([[1.0, 1], [-1, -1]]), np.array([[1.0, -1], [1, -1]])  # offsets of a group's table
PAIRS = np.array([[1.0, -1], [-1, 1]])  # its interaction, as it should be


def planted(kind: str, rng: np.random.Generator) -> np.ndarray:
    """The scores of one group by a scorer that fails, or does not, in a known way."""
    offset = 9 * rng.choice([-1, 1])
    return {
        "right": 5 * PAIRS,
        "inverted": -5 * PAIRS,
        "offsets": PAIRS + offset * CAPTION,
        "coin": rng.choice([-1, 1]) * PAIRS + offset * IMAGE,
        "noise": rng.standard_normal((2, 2)),
        # Wrong in the third of groups that no offset decides, and more often right than not in the others.
        "hidden": -5 * PAIRS if rng.random() < 1 / 3 else rng.choice([-1, 1, 1, 1]) * PAIRS + offset * CAPTION,
    }[kind] + 0.01 * rng.standard_normal((2, 2))


def run_of(
    kinds: dict[str, str], *, n: int = 60, categories: tuple[str, ...] = ("binding",), model: str = "tiny"
) -> Results:
    """Results on groups that each scorer answers as its kind; `kinds` is scorer -> kind, or one for each category."""
    rng = np.random.default_rng(3)
    items = [
        ScoredItem(f"{category}-{i}", category, f"{category}-{i}", {}, ("a", "b"), ("a", "b"), TRUTH,
                   {name: planted(kind.split("/")[min(c, kind.count("/"))], rng).astype(np.float32)
                    for name, kind in kinds.items()})
        for c, category in enumerate(categories) for i in range(n)
    ]  # fmt: skip
    metrics, comparisons = summarise(items, seed=0, baseline="cosine", replicates=50)
    return Results(
        items=tuple(items),
        metrics=metrics,
        comparisons=comparisons,
        model={"name": model, "identity": model},
        scorers={name: {} for name in kinds},
        dataset={"name": "set", "content_sha256": "a"},
        settings={"seed": 0, "replicates": 50, "level": 0.95, "baseline": "cosine"},
        versions={},
    )


def numbers_of(run: Results) -> Numbers:
    return Numbers(run, tuple(list_systems([run])))


def clause(run: Results, scorer: str, category: str = "binding") -> str:
    numbers = numbers_of(run)
    system = next(each for each in numbers.systems if each.scorer == scorer)
    return against_chance(numbers, category, system).replace(NBSP, " ")


@pytest.mark.parametrize(
    ("kind", "beginning", "end"),
    [
        ("right", "cosine is above chance (100.0 % [94.0, 100.0], p < .001)", ""),
        ("inverted", "cosine is below chance (0.0 % [0.0, 6.0], p < .001)",
         "the wrong pairs win on average (match 0.0 %, p < .001), so it is inverted"),
        ("offsets", "cosine is below chance (0.0 % [0.0, 6.0], p < .001)",
         "the right pairs win on average (match 100.0 %, p < .001), but offsets of single pictures and captions"),
        ("coin", "cosine is below chance (0.0 % [0.0, 6.0], p < .001)",
         "so offsets of single pictures and captions decide"),
        ("noise", "cosine is not distinguishable from chance (", "is not distinguishable from chance either (match"),
        ("hidden", "cosine is below chance (0.0", "as likely as the right ones, p < .001), so it is inverted"),
    ],
)  # fmt: skip
def test_each_way_to_fail_has_its_sentence(kind: str, beginning: str, end: str) -> None:
    said = clause(run_of({"cosine": kind}), "cosine")
    assert said.startswith(beginning)
    assert end in said
    assert ("inverted" in said) == (kind in ("inverted", "hidden"))
    assert ("offsets" in said) == (kind in ("offsets", "coin", "hidden"))
    assert (": " in said) == (kind != "right")


def test_better_worse_and_neither() -> None:
    run = run_of({"cosine": "noise", "dcsm": "right", "maxsim": "inverted", "again": "noise"})
    numbers = numbers_of(run)
    said = {each.scorer: against_baseline(numbers, "binding", each) for each in numbers.systems}
    assert said["cosine"] == ""
    assert said["dcsm"].startswith("better than cosine (+")
    assert said["maxsim"].startswith("worse than cosine (−")
    assert said["again"].startswith("not distinguishable from cosine (")


SHARE = st.floats(0, 1)


@given(SHARE, SHARE, SHARE, SHARE, SHARE, st.floats(-1, 1), SHARE)
def test_nothing_is_claimed_without_a_test_that_bears_it_out(
    value: float, match: float, p: float, p_match: float, p_given: float, difference: float, p_difference: float
) -> None:
    metrics = tuple(
        replace(row, value=value, p_chance=p, p_chance_holm=p, chance_given_offsets=0.5, p_given_offsets=p_given)
        if row.metric == "group_score"
        else replace(row, value=match, p_chance=p_match, p_chance_holm=p_match)
        for row in BASE.metrics
    )
    comparisons = tuple(
        replace(row, difference=difference, p=p_difference, p_holm=p_difference) for row in BASE.comparisons
    )
    run = replace(BASE, metrics=metrics, comparisons=comparisons)
    said, numbers = clause(run, "dcsm"), numbers_of(run)
    assert bool(re.search("is (above|below) chance", said)) == (p < 0.05)
    inverted = (p_match < 0.05 and match < 0.5) or (p_given < 0.05 and value < 0.5)
    assert ("inverted" in said) == (inverted and not (p < 0.05 and value > 1 / 6))
    assert "pairs win on average" not in said or p_match < 0.05
    beside = against_baseline(numbers, "binding", next(s for s in numbers.systems if s.role == "dcsm"))
    assert bool(re.match("better|worse", beside)) == (p_difference < 0.05)


BASE = run_of({"cosine": "noise", "dcsm": "right"}, n=10)


@given(st.floats(0, 1))
def test_a_p_value_is_never_rounded_over_an_edge(p: float) -> None:
    said = p_of(p).replace(NBSP, " ")
    number = float(said.split()[-1])
    assert (p < 0.05) == ("<" in said or number < 0.05)
    assert p < number if "<" in said else abs(p - number) <= 0.0005 + 1e-12
    assert number > 0


def test_the_verdict_counts_categories_by_what_was_shown() -> None:
    run = run_of({"cosine": "right/inverted/inverted", "dcsm": "right"}, categories=("content", "binding", "negation"))
    assert make_lead([numbers_of(run)]).verdict == (
        "With DCSM, tiny is above chance in all 3 categories, and better than cosine in binding and negation, not "
        "distinguishable from cosine in content. Cosine itself is above chance in content, below chance in binding and "
        "negation."
    )


def test_of_many_categories_the_verdict_counts() -> None:
    names = tuple(f"kind-{i}" for i in range(9))
    run = run_of({"cosine": "/".join(["right"] * 2 + ["inverted"] * 7)}, n=40, categories=names)
    assert make_lead([numbers_of(run)]).verdict == (
        "Scored with cosine, tiny is above chance in kind-0 and kind-1, below chance in 7 of 9 categories."
    )


def untested(run: Results) -> Results:
    """As results of earlier versions were: nothing tested against chance."""
    metrics = tuple(replace(row, p_chance=None, p_chance_holm=None) for row in run.metrics)
    return replace(run, metrics=metrics)


def test_of_results_that_were_not_tested_the_numbers_are_said_and_nothing_more() -> None:
    lead = make_lead([numbers_of(untested(run_of({"cosine": "inverted"})))])
    assert lead.verdict.replace(NBSP, " ") == "Scored with cosine, tiny gets right 0.0 % of binding groups."
    [(_, said)] = lead.categories
    assert said.replace(NBSP, " ") == (
        "cosine gets 0.0 % [0.0, 6.0] right, where chance is 16.7 %, and this was not tested."
    )


@pytest.mark.parametrize("scorers", [("dcsm",), ("labclip",), ("cosine",), ("dcsm", "random")])
def test_one_scorer_is_no_comparison(tmp_path: Path, scorers: tuple[str, ...]) -> None:
    """A run of DCSM alone was titled "and what DCSM changes"."""
    run = run_of(dict.fromkeys(scorers, "right"))
    save(run, tmp_path / "r")
    assert make_title([numbers_of(run)]) == "What tiny gets right"
    text = (
        write_report([tmp_path / "r"], tmp_path / "r.md").read_text(encoding="utf-8").partition("## Configuration")[0]
    )
    page = write_report([tmp_path / "r"], tmp_path / "r.html").read_text(encoding="utf-8").partition("<footer>")[0]
    for said in (text, page):
        assert not re.search(
            r"compared|better than|without|changes|minus|differs from|points with", said.split("</style>")[-1]
        )


def many(tmp_path: Path, runs: dict[str, Results]) -> list[Numbers]:
    for name, run in runs.items():
        save(run, tmp_path / name)
    return list(load_material([tmp_path / name for name in runs], None).numbers)


def test_several_models_have_one_lead(tmp_path: Path) -> None:
    weak = run_of({"cosine": "inverted"}, model="weak")
    strong = run_of({"cosine": "noise", "dcsm": "right"}, model="strong")
    lead = make_lead(many(tmp_path, {"a": weak, "b": strong}))
    assert lead.verdict.replace(NBSP, " ").startswith(
        "In binding, strong with DCSM gets most right (100.0 %), better than the next, strong with cosine (+"
    )
    assert lead.verdict.endswith(
        "above chance: DCSM of strong; not distinguishable from chance: cosine of strong; below chance: cosine of weak."
    )


def test_models_that_are_alike_are_not_ranked(tmp_path: Path) -> None:
    runs = {name: run_of({"cosine": "right"}, model=name) for name in ("one", "two", "three")}
    verdict = make_lead(many(tmp_path, runs)).verdict.replace(NBSP, " ")
    assert "not distinguishable from the next, two with cosine (0.0 points, p = 1.000)" in verdict
    assert verdict.endswith("above chance: cosine of all 3.")


def test_between_models_p_is_corrected_for_all_pairs(tmp_path: Path) -> None:
    """The best of many is picked after the fact: what two alone would show need not hold among them."""
    right, some = run_of({"cosine": "right"}, model="best"), run_of({"cosine": "right"}, model="next")
    lost = tuple(
        replace(item, scores={"cosine": -item.scores["cosine"]}) if i < 7 else item for i, item in enumerate(some.items)
    )
    metrics, comparisons = summarise(lost, seed=0, replicates=20)
    some = replace(some, items=lost, metrics=metrics, comparisons=comparisons)
    two = make_lead(many(tmp_path, {"a": right, "b": some})).verdict
    others = {f"c{i}": replace(some, model={"name": f"m{i}"}) for i in range(4)}
    six = make_lead(many(tmp_path / "six", {"a": right, "b": some} | others)).verdict
    assert "better than the next, next with cosine" in two  # 7 : 0, p = .016
    assert "not distinguishable from the next, next with cosine" in six  # of 15 pairs


def test_runs_of_one_model_are_told_apart_and_not_called_models(tmp_path: Path) -> None:
    found = many(tmp_path, {"seed-1": run_of({"cosine": "right"}), "seed-2": run_of({"cosine": "noise"})})
    assert [each.model for each in found] == ["tiny (seed-1)", "tiny (seed-2)"]
    assert make_title(found) == "2 evaluations of tiny compared"


def test_one_lead_one_table_and_charts_over_all(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    for name in names:
        save(run_of({"cosine": "noise", "dcsm": "right"}, model=name), tmp_path / name)
    page = write_report([tmp_path / name for name in names], tmp_path / "r.html").read_text(encoding="utf-8")
    panel = page.partition('<article class="panel">')[2].partition("</article>")[0]
    for name in names:
        assert f"{name}, cosine</text>" in panel
        assert f"points with {name}, DCSM" in panel
    before = page.partition("<details")[0]
    assert before.count('<table class="numbers') == 1
    assert page.count('class="lede"') == 1


def test_the_document_says_what_the_page_says(tmp_path: Path) -> None:
    save(run_of({"cosine": "offsets", "dcsm": "right"}), tmp_path / "r")
    lead = make_lead(load_material([tmp_path / "r"], None).numbers)
    text = write_report([tmp_path / "r"], tmp_path / "r.md").read_text(encoding="utf-8")
    assert escape(lead.verdict) in text
    assert all(escape(sentence) in text for _, sentence in lead.categories)


def test_a_sentence_speaks_of_one_scorer() -> None:
    run = run_of({"cosine": "coin", "dcsm": "right", "maxsim": "offsets"})
    [(_, said)] = make_lead([numbers_of(run)]).categories
    sentences = re.split(r"(?<=\S)\. ", said)
    starts = [sentence.partition(" is ")[0] for sentence in sentences]
    assert [start for start in starts if start != "It"] == ["DCSM", "cosine", "maxsim"]
    assert not any(f"; {name}" in said for name in ("it is", "cosine is", "maxsim is"))
