"""Reading recipes: from TOML by name or path, checked as a whole; a typo names file and key."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from fourfold.conditions import DIFFERENCES
from fourfold.errors import InputError, unknown_name
from fourfold.generator.captions.wording import HOLD_OUTS, SYNONYMS
from fourfold.generator.recipe.hold_outs import allowed_words, make_hold_outs
from fourfold.generator.recipe.recipe import (
    EDITIONS,
    Publication,
    Recipe,
    SceneRange,
    Split,
    Vocabulary,
    as_plain,
    known_assets,
    named_values,
    recipe_hash,
    telling_attributes,
    wanted_objects,
)
from fourfold.generator.recipe.tables import build
from fourfold.scenes.assets.custom import custom_kinds, custom_photos
from fourfold.scenes.model.layout import ARRANGEMENTS
from fourfold.scenes.model.vocabulary import TABLES, check_names
from fourfold.scenes.shapes import KINDS, WITH_FRONT

__all__ = [
    "MASKS",
    "Publication",
    "Recipe",
    "SceneRange",
    "Split",
    "Vocabulary",
    "check_recipe",
    "load_recipe",
    "recipe_from_dict",
    "recipe_hash",
    "recipe_to_dict",
    "shipped_cards",
    "with_overrides",
]
MASKS = "masks"  # folder beside the splits, so no split's name
ALL = "all"  # HuggingFace's word for all splits together, in any case
_ABOUT_SETS = {"quantification": 3, "exclusivity": 3, "logic": 2}  # categories, and the fewest objects of a scene


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe from a TOML file, or by its name from the data cards of this installation.

    Raises InputError naming file and key for a missing file, broken TOML, an unknown key, word or category.
    """
    path = _find(name)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    recipe = build(Recipe, _with_custom_assets(table, path.parent), str(path), ())
    check_recipe(recipe, str(path))
    return recipe


def _with_custom_assets(table: dict[str, Any], home: Path) -> dict[str, Any]:
    """The table with what the folders hold in place of their names; own kinds are used unless shapes are named."""
    table, scene, words = {**table}, table.get("scene"), table.get("vocabulary", {})
    if isinstance(table.get("assets"), str):
        table["assets"] = custom_kinds(_within(home, table["assets"], "assets"))
        if isinstance(words, dict) and "shapes" not in words:
            table["vocabulary"] = {**words, "shapes": [*KINDS, *(kind.name for kind in table["assets"])]}
    if isinstance(scene, dict) and isinstance(scene.get("photos"), str):
        size = table.get("image_size", Recipe.image_size)
        size = size if size in range(32, 2049) else Recipe.image_size  # a wrong one is refused later
        table["scene"] = {**scene, "photos": custom_photos(_within(home, scene["photos"], "scene.photos"), size)}
    return table


def _within(home: Path, name: str, key: str) -> Path:
    """The folder of that name beside the recipe or below: a recipe from others must not read what else is there."""
    folder = (home / name).resolve()
    if not folder.is_relative_to(home.resolve()):
        raise InputError(f"{home}: {key}: {name!r} leads out of the recipe's folder; put the files beside the recipe")
    return home / name


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data that JSON can hold, as manifests keep it."""
    return json.loads(json.dumps(as_plain(recipe)))


def recipe_from_dict(table: dict[str, Any], where: str) -> Recipe:
    """The recipe that `recipe_to_dict` wrote. Raises InputError for anything else; `where` names its file in it."""
    return build(Recipe, table, where, ())


def with_overrides(recipe: Recipe, *, groups: int | None, seed: int | None, split: str | None) -> Recipe:
    """The recipe with another number of groups for every category, another seed, or one split only.

    None changes nothing. Categories that the recipe switches off (0 groups) stay off, and no split gets more natural
    scenes than groups. Raises InputError for an unknown split, or fewer than one group.
    """
    splits = recipe.splits
    if split is not None:
        if split not in splits:
            raise unknown_name("split", split, splits, recipe.name)
        splits = {split: splits[split]}
    if groups is not None:
        if groups < 1:
            raise InputError(f"--groups {groups}: must be at least 1")
        splits = {
            name: replace(row, groups=_with_number(row.groups, groups), scenes=min(row.scenes, groups))
            for name, row in splits.items()
        }
    return replace(recipe, splits=splits, seed=recipe.seed if seed is None else seed)


def _with_number(groups: dict[str, int], number: int) -> dict[str, int]:
    """That many groups of each category; none of those that the recipe switches off."""
    return {category: number if wished else 0 for category, wished in groups.items()}


def check_recipe(recipe: Recipe, where: str) -> None:
    """Raise InputError for a recipe that names unknown things or cannot be satisfied.

    The message begins with `where`, the recipe's file, and names the key.
    """
    with known_assets(recipe):
        _check_recipe(recipe, where)


def _check_recipe(recipe: Recipe, where: str) -> None:
    words = recipe.vocabulary
    _check_shapes(words.shapes, f"{where}: vocabulary.shapes")
    for attribute in TABLES:
        check_names(attribute, getattr(words, attribute + "s"), f"{where}: vocabulary.{attribute}s")
    for name in recipe.attributes:
        if name not in TABLES:
            raise unknown_name("attribute", name, TABLES, f"{where}: attributes")
    for name in recipe.scene.arrangements:
        if name not in ARRANGEMENTS:
            raise unknown_name("arrangement", name, ARRANGEMENTS, f"{where}: scene.arrangements")
    for split, row in recipe.splits.items():
        if split == MASKS or split.lower() == ALL or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", split):
            raise InputError(
                f"{where}: splits: {split!r} cannot be a split's name; give letters, digits, - and _, not {MASKS!r} "
                f"(a folder of the dataset) or {ALL!r} (HuggingFace's word for all splits)"
            )
        for category in row.groups:
            if category not in DIFFERENCES:
                raise unknown_name("category", category, DIFFERENCES, f"{where}: splits.{split}.groups")
        for key, choices in (("templates", HOLD_OUTS), ("phrases", HOLD_OUTS), ("synonyms", SYNONYMS)):
            if getattr(row, key) not in choices:
                raise unknown_name(key, getattr(row, key), choices, f"{where}: splits.{split}")
        if not any(row.groups.values()) and not row.scenes:
            raise InputError(f"{where}: splits.{split}: needs at least one group or scene; or leave the split out")
    _check_held_out(recipe, where)
    _check_lists(recipe, where)
    _check_ranges(recipe, where)
    _check_choices(recipe, where)


def _check_shapes(names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in KINDS:
            raise unknown_name("shape", name, KINDS, where)


def _check_held_out(recipe: Recipe, where: str) -> None:
    for i, description in enumerate(recipe.held_out):
        key = f"{where}: held_out.{i}"
        named = named_values(description)
        if "excluded" in named:
            raise InputError(f"{key}.excluded: only what an object is can be held out, not what it is not")
        if not named:
            raise InputError(f"{key}: names nothing; give a shape, a color or another attribute")
        for name, value in named.items():
            if name == "shape":
                _check_shapes((value,), f"{key}.shape")
            else:
                check_names(name, (value,), f"{key}.{name}")
    for name, split in recipe.splits.items():
        if split.held_out and not wanted_objects(recipe, split):
            by = "" if isinstance(split.held_out, bool) else f" that name {', '.join(split.held_out)} and no more"
            raise InputError(
                f"{where}: splits.{name}.held_out: the recipe holds no such objects out; add [[held_out]] tables{by}"
            )


def _check_lists(recipe: Recipe, where: str) -> None:
    """Lists to choose from: something must be in them, and nothing twice, which would be chosen twice as often."""
    lists = {f"vocabulary.{name}": values for name, values in vars(recipe.vocabulary).items()}
    lists |= {"attributes": recipe.attributes, "scene.arrangements": recipe.scene.arrangements}
    for key, values in lists.items():
        if not values:
            raise InputError(f"{where}: {key}: is empty; name at least one, or leave the key out for all")
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise InputError(f"{where}: {key}: named twice: {', '.join(twice)}")


def _check_ranges(recipe: Recipe, where: str) -> None:
    ranges = {"scene.objects": recipe.scene.objects} | {
        f"splits.{name}.objects": row.objects for name, row in recipe.splits.items() if row.objects is not None
    }
    held_out = {each.shape for each in recipe.held_out if set(named_values(each)) == {"shape"}}
    shapes = len(set(recipe.vocabulary.shapes) - held_out)
    rules = {
        "splits: scenes: not negative": all(row.scenes >= 0 for row in recipe.splits.values()),
        "splits: at least one, with groups or scenes": bool(recipe.splits),
        f"splits: - and _ are one on HuggingFace, so these are the same: {list(recipe.splits)}": len(recipe.splits)
        == len({name.replace("-", "_") for name in recipe.splits}),
        f"name: one line, not {recipe.name!r}": bool(recipe.name.strip()) and recipe.name.isprintable(),
        **{
            f"{key}: from 1 to at most 8, not {[low, high]}": 1 <= low <= high <= 8
            for key, (low, high) in ranges.items()
        },
        "scene.arrangements: another beside 'stacked' and 'inside', which show relations only": any(
            not ARRANGEMENTS[name].stacked for name in recipe.scene.arrangements
        ),
        f"image_size: from 32 to 2048 pixels, not {recipe.image_size}": 32 <= recipe.image_size <= 2048,
        f"edition: one of {', '.join(map(str, EDITIONS))}, not {recipe.edition}": recipe.edition in (None, *EDITIONS),
        f"seed: not negative, not {recipe.seed}": recipe.seed >= 0,
        f"scene.patterned: from 0 to 1, not {recipe.scene.patterned}": 0 <= recipe.scene.patterned <= 1,
        **{
            # Where a category needs a pair, a scene of one shows two; and captions deny two kinds more.
            f"vocabulary.shapes: at least {max(high, 2) + 2}, held-out ones not counted, where {key} is {[low, high]}, "
            f"not {shapes}; name more": shapes >= max(high, 2) + 2
            for key, (low, high) in ranges.items()
        },
        "vocabulary.colors: at least 3": len(recipe.vocabulary.colors) >= 3,
        f"attributes: category 'conjunction' needs two, color or pattern among them, not {list(recipe.attributes)}": (
            len(recipe.attributes) >= 2 and not {"color", "pattern"}.isdisjoint(recipe.attributes)
        )
        or not any(row.groups.get("conjunction") for row in recipe.splits.values()),
    }
    if recipe.publication is not None:
        given = recipe.publication.date
        rules[f"publication.date: a day like 2026-12-31, not {given!r}"] = not given or _is_day(given)
        version = recipe.publication.version
        rules[f"publication.version: MAJOR.MINOR.PATCH, not {version!r}"] = bool(
            re.fullmatch(r"\d+\.\d+\.\d+", version)
        )
    for attribute in recipe.attributes:
        values = getattr(recipe.vocabulary, attribute + "s")
        rules[f"attributes: {attribute!r} needs at least two values in vocabulary.{attribute}s"] = len(values) >= 2
    for rule, kept in rules.items():
        if not kept:
            raise InputError(f"{where}: {rule}")


def _check_choices(recipe: Recipe, where: str) -> None:
    """What is held out by itself is missing in every other split: enough must be left there to choose from."""
    for name, split in recipe.splits.items():
        left = allowed_words(recipe.vocabulary, make_hold_outs(recipe, split))
        for what, key, least in _needed_choices(recipe, split):
            values = getattr(left, key)
            if len(values) < least:
                raise InputError(
                    f"{where}: splits.{name}: {what} at least {least} of vocabulary.{key}, and held_out leaves "
                    f"{list(values)}; hold out fewer, or name more"
                )
        _check_sets(recipe, name, left, where)
        if split.groups.get("facing") and not any(shape in WITH_FRONT for shape in left.shapes):
            raise InputError(
                f"{where}: splits.{name}: category 'facing' needs a kind with a front in vocabulary.shapes, one of "
                f"{', '.join(WITH_FRONT)}, and held_out leaves none; name more"
            )


def _check_sets(recipe: Recipe, name: str, left: Vocabulary, where: str) -> None:
    """Questions about sets need words to ask for, and most of them more objects than a pair."""
    split = recipe.splits[name]
    for category, least in _ABOUT_SETS.items():
        if not split.groups.get(category):
            continue
        if not telling_attributes(left, recipe.attributes):
            raise InputError(
                f"{where}: splits.{name}: category {category!r} asks for colors or patterns: attributes must name "
                "'color', with 3 of vocabulary.colors that are not held out, or 'pattern', with 3 of "
                "vocabulary.patterns beside 'plain'"
            )
        if split.objects is not None and split.objects[1] < least:
            raise InputError(
                f"{where}: splits.{name}.objects: category {category!r} needs at least {least} objects in a scene, "
                f"not {list(split.objects)}"
            )


def _needed_choices(recipe: Recipe, split: Split) -> Iterator[tuple[str, str, int]]:
    """What needs how many values of which part of the vocabulary."""
    yield from (("objects need", f"{name}s", 1) for name in TABLES)
    if any(split.groups.values()):  # natural scenes change nothing
        yield from ((f"attribute {name!r} needs", f"{name}s", 2) for name in recipe.attributes)
    if split.groups.get("conjunction"):  # an attribute goes round three objects
        yield "category 'conjunction' needs", "colors" if "color" in recipe.attributes else "patterns", 3
    if "inside" in recipe.scene.arrangements and split.groups.get("relation"):
        yield "arrangement 'inside' needs", "colors", 2  # a thing of its container's color could not be seen there


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def shipped_cards() -> dict[str, Path]:
    """The recipes of the data cards in the clone or the installation, by name."""
    import sysconfig

    folders = (Path(__file__).resolve().parents[2] / "data_cards", Path(sysconfig.get_path("data")) / "share/fourfold")
    return {card.stem: card for folder in folders if folder.is_dir() for card in sorted(folder.glob("*.toml"))}


def _find(name: str | Path) -> Path:
    """A path that exists, or a data card of that name."""
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    known = shipped_cards()
    if str(name) in known:
        return known[str(name)]
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"no recipe {str(name)!r}: give a .toml file or one of {', '.join(sorted(known))}.{hint}")
