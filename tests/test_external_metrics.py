"""The authors' ways of counting on scores typed by hand: ties, averages, groups, and the divisors they use."""

import json
from pathlib import Path

import numpy as np
import pytest

from fourfold.evaluator.data.external import BENCHMARKS
from fourfold.evaluator.data.external.aro import COUNTED
from fourfold.evaluator.data.external.authors import first_best, recall
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item

IMAGE = ImageRef(Path("x.png"))
RIGHT, WRONG, TIE = [[2.0, 1.0]], [[1.0, 2.0]], [[1.0, 1.0]]  # for two captions, the first being true


def choice(category: str, right: int = 0, options: int = 2, **tags) -> Item:
    return choice_item("x", IMAGE, [f"caption {n}" for n in range(options)], right, category, "cluster", tags)


def pair(category: str = "any") -> Item:
    return pair_item("x", (IMAGE, IMAGE), ("a", "b"), category)


def arrays(*tables: list) -> list[np.ndarray]:
    return [np.array(table, dtype=np.float32) for table in tables]


def measure(name: str, items: list[Item], scores: list[np.ndarray]) -> dict[str, float]:
    return BENCHMARKS[name].metric(items, scores)


STRICT = {"sugarcrepe", "valse", "winoground", "colorswap", "bivlc", "vismin", "eqben"}
FIRST_WINS = {"clip-binding", "coco-qa", "vg-qa", "coco-order", "flickr-order", "ncd", "crepe"}


@pytest.mark.parametrize("name", sorted(STRICT | FIRST_WINS))
def test_ties_are_right_or_wrong_as_the_authors_have_it(name: str) -> None:
    """A constant scorer: nothing for strict comparisons, everything where the truth stands first."""
    two_by_two = name in STRICT - {"sugarcrepe", "valse"}
    item = pair() if two_by_two else choice("add_att")
    values = measure(name, [item], arrays([[1, 1], [1, 1]] if two_by_two else TIE))
    assert set(values.values()) == ({0.0} if name in STRICT else {1.0})


def test_aro_puts_the_truth_second_so_that_ties_are_wrong() -> None:
    assert measure("vg-relation", [choice("on", right=1)], arrays(TIE))["macro"] == 0.0
    assert measure("vg-relation", [choice("on", right=1)], arrays(WRONG))["macro"] == 1.0


def test_first_best_takes_captions_of_one_image_and_images_of_one_caption() -> None:
    columns = Item("x", (IMAGE,) * 3, ("c",), np.array([[False], [True], [False]]), "k", "c")
    assert first_best([columns, choice("k", right=1)], arrays([[1], [3], [3]], TIE)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("scores", "text", "image"),
    [
        ([[4, 1], [2, 3]], 1, 1),
        ([[4, 3], [2, 3]], 1, 0),  # the second caption likes both images alike
        ([[4, 1], [3, 3]], 0, 1),  # the second image likes both captions alike
        ([[1, 4], [3, 2]], 0, 0),
        ([[9, 8], [2, 3]], 1, 0),
        ([[9, 2], [8, 3]], 0, 1),
    ],
)
def test_winoground_scores_are_strict(scores: list, text: float, image: float) -> None:
    values = measure("winoground", [pair()], arrays(scores))
    assert values == {"text": text, "image": image, "group": text * image}
    assert measure("bivlc", [pair()], arrays(scores)) == {"I2T": text, "T2I": image, "group": text * image}


def test_macro_and_micro_of_sugarcrepe() -> None:
    items = [choice("add_att")] * 3 + [choice("add_obj")] + [choice("swap_obj")] * 2
    values = measure("sugarcrepe", items, arrays(RIGHT, RIGHT, WRONG, WRONG, TIE, RIGHT))
    assert values == pytest.approx(
        {
            "add_att": 2 / 3,
            "add_obj": 0.0,
            "swap_obj": 0.5,
            "add": 1 / 3,
            "swap": 0.5,
            "macro": (2 / 3 + 0 + 0.5) / 3,
            "micro": 0.5,
        }
    )


def test_whatsup_divides_by_all_items_and_needs_both_opposites() -> None:
    names = ["left", "right", "on", "under"]
    items = [choice("A", objects=pair, preposition=name) for pair in ("mug|plate", "book|chair") for name in names]
    scores = arrays(RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, WRONG)
    values = measure("whatsup", items, scores)
    assert values == {"A individual": 7 / 8, "A pairs": 3 / 4, "A sets": 1 / 2}
    incomplete = measure("whatsup", items[:2] + items[4:5], arrays(RIGHT, RIGHT, RIGHT))
    assert incomplete == pytest.approx({"A individual": 1.0, "A pairs": 1 / 1.5, "A sets": 0.0})
    both = measure("whatsup", [*items[:1], choice("B", objects="x|y", preposition="behind")], arrays(RIGHT, WRONG))
    assert both["macro individual"] == 0.5


def test_vg_relation_averages_the_counted_relations_alone() -> None:
    assert len(COUNTED) == 48  # of 205 in the file; the authors leave out 157
    items = [choice(name, right=1) for name in ("on", "on", "riding", "near", "next to")]
    values = measure("vg-relation", items, arrays(WRONG, RIGHT, WRONG, RIGHT, RIGHT))
    assert values == pytest.approx({"macro": 0.75, "macro, all relations": 1.5 / 4, "micro": 2 / 5})


def test_vg_attribution_leaves_out_rare_pairs() -> None:
    items = [choice("red_tall", right=1)] * 25 + [choice("old_wet", right=1)] * 24
    values = measure("vg-attribution", items, arrays(*[WRONG] * 25, *[RIGHT] * 24))
    assert values == pytest.approx({"macro": 1.0, "micro": 25 / 49})


def test_spec_averages_subsets_for_each_direction() -> None:
    items = [choice("count", direction="i2t"), choice("count", direction="t2i"), choice("existence", direction="i2t")]
    values = measure("spec", items, arrays(RIGHT, WRONG, WRONG))
    assert values["macro i2t"] == 0.5
    assert values["macro t2i"] == 0.0
    assert values["count i2t"] == 1.0


def test_negbench_reports_total_and_templates_of_each_file() -> None:
    items = [choice(template, file="mcq", task="choice") for template in ("positive", "positive", "hybrid")]
    values = measure("negbench", items, arrays(RIGHT, WRONG, RIGHT))
    assert values == pytest.approx({"mcq total": 2 / 3, "mcq positive": 0.5, "mcq hybrid": 1.0})


def test_retrieval_needs_one_of_several_captions() -> None:
    truth = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)
    scores = np.array([[1, 5, 6, 0], [3, 9, 2, 1]], dtype=float)
    assert recall(scores, truth, 1) == 0.0
    assert recall(scores, truth, 2) == 0.5
    assert recall(scores.T, truth.T, 1) == 0.25
    item = Item("f", (IMAGE,) * 2, ("a", "b", "c", "d"), truth, "retrieval", "f", {"file": "f", "task": "retrieval"})
    values = measure("negbench", [item], [scores])
    assert values["f text-to-image R@1"] == 0.25
    assert values["f image-to-text R@1"] == 0.0
    assert values["f image-to-text R@5"] == 1.0


@pytest.mark.parametrize(
    ("scores", "right"),
    [([[2, 0], [1, 1]], 1), ([[1, 0], [1, 1]], 0), ([[2, 1], [1, 1]], 1), ([[2, 2], [1, 1]], 0)],
)
def test_mmvp_counts_a_tie_as_the_second_image(scores: list, right: float) -> None:
    assert measure("mmvp", [pair("Color")], arrays(scores)) == {"Color": right, "macro": right}


def test_crepe_ranks_the_caption_among_its_negatives() -> None:
    items = [choice("complexity_4", options=6)] * 2
    values = measure("crepe", items, arrays([[5, 5, 5, 1, 1, 1]], [[3, 9, 8, 7, 3, 1]]))
    assert values == {"complexity_4 R@1": 0.5, "complexity_4 R@3": 0.5, "complexity_4 R@5": 1.0}


def test_vismin_averages_categories() -> None:
    good, bad = [[2, 1], [1, 2]], [[1, 2], [2, 1]]
    values = measure("vismin", [pair("count"), pair("count"), pair("spatial")], arrays(good, bad, good))
    assert values["macro group"] == 0.75
    assert values["count text"] == 0.5


@pytest.mark.parametrize("name", BENCHMARKS)
def test_rows_of_the_table_are_documented(name: str) -> None:
    row = BENCHMARKS[name]
    assert row.title
    assert row.expects
    assert json.dumps(row.notes)
    assert row.load.__doc__ or name.endswith("-edited")


def test_an_average_of_nothing_is_left_out() -> None:
    """Copies without relation names, subsets without a direction: no NaN, which JSON cannot hold."""
    assert measure("vg-relation", [choice("any", right=1)], arrays(RIGHT)).keys() == {"macro, all relations", "micro"}
    assert measure("vg-attribution", [choice("any", right=1)], arrays(RIGHT)) == {"micro": 0.0}
    assert measure("spec", [choice("count", direction="i2t")], arrays(RIGHT)) == {"count i2t": 1.0, "macro i2t": 1.0}
