"""One fourfold group from nothing: sample, check the truth table, render, verify, word. Everything but files."""

import json
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from fourfold.conditions import condition_of
from fourfold.errors import InputError
from fourfold.files import canonical_hash
from fourfold.generator.captions.paraphrases import meaning, without_implications
from fourfold.generator.captions.wording import Wording, sample_wordings, word
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import Draft, World, keeps_hold_outs
from fourfold.generator.groups.deciding import CHECKED_SINCE, COLUMN, changed_shares, deciding_column, deciding_words
from fourfold.generator.groups.difficulty import changed_pixels, difficulty
from fourfold.generator.recipe.hold_outs import descriptions
from fourfold.scenes.model.layout import Layout, layout_to_dict, overlapping
from fourfold.scenes.render.rendering import Renderer, Rendering
from fourfold.scenes.truth.annotations import ObjectAnnotation, annotate, with_visibility
from fourfold.scenes.truth.changed_pixels import MIN_CHANGED_SHARE
from fourfold.scenes.truth.claims import Claim, claim_to_dict
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.verification import find_problems

MAX_TRIES = 80
FOURFOLD = ((True, False), (False, True))  # truth[image][caption]


@dataclass(frozen=True)
class Picture:
    """One accepted image: its row of metadata, and what was rendered."""

    row: dict[str, Any]
    rendering: Rendering


@dataclass(frozen=True)
class Worded:
    """A draft whose captions have their truth table, with the wordings of the captions and of the hard positives."""

    draft: Draft
    wordings: tuple[Wording, Wording]


@dataclass(frozen=True)
class MadeGroup:
    """The two pictures of a group and why earlier tries were rejected."""

    pictures: tuple[Picture, ...]
    rejections: Counter[str]


def make_rng(seed: int, split: str, category: str, index: int) -> np.random.Generator:
    """The random generator of one example, made from these four alone, so that order and workers cannot matter."""
    return np.random.default_rng([seed, zlib.crc32(split.encode()), zlib.crc32(category.encode()), index])


def make_group(world: World, split: str, category: str, index: int, seed: int, renderer: Renderer) -> MadeGroup:
    """Make the group with this index: draw scenes until one is accepted, at most MAX_TRIES times.

    Raises InputError, with the commonest obstacle, if none was.
    """
    rng = make_rng(seed, split, category, index)
    rejections: Counter[str] = Counter()
    for _ in range(MAX_TRIES):
        worded = draft_group(world, category, rng)
        if isinstance(worded, Worded):
            outcome = draw_group(world, split, category, index, worded, renderer)
            if not isinstance(outcome, str):
                return MadeGroup(outcome, rejections)
        else:
            outcome = worded
        rejections[outcome] += 1
    raise no_group(f"{split}-{category}-{index}", rejections)


def no_group(name: str, rejections: Counter[str]) -> InputError:
    """The error for a group of which every try was rejected, with the commonest obstacle."""
    reason, count = rejections.most_common(1)[0]
    return InputError(
        f"group {name}: no acceptable scene in {rejections.total()} tries; most often ({count} times) "
        f"because {reason}. Loosen the recipe: fewer objects, more shapes or colors, or more arrangements"
    )


def draft_group(world: World, category: str, rng: np.random.Generator) -> Worded | str:
    """Draw one group as far as it can be without pictures; or the reason why it is rejected."""
    draft = CATEGORIES[category].sample(world, rng)
    wordings = sample_wordings(rng, world.language)
    turned = rng.random() < 0.5  # which scene is called a must say nothing
    if draft is None:
        return "the objects found no places"
    if world.edition >= 2:
        wordings = without_implications(draft.claims + draft.hard_positives, wordings)
    if turned:
        draft = turn(draft)
    if not keeps_hold_outs(world, draft):
        return "what is held out is in the wrong split"
    if truth_table(draft.layouts, draft.claims) != FOURFOLD:
        return "the truth table is not fourfold"
    if truth_table(draft.layouts, draft.hard_positives) != FOURFOLD:
        return "a hard positive is not one"
    if any(overlapping(layout.objects, draft.close).any() for layout in draft.layouts):
        return "two objects are in one place"
    return Worded(draft, wordings)


def draw_group(
    world: World, split: str, category: str, index: int, worded: Worded, renderer: Renderer
) -> tuple[Picture, ...] | str:
    """The two pictures of a draft, or the reason why they are rejected. Nothing is left to chance."""
    draft, wordings = worded.draft, worded.wordings
    renderings, seen = [], []
    for layout in draft.layouts:
        rendering = renderer.render(layout)
        annotations = annotate(layout, rendering)
        problems = find_problems(layout, annotations, rendering.instances.size)
        if problems:
            return problems[0]
        renderings.append(rendering)
        seen.append(annotations)
    layouts = tuple(with_visibility(layout, a) for layout, a in zip(draft.layouts, seen, strict=True))
    claims = draft.claims + draft.hard_positives
    if truth_table(layouts, claims) != tuple(row * 2 for row in FOURFOLD):
        return "the picture leaves a claim open"
    name = f"{split}-{category}-{index:06d}"
    changed = changed_pixels(renderings[0].color, renderings[1].color)
    rows = [make_row(name, split, category, world, draft, layouts, seen[i], i, wordings, changed) for i in (0, 1)]
    if world.edition >= CHECKED_SINCE:
        words = deciding_words(claims, layouts, world.vocabulary)
        shares = changed_shares(words, layouts, renderings, renderer)
        if min(shares.values(), default=1.0) < MIN_CHANGED_SHARE:
            return "a word that decides the group does not show"
        rows = [{**row, COLUMN: deciding_column(i, shares)} for i, row in enumerate(rows)]
    return tuple(Picture(row, rendering) for row, rendering in zip(rows, renderings, strict=True))


def turn(draft: Draft) -> Draft:
    """The same group with its two scenes exchanged, so that A is B; an edit "negate" becomes "un-negate"."""
    edit = "un-negate" if draft.attribute.startswith("negate") else draft.edit
    turned = draft.layouts[::-1], draft.claims[::-1], draft.hard_positives[::-1]
    return Draft(*turned, edit, draft.attribute, draft.close)


def truth_table(layouts: tuple[Layout, ...], claims: tuple[Claim, ...]) -> tuple[tuple[bool | None, ...], ...]:
    """What each claim is of each scene: truth[image][claim] is True, False or None."""
    return tuple(tuple(claim.holds(layout) for claim in claims) for layout in layouts)


def make_row(
    name: str,
    split: str,
    category: str,
    world: World,
    draft: Draft,
    layouts: tuple[Layout, ...],
    seen: tuple[ObjectAnnotation, ...],
    role: int,
    wordings: tuple[Wording, Wording],
    changed: float,
) -> dict[str, Any]:
    """The metadata row of image a (role 0) or b (role 1) of a group.

    `layouts` are those of both, `changed` is the share of pixels that differ between them. The hash of the pixels and
    the places of files are added by whoever writes them.
    """
    layout = layouts[role]
    captions = _captions(category, draft, role, wordings)
    if world.edition >= 2:
        captions = [row | {"meaning": said} for row, said in zip(captions, _meanings(draft, wordings), strict=True)]
    texts = [caption["text"] for caption in captions]
    other = 1 - role
    return {
        "id": f"{name}-{'ab'[role]}",
        "split": split,
        "group": name,
        "role": "ab"[role],
        "category": category,
        "condition": condition_of(category),
        "edit": draft.edit,
        "attribute": draft.attribute,
        "caption": texts[role],
        "adversarial_caption": texts[other],
        "hard_positive": texts[2 + role],
        "captions": captions,
        **scene_columns(layout, seen),
        "absences": _absences(draft, layout),
        "difficulty": difficulty(layouts, role, seen, draft.claims, texts[role], changed, world.holds_out),
    }


def _captions(category: str, draft: Draft, role: int, wordings: tuple[Wording, Wording]) -> list[dict[str, Any]]:
    """Captions of the group in one order for both images: of a, of b, then their hard positives."""
    rows = []
    for k, claim in enumerate(draft.claims + draft.hard_positives):
        wording = wordings[k // 2]
        mine = k % 2 == role
        kind = ("true" if mine else "adversarial") if k < 2 else ("hard-positive" if mine else "adversarial-positive")
        rows.append(
            {
                "text": word(claim, wording),
                "kind": kind,
                "claim": json.dumps(claim_to_dict(claim)),
                "template": f"{category}/{wording.name}",
                "truth": [k % 2 == 0, k % 2 == 1],
            }
        )
    return rows


def _meanings(draft: Draft, wordings: tuple[Wording, Wording]) -> list[str]:
    """Of the hard positives what they are to their captions, nothing of the captions themselves."""
    pairs = zip(draft.claims, draft.hard_positives, strict=True)
    return ["", "", *(meaning(claim, wordings[0], positive, wordings[1]) for claim, positive in pairs)]


def scene_columns(layout: Layout, seen: tuple[ObjectAnnotation, ...]) -> dict[str, Any]:
    """The columns of a row that fix its scene, with its hash, and that say what was measured of its objects.

    Boxes and visible pixels are in pixels, visible fractions in 0..1.
    """
    scene = layout_to_dict(layout)
    wished = [{k: v for k, v in thing.items() if k != "visible_fraction"} for thing in scene["objects"]]
    objects = [
        {
            **thing,
            "bbox": list(a.bbox),
            "visible_pixels": a.visible_pixels,
            "visible_fraction": a.visible_fraction,
            "mask_value": a.mask_value,
        }
        for thing, a in zip(wished, seen, strict=True)
    ]
    return {**scene, "objects": objects, "scene_sha256": canonical_hash({**scene, "objects": wished})}


def _absences(draft: Draft, layout: Layout) -> str:
    """Kinds that captions of the group name and this scene, verified, does not hold; commas between them.

    No list: HuggingFace would give a split in which all are empty another type, and refuse the dataset.
    """
    named = sorted({shape for claim in draft.claims for said in descriptions(claim) for shape in _kinds(said)})
    return ", ".join(shape for shape in named if all(thing.shape != shape for thing in layout.objects))


def _kinds(said: Description) -> set[str]:
    """Kinds that the words for a description name, be it to deny one."""
    denied = [value for attribute, value in (said.excluded,) if attribute == "shape"] if said.excluded else []
    return {*denied, *([said.shape] if said.shape else [])}
