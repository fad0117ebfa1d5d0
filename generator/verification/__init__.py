"""`verify`: does a dataset folder still say the truth? Everything is derived again from the files alone."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.generator.categories.world import make_world
from fourfold.generator.dataset.checksums import CHECKSUMS
from fourfold.generator.dataset.reading import read_manifest
from fourfold.generator.groups.deciding import CHECKED_SINCE
from fourfold.generator.presentation.cards import CARD, CROISSANT
from fourfold.generator.recipe.reading import recipe_from_dict
from fourfold.generator.recipe.recipe import Vocabulary, known_assets
from fourfold.generator.run.assembly import AUDIT
from fourfold.generator.run.destinations import MANIFEST
from fourfold.generator.verification.checksums import verify_checksums
from fourfold.generator.verification.derivation import (
    verify_derived_card,
    verify_derived_croissant,
    verify_derived_manifest,
    verify_shared_facts,
)
from fourfold.generator.verification.findings import DAMAGE, problems_found
from fourfold.generator.verification.manifest import verify_audit, verify_croissant, verify_manifest
from fourfold.generator.verification.splits import row_hashes, verify_split
from fourfold.version import software_version

_DERIVED = {MANIFEST: verify_derived_manifest, CROISSANT: verify_derived_croissant, CARD: verify_derived_card}


def verify(folder: str | Path, *, audits: bool = True, progress: bool = True) -> list[str]:
    """Every problem of a dataset folder as a line that names file or row; an empty list means that all is well.

    Checked: every byte against SHA256SUMS, which datasets made before there was one lack; manifest.json, croissant.json
    and README.md against what this version makes of recipe and rows; files and hashes, rows and their keys, both images
    of every group, the truth of every caption on every image of its group (re-evaluated from the claim and the scene),
    its words against the claim if this version made the dataset, the words that decide a group against what they change
    in its pictures if its edition lists them, masks and boxes against the annotations, counts; with `audits` also what
    the blind solvers make of the captions.
    Raises InputError if the folder holds no dataset at all: neither a readable manifest nor checksums.
    """
    folder = Path(folder)
    try:
        manifest = read_manifest(folder)
    except InputError as error:
        if not (folder / CHECKSUMS).is_file():
            raise
        return [str(error), *verify_checksums(folder, progress)]
    held = "checksums" in manifest or (folder / CHECKSUMS).is_file()
    worded = _is_of_this_version(manifest)
    problems = [f"{folder / MANIFEST}: {text}" for text in problems_found(verify_manifest, manifest)]
    if not (folder / CARD).is_file():
        problems.append(f"{folder / CARD}: no such file")
    problems += [f"{folder / CROISSANT}: {text}" for text in problems_found(verify_croissant, folder, manifest)]
    with _known_things(manifest):
        for split, expected in manifest["splits"].items():
            hashes, vocabulary = row_hashes(folder, split, manifest), _checked_vocabulary(split, manifest)
            problems += verify_split(folder, split, expected, hashes, vocabulary, worded, progress)
    if audits:
        problems += [f"{folder / AUDIT}: {text}" for text in problems_found(verify_audit, folder, manifest)]
    # Another version may write the same things otherwise.
    for name, check in (_DERIVED if worded else {CROISSANT: verify_shared_facts}).items() if held else ():
        problems += [f"{folder / name}: {text}" for text in problems_found(check, folder, manifest)]
    return [*problems, *verify_checksums(folder, progress)] if held else problems


def _known_things(manifest: dict[str, Any]) -> AbstractContextManager[None]:
    """The kinds that the dataset brings; none if its recipe is damaged, which is among the problems already."""
    try:
        return known_assets(recipe_from_dict(manifest["recipe"], "recipe"))
    except DAMAGE:
        return nullcontext()


def _checked_vocabulary(split: str, manifest: dict[str, Any]) -> Vocabulary | None:
    """The words of a split whose edition lists those that decide a group; None for others, and if its recipe is
    damaged, which is among the problems already.
    """
    try:
        recipe = recipe_from_dict(manifest["recipe"], "recipe")
        world = make_world(recipe, recipe.splits[split])
    except DAMAGE:
        return None
    return world.vocabulary if world.edition >= CHECKED_SINCE else None


def _is_of_this_version(manifest: dict[str, Any]) -> bool:
    """Whether the templates here are those of the dataset: another version may word the same claims otherwise."""
    software = manifest.get("software")
    return isinstance(software, dict) and software.get("fourfold") == software_version()
