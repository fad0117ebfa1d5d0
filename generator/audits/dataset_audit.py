"""Audits a finished dataset folder: blind solvers on each split's captions, independence over all its objects."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.audits.blind_audit import AuditReport, as_json, as_table, audit_clusters
from fourfold.generator.audits.blind_items import BlindItem
from fourfold.generator.audits.independence import IndependenceResult, ObjectTable, audit_objects
from fourfold.generator.dataset.reading import Group, read_groups, read_manifest, split_names
from fourfold.generator.recipe.reading import recipe_from_dict
from fourfold.generator.recipe.recipe import Recipe, named_values
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.vocabulary import can_wear

ATTRIBUTES = ("shape", "color", "size", "material", "pattern")
COLUMNS = (*ATTRIBUTES, "across", "split")
# Groups of a category, and of all together, that the regressions on words see: they alone need captions at hand, which
# of a large dataset would fill the memory. Among a hundred tests on so many, .56 where .5 is chance is still a leak.
MOST_FOR_TRAINING = 1_000
_FEWEST_OPTIONS = 2


@dataclass(frozen=True)
class DatasetAudit:
    """The audit of every split with groups, and of the objects of all splits together."""

    splits: dict[str, AuditReport]
    objects: tuple[IndependenceResult, ...]
    sampled: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # split -> (groups of it in `objects`, of all)

    @property
    def passed(self) -> bool:
        """Whether neither captions nor objects give an answer away."""
        return all(report.passed for report in self.splits.values()) and not any(
            result.leaks for result in self.objects
        )


def audit_dataset(
    folder: Path,
    rng: np.random.Generator,
    *,
    splits: Collection[str] | None = None,
    meant: Collection[frozenset[str]] | None = None,
) -> DatasetAudit:
    """Audit a dataset that `generate` made: the captions of each split with groups, and the objects of all splits.

    `meant` are pairs of columns of the objects that may depend; without it, those that the manifest's recipe makes
    depend. `splits` names the splits where there is no manifest yet. Groups are read one by one and the memory does not
    grow with their number: of a large split, objects are those of an even sample of groups (`sampled`), as are the
    captions that trained solvers see. Raises InputError for a folder that is no dataset, or one without groups.
    """
    reports: dict[str, AuditReport] = {}
    objects = ObjectTable(COLUMNS)
    for split in split_names(folder) if splits is None else splits:
        questions = _questions(folder, split, objects, rng)
        if first := next(questions, None):
            reports[split] = audit_clusters(chain([first], questions), rng, MOST_FOR_TRAINING)
    meant = _meant_by_recipe(folder) if meant is None else meant
    found = audit_objects(objects, rng, columns=objects.varied, meant=meant)
    return DatasetAudit(reports, found, objects.sampled)


def _questions(folder: Path, split: str, objects: ObjectTable, rng: np.random.Generator) -> Iterator[list[BlindItem]]:
    """The questions of each group of a split, whose objects go to the table on the way."""
    for group in read_groups(folder, split):
        objects.add(object_rows(group, split), rng, split)
        yield group_items(group)


def dependent_by_design(recipe: Recipe) -> set[frozenset[str]]:
    """Pairs of columns of the objects that depend because the recipe says so, and that no audit may complain about.

    These are the attributes of held-out combinations, with each other and with the split; color and pattern where some
    color cannot wear some pattern; and what containers, synonyms and stacks make frequent.
    """
    held_out = [set(named_values(each)) | {"split"} for each in recipe.held_out]
    pairs = {frozenset(pair) for names in held_out for pair in combinations(sorted(names), 2)}
    words = recipe.vocabulary
    if any(not can_wear(color, pattern) for color in words.colors for pattern in words.patterns):
        pairs.add(frozenset({"color", "pattern"}))  # no patterns on black and white
    if "inside" in recipe.scene.arrangements:
        pairs.add(frozenset({"shape", "size"}))  # containers are large there, and what is in them small
    return pairs | _dependent_on_split(recipe)


def _dependent_on_split(recipe: Recipe) -> set[frozenset[str]]:
    """Pairs that depend where splits differ in synonyms or in their share of relations, hold-outs aside."""
    audited = [split for split in recipe.splits.values() if any(split.groups.values())]
    pairs: set[frozenset[str]] = set()
    if len({split.synonyms == "always" for split in audited}) > 1:
        pairs.add(frozenset({"shape", "split"}))  # every caption names a kind that has a synonym there
    shares = {split.groups.get("relation", 0) / sum(split.groups.values()) for split in audited}
    if len(shares) > 1 and any(ARRANGEMENTS[name].stacked for name in recipe.scene.arrangements):
        pairs.add(frozenset({"shape", "split"}))  # relations alone show what carries and what contains
        if "inside" in recipe.scene.arrangements:
            pairs.add(frozenset({"size", "split"}))
    return pairs


def _meant_by_recipe(folder: Path) -> set[frozenset[str]]:
    recipe = read_manifest(folder).get("recipe")
    return dependent_by_design(recipe_from_dict(recipe, "recipe")) if recipe else set()


def group_items(group: Group) -> list[BlindItem]:
    """The captions of a group as a blind solver meets them, once for image a and once for image b."""
    options = tuple(caption.text for caption in group.captions)
    template = group.captions[0].template if len(group.captions) >= _FEWEST_OPTIONS else None
    return [
        BlindItem(
            f"{group.id}-{role}",
            group.id,
            options,
            tuple(number for number, caption in enumerate(group.captions) if caption.truth[image]),
            group.category,
            template,
        )
        for image, role in enumerate("ab")
    ]


def object_rows(group: Group, split: str) -> Iterator[dict[str, Any]]:
    """One row for each object in each image of a group: its attributes, group, image, split, and its place "across".

    That place is the middle of the object's box, in pixels from the left edge. Raises InputError for malformed objects.
    """
    for row in group.rows:
        for found in row["objects"]:
            try:
                left, _, right, _ = found["bbox"]
                attributes = {name: str(found.get(name, "")) for name in ATTRIBUTES}
                across = float(left + right) / 2
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise InputError(f"{row['id']}: malformed objects ({error.__class__.__name__}: {error})") from error
            yield {**attributes, "group": group.id, "image": row["id"], "split": split, "across": across}


def dataset_audit_as_json(found: DatasetAudit) -> dict[str, Any]:
    """The audit as plain data, as `audit.json` holds it; `objects_sampled` stands there only where objects are."""
    splits = {split: as_json(report) for split, report in found.splits.items()}
    sampled = {split: {"groups": kept, "of": met} for split, (kept, met) in found.sampled.items()}
    whole = {"passed": found.passed, "splits": splits, "objects": [asdict(result) for result in found.objects]}
    return whole | ({"objects_sampled": sampled} if sampled else {})


def dataset_audit_as_table(found: DatasetAudit) -> str:
    """The audit as text: the captions, split after split, then the objects."""
    lines = [f"split {split}\n{as_table(report)}\n" for split, report in found.splits.items()]
    lines += [f"objects of {kept} of {met} groups of {split}" for split, (kept, met) in found.sampled.items()]
    for result in found.objects:
        verdict = f"  LEAK {result.feature}" if result.leaks else f"  slight: {result.feature}" if result.slight else ""
        numbers = f"n {result.n:>6}  V {result.strength:.3f}  p {result.p:.3f}"
        lines.append(f"{' x '.join(result.columns):<20} {numbers}{verdict}")
    return "\n".join(lines)
