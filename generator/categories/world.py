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
from fourfold.scenes.truth.claims import Claim, Description


@dataclass(frozen=True)
class World:
    """The part of a recipe that sampling a scene of one split needs."""

    vocabulary: Vocabulary
    scene: SceneRange
    attributes: tuple[str, ...]
    hold_outs: HoldOuts = field(default_factory=HoldOuts)
    language: Language = field(default_factory=Language)
    holds_out: bool = False  # a split that shows or says what ordinary ones never do


@dataclass(frozen=True)
class Draft:
    """Two scenes that differ in one edit, and two claims, each meant to be true of its own scene alone."""

    layouts: tuple[Layout, Layout]
    claims: tuple[Claim, Claim]
    hard_positives: tuple[Claim, Claim]  # what else is true of each scene alone: a converse, another order, or the same
    edit: str
    attribute: str = ""  # which attribute or relation the edit changes, for analysis


_TRIES = 20  # to find looks that go together
MANY_TRIES = 800  # to place objects of which two or three have to stand in a certain way
Sampler = Callable[[World, np.random.Generator], Draft | None]


def make_world(recipe: Recipe, split: Split) -> World:
    """The world of one split of a recipe."""
    hold_outs = make_hold_outs(recipe, split)
    return World(
        vocabulary=allowed_words(recipe.vocabulary, hold_outs),
        scene=replace(recipe.scene, objects=split.objects or recipe.scene.objects),
        attributes=recipe.attributes,
        hold_outs=hold_outs,
        language=Language(split.templates, split.phrases, split.synonyms),
        holds_out=is_held_out(recipe, split),
    )


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options, as a plain string."""
    return str(options[int(rng.integers(len(options)))])


def choose_two(rng: np.random.Generator, options: Sequence[str]) -> tuple[str, str]:
    """Two different options in random order."""
    first, second = rng.choice(len(options), size=2, replace=False)
    return str(options[int(first)]), str(options[int(second)])


def sample_objects(world: World, rng: np.random.Generator, n: int) -> list[ObjectSpec]:
    """n objects of different kinds; in a split of held-out objects the first is one of those."""
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
    """An object of that kind with any look of the vocabulary that goes with the fixed attributes."""
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
    """Whether one color names it in its pattern."""
    return can_wear(thing.color, thing.pattern)


def sample_swappable(
    world: World, attribute: str, n: int, rng: np.random.Generator, *, alike: bool = False
) -> list[ObjectSpec]:
    """n objects of which the first two differ in the attribute and can exchange it; `alike`: they are of one kind."""
    for _ in range(_TRIES):
        objects = sample_objects(world, rng, n)
        a, b = objects[0], replace(objects[1], shape=objects[0].shape) if alike else objects[1]
        values = getattr(a, attribute), other_value(world, attribute, getattr(a, attribute), rng)
        objects[1] = replace(b, **{attribute: values[1]})
        if all(is_nameable(replace(thing, **{attribute: value})) for thing in (a, b) for value in values):
            break
    return objects


def sample_number(world: World, rng: np.random.Generator, least: int = 2) -> int:
    """How many objects a scene gets."""
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
    """Place the objects in an arrangement of the world, any but a stack; None if that did not succeed."""
    name = arrangement or choose(rng, free_arrangements(world))
    photos = tuple(photo.name for photo in world.scene.photos or ())
    return place(SceneSpec(tuple(objects), name, photos=photos), rng, clearance=clearance, accept=accept, tries=tries)


def free_arrangements(world: World) -> tuple[str, ...]:
    """Arrangements in which any kind may be anywhere."""
    return tuple(name for name in world.scene.arrangements if not ARRANGEMENTS[name].stacked)


def changeable(world: World, thing: PlacedObject | ObjectSpec, but: Sequence[str] = ()) -> list[str]:
    """Attributes of which the thing can have another value; all if there is none, so that there is something to try."""
    names = [name for name in world.attributes if name not in but]
    return [name for name in names if _other_values(world, name, thing)] or names or list(world.attributes)


def new_value(world: World, attribute: str, thing: PlacedObject | ObjectSpec, rng: np.random.Generator) -> str:
    """Another value of the attribute that goes with the rest of the thing's look."""
    values = _other_values(world, attribute, thing)
    return choose(rng, values) if values else other_value(world, attribute, getattr(thing, attribute), rng)


def _other_values(world: World, attribute: str, thing: PlacedObject | ObjectSpec) -> list[str]:
    values = [name for name in getattr(world.vocabulary, attribute + "s") if name != getattr(thing, attribute)]
    return [name for name in values if is_nameable(replace(thing, **{attribute: name}))]


def other_value(world: World, attribute: str, value: str, rng: np.random.Generator) -> str:
    """Another value of the attribute."""
    return choose(rng, [name for name in getattr(world.vocabulary, attribute + "s") if name != value])


def clearance_to_swap(objects: Sequence[ObjectSpec], *which: int) -> list[float]:
    """The room that lets these objects exchange sizes or places, for `place`."""
    largest = max(SIZES[objects[i].size].scale for i in which)
    return [largest if i in which else 0.0 for i in range(len(objects))]


def mention(world: World, rng: np.random.Generator, share: float = 0.4, but: Sequence[str] = ()) -> tuple[str, ...]:
    """What a caption says of an object beside its kind: one attribute in this share of cases, else nothing."""
    sayable = [name for name in world.attributes if name not in but]
    return () if not sayable or rng.random() < 1 - share else (choose(rng, sayable),)


def other_shape(world: World, layout: Layout, rng: np.random.Generator) -> str:
    """A kind that the layout does not show."""
    used = {thing.shape for thing in layout.objects}
    return choose(rng, [shape for shape in world.vocabulary.shapes if shape not in used])


def describe(thing: PlacedObject | ObjectSpec, attributes: Sequence[str] = (), *, shape: bool = True) -> Description:
    """The description by an object's kind and the named attributes."""
    values = {name: getattr(thing, name) for name in attributes}
    return Description(shape=thing.shape if shape else None, **values)


def keeps_hold_outs(world: World, draft: Draft) -> bool:
    """Whether the draft shows and says what its split must, and nothing that is kept for another."""
    return keeps(world.hold_outs, draft.layouts, draft.claims, draft.hard_positives)
