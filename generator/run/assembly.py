"""The end of a run: all shards are there, so their rows are joined, audited and described; the manifest comes last."""

import hashlib
import shutil
import warnings
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.files import ASIDE, dump_json, file_hash, write_atomically
from fourfold.generator.dataset.reading import FORMAT_VERSION, NATURAL
from fourfold.generator.presentation.cards import write_card
from fourfold.generator.presentation.croissant import publication_date
from fourfold.generator.recipe.reading import Recipe, recipe_hash, recipe_to_dict
from fourfold.generator.run.destinations import MANIFEST
from fourfold.generator.run.shards import WORK, Job, Shard, ShardRecord, read_record, rows_path
from fourfold.version import software_version

AUDIT = "audit.json"
_LIBRARIES = ("numpy", "trimesh", "pyrender", "pillow")  # whose versions the manifest records


def assemble(folder: Path, job: Job, shards: Sequence[Shard]) -> None:
    """Finish the dataset in a folder that holds rows and records of all shards; the manifest is written last.

    Raises InputError if a shard is missing or of another recipe, and if the audits find that the dataset can be
    answered without its pictures.
    """
    recipe = job.recipe
    published = publication_date(recipe)
    records = read_records(folder, job, shards)
    # The rows of archives are inside them; joined they are for the audit alone, and go with the work folder.
    joined = folder if job.format == "folder" else folder / WORK
    splits = {}
    for split in recipe.splits:
        mine = [(shard, record) for shard, record in zip(shards, records, strict=True) if shard.split == split]
        path = joined / split / "metadata.jsonl"
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, (rows_path(folder, shard).read_bytes() for shard, _ in mine))
        splits[split] = _count(mine) | ({"metadata_sha256": file_hash(path)} if joined == folder else {})
    found = _audit(folder, joined, job)
    manifest = {
        "format_version": FORMAT_VERSION,
        "format": job.format,
        "name": recipe.name,
        "recipe_sha256": recipe_hash(recipe),
        "recipe": recipe_to_dict(recipe),
        "seed": recipe.seed,
        "published": published,
        "scenes_sha256": hashlib.sha256("".join(record.scenes_sha256 for record in records).encode()).hexdigest(),
        "splits": splits,
        "slight_dependences": slight_dependences(found),
        "rejections": dict(sum((Counter(record.rejections) for record in records), Counter[str]())),
        "software": {"fourfold": software_version()} | {name: version(name) for name in _LIBRARIES},
        "renderer": records[0].renderer,
        "other_renderers": _others(records),
        "shards": [vars(record) for record in records],
    }
    for left in folder.rglob(f".*{ASIDE}"):  # of processes that were killed while they wrote
        left.unlink()
    write_card(folder, recipe, manifest)
    write_atomically(folder / MANIFEST, dump_json(manifest))
    shutil.rmtree(folder / WORK)


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


def _count(mine: Sequence[tuple[Shard, ShardRecord]]) -> dict[str, Any]:
    """What the manifest says of a split."""
    counts: Counter[str] = Counter()
    for shard, _ in mine:
        counts[shard.category] += len(shard)
    scenes = counts.pop(NATURAL, 0)
    return {"images": sum(record.rows for _, record in mine), "groups": dict(counts), "scenes": scenes}


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
