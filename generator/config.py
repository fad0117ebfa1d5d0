"""Recipes: what a dataset should hold, as frozen dataclasses read from TOML; a typo names file and key."""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from generator.wording import HOLD_OUTS, SYNONYMS
from scenes.claims import Description
from scenes.errors import InputError, unknown_name
from scenes.layout import ARRANGEMENTS
from scenes.shapes import KINDS
from scenes.vocabulary import TABLES, check_names

MASKS = "masks"  # folder beside the splits, so no split's name


@dataclass(frozen=True)
class Vocabulary:
    """The words that may be used, each a key of its table. Several values make an attribute one that varies."""

    shapes: tuple[str, ...] = tuple(KINDS)
    colors: tuple[str, ...] = tuple(TABLES["color"])
    sizes: tuple[str, ...] = ("small", "large")
    materials: tuple[str, ...] = ("matte", "metal", "glossy")
    patterns: tuple[str, ...] = ("plain", "striped", "dotted", "checkered")


@dataclass(frozen=True)
class SceneRange:
    """How many objects a scene holds, and how it may be arranged."""

    objects: tuple[int, int] = (2, 4)
    arrangements: tuple[str, ...] = ("table", "floating")
    patterned: float = 0.25  # share of objects that are not plain


@dataclass(frozen=True)
class Split:
    """Groups of each category in one split, and natural scenes (single pictures with web-like captions)."""

    groups: dict[str, int] = field(default_factory=dict)
    scenes: int = 0
    held_out: bool = False  # every group must hold a held-out object; without it none may
    templates: str = "ordinary"  # "held-out": the wordings of claims that no ordinary split uses
    phrases: str = "ordinary"  # "held-out": the wordings of relations and regions that no ordinary split uses
    synonyms: str = "hard-positives"  # where kinds are called by synonyms: there, "never", or "always"


@dataclass(frozen=True)
class Recipe:
    """Everything a dataset depends on, together with the version of this software."""

    name: str
    splits: dict[str, Split]
    seed: int = 0
    image_size: int = 224
    description: str = ""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    scene: SceneRange = field(default_factory=SceneRange)
    attributes: tuple[str, ...] = ("color", "size", "material", "pattern")  # that captions speak of
    held_out: tuple[Description, ...] = ()  # objects kept for splits that are marked held_out


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
    recipe = _build(Recipe, table, str(path), ())
    check_recipe(recipe, str(path))
    return recipe


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data, as manifests keep it."""
    return json.loads(json.dumps(asdict(recipe)))


def recipe_from_dict(table: dict[str, Any], where: str) -> Recipe:
    """The recipe that `recipe_to_dict` wrote; `where` names its file in errors."""
    return _build(Recipe, table, where, ())


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the recipe's content: equal recipes make equal scenes and captions."""
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()


def with_overrides(recipe: Recipe, *, groups: int | None, seed: int | None, split: str | None) -> Recipe:
    """The recipe with another number of groups for every category, another seed, or one split only."""
    splits = recipe.splits
    if split is not None:
        if split not in splits:
            raise unknown_name("split", split, splits, recipe.name)
        splits = {split: splits[split]}
    if groups is not None:
        if groups < 1:
            raise InputError(f"--groups {groups}: must be at least 1")
        splits = {
            name: replace(row, groups=dict.fromkeys(row.groups, groups), scenes=min(row.scenes, groups))
            for name, row in splits.items()
        }
    return replace(recipe, splits=splits, seed=recipe.seed if seed is None else seed)


def check_recipe(recipe: Recipe, where: str) -> None:
    """Refuse a recipe that names unknown things or cannot be satisfied; the message names the key."""
    from generator.categories import CATEGORIES  # categories need recipes

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
        if split == MASKS or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", split):
            raise InputError(
                f"{where}: splits: {split!r} cannot be a folder's name; give letters, digits, - and _, not {MASKS!r}"
            )
        for category in row.groups:
            if category not in CATEGORIES:
                raise unknown_name("category", category, CATEGORIES, f"{where}: splits.{split}.groups")
        for key, choices in (("templates", HOLD_OUTS), ("phrases", HOLD_OUTS), ("synonyms", SYNONYMS)):
            if getattr(row, key) not in choices:
                raise unknown_name(key, getattr(row, key), choices, f"{where}: splits.{split}")
    _check_held_out(recipe, where)
    _check_lists(recipe, where)
    _check_ranges(recipe, where)


def _check_shapes(names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in KINDS:
            raise unknown_name("shape", name, KINDS, where)


def _check_held_out(recipe: Recipe, where: str) -> None:
    for i, description in enumerate(recipe.held_out):
        key = f"{where}: held_out.{i}"
        named = {name: value for name, value in vars(description).items() if value is not None}
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
        if split.held_out and not recipe.held_out:
            raise InputError(f"{where}: splits.{name}.held_out: the recipe holds nothing out; add [[held_out]] tables")


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
    low, high = recipe.scene.objects
    spare = len(recipe.vocabulary.shapes) - high
    rules = {
        f"splits: at least one split with groups or scenes, not {list(recipe.splits)}": any(
            sum(row.groups.values()) + row.scenes for row in recipe.splits.values()
        ),
        "splits: scenes: not negative": all(row.scenes >= 0 for row in recipe.splits.values()),
        f"splits: - and _ are one on HuggingFace, so these are the same: {list(recipe.splits)}": len(recipe.splits)
        == len({name.replace("-", "_") for name in recipe.splits}),
        f"name: one line, not {recipe.name!r}": bool(recipe.name.strip()) and recipe.name.isprintable(),
        f"scene.objects: from 1 to at most 8, not {[low, high]}": 1 <= low <= high <= 8,
        "scene.arrangements: another beside 'stacked', which shows relations only": any(
            not ARRANGEMENTS[name].stacked for name in recipe.scene.arrangements
        ),
        f"image_size: from 32 to 2048 pixels, not {recipe.image_size}": 32 <= recipe.image_size <= 2048,
        f"seed: not negative, not {recipe.seed}": recipe.seed >= 0,
        f"scene.patterned: from 0 to 1, not {recipe.scene.patterned}": 0 <= recipe.scene.patterned <= 1,
        "vocabulary.shapes: at least two more than scene.objects allows in one scene": spare >= 2,
        "vocabulary.colors: at least 3": len(recipe.vocabulary.colors) >= 3,
    }
    for attribute in recipe.attributes:
        values = getattr(recipe.vocabulary, attribute + "s")
        rules[f"attributes: {attribute!r} needs at least two values in vocabulary.{attribute}s"] = len(values) >= 2
    for rule, kept in rules.items():
        if not kept:
            raise InputError(f"{where}: {rule}")


def _find(name: str | Path) -> Path:
    """A path that exists, or a data card of that name in the clone or the installation."""
    import sysconfig

    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    folders = (Path(__file__).parent.parent / "data_cards", Path(sysconfig.get_path("data")) / "share/fourfold")
    known = {card.stem: card for folder in folders if folder.is_dir() for card in sorted(folder.glob("*.toml"))}
    if str(name) in known:
        return known[str(name)]
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"no recipe {str(name)!r}: give a .toml file or one of {', '.join(sorted(known))}.{hint}")


def _build(kind: Any, table: Any, where: str, key: tuple[str, ...]) -> Any:
    """A dataclass from a TOML table, every key and type checked."""
    place = f"{where}: {'.'.join(key)}" if key else where
    if not isinstance(table, dict):
        raise InputError(f"{place}: a table is needed, not {table!r}")
    allowed = {item.name: item for item in fields(kind)}
    for name in table:
        if name not in allowed:
            raise unknown_name("key", name, allowed, place)
    values = {name: _convert(allowed[name].type, value, where, (*key, name)) for name, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        missing = [name for name in ("name", "splits") if name in allowed and name not in table]
        raise InputError(f"{place}: missing key {', '.join(missing) or error}") from error


def _convert(wanted: Any, value: Any, where: str, key: tuple[str, ...]) -> Any:
    place = f"{where}: {'.'.join(key)}"
    if wanted in _NESTED:
        return _build(_NESTED[wanted], value, where, key)
    if wanted == dict[str, Split]:
        if not isinstance(value, dict):
            raise InputError(f"{place}: a table of splits is needed, not {value!r}")
        return {name: _build(Split, row, where, (*key, name)) for name, row in value.items()}
    if wanted == tuple[Description, ...]:
        if not isinstance(value, list):
            raise InputError(f"{place}: a list of tables is needed, not {value!r}")
        return tuple(_build(Description, row, where, (*key, str(i))) for i, row in enumerate(value))
    check, meaning = _PLAIN[wanted]
    if not check(value):
        raise InputError(f"{place}: {meaning} is needed, not {value!r}")
    return tuple(value) if isinstance(value, list) else value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_NESTED: dict[Any, Any] = {Vocabulary: Vocabulary, SceneRange: SceneRange}
_PLAIN: dict[Any, Any] = {
    str: (lambda v: isinstance(v, str), "a string"),
    (str | None): (lambda v: v is None or isinstance(v, str), "a string"),
    int: (lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number"),
    float: (lambda v: isinstance(v, (int, float)) and not isinstance(v, bool), "a number"),
    bool: (lambda v: isinstance(v, bool), "true or false"),
    tuple[str, ...]: (lambda v: isinstance(v, list) and all(isinstance(x, str) for x in v), "a list of strings"),
    tuple[int, int]: (lambda v: isinstance(v, list) and len(v) == 2 and all(map(_is_count, v)), "two whole numbers"),
    dict[str, int]: (
        lambda v: isinstance(v, dict) and all(map(_is_count, v.values())),
        "a table of category = number of groups",
    ),
    (tuple[str, str] | None): (
        lambda v: v is None or (isinstance(v, list) and len(v) == 2 and all(isinstance(x, str) for x in v)),
        "two strings",
    ),
}
