"""The files that speak of a dataset as a whole: manifest.json, croissant.json and audit.json.

Each check yields its problems as lines that do not name the file. Where the file cannot be read it raises one of
`findings.DAMAGE`.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fourfold.generator.presentation.croissant import distribution, file_hashes
from fourfold.generator.recipe.reading import recipe_from_dict, recipe_hash
from fourfold.generator.run.assembly import AUDIT, audit_as_made, slight_dependences
from fourfold.scenes.assets.custom import as_kind


def verify_manifest(manifest: dict[str, Any]) -> Iterator[str]:
    """Problems of the manifest in itself: the recipe and its hash, the counts, and the hash over all scenes."""
    recipe = recipe_from_dict(manifest["recipe"], "recipe")
    if recipe_hash(recipe) != manifest["recipe_sha256"]:
        yield "the recipe is not that of its hash"
    if (recipe.seed, recipe.name) != (manifest["seed"], manifest["name"]):
        yield "seed and name are not those of the recipe"
    # Of a category that the recipe switches off there are no groups to count.
    wished = {name: ({k: n for k, n in row.groups.items() if n}, row.scenes) for name, row in recipe.splits.items()}
    counted = {name: (row.get("groups"), row.get("scenes")) for name, row in manifest["splits"].items()}
    for name in sorted(wished.keys() | counted.keys()):
        if wished.get(name) != counted.get(name):
            yield f"split {name}: {counted.get(name)} groups and scenes, the recipe says {wished.get(name)}"
    scenes = hashlib.sha256("".join(shard["scenes_sha256"] for shard in manifest["shards"]).encode()).hexdigest()
    if scenes != manifest["scenes_sha256"]:
        yield "scenes_sha256 is not that of its shards"
    for kind in recipe.assets or ():
        as_kind(kind).build()  # a mesh that is none is said here, not by who draws it


def verify_croissant(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Problems of croissant.json: its files and hashes against those of the manifest."""
    path = folder / "croissant.json"
    if not path.is_file():
        yield "no such file"
        return
    said = json.loads(path.read_text(encoding="utf-8"))["distribution"]
    if file_hashes(said) != file_hashes(distribution(manifest)):
        yield "has other files or hashes than the manifest"


def verify_audit(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Problems of audit.json: the audit is made again from the rows, and must say the same and have passed."""
    found = audit_as_made(folder, recipe_from_dict(manifest["recipe"], "recipe"))
    if found is None:
        return
    if not (folder / AUDIT).is_file():
        yield "no such file"
    elif _rounded(json.loads((folder / AUDIT).read_text(encoding="utf-8"))) != _rounded(found):
        yield "is not what the blind solvers make of the captions and objects"
    if manifest.get("slight_dependences") != slight_dependences(found):
        yield "finds other slight dependences of objects than the manifest lists"
    if not found["passed"]:
        yield "captions or objects give answers away without the picture; see `fourfold audit`"


def _rounded(value: Any) -> Any:
    """Plain data without the last digits, in which versions of numpy and scipy differ."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
