"""What a recipe changes of the one that the data cards hold under its name, in words: "20 groups", "seed 7"."""

from collections.abc import Iterator, Mapping
from typing import Any

from fourfold.generator.recipe.reading import load_recipe, shipped_cards
from fourfold.generator.recipe.recipe import Recipe, Split, as_plain, recipe_hash

_UNTOLD = ("name", "description", "publication", "splits", "seed")  # told apart, or nothing that a picture shows
_SHORT = (bool, int, float, str)


def describe_changes(recipe: Recipe) -> list[str]:
    """The changes; empty where there are none, and where no data card has the recipe's name, so that it is its own."""
    card = shipped_cards().get(recipe.name)
    if card is None:
        return []
    original = load_recipe(card)
    return [] if recipe_hash(recipe) == recipe_hash(original) else list(_changes(recipe, original))


def _changes(recipe: Recipe, original: Recipe) -> Iterator[str]:
    kept = [name for name in original.splits if name in recipe.splits]
    if 0 < len(kept) < len(original.splits):
        yield f"only split {', '.join(kept)}"
    if added := [name for name in recipe.splits if name not in original.splits]:
        yield f"split {', '.join(added)} added"
    yield from _sizes({name: (recipe.splits[name], original.splits[name]) for name in kept})
    if recipe.seed != original.seed:
        yield f"seed {recipe.seed}"
    yield from _other_keys("", as_plain(recipe), as_plain(original))


def _sizes(splits: Mapping[str, tuple[Split, Split]]) -> Iterator[str]:
    """How many groups and which categories the splits have, where that is not what the original has."""
    asked = [({c: n for c, n in new.groups.items() if n}, {c: n for c, n in old.groups.items() if n})
             for new, old in splits.values()]  # fmt: skip
    categories = [dict.fromkeys(category for pair in asked for category in pair[side]) for side in (0, 1)]
    if missing := [name for name in categories[1] if name not in categories[0]]:
        yield f"without {', '.join(missing)}"
    if added := [name for name in categories[0] if name not in categories[1]]:
        yield f"with {', '.join(added)}"
    if any(new[name] != old[name] for new, old in asked for name in new.keys() & old.keys()):
        numbers = {number for new, _ in asked for number in new.values()}
        yield f"{numbers.pop():,} groups" if len(numbers) == 1 else "other numbers of groups"
    elif any(new.keys() != old.keys() for new, old in asked) and categories[0] == categories[1]:
        yield "other categories in some splits"
    # Fewer groups bring fewer natural scenes with them, and the groups are told already.
    if any(new.scenes != old.scenes and (new.scenes > old.scenes or not any(new.groups.values()))
           for new, old in splits.values()):  # fmt: skip
        yield "other numbers of natural scenes"
    for name, (new, old) in splits.items():
        rules = [
            {key: value for key, value in vars(row).items() if key not in ("groups", "scenes")} for row in (new, old)
        ]
        if rules[0] != rules[1]:
            yield f"other rules for split {name}"


def _other_keys(where: str, changed: Mapping[str, Any], original: Mapping[str, Any]) -> Iterator[str]:
    for key in changed:
        new, old = changed[key], original.get(key)
        if new == old or (not where and key in _UNTOLD):
            continue
        if isinstance(new, dict) and isinstance(old, dict):
            yield from _other_keys(f"{where}{key}.", new, old)
        else:
            yield f"{where}{key} {new}" if isinstance(new, _SHORT) else f"other {where}{key}"
