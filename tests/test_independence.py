"""Object tables in which one column gives another away are caught; designs that only look dependent are not."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.audits import independence
from fourfold.generator.audits.blind_audit import audit
from fourfold.generator.audits.dataset_audit import (
    audit_dataset,
    dataset_audit_as_json,
    dataset_audit_as_table,
    dependent_by_design,
    group_items,
    object_rows,
)
from fourfold.generator.audits.independence import (
    HARMLESS,
    IndependenceResult,
    ObjectTable,
    audit_independence,
    audit_objects,
)
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import keeps_hold_outs, make_world
from fourfold.generator.dataset.reading import Group, read_groups
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split, Vocabulary

COLUMNS = ("color", "shape", "across", "split")


def table(seed: int, groups: int = 300, objects: int = 2) -> list[dict]:
    """Two near-identical images a group; everything in them drawn independently."""
    generator = np.random.default_rng(seed)
    rows = []
    for group in range(groups):
        split = str(generator.choice(["train", "test"]))
        for _ in range(objects):
            thing = {
                "color": str(generator.choice(["red", "blue", "green"])),
                "shape": str(generator.choice(["cube", "ball", "cone", "mug"])),
                "across": float(generator.uniform(0, 224)),
            }
            rows += [{**thing, "group": group, "image": f"{group}{role}", "split": split} for role in "ab"]
    return rows


def run(
    rows: list[dict], columns: tuple[str, ...] = COLUMNS, seed: int = 0, **options
) -> dict[tuple, IndependenceResult]:
    found = audit_independence(rows, np.random.default_rng(seed), columns=columns, **options)
    return {result.columns: result for result in found}


@pytest.mark.parametrize("seed", range(6))
def test_independent_columns_pass(seed: int) -> None:
    found = run(table(seed))
    assert len(found) == 6
    assert not any(result.leaks for result in found.values())
    assert all(result.feature == "" and result.strength < 0.2 for result in found.values())


def test_twin_images_are_not_two_witnesses() -> None:
    assert {result.n for result in run(table(0)).values()} <= set(range(300, 601))


PLANTS = {
    ("color", "across"): lambda row: {"across": row["across"] / 2 + 112 * (row["color"] == "red")},
    ("color", "shape"): lambda row: {"shape": "mug"} if row["color"] == "blue" else {},
    ("shape", "split"): lambda row: {"shape": "cone"} if row["split"] == "test" else {},
    ("across", "split"): lambda row: {"across": 10.0 + row["across"] / 3} if row["split"] == "test" else {},
}


@pytest.mark.parametrize("pair", PLANTS)
def test_a_planted_dependence_is_caught_and_named(pair: tuple[str, str]) -> None:
    found = run([{**row, **PLANTS[pair](row)} for row in table(1)])
    assert found[pair].leaks
    assert found[pair].strength > 0.2
    assert pair[0] in found[pair].feature
    assert pair[1] in found[pair].feature


@pytest.mark.parametrize(("share", "leaks", "slight"), [(0.5, False, False), (0.52, False, True), (0.6, True, False)])
def test_a_dependence_too_slight_to_help_is_no_leak(share: float, leaks: bool, slight: bool) -> None:
    """Two even colors, each with its own shape this often, in pictures enough to be certain of little."""
    generator = np.random.default_rng(8)
    rows = []
    for number in range(12_000):
        color = int(generator.integers(2))
        shape = color if generator.random() < share else 1 - color
        rows.append({"color": ["red", "blue"][color], "shape": ["mug", "ball"][shape], "group": number, "image": 0})
    [result] = run(rows, ("color", "shape")).values()
    assert (result.leaks, result.slight) == (leaks, slight)
    assert (result.strength < HARMLESS) is not leaks
    assert ("objects where independence expects" in result.feature) is (leaks or slight)


@pytest.mark.parametrize("columns", [("color", "split"), ("split", "color")])
@pytest.mark.parametrize("lacking", [True, False])
def test_a_color_that_a_small_split_lacks_is_a_leak(columns: tuple[str, str], lacking: bool) -> None:
    """One picture in fifty is for testing; among all objects the missing ones are a fifth of a percent."""
    generator = np.random.default_rng(6)
    rows = []
    for number in range(20_000):
        split = "test" if number % 50 == 0 else "train"
        color = int(generator.integers(9 if lacking and split == "test" else 10))
        rows.append({"color": f"color {color}", "split": split, "group": number, "image": 0})
    [result] = run(rows, columns).values()
    assert result.leaks is lacking
    assert (result.strength > 2 * HARMLESS) is lacking


def test_few_objects_are_judged_by_permutation() -> None:
    rows = [{"color": "red", "shape": "cube"}, {"color": "blue", "shape": "ball"}] * 6
    rows = [{**row, "group": number, "image": number} for number, row in enumerate(rows)]
    [result] = run(rows, ("color", "shape")).values()
    assert result.strength == pytest.approx(1.0)
    assert result.leaks
    few = run(rows[:4], ("color", "shape"))
    assert not few["color", "shape"].leaks


def test_many_objects_alike_in_one_picture_count_once() -> None:
    """Scenes for counting repeat one object; five red mugs are one choice of a red mug."""
    generator = np.random.default_rng(4)
    rows = []
    for group in range(60):
        color, shape = generator.choice(["red", "blue"]), generator.choice(["mug", "ball"])
        rows += [{"color": color, "shape": shape, "group": group, "image": group}] * int(generator.integers(1, 9))
    assert run(rows, ("color", "shape"))["color", "shape"].n == 60


@pytest.mark.parametrize("seed", range(4))
def test_more_objects_in_the_images_of_a_split_are_no_dependence(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = []
    for group in range(1500):
        split, objects = ("few", 2) if group % 2 else ("many", 6)
        for _ in range(objects):
            color = str(generator.choice(["red", "blue", "green"], p=[0.75, 0.15, 0.1]))
            rows.append({"color": color, "group": group, "image": str(group), "split": split})
    assert not run(rows, ("color", "split"))["color", "split"].leaks


def test_dependence_that_is_meant_is_left_out() -> None:
    rows = [{**row, **PLANTS["shape", "split"](row)} for row in table(1)]
    found = run(rows, meant=[frozenset({"split", "shape"})])
    assert ("shape", "split") not in found
    assert not any(result.leaks for result in found.values())


ORDINARY, ALWAYS = Split({"binding": 4, "relation": 4}), Split({"binding": 4, "relation": 4}, synonyms="always")
FEWER = Split({"binding": 12, "relation": 4})
SHAPE, SIZE = frozenset({"shape", "split"}), frozenset({"size", "split"})


@pytest.mark.parametrize(
    ("splits", "arrangements", "meant"),
    [
        ([ORDINARY, ORDINARY], (), set()),
        ([ORDINARY, ALWAYS], (), {SHAPE}),
        ([ALWAYS, ALWAYS], (), set()),
        ([ORDINARY, Split(scenes=4, synonyms="always")], (), set()),  # natural scenes are not audited
        ([ORDINARY, FEWER], (), set()),
        ([ORDINARY, ORDINARY], ("stacked", "inside"), set()),
        ([ORDINARY, Split({"binding": 1, "relation": 1})], ("stacked", "inside"), set()),
        ([ORDINARY, Split(scenes=4)], ("stacked", "inside"), set()),
        ([ORDINARY, FEWER], ("stacked",), {SHAPE}),
        ([ORDINARY, FEWER], ("inside",), {SHAPE, SIZE}),
        ([ORDINARY, Split({"binding": 1})], ("stacked", "inside"), {SHAPE, SIZE}),
    ],
)
def test_splits_of_other_words_or_relations_may_show_other_kinds(splits, arrangements, meant) -> None:
    named = {f"split-{number}": split for number, split in enumerate(splits)}
    recipe = Recipe("x", named, scene=SceneRange(arrangements=("table", *arrangements)))
    assert {pair for pair in dependent_by_design(recipe) if "split" in pair} == meant


@pytest.mark.parametrize(
    ("splits", "arrangements"),
    [((ORDINARY, ALWAYS), ("table",)), ((Split({"binding": 1}), Split({"relation": 1})), ("table", "inside"))],
    ids=["synonyms", "relations"],
)
def test_such_splits_do_show_other_kinds(splits, arrangements) -> None:
    """Without what is meant the audit would refuse these recipes, when all is rendered."""
    named, scene = dict(zip(("one", "other"), splits, strict=True)), SceneRange((2, 2), arrangements)
    words = Vocabulary(("cube", "cone", "star", "mug", "sphere", "sofa", "bowl", "crate", "arrow", "heart"))
    recipe = Recipe("x", named, scene=scene, vocabulary=words)
    rows = [row for name in named for row in objects_of_drafts(recipe, name, 300)]
    columns = ("shape", "size", "split")
    assert any(result.leaks for pair, result in run(rows, columns).items() if "split" in pair)
    assert not any(result.leaks for result in run(rows, columns, meant=dependent_by_design(recipe)).values())


def objects_of_drafts(recipe: Recipe, name: str, groups: int) -> list[dict]:
    """Objects of the first scenes of groups that are not drawn, categories as often as in the split."""
    world, rng = make_world(recipe, recipe.splits[name]), np.random.default_rng([7, *name.encode()])
    categories = [category for category, number in recipe.splits[name].groups.items() for _ in range(number)]
    rows: list[dict] = []
    for group in range(groups):
        draft = None
        while draft is None or not keeps_hold_outs(world, draft):
            draft = CATEGORIES[categories[group % len(categories)]].sample(world, rng)
        rows += [
            {"shape": thing.shape, "size": thing.size, "split": name, "group": (name, group), "image": (name, group)}
            for thing in draft.layouts[0].objects
        ]
    return rows


@pytest.mark.parametrize(
    ("strength", "p", "leaks", "slight"),
    [
        (0.0499, 0.0, False, True),
        (0.05, 0.0, True, False),
        (0.0501, 0.0, True, False),
        (1.0, 0.0099, True, False),
        (1.0, 0.0101, False, False),
        (0.01, 0.0101, False, False),
        (0.01, 0.0099, False, True),
    ],
)
def test_what_is_certain_leaks_from_a_twentieth_on(strength: float, p: float, leaks: bool, slight: bool) -> None:
    """Certain: p below 0.01 after correction. Of use to who guesses: Cramer's V of 0.05 or more."""
    raw = IndependenceResult(("color", "shape"), 100, 1.0, strength, 1.0, False, False, "told")
    assert independence._judged(raw, p) == replace(
        raw, p=p, leaks=leaks, slight=slight, feature="told" if leaks or slight else ""
    )


def test_p_values_are_corrected_for_the_number_of_pairs() -> None:
    """One object an image, so that nothing is drawn at random and a pair alone has its raw p."""
    generator = np.random.default_rng(2)
    columns = ("color", "shape", "size")
    rows = [
        {**{name: str(generator.integers(3)) for name in columns}, "group": number, "image": number}
        for number in range(600)
    ]
    together = run(rows, columns)
    alone = {pair: run(rows, pair)[pair].p for pair in together}
    lowest = min(alone, key=alone.__getitem__)
    assert together[lowest].p == pytest.approx(min(1.0, 3 * alone[lowest]))
    assert 0 < alone[lowest] < 1


def test_cramers_v_is_corrected_for_chance() -> None:
    """Of independent columns of nine values, the plain V of 200 objects is 0.2; what is left is far less."""
    generator = np.random.default_rng(3)
    rows = [
        {"color": str(generator.integers(9)), "shape": str(generator.integers(9)), "group": n, "image": n}
        for n in range(200)
    ]
    assert run(rows, ("color", "shape"))["color", "shape"].strength < 0.1


def test_a_measure_is_cut_into_three_equal_parts() -> None:
    column = independence._Column()
    codes, names = column.coded(np.array([column.encode(float(value)) for value in range(90)], np.float32))
    assert np.bincount(codes).tolist() == [30, 30, 30]
    assert names == ["-inf..29.7", "29.7..59.3", "59.3..inf"]


def test_few_objects_are_not_left_to_the_chi_square() -> None:
    """Three and three: 2 of 20 orders give as much, where the chi-square distribution says 0.004."""
    rows = [{"color": "red", "shape": "cube"}] * 3 + [{"color": "blue", "shape": "ball"}] * 3
    rows = [{**row, "group": number, "image": number} for number, row in enumerate(rows)]
    assert 0.07 < run(rows, ("color", "shape"))["color", "shape"].p < 0.13


def test_an_object_is_across_at_the_middle_of_its_box(tmp_path: Path) -> None:
    thing = {"bbox": [10, 0, 30, 8], "shape": "cube", "color": "red"}
    rows = tuple({"id": f"g-{role}", "objects": [thing]} for role in "ab")
    found = list(object_rows(Group("g", tmp_path, rows, ()), "test"))
    assert [(row["across"], row["image"], row["group"], row["split"]) for row in found] == [
        (20.0, "g-a", "g", "test"),
        (20.0, "g-b", "g", "test"),
    ]


def test_constant_columns_say_nothing() -> None:
    rows = [{**row, "color": "red"} for row in table(1)]
    assert run(rows)["color", "shape"].p == 1.0
    assert run(rows)["color", "shape"].strength == 0.0


def filled(clusters: dict[str, int], lacking: str | None = None) -> ObjectTable:
    """A table of so many clusters of each split, twice the same object in each; one split may lack a color."""
    found, rng, generator = ObjectTable(COLUMNS), np.random.default_rng(0), np.random.default_rng(1)
    for split, count in clusters.items():
        for number in range(count):
            color, shape = str(generator.integers(split == lacking, 3)), str(generator.integers(4))
            thing = {"color": color, "shape": shape, "across": float(number), "split": split, "image": number}
            found.add([thing, thing], rng, split)
    return found


def test_a_table_keeps_no_more_than_its_sample_of_each_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(independence, "MOST_IMAGES", 300)
    found = filled({"train": 900, "test": 20})
    values, images = found.values()
    assert values.shape == (2 * 320, len(COLUMNS))
    assert images.tolist() == [number for number in range(320) for _ in range(2)]
    assert found.sampled == {"train": (300, 900)}
    # Evenly drawn: of each third of the clusters about a third, none twice.
    kept = values[: 2 * 300 : 2, COLUMNS.index("across")]
    assert len(set(kept)) == 300
    assert np.histogram(kept, 3, (0, 900))[0] == pytest.approx([100, 100, 100], abs=35)


def test_up_to_its_sample_a_table_keeps_all_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(table(1, groups=300))
    monkeypatch.setattr(independence, "MOST_IMAGES", 300)
    assert run(table(1, groups=300)) == expected
    assert run(table(1, groups=301)) != run(table(1, groups=300))


def test_the_memory_of_a_table_does_not_grow_past_its_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(independence, "MOST_IMAGES", 500)

    def peak(clusters: int) -> int:
        tracemalloc.start()
        filled({"train": clusters})
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(2_000) == pytest.approx(peak(500), rel=0.1)


@pytest.mark.parametrize("lacking", ["test", None])
def test_what_a_small_split_lacks_is_found_beside_a_large_one(lacking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn evenly from both together, the small one would be a handful of images."""
    monkeypatch.setattr(independence, "MOST_IMAGES", 400)
    found = filled({"train": 4000, "test": 200}, lacking)
    [result] = audit_objects(found, np.random.default_rng(0), columns=("color", "split"))
    assert result.leaks is bool(lacking)


def test_bad_rows_are_refused() -> None:
    with pytest.raises(InputError, match="no object rows"):
        run([])
    with pytest.raises(InputError, match=r"measure 0\.5 in a column of objects that began with the name '0'"):
        run([{"color": x, "split": "test", "group": n, "image": n} for n, x in enumerate((0, 0.5))], ("color", "split"))
    with pytest.raises(InputError, match="row 1 has no shape"):
        run(
            [{"color": "red", "shape": "mug", "group": 1, "image": 1}, {"color": "red", "group": 2, "image": 2}],
            ("color", "shape"),
        )


def test_a_dataset_folder_is_audited_split_by_split(report_data: SimpleNamespace, tmp_path: Path) -> None:
    folder = report_data.make_dataset(tmp_path / "data", 20, draw=False)
    group = next(read_groups(folder, "test"))
    first, second = group_items(group)
    assert first.options == second.options
    assert set(first.truth) | set(second.truth) == set(range(len(first.options)))
    assert not set(first.truth) & set(second.truth)
    assert len(list(object_rows(group, "test"))) == 4
    found = audit_dataset(folder, np.random.default_rng(0))
    assert found.splits["test"].items == 2 * 4 * 20
    assert found.splits["test"].passed
    # The made-up scenes put cubes on one side and balls on the other in three categories of four.
    assert [result.columns for result in found.objects if result.leaks] == [("shape", "across")]
    assert not found.passed
    assert json.loads(json.dumps(dataset_audit_as_json(found)))["passed"] is False
    assert "LEAK shape" in dataset_audit_as_table(found)
    assert audit_dataset(folder, np.random.default_rng(0), meant=[frozenset({"shape", "across"})]).passed


def test_captions_true_of_neither_image_give_a_dataset_away(report_data: SimpleNamespace, tmp_path: Path) -> None:
    folder = report_data.make_dataset(tmp_path / "data", 20, draw=False)
    items = []
    for group in read_groups(folder, "test"):
        foil = replace(group.captions[0], text=f"upside down {group.captions[0].text}", truth=(False, False))
        items += group_items(replace(group, captions=(*group.captions[:2], foil)))
    report = audit(items, np.random.default_rng(0))
    assert not report.passed
    assert any("upside" in leak.feature for leak in report.leaks)
