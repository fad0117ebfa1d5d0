"""Which captions a retrieval set holds, on scenes and claims written by hand."""

from types import SimpleNamespace

import pytest

from fourfold.evaluator.data import retrieval_set


class Claim:
    """Holds of the layouts that it lists; None of those that it cannot decide."""

    def __init__(self, truths: dict[str, bool | None]) -> None:
        self.truths = truths

    def holds(self, layout: str) -> bool | None:
        return self.truths[layout]


TRUTHS: dict[str, dict[str, bool | None]] = {
    "a red cube": {"A": True, "B": False, "C": True},
    "a blue cube": {"A": False, "B": True, "C": False},
    "a cube near a cone": {"A": True, "B": None, "C": False},
    "a hard positive": {"A": True, "B": False, "C": False},
}


def group(*captions: str) -> SimpleNamespace:
    return SimpleNamespace(captions=[SimpleNamespace(text=text, claim=TRUTHS[text]) for text in captions])


def test_captions_count_once_and_those_undecided_on_any_picture_and_hard_positives_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrieval_set, "claim_from_dict", Claim)
    groups = [
        group("a red cube", "a blue cube", "a hard positive"),
        group("a cube near a cone", "a red cube"),
    ]
    assert retrieval_set._truths(groups, ["A", "B", "C"]) == {
        "a red cube": [True, False, True],
        "a blue cube": [False, True, False],
    }
