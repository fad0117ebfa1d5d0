"""The recipe: everything that a dataset depends on beside the version of this software, as frozen dataclasses."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any

from fourfold.scenes.assets.custom import CustomKind, CustomPhoto, known
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.descriptions import Description

# Rules by which scenes and captions are drawn. A recipe that names none keeps those of the first, and so its bytes.
EDITIONS = {
    1: "as the first datasets were made",
    2: "materials read on every kind, words that decide a group change its pictures, larger is not taller or nearer",
}
_FEWEST_TELLING = 3  # "neither red nor blue" is said of a thing of a third color


@dataclass(frozen=True)
class Vocabulary:
    """The words that scenes and captions may use, each a key of its table.

    An attribute varies if it has several values here.
    """

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
    photos: tuple[CustomPhoto, ...] | None = (
        None  # in TOML a folder, from the recipe's own on; backgrounds are its photos
    )


@dataclass(frozen=True)
class Split:
    """Groups of each category in one split, and natural scenes (single pictures with web-like captions)."""

    groups: dict[str, int] = field(default_factory=dict)
    scenes: int = 0
    # true: every group must hold a held-out object; ["shape"]: one that is held out by its shape alone; false: none may
    held_out: bool | tuple[str, ...] = False
    objects: tuple[int, int] | None = (
        None  # how many every scene holds; without it scene.objects, and counting has more
    )
    templates: str = "ordinary"  # "held-out": the wordings of claims that no ordinary split uses
    phrases: str = "ordinary"  # "held-out": the wordings of relations and regions that no ordinary split uses
    synonyms: str = "hard-positives"  # where kinds are called by synonyms: there, "never", or "always"


@dataclass(frozen=True)
class Publication:
    """Who publishes the dataset, where and when; what is left empty is filled in with what the software knows."""

    creator: str = ""
    url: str = ""
    date: str = ""  # 2026-12-31
    version: str = "1.0.0"


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
    publication: Publication | None = None
    assets: tuple[CustomKind, ...] | None = None  # in TOML a folder, from the recipe's own on, of users' meshes
    edition: int | None = None  # a key of EDITIONS; without it the first


def known_assets(recipe: Recipe) -> AbstractContextManager[None]:
    """Make the recipe's own kinds and photos known in this process until the block ends."""
    return known(recipe.assets or (), recipe.scene.photos or ())


def as_plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as dicts, lists, texts and numbers; of photos the hashes, without the pixels."""
    return asdict(recipe, dict_factory=lambda pairs: {key: v for key, v in pairs if not isinstance(v, bytes)})


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the recipe's content: equal recipes make equal scenes and captions."""
    return hashlib.sha256(json.dumps(_given(as_plain(recipe)), sort_keys=True).encode()).hexdigest()


def _given(value: Any) -> Any:
    """Plain data without the keys that hold None, so that a new optional key leaves the hashes of old recipes alone."""
    if isinstance(value, dict):
        return {key: _given(inner) for key, inner in value.items() if inner is not None}
    return [_given(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def named_values(description: Description) -> dict[str, Any]:
    """The attributes that a description names (shape, color, ... and "excluded"), with their values."""
    return {name: value for name, value in vars(description).items() if value is not None}


def telling_values(vocabulary: Vocabulary, attribute: str) -> tuple[str, ...]:
    """The values of an attribute that a caption can ask for by themselves; "plain" could mean more than a pattern."""
    return tuple(value for value in getattr(vocabulary, f"{attribute}s") if value != "plain")


def telling_attributes(vocabulary: Vocabulary, attributes: Sequence[str]) -> tuple[str, ...]:
    """Of the attributes that captions speak of those by which sets are told apart at a glance: colors and patterns.

    Each has three values or more to ask for.
    """
    return tuple(
        name
        for name in ("color", "pattern")
        if name in attributes and len(telling_values(vocabulary, name)) >= _FEWEST_TELLING
    )


def wanted_objects(recipe: Recipe, split: Split) -> tuple[Description, ...]:
    """The held-out objects of which every group of the split must hold one; empty if it holds none of them."""
    if isinstance(split.held_out, bool):
        return recipe.held_out if split.held_out else ()
    return tuple(each for each in recipe.held_out if set(named_values(each)) == set(split.held_out))
