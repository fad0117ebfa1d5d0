"""Recipes from plain tables, as TOML and manifests hold them: every key and every type checked."""

from dataclasses import fields
from typing import Any

from fourfold.errors import InputError, unknown_name
from fourfold.generator.recipe.recipe import Publication, SceneRange, Split, Vocabulary
from fourfold.scenes.assets.custom import CustomKind, CustomPhoto
from fourfold.scenes.truth.descriptions import Description


def build(kind: Any, table: Any, where: str, key: tuple[str, ...]) -> Any:
    """A dataclass of that kind from a plain table, every key and type checked, nested tables included.

    `where` is the file and `key` the keys that lead to the table; both are named in messages. Raises InputError for an
    unknown or missing key, and for a value of the wrong type.
    """
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
    if value is None and wanted in _OPTIONAL:  # as manifests hold it; TOML has no such value
        return None
    if wanted in _NESTED:
        return build(_NESTED[wanted], value, where, key)
    if wanted == dict[str, Split]:
        if not isinstance(value, dict):
            raise InputError(f"{place}: a table of splits is needed, not {value!r}")
        return {name: build(Split, row, where, (*key, name)) for name, row in value.items()}
    if wanted in _OWN:
        if isinstance(value, tuple):  # read from the folder that TOML names
            return value
        if not isinstance(value, list):
            raise InputError(f"{place}: the name of a folder is needed, not {value!r}")
        return tuple(build(_OWN[wanted], row, where, (*key, str(i))) for i, row in enumerate(value))
    if wanted == tuple[Description, ...]:
        if not isinstance(value, list):
            raise InputError(f"{place}: a list of tables is needed, not {value!r}")
        return tuple(build(Description, row, where, (*key, str(i))) for i, row in enumerate(value))
    check, meaning = _PLAIN[wanted]
    if not check(value):
        raise InputError(f"{place}: {meaning} is needed, not {value!r}")
    return tuple(value) if isinstance(value, list) else value


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_two_counts(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_NESTED: dict[Any, Any] = {Vocabulary: Vocabulary, SceneRange: SceneRange, (Publication | None): Publication}
_OWN: dict[Any, Any] = {(tuple[CustomKind, ...] | None): CustomKind, (tuple[CustomPhoto, ...] | None): CustomPhoto}
_OPTIONAL = ((Publication | None), (tuple[int, int] | None), (int | None), *_OWN)
_PLAIN: dict[Any, Any] = {
    str: (lambda v: isinstance(v, str), "a string"),
    bytes: (lambda v: False, "no key of a file: pixels are read from the folder; nothing"),
    (str | None): (lambda v: v is None or isinstance(v, str), "a string"),
    int: (lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number"),
    (int | None): (lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number"),
    float: (lambda v: isinstance(v, (int, float)) and not isinstance(v, bool), "a number"),
    bool: (lambda v: isinstance(v, bool), "true or false"),
    (bool | tuple[str, ...]): (
        lambda v: isinstance(v, bool) or (_are_strings(v) and bool(v)),
        "true or false, or a list of attributes,",
    ),
    tuple[str, ...]: (lambda v: _are_strings(v), "a list of strings"),
    tuple[float, float]: (
        lambda v: isinstance(v, list) and len(v) == 2 and all(isinstance(x, (int, float)) for x in v),
        "two numbers",
    ),
    tuple[int, int]: (lambda v: _are_two_counts(v), "two whole numbers"),
    (tuple[int, int] | None): (lambda v: _are_two_counts(v), "two whole numbers"),
    dict[str, int]: (
        lambda v: isinstance(v, dict) and all(map(_is_count, v.values())),
        "a table of category = number of groups",
    ),
    (tuple[str, str] | None): (
        lambda v: v is None or (isinstance(v, list) and len(v) == 2 and all(isinstance(x, str) for x in v)),
        "two strings",
    ),
}
