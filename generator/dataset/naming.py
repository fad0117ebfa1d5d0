"""What a dataset is called wherever a reader sees its name: with what was changed of the recipe of that name."""

from collections.abc import Mapping
from typing import Any


def full_name(facts: Mapping[str, Any], otherwise: str = "these items") -> str:
    """ "fourfold-v1, modified: 20 groups, seed 7", from a manifest, or from what results say of their dataset.

    Manifests of earlier versions do not say what was changed; of these the name alone. `otherwise` is said without one.
    """
    name, changes = str(facts.get("name") or otherwise), facts.get("changes")
    if not isinstance(changes, list) or not changes:
        return name
    return f"{name}, modified: {', '.join(map(str, changes))}"
