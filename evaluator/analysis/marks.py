"""Signs behind a name in every table, chart and page: † and ‡ behind scorers, § behind models.

What † means is the footnote here; ‡ and § begin the note of the results that explains them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

TRAINED = "‡"
_OF_SCORERS = {"set_dependent": "†", "training_items": TRAINED}  # what results say of a scorer -> its sign
_SET_DEPENDENT = "† a score depends on what else is in the set"
RANDOM_WEIGHTS = "§ random weights were allowed: if the model has none of its own, these numbers mean nothing"


def mark_scorer(name: str, facts: Mapping[str, Any]) -> str:
    """The name of a scorer with the signs that `facts`, what results say of it, give it."""
    return name + "".join(sign for fact, sign in _OF_SCORERS.items() if facts.get(fact))


def mark_model(name: str, notes: Sequence[str]) -> str:
    """The name of a model with the sign that the notes of its results give it."""
    return f"{name}§" if RANDOM_WEIGHTS in notes else name


def explain_signs(scorers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The footnotes of signs that no note of the results explains."""
    return [_SET_DEPENDENT] if any(facts.get("set_dependent") for facts in scorers.values()) else []
