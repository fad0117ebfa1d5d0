"""Takes single values out of strangers' rows, checked: an `InputError` says which item lacks what."""

import ast
import math
from io import StringIO
from itertools import pairwise
from tokenize import NL, STRING, TokenError, generate_tokens
from typing import Any

from fourfold.errors import InputError


def get(row: Any, key: str | int, kind: type | tuple[type, ...], where: str) -> Any:
    """`row[key]`, if it is there and of the right type; `where` names the row in the error."""
    if isinstance(row, str):
        raise InputError(f"{where}: is the text {row!r:.60}, not an item with {key!r}")
    try:
        value = row[key]
    except (KeyError, IndexError, TypeError):
        raise InputError(f"{where}: no {key!r}") from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(each.__name__ for each in kinds)
        raise InputError(f"{where}: {key!r} is {type(value).__name__} {value!r:.60}, not {wanted}")
    return value


def get_text(row: Any, key: str | int, where: str) -> str:
    """A caption or a name: a string with something in it."""
    value: str = get(row, key, str, where)
    if not value.strip():
        raise InputError(f"{where}: {key!r} is empty")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"{where}: {key!r} holds half a surrogate pair, which no text file can: {value!r:.60}")
    return value


def get_texts(row: Any, key: str | int, where: str, least: int = 1) -> tuple[str, ...]:
    """A list of at least `least` captions or names."""
    values = get(row, key, (list, tuple), where)
    if len(values) < least:
        raise InputError(f"{where}: {key!r} has {len(values)} entries, at least {least} needed")
    return tuple(get_text(values, number, f"{where}: {key!r}") for number in range(len(values)))


def get_index(row: Any, key: str, size: int, where: str) -> int:
    """The number of the right option, 0 to `size` - 1; CSV gives it as a string."""
    value = get(row, key, (int, str), where)
    try:
        index = int(value)
    except ValueError:
        raise InputError(f"{where}: {key!r} is {value!r}, not a whole number") from None
    if not 0 <= index < size:
        raise InputError(f"{where}: {key!r} is {index}, but the options are 0 to {size - 1}")
    return index


def get_number(row: Any, key: str, where: str) -> float:
    """A finite number; CSV gives it as a string."""
    value = get(row, key, (int, float, str), where)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: {key!r} is {value!r}, not a number")
    return number


def literal_texts(row: Any, key: str, where: str) -> tuple[str, ...]:
    """A list of strings written as a Python literal inside a CSV cell; parsed, never evaluated.

    Raises InputError for anything else, and for texts without a comma between them, as NumPy prints them: Python would
    join them to one.
    """
    cell = get_text(row, key, where)
    try:
        value = ast.literal_eval(cell.strip())
        kinds = [token.type for token in generate_tokens(StringIO(cell.strip()).readline) if token.type != NL]
    except (ValueError, SyntaxError, MemoryError, RecursionError, TokenError):
        raise InputError(f"{where}: {key!r} is not a list of strings in quotes: {cell!r:.60}") from None
    if any(one == other == STRING for one, other in pairwise(kinds)):
        raise InputError(f"{where}: {key!r} lacks a comma between two strings: {cell!r:.60}")
    return get_texts({key: value}, key, where)
