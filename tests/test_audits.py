"""Leaks of every sort, planted one at a time, are caught and named; fourfold and random sets pass."""

import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from fourfold.errors import InputError
from fourfold.generator.audits.blind_audit import (
    EVERYTHING,
    AuditReport,
    as_json,
    as_table,
    audit,
    audit_clusters,
    tail,
)
from fourfold.generator.audits.blind_items import BlindItem, same_multiset, skeleton, words
from fourfold.generator.audits.blind_solvers import RULES, TEMPLATE_PRIOR, TRAINED, at_position
from fourfold.generator.audits.blind_tallies import Part, SolverTally, judge, share
from fourfold.statistics import wilson_interval

SOLVERS = (*RULES, TEMPLATE_PRIOR, *TRAINED)
COLORS = ["red", "blue", "green", "pink", "gray", "brown", "white", "black"]
SHAPES = ["cube", "ball", "cone", "ring", "star", "mug", "lamp", "boat"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def draw(generator: np.random.Generator, values: list[str], count: int) -> list[str]:
    return [str(value) for value in generator.choice(values, count, replace=False)]


def item(number: int, options: list[str], right: int, category: str = "made up") -> BlindItem:
    return BlindItem(f"item {number}", f"cluster {number}", tuple(options), (right,), category)


def many(make: Callable[[np.random.Generator, int], BlindItem], count: int = 200, seed: int = 3) -> list[BlindItem]:
    generator = rng(seed)
    return [make(generator, number) for number in range(count)]


def clean(generator: np.random.Generator, number: int) -> BlindItem:
    """Colors exchanged between two shapes; which option is true is a coin."""
    (one, other), (first, second) = draw(generator, COLORS, 2), draw(generator, SHAPES, 2)
    options = [f"a {one} {first} and a {other} {second}", f"a {other} {first} and a {one} {second}"]
    return item(number, options, int(generator.integers(2)))


def truth_first(generator: np.random.Generator, number: int) -> BlindItem:
    made = clean(generator, number)
    return item(number, list(made.options), 0)


def truth_second_of_three(generator: np.random.Generator, number: int) -> BlindItem:
    return item(number, draw(generator, SHAPES, 3), 1)


def truth_short(generator: np.random.Generator, number: int) -> BlindItem:
    (one, other), right = draw(generator, SHAPES, 2), int(generator.integers(2))
    short, long = f"a {one}", f"a {one} and a {other}"
    return item(number, [short, long] if right == 0 else [long, short], right)


def truth_long(generator: np.random.Generator, number: int) -> BlindItem:
    made = truth_short(generator, number)
    return item(number, list(made.options), 1 - made.truth[0])


def truth_voted(generator: np.random.Generator, number: int) -> BlindItem:
    """aRb among bRa, aSb, cRb, aRc: the distractors agree on what they leave alone."""
    a, b, c = draw(generator, SHAPES, 3)
    relation, opposite = draw(generator, ["left", "right", "front", "behind"], 2)
    right = int(generator.integers(5))
    options = [f"{b} {relation} {a}", f"{a} {opposite} {b}", f"{c} {relation} {b}", f"{a} {relation} {c}"]
    options.insert(right, f"{a} {relation} {b}")
    return item(number, options, right)


def truth_odd(generator: np.random.Generator, number: int) -> BlindItem:
    common, right = draw(generator, SHAPES, 3), int(generator.integers(4))
    options = [" ".join(draw(generator, common, 3)) for _ in range(3)]
    options.insert(right, " ".join(draw(generator, [shape for shape in SHAPES if shape not in common], 3)))
    return item(number, options, right)


def truth_worded(generator: np.random.Generator, number: int) -> BlindItem:
    """True options read "it has ...", false ones "... has it": the same words in another wording."""
    (one, other), right = draw(generator, COLORS, 2), int(generator.integers(2))
    shape = draw(generator, SHAPES, 1)[0]
    made = [f"it has {number} {one} {shape}", f"{number} {other} {shape} has it"]
    return item(number, made if right == 0 else made[::-1], right)


def truth_has_a_word(generator: np.random.Generator, number: int) -> BlindItem:
    """False options are often "wooden"; lengths, order and template say nothing."""
    (one, other), right = draw(generator, SHAPES, 2), int(generator.integers(2))
    true, false = f"some purple {one}", f"some wooden {other}"
    return item(number, [true, false] if right == 0 else [false, true], right)


def truth_has_a_pair(generator: np.random.Generator, number: int) -> BlindItem:
    """The same words in both options: only their order gives the answer."""
    color, shape = draw(generator, COLORS, 1)[0], draw(generator, SHAPES, 1)[0]
    right = int(generator.integers(2))
    true, false = f"{color} small {shape}", f"small {color} {shape}"
    return item(number, [true, false] if right == 0 else [false, true], right)


PLANTED: dict[str, tuple[Callable[[np.random.Generator, int], BlindItem], str]] = {
    "first": (truth_first, "number 0 in 200 of 200"),
    "always option 1": (truth_second_of_three, "number 1 in 200 of 200"),
    "shorter": (truth_short, "characters shorter"),
    "longer": (truth_long, "characters longer"),
    "option voting": (truth_voted, "shares most"),
    "odd one out": (truth_odd, "shares fewest"),
    "template prior": (truth_worded, "wording"),
    "bag of words": (truth_has_a_word, "purple"),
    "n-gram regression": (truth_has_a_pair, "small"),
}


def result(report: AuditReport, solver: str, category: str = EVERYTHING) -> SimpleNamespace:
    [found] = [one for one in report.results if (one.solver, one.category) == (solver, category)]
    return found


@pytest.mark.parametrize("solver", ["first", "always option 1", *SOLVERS])
def test_a_planted_leak_is_caught_and_named(solver: str) -> None:
    make, feature = PLANTED[solver]
    report = audit(many(make), rng())
    found = result(report, solver)
    assert found.leaks
    assert found.accuracy > 0.95
    assert found.low > found.chance
    assert feature in found.feature
    assert not report.passed
    assert solver in {leak.solver for leak in report.leaks}
    assert f"LEAK {EVERYTHING}: {solver}" in as_table(report)


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_set_passes(seed: int) -> None:
    report = audit(many(clean, 400, seed), rng(seed))
    assert report.passed, as_table(report)
    assert report.leaks == ()
    for found in report.results:
        assert found.low <= found.chance
        # What is trained on noise and asked about the rest of it errs a little more often than a guess.
        assert found.chance <= found.high + (0.02 if found.solver in TRAINED else 0.0)


def test_fourfold_groups_leave_every_solver_exactly_at_chance() -> None:
    """Even where captions are as telling as can be: each is true of one image and false of the other."""
    items = [
        BlindItem(f"{number}{role}", made.cluster, made.options, (truth,), "binding", "plain")
        for number, made in enumerate(many(truth_short, 60))
        for truth, role in enumerate("ab")
    ]
    report = audit(items, rng())
    assert report.passed
    assert {found.accuracy for found in report.results} == {0.5}


def test_a_leak_in_one_category_is_found_there() -> None:
    items = many(clean, 1500) + [
        BlindItem(f"s{number}", f"s{number}", made.options, made.truth, "short")
        for number, made in enumerate(many(truth_short, 60))
    ]
    report = audit(items, rng())
    assert result(report, "shorter", "short").leaks
    assert not result(report, "shorter", "made up").leaks
    assert report.identical_multisets == {EVERYTHING: (1500, 1560), "made up": (1500, 1500), "short": (0, 60)}


def test_many_copies_of_one_cluster_prove_nothing() -> None:
    """Three clusters, however many rows: all right three times is no evidence of a leak."""
    items = [BlindItem(f"{n}", f"c{n % 3}", ("a cube", "a cube and a ball"), (0,), "copies") for n in range(300)]
    report = audit(items, rng())
    assert result(report, "shorter").accuracy == 1.0
    assert report.passed


@pytest.mark.parametrize("clusters", [1, 2, 7])
def test_a_handful_of_items_without_a_word_in_common_is_no_obstacle(clusters: int) -> None:
    items = [BlindItem(f"{n}", f"c{n % clusters}", (f"p{n}", f"q{n}"), (n % 2,), f"k{n % 2}") for n in range(7)]
    assert audit(items, rng()).passed


def test_the_report_is_plain_data_and_repeats() -> None:
    items = many(truth_has_a_word)
    report = audit(items, rng(7))
    assert report == audit(items, rng(7))
    data = json.loads(json.dumps(as_json(report)))
    assert data["passed"] is False
    assert data["items"] == 200
    assert {row["solver"] for row in data["results"]} >= set(SOLVERS)
    assert len([row for row in data["results"] if row["leaks"]]) == len(report.leaks)


def test_what_cannot_be_audited_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to audit"):
        audit([], rng())
    with pytest.raises(InputError, match="nothing to audit"):
        audit([BlindItem("x", "c", ("only",), (0,), "k")] * 5, rng())
    with pytest.raises(InputError, match="category name 'all'"):
        audit([BlindItem("x", "c", ("one", "two"), (0,), "all")], rng())
    for truth in [(), (2,), (-1,)]:
        with pytest.raises(InputError, match="item 'x'"):
            audit([BlindItem("x", "c", ("one", "two"), truth, "k")], rng())


def test_ties_share_the_choice() -> None:
    assert share(RULES["shorter"](("aa", "bb", "cccc")), (0,)) == 0.5
    assert share(RULES["shorter"](("aa", "b")), (1,)) == 1.0
    assert share(at_position(2)(("aa", "bb", "cccc")), (0,)) == 0.0
    assert share(at_position(2)(("aa", "b")), (1,)) == 0.5


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=4), min_size=1, max_size=12))
def test_a_tally_knows_how_much_its_clusters_agree(clusters: list[list[float]]) -> None:
    """The sums give what all items at hand would: variance between clusters against that of independent items."""
    tally = SolverTally()
    for rights in clusters:
        tally.add(rights)
    rights = np.concatenate(clusters)
    n, accuracy = len(rights), float(rights.mean())
    assert tally.accuracy == pytest.approx(accuracy)
    if accuracy in (0.0, 1.0) or len(clusters) == 1:
        assert tally.effective_size == len(clusters)
        return
    sums = np.array([sum(own) - accuracy * len(own) for own in clusters])
    variance = (sums**2).sum() / n**2 * len(clusters) / (len(clusters) - 1)
    assert tally.effective_size == pytest.approx(n / max(1.0, variance / (accuracy * (1 - accuracy) / n)))


def test_an_item_wider_than_those_before_it_leaves_them_a_guess() -> None:
    items = [item(0, ["aa", "bb"], 0), item(1, ["cc", "dd", "ee"], 2), item(2, ["ff", "gg"], 1)]
    report = audit(items, rng())
    assert result(report, "first").accuracy == pytest.approx(1 / 3)
    assert result(report, "always option 2").accuracy == pytest.approx((0.5 + 1 + 0.5) / 3)


BOUND = 150


@pytest.mark.parametrize("solver", ["first", "always option 1", *SOLVERS])
def test_a_planted_leak_is_caught_in_a_stream_of_which_a_sample_is_kept(solver: str) -> None:
    make, feature = PLANTED[solver]
    report = audit_clusters(([each] for each in many(make, 400)), rng(), BOUND)
    found = result(report, solver)
    assert found.leaks
    assert found.clusters == (BOUND if solver in TRAINED else 400)
    assert feature.split()[0] in found.feature
    assert as_json(report)["most_for_training"] == BOUND


def test_untrained_solvers_say_the_same_whatever_is_kept() -> None:
    items = many(truth_short, 100) + [
        BlindItem(f"v{number}", f"v{number}", made.options, made.truth, "voted")
        for number, made in enumerate(many(truth_voted, 100))
    ]
    whole, sampled = audit(items, rng()), audit_clusters(([each] for each in items), rng(), 20)
    for one, other in zip(whole.results, sampled.results, strict=True):
        if one.solver not in TRAINED:
            assert (one.n, one.accuracy, one.chance, one.low) == (other.n, other.accuracy, other.chance, other.low)
        else:
            assert other.clusters == 20


def test_what_is_kept_does_not_grow_with_the_set() -> None:
    def peak(count: int) -> int:
        generator = rng(2)
        tracemalloc.start()
        try:
            audit_clusters(([clean(generator, number)] for number in range(count)), rng(), 20)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(50)  # caches fill
    assert peak(1500) - peak(300) < 1200 * 60  # bytes; the captions alone are several times that


def test_a_sample_is_drawn_evenly_from_all_that_goes_by() -> None:
    """A leak in the last tenth alone: every tenth cluster of a sample must be from there."""
    items = [item(number, ["a cube", "a ball"], number % 2) for number in range(2000)]
    part = Part(200, io.BytesIO())
    generator = rng(5)
    for each in items:
        part.add([judge(each)], generator)
    numbers = np.array([int(cluster[0].id.split()[1]) for cluster in part.sample()])
    assert len(set(numbers)) == 200
    counts = np.bincount(numbers // 200, minlength=10)
    assert counts.min() > 5
    assert counts.max() < 40


def test_words_templates_and_multisets() -> None:
    assert words("A dog's  RED-hot, ball.") == ["a", "dog's", "red", "hot", "ball"]
    assert skeleton("A small red cube is left of the shiny ball.") == "a * is left of the *"
    assert skeleton("An image without any dogs") == skeleton("An image without any big cats")
    assert same_multiset(BlindItem("x", "c", ("A red cube, a blue ball", "a blue cube a red ball."), (0,), "k"))
    assert not same_multiset(BlindItem("x", "c", ("a cube", "a a cube"), (0,), "k"))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.data())
def test_interval_and_tail_agree_with_scipy(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    chance = data.draw(st.sampled_from([0.2, 0.25, 0.5]))
    exact = binomtest(k, n, chance, alternative="greater")
    assert tail(k / n, chance, n) == pytest.approx(exact.pvalue, abs=1e-12)
    interval = binomtest(k, n, chance).proportion_ci(0.99, method="wilson")
    assert wilson_interval(k, n, 0.99) == pytest.approx((interval.low, interval.high), abs=1e-9)


def first_is_right(times: int, of: int) -> list[BlindItem]:
    """Items whose options say nothing; the first is the true one this many times."""
    return [item(n, [f"p{n}", f"q{n}"], int(n >= times)) for n in range(of)]


@pytest.mark.parametrize(("times", "leaks"), [(64, False), (65, False), (66, True), (69, True)])
def test_a_leak_begins_at_one_percent_after_correction(times: int, leaks: bool) -> None:
    """Of 100 clusters, which count as 99: 66 right have p 0.0009, of 9 tests 0.0085; 65 have 0.0018 and 0.0166."""
    report = audit(first_is_right(times, 100), rng())
    found = result(report, "first")
    assert len(report.results) == 9
    assert found.p == pytest.approx(9 * tail(times / 100, 0.5, 99))
    assert found.leaks == (found.p < 0.01) == leaks
    assert (found.low, found.high) == pytest.approx(wilson_interval(times * 0.99, 99, 0.99), abs=1e-12)


def test_items_whose_options_are_all_true_are_no_questions() -> None:
    items = first_is_right(30, 60)
    whole = [BlindItem(f"x{n}", f"x{n}", ("a cube", "a cube and a ball"), (0, 1), "made up") for n in range(60)]
    assert audit(items + whole, rng()) == audit(items, rng())


def test_two_questions_are_the_fewest_that_can_be_audited() -> None:
    assert audit(first_is_right(1, 2), rng()).items == 2
    with pytest.raises(InputError, match="1 of 1 items have both true and false captions; nothing to audit"):
        audit(first_is_right(1, 1), rng())


def test_the_audits_need_neither_torch_nor_the_evaluator() -> None:
    unwanted = "sys.modules.keys() & {'torch', 'fourfold.evaluator'}"
    code = f"import fourfold.generator.audits.dataset_audit, sys; sys.exit(bool({unwanted}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0
