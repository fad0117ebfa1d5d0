"""`verify`: does a dataset folder still say the truth? Everything is derived again from the files alone."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.generator.captions.wording import word, wordings_named
from fourfold.generator.dataset.formats import row_files
from fourfold.generator.dataset.reading import (
    NATURAL,
    Caption,
    canonical_hash,
    check_row,
    file_hash,
    inside,
    read_captions,
    read_manifest,
    read_picture,
    read_rows,
    row_place,
    rows_place,
)
from fourfold.generator.presentation.croissant import distribution, file_hashes
from fourfold.generator.recipe.reading import recipe_from_dict, recipe_hash
from fourfold.generator.recipe.recipe import known_assets
from fourfold.generator.run.assembly import AUDIT, audit_as_made, slight_dependences
from fourfold.scenes.assets.custom import as_kind
from fourfold.scenes.model.layout import Layout, layout_from_dict, layout_to_dict
from fourfold.scenes.truth.claims import claim_from_dict

FOURFOLD_TRUTH = ((True, False), (False, True), (True, False), (False, True))  # truth[caption][image]
KINDS = (  # of these captions, for images a and b
    ("true", "adversarial", "hard-positive", "adversarial-positive"),
    ("adversarial", "true", "adversarial-positive", "hard-positive"),
)
# What reading a damaged row or manifest can raise; none of it may hide the problems of the rows after it.
_DAMAGE = (InputError, KeyError, TypeError, AttributeError, ValueError, IndexError)


def verify(folder: str | Path, *, audits: bool = True, progress: bool = True) -> list[str]:
    """Every problem of a dataset folder as a line that names file or row; an empty list means that all is well.

    Checked: files and hashes, rows and their keys, both images of every group, the truth of every caption on every
    image of its group (re-evaluated from the claim and the scene), its words against the claim if this version made
    the dataset, masks and boxes against the annotations, counts; with `audits` also what the blind solvers make of the
    captions.
    Raises InputError if the folder holds no readable dataset at all.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    problems = [f"{folder / 'manifest.json'}: {text}" for text in _found(_verify_manifest, manifest)]
    if not (folder / "README.md").is_file():
        problems.append(f"{folder / 'README.md'}: no such file")
    problems += [f"{folder / 'croissant.json'}: {text}" for text in _found(_verify_croissant, folder, manifest)]
    worded = _is_of_this_version(manifest)
    with _known_things(manifest):
        for split, expected in manifest["splits"].items():
            problems += _verify_split(folder, split, expected, _hashes(folder, split, manifest), worded, progress)
    if audits:
        problems += [f"{folder / AUDIT}: {text}" for text in _found(_verify_audit, folder, manifest)]
    return problems


def _known_things(manifest: dict[str, Any]) -> AbstractContextManager[None]:
    """The kinds that the dataset brings; none if its recipe is damaged, which is among the problems already."""
    try:
        return known_assets(recipe_from_dict(manifest["recipe"], "recipe"))
    except _DAMAGE:
        return nullcontext()


def _is_of_this_version(manifest: dict[str, Any]) -> bool:
    """Whether the templates here are those of the dataset: another version may word the same claims otherwise."""
    software = manifest.get("software")
    return isinstance(software, dict) and software.get("fourfold") == version("fourfold")


def _verify_audit(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """The audit, made again from the rows, against audit.json."""
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


def _found(check: Callable[..., Iterator[str]], *given: Any) -> list[str]:
    """The problems that a check gives, and what it could not read as one more."""
    problems = []
    try:
        for text in check(*given):
            problems.append(text)
    except _DAMAGE as error:
        damage = str(error) if isinstance(error, InputError) else f"{error.__class__.__name__}: {error}"
        problems.append(f"cannot be read ({damage})")
    return problems


def _verify_manifest(manifest: dict[str, Any]) -> Iterator[str]:
    """The manifest against itself: the recipe and its hash, counts, and the hash over all scenes."""
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


def _verify_croissant(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """The hashes of croissant.json against those of the manifest, against which the files are held."""
    path = folder / "croissant.json"
    if not path.is_file():
        yield "no such file"
        return
    said = json.loads(path.read_text(encoding="utf-8"))["distribution"]
    if file_hashes(said) != file_hashes(distribution(manifest)):
        yield "has other files or hashes than the manifest"


def _verify_split(
    folder: Path, split: str, expected: dict[str, Any], hashes: dict[str, str | None], worded: bool, progress: bool
) -> list[str]:
    """Problems of one split whose rows are in the files of `hashes`; `worded`: by this version's templates."""
    problems = [*_verify_files(folder, hashes), *_verify_archives(folder / split)]
    counts: Counter[str] = Counter()
    files: set[Path] = set()
    ids: set[str] = set()
    previous: dict[str, Any] = {}
    rows = tqdm(read_rows(folder, split), split, expected.get("images"), disable=None if progress else True, unit="row")
    try:
        for number, row in enumerate(rows, start=1):
            counts["images"] += 1
            where = f"{row_place(folder, split, number)} ({row.get('id')})"
            problems += [f"{where}: {text}" for text in _found(_verify_row, folder, split, row)]
            if str(row.get("id")) in ids:
                problems.append(f"{where}: has the id of an earlier row")
            ids.add(str(row.get("id")))
            if row.get("category") == NATURAL:
                counts["scenes"] += 1
                problems += [f"{where}: {text}" for text in _found(_verify_natural, row)]
            elif (previous.get("role"), previous.get("group"), row.get("role")) == ("a", row.get("group"), "b"):
                counts[f"groups of {row.get('category')}"] += 1
                problems += [f"{where}: {text}" for text in _found(_verify_group, previous, row, worded)]
            elif row.get("role") != "a":
                problems.append(f"{where}: image {row.get('role')!r} without its image a before it")
            files |= {folder / split / str(row.get("file_name")), folder / str(row.get("mask"))}
            previous = row
    except InputError as error:
        problems.append(str(error))
    place = rows_place(folder, split)
    problems += [f"{place}: {text}" for text in _found(_verify_counts, counts, expected)]
    known = files | {folder / name for name in hashes}
    for place in (folder / split, folder / split / "images", folder / "masks" / split):
        strangers = (file for file in sorted(place.glob("*")) if not file.is_dir() and file not in known)
        problems += [f"{file}: belongs to no row" for file in strangers]
    return problems


def _hashes(folder: Path, split: str, manifest: dict[str, Any]) -> dict[str, str | None]:
    """The files that hold the rows of a split, with the hashes that the manifest has for them."""
    if rows_place(folder, split).is_file():
        return {f"{split}/metadata.jsonl": manifest["splits"][split].get("metadata_sha256")}
    shards = [shard.get("files", {}) for shard in manifest.get("shards", [])]
    return {name: digest for files in shards for name, digest in files.items() if name.startswith(f"{split}/")}


def _verify_files(folder: Path, hashes: dict[str, str | None]) -> Iterator[str]:
    for name, wanted in hashes.items():
        path = inside(folder, name)
        if not path.is_file():
            yield f"{path}: no such file"
        elif file_hash(path) != wanted:
            yield f"{path}: is not what the manifest's hash says; rows were changed or lost"


def _verify_archives(place: Path) -> Iterator[str]:
    """What is wrong with the archives of a split beside their rows and pictures."""
    form, files = row_files(place)
    if form.find_problems is not None:
        for path in files:
            yield from (f"{path}: {text}" for text in form.find_problems(path))


def _verify_counts(counts: Counter[str], expected: dict[str, Any]) -> Iterator[str]:
    groups = {f"groups of {category}": number for category, number in expected["groups"].items()}
    for what, number in {"images": expected["images"], "scenes": expected["scenes"], **groups}.items():
        if counts[what] != number:
            yield f"{counts[what]} {what}, the manifest says {number}"


def _verify_row(folder: Path, split: str, row: dict[str, Any]) -> Iterator[str]:
    """Problems of one image: its keys, its file, its mask, its scene."""
    check_row(row, "row")
    if row["split"] != split:
        yield f"is of split {row['split']!r}"
    color = yield from _open(folder / split, row["file_name"], "RGB")
    if color is not None and hashlib.sha256(color.tobytes()).hexdigest() != row["pixels_sha256"]:
        yield "the picture's pixels are not those of its hash"
    mask = yield from _open(folder, row["mask"], "L")
    if mask is not None:
        if color is not None and mask.shape != color.shape[:2]:
            yield "picture and mask are not of one size"
        yield from _verify_mask(mask, row)
    scene = layout_to_dict(layout_from_dict(row))
    wished = [{k: v for k, v in thing.items() if k != "visible_fraction"} for thing in scene["objects"]]
    if canonical_hash({**scene, "objects": wished}) != row["scene_sha256"]:
        yield "the scene is not that of its hash"


def _open(folder: Path, name: str, mode: str) -> Any:
    try:
        return np.array(read_picture(folder, name, mode))
    except InputError as error:
        yield str(error)
    return None


def _verify_mask(mask: np.ndarray, row: dict[str, Any]) -> Iterator[str]:
    """Boxes and visible pixels against the instance mask."""
    known = {thing["mask_value"] for thing in row["objects"]} | {0}
    strangers = sorted(set(np.unique(mask).tolist()) - known)
    if strangers:
        yield f"the mask holds values {strangers} of no object"
    for thing in row["objects"]:
        own = mask == thing["mask_value"]
        pixels = int(own.sum())
        if pixels != thing["visible_pixels"]:
            yield f"the {thing['shape']} shows {pixels} pixels in the mask, its row says {thing['visible_pixels']}"
        elif pixels:
            rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
            box = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
            if box != list(thing["bbox"]):
                yield f"the {thing['shape']} fills the box {box} in the mask, its row says {thing['bbox']}"


def _verify_natural(row: dict[str, Any]) -> Iterator[str]:
    """A single picture: every caption is true of it."""
    layout = layout_from_dict(row)
    if row["caption"] != row["captions"][0]["text"]:
        yield "its caption is not the first of its captions"
    for caption in row["captions"]:
        if caption["truth"] != [True]:
            yield f"{caption['text']!r} is not said to be true"
        elif claim_from_dict(json.loads(caption["claim"])).holds(layout) is not True:
            yield f"{caption['text']!r} is not true of its scene"


def _verify_group(first: dict[str, Any], second: dict[str, Any], worded: bool) -> Iterator[str]:
    """Both images of a group: the same captions, each with the truth that its claim has on each scene."""
    captions, again = read_captions(first, "image a"), read_captions(second, "image b")
    if len(captions) < 2 or tuple(caption.truth for caption in captions[:4]) != FOURFOLD_TRUTH[: len(captions)]:
        yield "its truth table is not fourfold"
        return
    if [replace(caption, kind="") for caption in captions] != [replace(caption, kind="") for caption in again]:
        yield "its two images do not have the same captions"
    for row, found, own in ((first, captions, 0), (second, again, 1)):
        if (row["caption"], row["adversarial_caption"]) != (found[own].text, found[1 - own].text):
            yield f"the captions of image {row['role']} are not those of its group"
        if len(found) > 3 and row["hard_positive"] != found[2 + own].text:
            yield f"the hard positive of image {row['role']} is not that of its group"
        if tuple(caption.kind for caption in found[:4]) != KINDS[own][: len(found)]:
            yield f"the kinds of the captions of image {row['role']} are not {', '.join(KINDS[own])}"
    layouts = [layout_from_dict(row) for row in (first, second)]
    for caption in captions:
        yield from _found(_verify_caption, caption, layouts)
        if worded:
            yield from _found(_verify_words, caption, first["category"])


def _verify_caption(caption: Caption, layouts: list[Layout]) -> Iterator[str]:
    claim = claim_from_dict(caption.claim)
    found = tuple(claim.holds(layout) for layout in layouts)
    if found != caption.truth:
        yield f"{caption.text!r} is {found} of its two scenes, the row says {caption.truth}"


def _verify_words(caption: Caption, category: str) -> Iterator[str]:
    """The text against the claim: truth is that of the claim, and readers see the text alone."""
    found, _, name = caption.template.partition("/")
    claim = claim_from_dict(caption.claim)
    if found != category or caption.text not in {word(claim, wording) for wording in wordings_named(name)}:
        yield f"{caption.text!r} does not say its claim in its template {caption.template!r}"
