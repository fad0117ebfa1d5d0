"""Questions that users bring themselves: which column of a row means what, however the rows are stored.

A row is a question. Its columns, by these names or by those that the user maps to them:

    image, or image_0, image_1, ...      a picture; several for questions that compare pictures (`images`: a list)
    caption, or caption_0, caption_1     what is true of it (`captions`: a list)
    foil, or foil_0, foil_1, ...         what is false of it (`foils`: a list)
    id, category, cluster                optional: a unique name, what is averaged together, what is resampled together

- One picture, captions and foils: each caption is asked against all foils, as a question of its own.
- Two pictures or more: each has one caption, true of it alone (with two: the group score), and there are no foils.
- One picture and captions in every row, and no column of foils: one search among all pictures. A caption then counts as
  true of every picture whose row has it, and of no other.

Blanks around a text are dropped. Other columns are not read, and the results say so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.reading import Row

SEVERAL = ("image", "caption", "foil")  # roles that may have several columns
ROLES = (*SEVERAL, "id", "category", "cluster")
_REQUIRED = ("image", "caption")
_MOST_NAMED = 12  # columns in a message

Mapped = Mapping[str, tuple[str, ...]]  # role -> its columns, in order


@dataclass(frozen=True)
class Place:
    """What the user gave: a file, a folder, a name on the Hub or a URL, and what goes with it."""

    text: str
    images: Path | None  # the folder that image names are relative to; None: that of the file
    options: Mapping[str, str]  # of the format: config, split, revision
    look: bool = True  # False: captions only, nothing is asked of the images


@dataclass(frozen=True)
class Rows:
    """The rows that a place holds, one after another, each with what names it in a message."""

    name: str  # of the benchmark
    source: Source
    rows: Iterable[tuple[str, Row]]


def split_options(
    spec: str, text: str, allowed: Sequence[str]
) -> tuple[str, dict[str, str], dict[str, tuple[str, ...]]]:
    """The place, the options and the mapped columns of "PLACE#image=file,caption=text,foils=neg1+neg2,split=test".

    `allowed` are the options of the format; `spec` begins error messages. Raises InputError for what is neither an
    option nor a role, is there twice, or names nothing.
    """
    place, _, rest = ("", "", "") if Path(text).exists() else text.rpartition("#")
    if not place:
        return text, {}, {}
    options: dict[str, str] = {}
    columns: dict[str, str] = {}
    for part in rest.split(","):
        key, equals, value = (each.strip() for each in part.partition("="))
        role = role_of(key)
        if not equals or not value:
            raise InputError(f"{spec}: {part!r} after '#' is not NAME=VALUE, as in #image=file,foils=neg1+neg2")
        if key not in allowed and role is None:
            raise unknown_name("option", key, (*ROLES, *allowed), where=spec)
        if (known := key if key in allowed else str(role)) in options.keys() | columns.keys():
            raise InputError(f"{spec}: {known!r} is given twice; several columns are joined by '+'")
        (options if key in allowed else columns)[known] = value
    return place, options, check_columns({role: tuple(value.split("+")) for role, value in columns.items()}, spec)


def role_of(name: str) -> str | None:
    """The role that a user means by "image" or "images", "foil" or "foils", ...; None for any other name."""
    return next((role for role in ROLES if name == role or (role in SEVERAL and name == f"{role}s")), None)


def check_columns(mapped: Mapping[str, tuple[str, ...]], where: str) -> dict[str, tuple[str, ...]]:
    """The mapped columns with blanks dropped. Raises InputError for a column without a name, or too many of a role."""
    found = {role: tuple(name.strip() for name in names) for role, names in mapped.items()}
    for role, names in found.items():
        if not names or not all(names):
            raise InputError(f"{where}: {role!r} names a column without a name")
        if len(names) > 1 and role not in SEVERAL:
            raise InputError(f"{where}: {role!r} is one column, not {len(names)}: {', '.join(names)}")
    twice = [name for names in found.values() for name in names]
    if repeated := next((name for name in twice if twice.count(name) > 1), None):
        raise InputError(f"{where}: the column {repeated!r} is named for two things")
    return found


def find_columns(mapped: Mapped, header: Sequence[str], where: str) -> dict[str, tuple[str, ...]]:
    """The columns of each role that a row with these columns has: those mapped, else those called like the role.

    Raises InputError, with the columns that are there, where a mapped column or a required role has none.
    """
    found: dict[str, tuple[str, ...]] = {}
    for role in ROLES:
        names = mapped.get(role) or _called(role, header)
        lacking = [name for name in names if name not in header]
        if lacking or (not names and role in _REQUIRED):
            given = ", ".join(map(repr, header[:_MOST_NAMED])) or "nothing"
            name = lacking[0] if lacking else role
            free = [] if lacking else [name for name in header if name and _role_called(name) is None]
            hint = f"; name the one that is meant, as in '#{role}={free[0]}'" if free else ""
            raise InputError(f"{where}: no column {name!r}; there is {given}{hint}")
        found[role] = names
    return found


def _role_called(column: str) -> str | None:
    return next((role for role in ROLES if _called(role, (column,))), None)


def _called(role: str, header: Sequence[str]) -> tuple[str, ...]:
    if role not in SEVERAL:
        return (role,) if role in header else ()
    plain = [name for name in (role, f"{role}s") if name in header]
    numbered = [name for name in header if re.fullmatch(rf"{role}_?[0-9]{{1,4}}", name)]
    return (*plain, *sorted(numbered, key=lambda name: int(re.sub(r"\D", "", name))))
