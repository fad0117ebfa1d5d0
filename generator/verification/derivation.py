"""manifest.json, croissant.json and README.md made again from recipe, rows and checksums, and compared whole.

Each check yields its problems as lines that do not name the file. Where the file cannot be read it raises one of
`findings.DAMAGE`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.files import dump_json, file_hash
from fourfold.generator.dataset.checksums import CHECKSUMS, read_checksum_line
from fourfold.generator.dataset.formats import FORMATS, row_files
from fourfold.generator.dataset.reading import NATURAL, read_rows
from fourfold.generator.presentation.cards import CARD, CROISSANT, card_text
from fourfold.generator.presentation.croissant import describe
from fourfold.generator.recipe.reading import Recipe, recipe_from_dict, recipe_hash
from fourfold.generator.run.assembly import LIBRARIES, make_manifest
from fourfold.generator.run.destinations import MANIFEST
from fourfold.generator.run.shards import ShardRecord, row_line, scene_text

_SHOWN = 60  # characters of a value that a problem shows


def verify_derived_manifest(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """What the manifest says otherwise than recipe and rows, key by key.

    What only the run knew is taken from it: the day of publication where the recipe has none, the versions of
    libraries, the dependences that the audit let pass, and of each shard its renderer and its rejections.
    """
    recipe = recipe_from_dict(manifest["recipe"], "recipe")
    found, _ = row_files(folder / next(iter(recipe.splits)))
    rows = {split: folder / split / "metadata.jsonl" for split in recipe.splits}
    derived = make_manifest(
        recipe,
        next(name for name, row in FORMATS.items() if row is found),
        _derive_records(folder, manifest, recipe),
        {split: file_hash(path) for split, path in rows.items() if path.is_file()},
        published=recipe.publication.date if recipe.publication and recipe.publication.date else manifest["published"],
        slight=manifest["slight_dependences"],
        software={name: manifest["software"].get(name) for name in ("fourfold", *LIBRARIES)},
    )
    yield from _compare(folder / MANIFEST, manifest, derived)


def verify_derived_croissant(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """What croissant.json says otherwise than the manifest, key by key."""
    path = folder / CROISSANT
    if path.is_file():
        derived = describe(recipe_from_dict(manifest["recipe"], "recipe"), manifest)
        yield from _compare(path, json.loads(path.read_text(encoding="utf-8")), derived)


def verify_shared_facts(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """What croissant.json says otherwise of the software, the name and the day, which every version writes there."""
    path = folder / CROISSANT
    if not path.is_file():
        return
    said = json.loads(path.read_text(encoding="utf-8"))
    if not said["citeAs"].endswith(f"Fourfold {manifest['software']['fourfold']}"):
        yield "citeAs: names another version of the software than the manifest"
    for key, wanted in {"name": manifest["name"], "datePublished": manifest["published"]}.items():
        yield from _differences(key, said[key], wanted)


def verify_derived_card(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """The first line of README.md that is not what recipe and manifest give."""
    path = folder / CARD
    if not path.is_file():
        return
    wanted = card_text(recipe_from_dict(manifest["recipe"], "recipe"), manifest).encode().split(b"\n")
    said = path.read_bytes().split(b"\n")
    number = next((n for n, pair in enumerate(zip(said, wanted, strict=False)) if pair[0] != pair[1]), len(wanted))
    if said != wanted:
        yield f"line {number + 1} is not what recipe and manifest give"


def _derive_records(folder: Path, manifest: dict[str, Any], recipe: Recipe) -> dict[str, list[ShardRecord]]:
    """The records of the shards of each split, from its rows, cut as the manifest says."""
    said = iter(manifest["shards"])
    archived = row_files(folder / next(iter(recipe.splits)))[0].read_member is not None
    records: dict[str, list[ShardRecord]] = {}
    if not (folder / CHECKSUMS).is_file():
        raise InputError(f"compared with what the files give only where {CHECKSUMS} is")
    with (folder / CHECKSUMS).open("rb") as lines:
        for split in recipe.splits:
            records[split] = []
            before: Counter[str] = Counter()
            rows = read_rows(folder, split)
            while (first := next(rows, None)) is not None:
                claim = next(said, None)
                if claim is None:
                    raise ValueError(f"shards: the rows of split {split} are of more shards")
                named = f"{split}-{first['category']}-{before[first['category']]:07d}"
                own = chain((first,), islice(rows, max(0, claim["rows"] - 1)))
                record = _derive_record(recipe, claim, named, own, lines, archived)
                records[split].append(record)
                before[first["category"]] += record.rows if first["category"] == NATURAL else record.rows // 2
    return records


def _derive_record(
    recipe: Recipe,
    claim: dict[str, Any],
    name: str,
    rows: Iterable[dict[str, Any]],
    lines: Iterator[bytes],
    archived: bool,
) -> ShardRecord:
    """The record of the shard of that name and these rows; `lines` are those of SHA256SUMS from its first file on."""
    count, in_lines, in_scenes = 0, hashlib.sha256(), hashlib.sha256()
    for row in rows:
        count += 1
        in_lines.update(row_line(row).encode())
        in_scenes.update(scene_text(row).encode())
    # The archive that holds the rows, or a picture and a mask of each.
    own = list(islice(lines, 1 if archived else 2 * count))
    return ShardRecord(
        name=name,
        recipe_sha256=recipe_hash(recipe),
        rows=count,
        rows_sha256=in_lines.hexdigest(),
        scenes_sha256=in_scenes.hexdigest(),
        checksums_sha256=hashlib.sha256(b"".join(own)).hexdigest(),
        files={name: digest for digest, name in map(read_checksum_line, own)} if archived else {},
        rejections=claim["rejections"],
        renderer=claim["renderer"],
    )


def _compare(path: Path, said: Any, derived: Any) -> Iterator[str]:
    yield from _differences("", said, derived)
    if said == derived and path.read_bytes() != dump_json(derived).encode():
        yield "holds what it should, but written otherwise: bytes were added, or keys changed places"


def _differences(where: str, said: Any, derived: Any) -> Iterator[str]:
    """Where two plain values differ: keys that one of them lacks, and values, each by its path."""
    if isinstance(said, dict) and isinstance(derived, dict):
        inner = [(str(key), said.get(key, _Absent), derived.get(key, _Absent)) for key in {**derived, **said}]
    elif isinstance(said, list) and isinstance(derived, (list, tuple)):
        inner = [(str(i), *pair) for i, pair in enumerate(zip_longest(said, derived, fillvalue=_Absent))]
    else:
        if said is _Absent:
            yield f"{where}: is missing"
        elif derived is _Absent:
            yield f"{where}: is not a key that belongs there"
        elif said != derived:
            yield f"{where}: {_shown(said)}, where recipe and files give {_shown(derived)}"
        return
    for key, one, other in inner:
        yield from _differences(f"{where}.{key}" if where else key, one, other)


class _Absent:
    """Stands for what is not there, which is other than None."""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
