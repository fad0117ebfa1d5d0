"""C3, spatial relations: two objects exchange places; the caption exchanges its nouns or reverses its relation.

In a stack the two exchange who carries whom, or the upper one moves onto another base.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.containers import sample_inside
from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    choose_two,
    clearance_to_swap,
    describe,
    mention,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.arrangements import ARRANGEMENTS, BASES, CAVITIES
from fourfold.scenes.model.contact import can_carry
from fourfold.scenes.model.edits import move_onto, swap_places
from fourfold.scenes.model.layout import Layout, covered, in_frame, rests_on
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.truth.claims import Both, Claim, Not, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import CLAIMABLE, RELATIONS, stands

EDITS = ("swap-object", "replace-relation")
_DRAWS = {1: 1, 2: 4}  # edition -> of objects for which places are looked for; two large ones in a grid may have none
_STACK_OBJECTS = 4  # a stack hides much of what stands behind it
_STACK_COVERED = 0.3  # share of a box that others may cover beside a stack: more is seldom seen well enough


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a relation group, or None if no places were found in which the relation holds clearly."""
    edit = choose(rng, EDITS)
    arrangement = choose(rng, world.scene.arrangements)
    if ARRANGEMENTS[arrangement].bases == tuple(CAVITIES):
        return sample_inside(world, arrangement, rng)
    if ARRANGEMENTS[arrangement].stacked:
        return _sample_stack(world, arrangement, edit, rng)
    found = place_related(world, arrangement, rng)
    if found is None:
        return None
    first, relation = found
    attributes = mention(world, rng)
    a, b = (describe(first.objects[i], attributes) for i in (0, 1))
    return _draft((first, swap_places(first, 0, 1)), (a, relation, b), edit)


def place_related(world: World, arrangement: str, rng: np.random.Generator) -> tuple[Layout, str] | None:
    """Draw a layout whose first object clearly stands in a relation to its second, with room to exchange the two.

    Returns the layout and the relation; None if no places were found.
    """
    relation = choose(rng, CLAIMABLE[arrangement])
    for _ in range(_DRAWS[world.edition]):
        objects = sample_objects(world, rng, sample_number(world, rng))
        layout = sample_layout(
            world,
            objects,
            rng,
            arrangement=arrangement,
            clearance=clearance_to_swap(objects, 0, 1),
            accept=lambda layout: _clear(relation, layout),
        )
        if layout is not None:
            return layout, relation
    return None


def _clear(relation: str, layout: Layout) -> bool:
    """The relation holds here, and its converse once the two have exchanged places, where both are in the picture."""
    turned = swap_places(layout, 0, 1)
    clear = stands(relation, layout, 0, 1) is True and stands(relation, turned, 0, 1) is False
    return clear and bool(in_frame(turned).all())


def _draft(layouts: tuple[Layout, Layout], said: tuple[Description, str, Description], edit: str) -> Draft:
    """The group in which the first scene shows what is said and the second the reverse."""
    a, relation, b = said
    converse = RELATIONS[relation].converse
    claim_b: Claim = Related(b, relation, a) if edit == "swap-object" else Related(a, converse, b)
    positive_b: Claim = Related(a, converse, b) if edit == "swap-object" else Related(b, relation, a)
    return Draft(layouts, (Related(a, relation, b), claim_b), (Related(b, converse, a), positive_b), edit, relation)


def _sample_stack(world: World, arrangement: str, edit: str, rng: np.random.Generator) -> Draft | None:
    """Two bases that exchange places in their stack, or one object that moves from one base to another."""
    relation = choose(rng, CLAIMABLE[arrangement])
    objects = sample_objects(world, rng, min(sample_number(world, rng), _STACK_OBJECTS))
    pairs = _pairs_of_bases(world)
    others = [base for base in _bases(world) if base != objects[0].shape and _carries(world, base, objects[0].shape)]
    moves = len(objects) > 2 and len(others) > 1 and rng.random() < 0.5
    chosen = choose_two(rng, others) if moves else pairs[int(rng.integers(len(pairs)))]
    objects = _with_bases(objects, 1 if moves else 0, chosen)

    def edited(layout: Layout) -> Layout:
        return move_onto(layout, 0, 2) if moves else swap_places(layout, 0, 1)

    first = sample_layout(
        world,
        objects,
        rng,
        arrangement=arrangement,
        clearance=clearance_to_swap(objects, 0, 1, *([2] if moves else [])),
        accept=lambda layout: (
            bool(in_frame(edited(layout)).all())
            and (world.edition < 2 or all(covered(each).max() < _STACK_COVERED for each in (layout, edited(layout))))
        ),
    )
    if first is None or not rests_on(*(edited(first).objects[i] for i in ((0, 2) if moves else (1, 0)))):
        return None
    attributes = mention(world, rng)
    top, base, other = (describe(first.objects[i], attributes) for i in (0, 1, 2 if moves else 0))
    if not moves:
        said = (top, relation, base) if relation == "on" else (base, relation, top)
        return _draft((first, edited(first)), said, edit)
    upper = [Related(top, "on", below) for below in (base, other)]
    lower = [Related(below, "under", top) for below in (base, other)]
    claims, positives = (upper, lower) if relation == "on" else (lower, upper)
    return Draft(
        (first, edited(first)), (claims[0], claims[1]), (positives[0], positives[1]), "replace-object", relation
    )


def _bases(world: World) -> list[str]:
    return [shape for shape in world.vocabulary.shapes if shape in BASES]


def _carries(world: World, base: str, upper: str) -> bool:
    """Whether the base can carry the other kind and, since edition 2, be seen under it.

    Of a dome, and of a table as wide as a cube, a camera above sees the top above all, which is hidden then.
    """
    hidden = base == "half-sphere" or (base, upper) == ("table", "cube")
    return can_carry(base, upper) and (world.edition < 2 or not hidden)


def _pairs_of_bases(world: World) -> list[tuple[str, str]]:
    """Kinds of the vocabulary of which each can stand on the other, in either order."""
    bases = _bases(world)
    pairs = [(a, b) for a in bases for b in bases if a != b and _carries(world, a, b) and _carries(world, b, a)]
    if not pairs:
        raise InputError(
            f"arrangement 'stacked': vocabulary.shapes must name at least two of {', '.join(BASES)}, "
            "of which each can stand on the other"
        )
    return pairs


def _with_bases(objects: Sequence[ObjectSpec], start: int, bases: tuple[str, str]) -> list[ObjectSpec]:
    """The objects with two bases from number `start` on; all that may be stacked are of one size."""
    stack = [*objects[:start], *(replace(objects[start + k], shape=base) for k, base in enumerate(bases))]
    others = [wish for wish in objects[start + 2 :] if wish.shape not in bases]  # kinds stay different
    return [replace(wish, size=objects[0].size) for wish in stack] + others


def unrelated(subject: Description, relation: str, reference: Description) -> Claim:
    """The claim that the subject clearly does not stand in the relation to the reference.

    The converse relation holds for some pair of such objects, and the relation for none.
    """
    converse = RELATIONS[relation].converse
    return Both(Related(subject, converse, reference), Not(Related(subject, relation, reference)))
