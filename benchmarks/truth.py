"""Are the labels true, how many scenes are thrown away and why, and how fast is it? For every category, in memory.

    python benchmarks/truth.py --groups 100

Each group's captions are judged a second time from the pixels, the depth and the mask of its pictures alone
(fourfold.scenes.truth.label_check): a contradiction is a wrong label. So is an attribute word that decides a group and
hardly changes its picture, which groups since edition 2 are checked for. Exits with 1 if there is any.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace

from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import World, make_world
from fourfold.generator.groups.deciding import DecidingWord, changed_shares, deciding_words
from fourfold.generator.groups.making import MadeGroup, Picture, make_group
from fourfold.generator.recipe.recipe import EDITIONS, Recipe, SceneRange, Split, Vocabulary
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.layout import layout_from_dict
from fourfold.scenes.render.renderers import AUTO, open_renderer
from fourfold.scenes.render.rendering import Renderer
from fourfold.scenes.truth.changed_pixels import MIN_CHANGED_SHARE
from fourfold.scenes.truth.claims import Claim, claim_from_dict
from fourfold.scenes.truth.label_check import LabelCheck, View, check_labels
from fourfold.scenes.truth.sightings import look


@dataclass(frozen=True)
class Record:
    """What was found in the groups of one category."""

    groups: int
    seconds: float
    rejections: Counter[str]
    testimonies: tuple[LabelCheck, ...]
    shares: tuple[float, ...]  # of an object's pixels that each word that decides a group changes
    unseen: tuple[str, ...]  # words whose share is below the margin, as lines


def measure(category: str, groups: int, seed: int, world: World, renderer: Renderer) -> Record:
    """Make groups and let the pixels check_labels."""
    start, rejections, testimonies = time.process_time(), Counter[str](), []
    shares, unseen = [], []
    for index in range(groups):
        made = make_group(world, "truth", category, index, seed, renderer)
        rejections += made.rejections
        testimonies.append(witness(made, f"{category} {index}"))
        for word, share in deciding_shares(made, world.vocabulary, renderer).items():
            shares.append(share)
            if share < MIN_CHANGED_SHARE:
                picture, thing = "ab"[word.picture], word.number + 1
                unseen.append(f"{category} {index}: {word.value!r} changes {share:.1%} of object {thing} in {picture}")
    return Record(groups, time.process_time() - start, rejections, tuple(testimonies), tuple(shares), tuple(unseen))


def deciding_shares(made: MadeGroup, vocabulary: Vocabulary, renderer: Renderer) -> dict[DecidingWord, float]:
    """The words that decide a group, and how much of its object each changes, found from its rows and drawn again."""
    layouts = [layout_from_dict(picture.row) for picture in made.pictures]
    words = deciding_words(claims_of(made), layouts, vocabulary)
    return changed_shares(words, layouts, [picture.rendering for picture in made.pictures], renderer)


def claims_of(made: MadeGroup) -> list[Claim]:
    """The claims of a group's captions, hard positives included."""
    return [claim_from_dict(json.loads(caption["claim"])) for caption in made.pictures[0].row["captions"]]


def witness(made: MadeGroup, name: str) -> LabelCheck:
    """The testimony of a group's two pictures; contradictions begin with the group's name."""
    captions = made.pictures[0].row["captions"]
    truth = [[caption["truth"][i] for caption in captions] for i in (0, 1)]
    found = check_labels(claims_of(made), truth, [view(picture) for picture in made.pictures])
    return replace(found, contradictions=tuple(f"{name}: {line}" for line in found.contradictions))


def view(picture: Picture) -> View:
    """What is sighted on a picture; of its row only kinds and the camera are read."""
    camera = layout_from_dict(picture.row).camera
    shapes = [thing["shape"] for thing in picture.row["objects"]]
    return View(look(picture.rendering, shapes, camera), camera)


def describe(category: str, record: Record) -> str:
    """A paragraph of numbers."""
    tries = record.groups + sum(record.rejections.values())
    asked, decided = (sum(getattr(one, name) for one in record.testimonies) for name in ("asked", "decided"))
    wrong = [line for one in record.testimonies for line in one.contradictions]
    lines = [
        f"{category:18s} {record.groups} groups  {len(wrong)} contradictions in {decided} of {asked} labels  "
        f"{1 - record.groups / tries:.1%} rejected  {record.groups / record.seconds:.1f} groups/s of one processor"
    ]
    if record.shares:
        lines.append(
            f"    {len(record.shares)} words decide a group; the least changes {min(record.shares):.1%} of its object, "
            f"{len(record.unseen)} less than {MIN_CHANGED_SHARE:.0%}"
        )
    lines += [f"    {count / tries:6.1%}  {reason}" for reason, count in record.rejections.most_common()]
    return "\n".join([*lines, *(f"    CONTRADICTION {line}" for line in (*wrong, *record.unseen))])


def main() -> None:
    """Measure the categories that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=100, help="of each category")
    parser.add_argument("--category", choices=CATEGORIES, action="append", help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--edition", type=int, choices=EDITIONS, default=max(EDITIONS), help="of the rules")
    parser.add_argument("--renderer", default=AUTO)
    given = parser.parse_args()
    scene = SceneRange(arrangements=tuple(ARRANGEMENTS))
    world = make_world(Recipe("truth", {}, scene=scene, edition=given.edition), Split())
    contradictions = 0
    with open_renderer(224, given.renderer) as renderer:
        for category in given.category or CATEGORIES:
            record = measure(category, given.groups, given.seed, world, renderer)
            contradictions += sum(len(one.contradictions) for one in record.testimonies) + len(record.unseen)
            print(describe(category, record), flush=True)
    sys.exit(contradictions > 0)


if __name__ == "__main__":
    main()
