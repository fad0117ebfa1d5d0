"""How tables and pages call what was asked: the dataset, what was changed of it, and which part of it was asked."""

from collections.abc import Mapping
from typing import Any

from fourfold.generator.dataset.naming import full_name


def name_asked(dataset: Mapping[str, Any]) -> str:
    """ "fourfold-v1, modified: seed 7; split train; first 20 of each category", from what results say of their dataset.

    The test split, and a whole one, are not named.
    """
    split, limit = dataset.get("split"), dataset.get("limit")
    parts = [full_name(dataset)]
    parts += [f"split {split}"] if split not in (None, "test") else []
    if limit is not None:
        parts.append(f"first {limit} of each category" if split is not None else f"first {limit} items")
    return "; ".join(parts)
