"""Edition 2 of comparisons: who goes by something else than what is compared is right in one picture of two."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.comparison import OF_PLACE, OF_SIZE
from fourfold.generator.categories.dissociation import (
    areas_in_picture,
    heights,
    low_and_tall,
    size_ratio,
    thin_and_wide,
)
from fourfold.generator.categories.world import Draft, make_world
from fourfold.generator.groups.making import FOURFOLD, truth_table
from fourfold.generator.recipe.reading import Recipe, Split, Vocabulary
from fourfold.scenes.model.camera import ground_depth
from fourfold.scenes.model.layout import Layout, boxes_in_picture
from fourfold.scenes.shapes import KINDS

FAMILIES = {"larger": ("larger", "smaller"), "taller": ("taller", "shorter"), "nearer": ("nearer", "farther")}
DRAFTS = {1: 40, 2: 90}
RATIO = size_ratio(("small", "large"))


def world(edition: int, **words: tuple[str, ...]):
    recipe = Recipe("comparisons", {}, vocabulary=replace(Vocabulary(), **words), edition=edition)
    return make_world(recipe, Split())


def sampled(edition: int, number: int, **words: tuple[str, ...]) -> list[Draft]:
    rng, made = np.random.default_rng(0), world(edition, **words)
    drafts: list[Draft] = []
    while len(drafts) < number:
        draft = CATEGORIES["comparison"].sample(made, rng)
        drafts += [] if draft is None else [draft]
    return drafts


@pytest.fixture(scope="module")
def drafts() -> dict[int, list[Draft]]:
    return {edition: sampled(edition, number) for edition, number in DRAFTS.items()}


def widths(layout: Layout) -> np.ndarray:
    boxes = boxes_in_picture(layout)
    return boxes[:, 2] - boxes[:, 0]


def lowness(layout: Layout) -> np.ndarray:
    return boxes_in_picture(layout)[:, 3]


def nearness(layout: Layout) -> np.ndarray:
    return -ground_depth(layout.camera, np.array([thing.position for thing in layout.objects]))


Cue = Callable[[Layout], np.ndarray]


def agreement(drafts: list[Draft], family: str, cue: Cue) -> tuple[np.ndarray, np.ndarray]:
    """Over both pictures of groups: whether object 0 is the larger (taller, nearer), and whether the cue says so."""
    rows = [
        ((draft.attribute == family) == (scene == 0), cue(layout)[0] > cue(layout)[1])
        for draft in drafts
        if draft.attribute in FAMILIES[family]
        for scene, layout in enumerate(draft.layouts)
    ]
    truth, said = np.array(rows).T
    return truth, said


def phi(truth: np.ndarray, said: np.ndarray) -> float:
    return float(np.corrcoef(truth, said)[0, 1])


# What goes by the cue is right in one picture of every group: its order stays where what is compared goes over.
CLAIMED: list[tuple[str, Cue]] = [
    ("larger", heights),
    ("larger", nearness),
    ("taller", areas_in_picture),
    ("taller", widths),
    ("taller", nearness),
    ("nearer", areas_in_picture),
    ("nearer", heights),
]


@pytest.mark.parametrize(("family", "cue"), CLAIMED, ids=lambda given: getattr(given, "__name__", given))
def test_a_shortcut_is_right_in_one_picture_of_two(family: str, cue: Cue, drafts) -> None:
    truth, said = agreement(drafts[2], family, cue)
    assert len(truth) >= 30
    right = truth == said
    assert right.mean() == pytest.approx(0.5, abs=0.02)
    assert abs(phi(truth, said)) < 2.58 / np.sqrt(len(truth))  # 99 % of samples without correlation


def test_where_a_thing_stands_says_little_of_its_size(drafts) -> None:
    """How far down a thing reaches changes with its size; which of two that turns round is seldom."""
    for family in ("larger", "taller"):
        truth, said = agreement(drafts[2], family, lowness)
        assert abs((truth == said).mean() - 0.5) < 2.58 * 0.5 / np.sqrt(len(truth))


def test_what_cannot_be_told_apart_is_as_the_module_says(drafts) -> None:
    larger, area = agreement(drafts[2], "larger", areas_in_picture)
    nearer, low = agreement(drafts[2], "nearer", lowness)
    assert (larger == area).all()
    assert (nearer == low).mean() > 0.95


@pytest.mark.parametrize(
    ("family", "cue", "least"),
    [
        ("larger", heights, 1.0),
        ("taller", areas_in_picture, 1.0),
        ("taller", widths, 1.0),
        ("nearer", areas_in_picture, 0.6),
    ],
    ids=lambda given: getattr(given, "__name__", given),
)
def test_in_the_first_edition_shortcuts_were_right(family: str, cue: Cue, least: float, drafts) -> None:
    truth, said = agreement(drafts[1], family, cue)
    assert (truth == said).mean() >= least


def test_every_comparison_is_drawn_and_fourfold(drafts) -> None:
    found = [draft.attribute for draft in drafts[2]]
    assert {*found} == {*OF_SIZE, *OF_PLACE}
    assert min(sum(name in names for name in found) for names in FAMILIES.values()) > len(found) / 6
    for draft in drafts[2]:
        assert truth_table(draft.layouts, draft.claims) == truth_table(draft.layouts, draft.hard_positives) == FOURFOLD


def test_what_is_larger_or_taller_looks_it(drafts) -> None:
    """From above a deep thing reaches far up in the picture: it must not look taller than what is."""
    for draft in drafts[2]:
        if draft.attribute in OF_SIZE:
            for scene, layout in enumerate(draft.layouts):
                boxes = boxes_in_picture(layout)
                tall = draft.attribute in FAMILIES["taller"]
                seen = boxes[:, 3] - boxes[:, 1] if tall else areas_in_picture(layout)
                winner = scene if draft.attribute in FAMILIES else 1 - scene
                assert seen[winner] > 1.1 * seen[1 - winner]


def test_kinds_of_a_pair_are_as_their_names_say() -> None:
    for pairs in (low_and_tall(tuple(KINDS), RATIO), thin_and_wide(tuple(KINDS), RATIO)):
        assert len({*pairs}) == len(pairs) > 20
        assert {pair[::-1] for pair in pairs} == {*pairs}
    assert ("bowl", "cone") in low_and_tall(tuple(KINDS), RATIO)
    assert ("bottle", "castle") in thin_and_wide(tuple(KINDS), RATIO)
    assert ("cube", "sphere") not in low_and_tall(tuple(KINDS), RATIO) + thin_and_wide(tuple(KINDS), RATIO)


def test_where_no_kinds_would_do_comparisons_are_those_of_the_first_edition() -> None:
    shapes = ("cube", "sphere", "cone", "torus", "star")
    drafts = sampled(2, 12, shapes=shapes)
    assert {draft.attribute for draft in drafts} & {*OF_SIZE}
    for draft in drafts:
        assert truth_table(draft.layouts, draft.claims) == FOURFOLD
