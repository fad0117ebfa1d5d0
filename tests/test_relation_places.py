"""Relations find places in every arrangement: two large things that a grid has no room for are drawn again."""

import numpy as np
import pytest

from fourfold.generator.categories import relation
from fourfold.generator.categories.world import make_world
from fourfold.generator.recipe.recipe import Recipe, SceneRange, Split
from fourfold.scenes.model.arrangements import ARRANGEMENTS


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_few_drafts_find_no_places(arrangement: str) -> None:
    world = make_world(Recipe("places", {}, scene=SceneRange(arrangements=(arrangement,)), edition=2), Split())
    drafts = [relation.sample(world, np.random.default_rng([3, index])) for index in range(60)]
    assert drafts.count(None) <= 2
