"""Single scenes with captions as people write them on the web: what a CLIP-like model is trained on.

The captions have the properties that the literature documents of natural image-text data: they name the salient objects
first and leave others out, give few attributes, almost no relations and no negation. What they claim is true: that the
things they name are there.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.captions.wording import articled
from fourfold.generator.categories.world import World, choose, sample_layout, sample_objects
from fourfold.generator.dataset.reading import NATURAL
from fourfold.generator.groups.deciding import CHECKED_SINCE, COLUMN, deciding_column
from fourfold.generator.groups.difficulty import difficulty
from fourfold.generator.groups.making import MAX_TRIES, MadeGroup, Picture, make_rng, scene_columns
from fourfold.generator.recipe.hold_outs import keeps
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.render.rendering import Renderer
from fourfold.scenes.truth.annotations import ObjectAnnotation, annotate
from fourfold.scenes.truth.claims import Both, Claim, Exists, Related, claim_to_dict
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import stands
from fourfold.scenes.truth.verification import find_problems

CAPTIONS_PER_SCENE = 6
# Share of mentions that carry the attribute, or would if it did not go without saying, in pictures of several things;
# and in those of one, whose captions go into detail but cannot say how large it is.
ATTRIBUTE_RATES = {"color": 0.35, "size": 0.35, "pattern": 0.60, "material": 0.05}
CLOSE_UP_RATES = {"color": 0.60, "pattern": 0.80, "material": 0.05}
SAID_ANYWAY = 0.25  # of mentions with what goes without saying: a thing is seldom called plain, but the word is known
MENTIONS = {1: 0.58, 2: 0.36, 3: 0.06}
NEXT_TO_RATE = 0.06  # the one relation that is said, and says no side; how near is left open, as people leave it
NEXT_TO_SAID = 0.9  # edition 2: where two things are next to each other, as a twentieth of those that are named are
PLACE_RATE = 0.12
# Half of the captions name things and no more. The others together hold the words of all sentence forms of
# fourfold.generator.captions.phrases, as the web does, but not the sentences that a test of new forms holds out.
FORMS = (
    *("{}",) * 8,
    "a photo of {}",
    "a picture of {}",
    "an image of {}",
    "there is {}",
    "a scene with {}",
    "a picture that contains {}",
    "{} can be seen here",
    "a view with {} in sight",
)
PLACES = {"wood": "on a wooden floor", "tiles": "on tiles", "grass": "on the grass", "sand": "on the sand"}


def make_scene(world: World, split: str, index: int, seed: int, renderer: Renderer) -> MadeGroup:
    """Make the natural scene with this index, of one object up to as many as the world allows, with its captions.

    Raises InputError, with the commonest obstacle, if MAX_TRIES scenes were all refused.
    """
    rng = make_rng(seed, split, NATURAL, index)
    rejections: Counter[str] = Counter()
    for _ in range(MAX_TRIES):
        least = 1 if world.hold_outs.numbers is None else world.hold_outs.numbers[0]
        n = int(rng.integers(least, world.scene.objects[1] + 1))
        layout = sample_layout(world, sample_objects(world, rng, n), rng)
        if layout is None:
            rejections["the objects found no places"] += 1
            continue
        if not keeps(world.hold_outs, (layout,), ()):  # claims speak of what is there alone
            rejections["what is held out is in the wrong split"] += 1
            continue
        rendering = renderer.render(layout)
        seen = annotate(layout, rendering)
        problems = find_problems(layout, seen, rendering.instances.size)
        if problems:
            rejections[problems[0]] += 1
            continue
        name = f"{split}-{NATURAL}-{index:06d}"
        captions = [natural_caption(layout, seen, rng, world) for _ in range(CAPTIONS_PER_SCENE)]
        row = _row(name, split, layout, seen, captions, world)
        if world.edition >= CHECKED_SINCE:  # HuggingFace wants the same columns in all rows
            row[COLUMN] = deciding_column(0, {})
        return MadeGroup((Picture(row, rendering),), rejections)
    reason, count = rejections.most_common(1)[0]
    raise InputError(f"scene {split}-{index}: none acceptable in {MAX_TRIES} tries; {count} times because {reason}")


def natural_caption(
    layout: Layout, seen: tuple[ObjectAnnotation, ...], rng: np.random.Generator, world: World
) -> tuple[str, Claim]:
    """Draw a web-like caption of a scene; returns it with the claim that it makes.

    The claim is that the named objects are there. That one is next to another was said by chance and not claimed in the
    first edition; from the second on it is said where it is so, most often, and claimed. Only from then on captions
    keep to the attributes that the recipe's captions speak of.
    """
    weights = np.array([a.visible_pixels for a in seen], dtype=float)
    order = rng.choice(len(seen), size=len(seen), replace=False, p=weights / weights.sum())
    number = int(rng.choice(list(MENTIONS), p=list(MENTIONS.values())))
    named = [_mention(layout.objects[int(i)], ATTRIBUTE_RATES, rng) for i in order[:number]]
    if world.edition >= 2:
        named = [_without(description, {*ATTRIBUTE_RATES} - {*world.attributes}) for description in named]
        rate = NEXT_TO_SAID if len(named) == 2 and stands("beside", layout, int(order[0]), int(order[1])) else 0.0
    else:
        rate = NEXT_TO_RATE
    phrases = [articled(description) for description in named]
    next_to = len(phrases) == 2 and rng.random() < rate
    if next_to:
        text = f"{phrases[0]} next to {phrases[1]}"
    else:
        text = " and ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)
    text = choose(rng, FORMS).format(text)
    place = PLACES.get(layout.background.surface)
    if place and rng.random() < PLACE_RATE:
        text += f" {place}"
    if next_to and world.edition >= 2:
        return text, Related(named[0], "beside", named[1])
    claim: Claim = Exists(named[0])
    for description in named[1:]:
        claim = Both(claim, Exists(description))
    return text, claim


def close_up_caption(thing: PlacedObject, rng: np.random.Generator) -> tuple[str, Claim]:
    """Draw what people write below a picture of one thing; returns it with the claim that it makes."""
    description = _mention(thing, CLOSE_UP_RATES, rng)
    return choose(rng, FORMS).format(articled(description)), Exists(description)


def _mention(thing: PlacedObject, rates: Mapping[str, float], rng: np.random.Generator) -> Description:
    values = {name: getattr(thing, name) for name, rate in rates.items() if rng.random() < rate}
    for name, usual in (("pattern", "plain"), ("size", "medium")):
        if values.get(name) == usual and rng.random() >= SAID_ANYWAY:
            del values[name]
    return Description(shape=thing.shape, **values)


def _without(description: Description, attributes: set[str]) -> Description:
    return replace(description, **dict.fromkeys(attributes))


def _row(
    name: str,
    split: str,
    layout: Layout,
    seen: tuple[ObjectAnnotation, ...],
    captions: list[tuple[str, Claim]],
    world: World,
) -> dict[str, object]:
    claims = [claim for _, claim in captions]
    return {
        "id": name,
        "split": split,
        "group": name,
        "role": "single",
        "category": NATURAL,
        "condition": "",
        "edit": "",
        "attribute": "",
        "caption": captions[0][0],
        "adversarial_caption": "",
        "hard_positive": "",
        "captions": [
            {
                "text": text,
                "kind": "true",
                "claim": json.dumps(claim_to_dict(claim)),
                "template": NATURAL,
                "truth": [True],
                **({"meaning": ""} if world.edition >= 2 else {}),
            }
            for text, claim in captions
        ],
        **scene_columns(layout, seen),
        "absences": "",
        "difficulty": difficulty([layout], 0, seen, claims, captions[0][0], None, world.holds_out),
    }
