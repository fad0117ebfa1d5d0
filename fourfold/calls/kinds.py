"""`kinds`: everything that scenes and captions are made of, by name, from the tables themselves."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fourfold.errors import unknown_name
from fourfold.evaluator.tables.formats import Cell, Table
from fourfold.generator.captions.order_templates import SUPERLATIVE_PHRASES
from fourfold.generator.captions.phrases import COMPARISON_PHRASES, REGION_PHRASES, RELATION_PHRASES, TEMPLATES
from fourfold.generator.categories import CATEGORIES
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.backgrounds import SURFACES
from fourfold.scenes.model.vocabulary import COLORS, MATERIALS, PATTERNS, SIZES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.relations import RELATIONS

Row = dict[str, Any]


def kinds() -> dict[str, list[Row]]:
    """The lists of what there is: objects, colors, ..., categories, templates; each a row for every name in it.

    A row begins with its `name`, as recipes, metadata and captions have it; colors are sRGB 0..255, sizes the largest
    extent of an object in scene units. Templates are listed by the form of claim that they put into words, with the
    categories that use it.
    """
    return {name: list(rows()) for name, rows in _LISTS.items()}


def kinds_table(name: str) -> Table:
    """One of the lists as a table. Raises InputError for a list that is not there."""
    if name not in _LISTS:
        raise unknown_name("list", name, _LISTS, "kinds")
    rows = list(_LISTS[name]())
    return Table(f"{name}: {len(rows)}", tuple(rows[0]), tuple(tuple(map(_cell, row.values())) for row in rows))


def _objects() -> Iterable[Row]:
    for kind in KINDS.values():
        yield {
            "name": kind.name,
            "room": kind.room,
            "plural": kind.plural,
            "synonyms": list(kind.synonyms),
            "front": kind.front is not None,  # whether it can face a way
        }


def _arrangements() -> Iterable[Row]:
    for row in ARRANGEMENTS.values():
        yield {"name": row.name, "surfaces": list(row.surfaces), "carried by": list(row.bases)}


def _users(form: str) -> list[str]:
    return [row.name for row in CATEGORIES.values() if form in row.forms]


def _phrases(table: Mapping[str, tuple[str, ...]]) -> Callable[[], Iterable[Row]]:
    return lambda: [{"name": name, "phrases": list(phrases)} for name, phrases in table.items()]


_LISTS: dict[str, Callable[[], Iterable[Row]]] = {
    "objects": _objects,
    "colors": lambda: [{"name": row.name, "rgb": list(row.rgb)} for row in COLORS.values()],
    "sizes": lambda: [{"name": row.name, "scale": row.scale} for row in SIZES.values()],
    "materials": lambda: [{"name": name} for name in MATERIALS],
    "patterns": lambda: [{"name": name} for name in PATTERNS],
    "surfaces": lambda: [{"name": name} for name in SURFACES],
    "arrangements": _arrangements,
    "relations": lambda: [
        {"name": row.name, "converse": row.converse, "phrases": list(RELATION_PHRASES[row.name])}
        for row in RELATIONS.values()
    ],
    "regions": _phrases(REGION_PHRASES),
    "comparisons": _phrases(COMPARISON_PHRASES),
    "superlatives": _phrases(SUPERLATIVE_PHRASES),
    "categories": lambda: [
        {"name": row.name, "condition": row.condition, "forms": list(row.forms), "summary": row.summary}
        for row in CATEGORIES.values()
    ],
    "templates": lambda: [
        {"name": form, "categories": _users(form), "phrases": list(phrases)} for form, phrases in TEMPLATES.items()
    ],
}
LISTS = tuple(_LISTS)


def _cell(value: Any) -> Cell:
    if isinstance(value, list):
        return " | ".join(map(str, value))  # captions hold commas
    return ("yes" if value else "") if isinstance(value, bool) else str(value)
