"""The end of a run: all shards are there, so their rows are joined, audited and described.

SHA256SUMS is written when all that it names stands, but for the manifest, which comes last: it says that a dataset is
finished, so that a finished one has its checksums, and one that was killed before is finished by the next run.
"""

import hashlib
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.files import ASIDE, dump_json, entries, file_hash, write_atomically
from fourfold.generator.dataset.checksums import CHECKSUMS, checksum_line
from fourfold.generator.dataset.reading import FORMAT_VERSION
from fourfold.generator.presentation.cards import CARD, CROISSANT, write_card
from fourfold.generator.presentation.croissant import publication_date
from fourfold.generator.recipe.changes import describe_changes
from fourfold.generator.recipe.reading import Recipe, recipe_hash, recipe_to_dict
from fourfold.generator.run.destinations import MANIFEST
from fourfold.generator.run.shards import WORK, Job, Shard, ShardRecord, checksums_path, read_record, rows_path
from fourfold.version import software_version

AUDIT = "audit.json"
LIBRARIES = ("numpy", "trimesh", "pyrender", "pillow")  # whose versions the manifest records


def assemble(folder: Path, job: Job, shards: Sequence[Shard]) -> None:
    """Finish the dataset in a folder that holds rows, checksums and records of all shards; the manifest comes last.

    Raises InputError if a shard is missing or of another recipe, and if the audits find that the dataset can be
    answered without its pictures.
    """
    recipe = job.recipe
    published = publication_date(recipe)
    records = read_records(folder, job, shards)
    # The rows of archives are inside them; joined they are for the audit alone, and go with the work folder.
    joined = folder if job.format == "folder" else folder / WORK
    hashes = {}  # of the joined rows, where they are files of the dataset
    for split in recipe.splits:
        path = joined / split / "metadata.jsonl"
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, (rows_path(folder, shard).read_bytes() for shard in shards if shard.split == split))
        if joined == folder:
            hashes[split] = file_hash(path)
    found = _audit(folder, joined, job)
    manifest = make_manifest(
        recipe,
        job.format,
        {
            split: [record for shard, record in zip(shards, records, strict=True) if shard.split == split]
            for split in recipe.splits
        },
        hashes,
        published=published,
        slight=slight_dependences(found),
        software={"fourfold": software_version()} | {name: version(name) for name in LIBRARIES},
    )
    _remove_torn(folder)
    write_card(folder, recipe, manifest)
    text = dump_json(manifest)
    write_atomically(folder / CHECKSUMS, _checksums(folder, shards, hashes, text))
    write_atomically(folder / MANIFEST, text)
    shutil.rmtree(folder / WORK)


def make_manifest(
    recipe: Recipe,
    format: str,
    records: Mapping[str, Sequence[ShardRecord]],
    hashes: Mapping[str, str],
    *,
    published: str,
    slight: Sequence[str],
    software: Mapping[str, str],
) -> dict[str, Any]:
    """The content of manifest.json.

    `records` are those of each split in the order of its rows, and `hashes` those of the files that hold the rows of a
    split, in the folder format alone; `slight` are the dependences that the audit let pass.
    """
    every = [record for split in recipe.splits for record in records[split]]
    return {
        "format_version": FORMAT_VERSION,
        "format": format,
        "name": recipe.name,
        "changes": describe_changes(recipe),  # of the recipe that the data cards hold under this name
        "recipe_sha256": recipe_hash(recipe),
        "recipe": recipe_to_dict(recipe),
        "seed": recipe.seed,
        "published": published,
        "scenes_sha256": hashlib.sha256("".join(record.scenes_sha256 for record in every).encode()).hexdigest(),
        "checksums": CHECKSUMS,
        "splits": {
            split: {
                "images": sum(record.rows for record in records[split]),
                "groups": {category: number for category, number in row.groups.items() if number},
                "scenes": row.scenes,
            }
            | ({"metadata_sha256": hashes[split]} if split in hashes else {})
            for split, row in recipe.splits.items()
        },
        "slight_dependences": list(slight),
        "rejections": dict(sum((Counter(record.rejections) for record in every), Counter[str]())),
        "software": dict(software),
        "renderer": every[0].renderer,
        "other_renderers": _others(every),
        "shards": [vars(record) for record in every],
    }


def _remove_torn(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote."""
    for entry in entries(folder):
        if entry.is_dir(follow_symlinks=False):
            _remove_torn(Path(entry.path))
        elif entry.name.startswith(".") and entry.name.endswith(ASIDE):
            os.unlink(entry.path)


def _checksums(folder: Path, shards: Sequence[Shard], rows: Mapping[str, str], manifest: str) -> Iterator[bytes]:
    """The lines of SHA256SUMS: those that the shards kept of their files, then those of what was made at the end.

    `rows` are the hashes of the files with joined rows, `manifest` is what will stand in manifest.json.
    """
    yield from (checksums_path(folder, shard).read_bytes() for shard in shards)
    yield from (checksum_line(digest, f"{split}/metadata.jsonl").encode() for split, digest in rows.items())
    told = [name for name in (AUDIT, CARD, CROISSANT) if (folder / name).is_file()]  # not every recipe has an audit
    yield from (checksum_line(file_hash(folder / name), name).encode() for name in told)
    yield checksum_line(hashlib.sha256(manifest.encode()).hexdigest(), MANIFEST).encode()


def read_records(folder: Path, job: Job, shards: Sequence[Shard]) -> list[ShardRecord]:
    """The records of all shards, in their order. Raises InputError if one is missing, or made from another recipe."""
    records = {shard: read_record(folder, shard) for shard in shards}
    missing = [shard.name for shard, record in records.items() if record is None]
    if missing:
        raise InputError(
            f"{job.out}: {len(missing)} of {len(shards)} shards are not there, the first is {missing[0]}; run the "
            "command that makes them (again): it makes what is missing"
        )
    found = [record for record in records.values() if record is not None]
    strange = [record.name for record in found if record.recipe_sha256 != recipe_hash(job.recipe)]
    if strange:
        raise InputError(
            f"{job.out}: {len(strange)} of {len(shards)} shards are of another recipe, the first is {strange[0]}; make "
            "each dataset in a place of its own"
        )
    return found


def _others(records: Sequence[ShardRecord]) -> list[dict[str, str]]:
    """Renderers of shards that were made elsewhere, or on another day, if they are not the first one's."""
    words = {tuple(record.renderer.items()): record.renderer for record in records}
    return [renderer for renderer in words.values() if renderer != records[0].renderer]


def audit_as_made(joined: Path, recipe: Recipe) -> dict[str, Any] | None:
    """What audit.json has to say of the rows of a dataset that the recipe made; None if no split has groups to audit.

    `joined` is the folder that holds <split>/metadata.jsonl. The audit draws from the recipe's seed, so that it can be
    made again.
    """
    from fourfold.generator.audits.dataset_audit import audit_dataset, dataset_audit_as_json, dependent_by_design

    splits = [name for name, split in recipe.splits.items() if any(split.groups.values())]
    if not splits:
        return None
    meant = dependent_by_design(recipe)
    rng = np.random.default_rng(recipe.seed)
    return dataset_audit_as_json(audit_dataset(joined, rng, splits=splits, meant=meant))


def slight_dependences(found: dict[str, Any] | None) -> list[str]:
    """The dependences among columns of the objects that are certain, but too weak to help a guess, in words.

    `found` is the audit as plain data; None gives an empty list.
    """
    return [_dependence(pair) for pair in found["objects"] if pair["slight"]] if found else []


def _audit(folder: Path, joined: Path, job: Job) -> dict[str, Any] | None:
    """Run the audits over every split with groups; a dataset that can be answered without its pictures is not finished.

    What is too slight to help is a warning.
    """
    found = audit_as_made(joined, job.recipe)
    if found is None:
        return None
    write_atomically(folder / AUDIT, dump_json(found))
    leaks = [(split, leak) for split, report in found["splits"].items() for leak in report["results"] if leak["leaks"]]
    if leaks:
        split, leak = leaks[0]
        feature = f": {leak['feature']}" if leak["feature"] else ""
        raise InputError(
            f"{job.out}: split {split!r} is refused, for the blind solver {leak['solver']!r} gets "
            f"{leak['accuracy']:.3f} of {leak['category']} right without the pictures ({leak['low']:.3f} .. "
            f"{leak['high']:.3f}, chance {leak['chance']:.3f}){feature}; all of it is in audit.json"
        )
    dependent = [_dependence(pair) for pair in found["objects"] if pair["leaks"]]
    if dependent:
        raise InputError(
            f"{job.out}: is refused, for one thing about an object tells another: {'; '.join(dependent)}; all of it is "
            "in audit.json"
        )
    for text in slight_dependences(found):
        warnings.warn(f"{job.out}: objects depend, though too little to help a guess: {text}", stacklevel=2)
    return found


def _dependence(pair: dict[str, Any]) -> str:
    first, second = pair["columns"]
    return f"{first} and {second} (Cramer's V {pair['strength']:.3f}, p {pair['p']:.1g}; {pair['feature']})"
