"""The one table of conditions and categories, and that everyone reads it."""

import pytest

from fourfold.conditions import BEYOND, CONDITIONS, DIFFERENCES, condition_of
from fourfold.evaluator.reporting.panels import CATEGORIES as TOLD
from fourfold.generator.categories import CATEGORIES

EXPECTED = {
    "content": "C1",
    "binding": "C2",
    "relation": "C3",
    "location": "C3",
    "negation": "C4",
    "counting": "beyond",
    "comparison": "beyond",
    "binding+relation": "C2+C3",
    "binding+negation": "C2+C4",
    "relation+negation": "C3+C4",
    "proximity": "C3",
    "between": "C3",
    "ranking": "C3",
    "facing": "C3",
    "quantification": "beyond",
    "exclusivity": "beyond",
    "logic": "C4",
    "numerosity": "beyond",
    "conjunction": "C2",
    "half-truth": "C1+C2",
}


@pytest.mark.parametrize("category", EXPECTED)
def test_every_category_asks_for_its_condition(category: str) -> None:
    assert condition_of(category) == EXPECTED[category]
    assert CATEGORIES[category].condition == EXPECTED[category]
    assert TOLD[category][0] == EXPECTED[category].replace("+", " ").replace("beyond", "")


@pytest.mark.parametrize(
    ("category", "condition"),
    [
        ("relation+binding", "C2+C3"),
        ("relation+location", "C3"),
        ("a+binding", "beyond"),
        ("binding+counting", "beyond"),
        ("question", "beyond"),
        ("", "beyond"),
    ],
)
def test_the_condition_of_a_category_of_others(category: str, condition: str) -> None:
    assert condition_of(category) == condition


def test_all_tables_list_the_same_categories_in_the_same_order() -> None:
    assert list(EXPECTED) == list(DIFFERENCES) == list(CATEGORIES) == list(TOLD)
    assert [row.summary for row in CATEGORIES.values()] == list(DIFFERENCES.values())
    assert list(CONDITIONS) == ["C1", "C2", "C3", "C4"]
    assert BEYOND not in CONDITIONS


def test_a_report_says_what_differs_in_a_sentence() -> None:
    assert TOLD["content"][1] == "One object’s kind, one attribute, or presence differs."
    for name, difference in DIFFERENCES.items():
        assert TOLD[name][1].lower() == difference.lower().replace("'", "’") + "."
