"""What a claim says, as counted features without noise: the other side of a probe, so that what is missing is missing
in the representation that is probed.

A claim of any type becomes counts of named features of three kinds:

    things   each value of each description ("color=red"), and each pair in one description: who has what
    worded   the same with the part that its description plays in the claim as it is worded ("subject of left"), and
             pairs of values across its descriptions: who stands where, as a sentence says it
    meant    the same with converses read from one end, so that "a left of b" has the features of "b right of a": who
             stands where, as a picture shows it

Negations go into the names: "no" stands before what is absent.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

# Relations that are read from their other end, so that converses have the same features.
_CONVERSE = {
    "right": "left",
    "above": "below",
    "behind": "front",
    "under": "on",
    "holding": "inside",
    "smaller": "larger",
    "shorter": "taller",
    "farther": "nearer",
}
_DESCRIPTION_KEYS = {"shape", "color", "size", "material", "pattern", "excluded"}


KINDS = ("things", "worded", "meant")


def claim_features(claim: Mapping[str, Any], sign: str = "") -> dict[str, Counter[str]]:
    """The features of a claim as rows store it (`claim_to_dict`): their counts by name, for each of `KINDS`."""
    kind = str(claim["type"])
    if kind == "Not":
        return claim_features(claim["claim"], f"{sign}no ")
    nested = [value for value in claim.values() if isinstance(value, Mapping) and "type" in value]
    if nested:  # Both, and whatever else joins claims
        parts = [claim_features(value, sign) for value in nested]
        return {name: sum((part[name] for part in parts), Counter()) for name in KINDS}
    if kind == "Absent":
        kind, sign = "Exists", f"{sign}no "
    described = {name: _values(value) for name, value in claim.items() if _is_description(value)}
    said = {name: value for name, value in claim.items() if name != "type" and name not in described}
    things = Counter(f"{sign}{feature}" for values in described.values() for feature in _with_pairs(values))
    worded = _roles(described, f"{sign}{kind}", said)
    return {"things": things, "worded": worded, "meant": _roles(*_from_one_end(described, f"{sign}{kind}", said))}


def _roles(described: Mapping[str, Sequence[str]], kind: str, said: Mapping[str, Any]) -> Counter[str]:
    what = " ".join([kind, *(f"{name}={value}" for name, value in sorted(said.items()))])
    found: Counter[str] = Counter([what])
    for part, values in described.items():
        found.update(f"{what} {part} {feature}" for feature in _with_pairs(values))
    for (one, first), (other, second) in combinations(sorted(described.items()), 2):
        found.update(f"{what} {one} {x} {other} {y}" for x in first for y in second)
    return found


def _with_pairs(values: Sequence[str]) -> list[str]:
    return [*values, *(" ".join(pair) for pair in combinations(values, 2))]


def _from_one_end(
    described: dict[str, list[str]], kind: str, said: dict[str, Any]
) -> tuple[dict[str, list[str]], str, dict[str, Any]]:
    name = next((name for name in ("relation", "dimension") if said.get(name) in _CONVERSE), None)
    if name is None or set(described) != {"subject", "reference"}:
        return described, kind, said
    turned = {"subject": described["reference"], "reference": described["subject"]}
    return turned, kind, {**said, name: _CONVERSE[said[name]]}


def _is_description(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" not in value and set(value) <= _DESCRIPTION_KEYS


def _values(description: Mapping[str, Any]) -> list[str]:
    plain = [f"{name}={value}" for name, value in sorted(description.items()) if name != "excluded"]
    excluded = description.get("excluded")
    return [*plain, f"not {excluded[0]}={excluded[1]}"] if excluded else plain


def symbol_matrices(claims: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Counts [n, f] of every feature that any of the claims has, in float32, for each of `KINDS`."""
    counted = [claim_features(claim) for claim in claims]
    return {name: _matrix([each[name] for each in counted]) for name in KINDS}


def _matrix(counted: Sequence[Counter[str]]) -> np.ndarray:
    column = {name: i for i, name in enumerate(sorted({name for each in counted for name in each}))}
    matrix = np.zeros((len(counted), len(column)), np.float32)
    for row, each in enumerate(counted):
        for name, count in each.items():
            matrix[row, column[name]] = count
    return matrix
