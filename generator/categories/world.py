"""What a category may draw from, and what it gives back: a draft of a fourfold group, not yet rendered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fourfold.generator.captions.wording import Language
from fourfold.generator.recipe.hold_outs import HoldOuts, allowed_words, is_held_out, keeps, make_hold_outs
from fourfold.generator.recipe.recipe import Recipe, SceneRange, Split, Vocabulary
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.layout import Layout, PlacedObject, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import SIZES, can_wear
from fourfold.scenes.truth.claims import Claim
from fourfold.scenes.truth.descriptions import Description


@dataclass(frozen=True)
class World:
    """What the scenes and captions of one split are drawn from: the part of its recipe that sampling needs."""

    vocabulary: Vocabulary
    scene: SceneRange
    attributes: tuple[str, ...]
    hold_outs: HoldOuts = field(default_factory=HoldOuts)
    language: Language = field(default_factory=Language)
    holds_out: bool = False  # a split that shows or says what ordinary ones never do
    edition: int = 1  # of the rules, a key of recipe.EDITIONS


@dataclass(frozen=True)
class Draft:
    """A fourfold group before it is rendered: two scenes that differ in one edit, and a claim about each.

    Each claim is meant to be true of its own scene and false of the other; that is checked later, by whoever renders.
    """

    layouts: tuple[Layout, Layout]
    claims: tuple[Claim, Claim]
    hard_positives: tuple[Claim, Claim]  # what else is true of each scene alone: a converse, another order, or the same
    edit: str
    attribute: str = ""  # which attribute or relation the edit changes, for analysis
    close: tuple[tuple[int, int], ...] = ()  # pairs of objects that come near each other on purpose, and may touch


MATERIAL_LOOK = {1: 1, 2: 2}  # edition -> row of MATERIAL_LOOKS
_PATIENCE = {1: 1, 2: 6}  # edition -> times as many tries to find places: three large things in the air have few
_TRIES = 20  # to find looks that go together
MANY_TRIES = 800  # to place objects of which two or three have to stand in a certain way
Sampler = Callable[[World, np.random.Generator], Draft | None]


def make_world(recipe: Recipe, split: Split) -> World:
    """The world of one split of a recipe: its vocabulary without what is held out, its ranges and its language."""
    hold_outs = make_hold_outs(recipe, split)
    return World(
        vocabulary=allowed_words(recipe.vocabulary, hold_outs),
        scene=replace(recipe.scene, objects=split.objects or recipe.scene.objects),
        attributes=recipe.attributes,
        hold_outs=hold_outs,
        language=Language(split.templates, split.phrases, split.synonyms),
        holds_out=is_held_out(recipe, split),
        edition=recipe.edition or 1,
    )


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options, each equally likely, as a plain string. There has to be one."""
    return str(options[int(rng.integers(len(options)))])


def choose_two(rng: np.random.Generator, options: Sequence[str]) -> tuple[str, str]:
    """Two different options in random order. There have to be two."""
    first, second = rng.choice(len(options), size=2, replace=False)
    return str(options[int(first)]), str(options[int(second)])


def sample_objects(world: World, rng: np.random.Generator, n: int) -> list[ObjectSpec]:
    """Draw n objects of different kinds. In a split of held-out objects the first of them is one of those."""
    words = world.vocabulary
    shapes = [words.shapes[int(i)] for i in rng.choice(len(words.shapes), size=n, replace=False)]
    objects = [sample_object(world, shape, rng) for shape in shapes]
    if world.hold_outs.wanted:
        wanted = world.hold_outs.wanted[int(rng.integers(len(world.hold_outs.wanted)))]
        fixed = {name: value for name, value in vars(wanted).items() if value is not None}
        if fixed.get("shape") in shapes:  # kinds stay different
            objects[shapes.index(fixed["shape"])] = replace(objects[shapes.index(fixed["shape"])], shape=shapes[0])
        objects[0] = sample_object(world, fixed.pop("shape", shapes[0]), rng, **fixed)
    return objects


def sample_object(world: World, shape: str, rng: np.random.Generator, **fixed: str) -> ObjectSpec:
    """Draw an object of that kind: the `fixed` attributes as given, the others from the vocabulary.

    Looks that no single color names (`is_nameable`) are drawn again, a bounded number of times.
    """
    for _ in range(_TRIES):
        wish = replace(_any_look(world, shape, rng), **fixed)
        if is_nameable(wish):
            break
    return wish


def _any_look(world: World, shape: str, rng: np.random.Generator) -> ObjectSpec:
    words = world.vocabulary
    patterns = [name for name in words.patterns if name != "plain"]
    patterned = patterns and ("plain" not in words.patterns or rng.random() < world.scene.patterned)
    colors = [name for name in words.colors if not patterned or can_wear(name, patterns[0])]
    return ObjectSpec(
        shape=shape,
        color=choose(rng, colors or words.colors),
        size=choose(rng, words.sizes),
        material=choose(rng, words.materials),
        pattern=choose(rng, patterns) if patterned else "plain",
    )


def is_nameable(thing: PlacedObject | ObjectSpec) -> bool:
    """Whether one color word names the thing in its pattern: stripes on black or white leave two colors to see."""
    return can_wear(thing.color, thing.pattern)


def sample_swappable(
    world: World, attribute: str, n: int, rng: np.random.Generator, *, alike: bool = False
) -> list[ObjectSpec]:
    """Draw n objects of which the first two differ in the attribute, and can exchange it and still be named.

    With `alike` the first two are of one kind.
    """
    for _ in range(_TRIES):
        objects = sample_objects(world, rng, n)
        a, b = objects[0], replace(objects[1], shape=objects[0].shape) if alike else objects[1]
        values = getattr(a, attribute), other_value(world, attribute, getattr(a, attribute), rng)
        objects[1] = replace(b, **{attribute: values[1]})
        if all(is_nameable(replace(thing, **{attribute: value})) for thing in (a, b) for value in values):
            break
    return objects


def sample_number(world: World, rng: np.random.Generator, least: int = 2) -> int:
    """Draw how many objects a scene gets: what the recipe allows, but never fewer than `least`."""
    low, high = world.scene.objects
    return int(rng.integers(max(low, least), max(high, least) + 1))


def sample_layout(
    world: World,
    objects: Sequence[ObjectSpec],
    rng: np.random.Generator,
    *,
    arrangement: str | None = None,
    clearance: Sequence[float] | None = None,
    accept: Callable[[Layout], bool] = lambda layout: True,
    tries: int = 400,
) -> Layout | None:
    """Place the objects in a scene; None if no places were found in that many tries, six times as many since edition 2.

    `arrangement` is a name of the table of arrangements; without it, one of the world's in which any kind may be
    anywhere. `clearance` is the room that each object needs, in sizes; `accept` refuses a layout that would not do.
    """
    name = arrangement or choose(rng, free_arrangements(world))
    photos = tuple(photo.name for photo in world.scene.photos or ())
    spec = SceneSpec(tuple(objects), name, photos=photos, material_look=MATERIAL_LOOK[world.edition])
    return place(spec, rng, clearance=clearance, accept=accept, tries=tries * _PATIENCE[world.edition])


def free_arrangements(world: World) -> tuple[str, ...]:
    """The arrangements of the world in which any kind may be anywhere: those without stacks and containers."""
    return tuple(name for name in world.scene.arrangements if not ARRANGEMENTS[name].stacked)


def changeable(world: World, thing: PlacedObject | ObjectSpec, but: Sequence[str] = ()) -> list[str]:
    """The attributes, but those in `but`, of which the thing can have another value and still be named.

    Where there is none, all of them, so that a draw has something to try.
    """
    names = [name for name in world.attributes if name not in but]
    return [name for name in names if _other_values(world, name, thing)] or names or list(world.attributes)


def new_value(world: World, attribute: str, thing: PlacedObject | ObjectSpec, rng: np.random.Generator) -> str:
    """Draw another value of the attribute, one that goes with the rest of the thing's look if there is any."""
    values = _other_values(world, attribute, thing)
    return choose(rng, values) if values else other_value(world, attribute, getattr(thing, attribute), rng)


def _other_values(world: World, attribute: str, thing: PlacedObject | ObjectSpec) -> list[str]:
    values = [name for name in getattr(world.vocabulary, attribute + "s") if name != getattr(thing, attribute)]
    return [name for name in values if is_nameable(replace(thing, **{attribute: name}))]


def other_value(world: World, attribute: str, value: str, rng: np.random.Generator) -> str:
    """Draw another value of the attribute than this one from the vocabulary."""
    return choose(rng, [name for name in getattr(world.vocabulary, attribute + "s") if name != value])


def clearance_to_swap(objects: Sequence[ObjectSpec], *which: int) -> list[float]:
    """The room that lets these objects (`which`, by number) exchange sizes or places, for `sample_layout`."""
    largest = max(SIZES[objects[i].size].scale for i in which)
    return [largest if i in which else 0.0 for i in range(len(objects))]


def mention(world: World, rng: np.random.Generator, share: float = 0.4, but: Sequence[str] = ()) -> tuple[str, ...]:
    """Draw what a caption says of an object beside its kind: one attribute in this share of cases, else nothing.

    Attributes in `but` are never said.
    """
    sayable = [name for name in world.attributes if name not in but]
    return () if not sayable or rng.random() < 1 - share else (choose(rng, sayable),)


def other_shape(world: World, layout: Layout, rng: np.random.Generator) -> str:
    """Draw a kind of the vocabulary that the layout does not show."""
    used = {thing.shape for thing in layout.objects}
    return choose(rng, [shape for shape in world.vocabulary.shapes if shape not in used])


def describe(thing: PlacedObject | ObjectSpec, attributes: Sequence[str] = (), *, shape: bool = True) -> Description:
    """The description of an object by its kind (unless `shape` is False) and by the named attributes."""
    values = {name: getattr(thing, name) for name in attributes}
    return Description(shape=thing.shape if shape else None, **values)


def keeps_hold_outs(world: World, draft: Draft) -> bool:
    """Whether the draft shows and says what its split has to, and nothing that is kept for another split."""
    return keeps(world.hold_outs, draft.layouts, draft.claims, draft.hard_positives)
