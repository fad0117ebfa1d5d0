"""What a scene should hold: wishes, before anything has a place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ObjectSpec:
    """An object as it is wished for: one word for each attribute, from `scenes.model.vocabulary`, and a kind."""

    shape: str
    color: str
    size: str = "medium"
    material: str = "matte"
    pattern: str = "plain"


@dataclass(frozen=True)
class SceneSpec:
    """Objects, and how they are arranged: standing on a table, or floating in front of a wall."""

    objects: tuple[ObjectSpec, ...]
    arrangement: str = "table"
    surfaces: tuple[str, ...] = ()  # empty: any that the arrangement allows
    photos: tuple[str, ...] = ()  # if any: one of them is the background, instead of a surface
    material_look: int = 1  # how materials are drawn: a row of MATERIAL_LOOKS in `scenes.model.vocabulary`
