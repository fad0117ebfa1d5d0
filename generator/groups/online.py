"""Groups made as they are wanted, without files: for training that renders while it learns.

Group i of a category is the very group that `generate` would write under that number, so a run on files and a run on
the fly with the same recipe, split and seed see the same pictures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.world import make_world
from fourfold.generator.dataset.reading import Caption, read_captions
from fourfold.generator.groups.making import make_group
from fourfold.generator.recipe.reading import check_recipe, load_recipe
from fourfold.generator.recipe.recipe import Recipe, known_assets
from fourfold.scenes.render.renderers import AUTO, open_renderer


@dataclass(frozen=True)
class OnlineGroup:
    """A fourfold group in memory: two pictures, and captions with their truth on both."""

    id: str
    category: str
    images: tuple[np.ndarray, ...]  # a and b, [h, w, 3] uint8
    captions: tuple[Caption, ...]  # true of a, true of b, then the hard positives of a and of b


def stream_groups(
    recipe: str | Recipe, split: str, *, start: int = 0, step: int = 1, renderer: str = AUTO
) -> Iterator[OnlineGroup]:
    """Make the groups start, start + step, ... of a split, without end, for as long as somebody asks.

    `recipe` is a Recipe, a TOML file or the name of a data card. Categories take turns in proportion to their numbers
    in the recipe. Several workers share the work if each has a `start` of its own (0, 1, ...) and `step` is their
    number. The stream opens a renderer of its own: call it in the process that uses it. Raises InputError for an
    unknown split, or one without groups.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    check_recipe(recipe, recipe.name)
    if split not in recipe.splits:
        raise InputError(f"{recipe.name}: no split {split!r}. Allowed: {', '.join(recipe.splits)}")
    turns = _turns(recipe.splits[split].groups)
    if not turns:
        raise InputError(f"{recipe.name}: split {split!r} has no groups")
    world = make_world(recipe, recipe.splits[split])
    with known_assets(recipe), open_renderer(recipe.image_size, renderer) as opened:
        for number in count(start, step):
            rounds, place = divmod(number, len(turns))
            category, index = turns[place][0], turns[place][1] + rounds * turns[place][2]
            made = make_group(world, split, category, index, recipe.seed, opened)
            row = made.pictures[0].row
            yield OnlineGroup(
                id=row["group"],
                category=category,
                images=tuple(picture.rendering.color for picture in made.pictures),
                captions=read_captions(row, row["group"]),
            )


def _turns(groups: dict[str, int]) -> list[tuple[str, int, int]]:
    """One round of turns: (category, number of its first group in the round, groups of it in a round)."""
    wanted = {category: number for category, number in groups.items() if number}
    if not wanted:
        return []
    divisor = int(np.gcd.reduce(list(wanted.values())))
    shares = {category: number // divisor for category, number in wanted.items()}
    # Spread each category's turns evenly over the round.
    places = [((k + 0.5) / share, category, k, share) for category, share in shares.items() for k in range(share)]
    return [(category, k, share) for _, category, k, share in sorted(places)]
