"""The failure categories. A new one is a file here with a `sample` function, a row here and one in `conditions`."""

from dataclasses import dataclass

from fourfold.conditions import DIFFERENCES, condition_of
from fourfold.generator.categories import (
    between,
    binding,
    binding_negation,
    binding_relation,
    comparison,
    conjunction,
    content,
    counting,
    exclusivity,
    facing,
    half_truth,
    location,
    logic,
    negation,
    numerosity,
    proximity,
    quantification,
    ranking,
    relation,
    relation_negation,
)
from fourfold.generator.categories.world import Sampler


@dataclass(frozen=True)
class Category:
    """A failure category: its name, and the function that draws groups of it (None where a draw found no places)."""

    name: str
    sample: Sampler

    @property
    def condition(self) -> str:
        """The condition of the theory that it tests, as `fourfold.conditions` has it: "C1", "C2+C3", "beyond"."""
        return condition_of(self.name)

    @property
    def summary(self) -> str:
        """What differs between the two pictures of one of its groups, as a clause without a full stop."""
        return DIFFERENCES[self.name]


CATEGORIES = {
    category.name: category
    for category in (
        Category("content", content.sample),
        Category("binding", binding.sample),
        Category("relation", relation.sample),
        Category("location", location.sample),
        Category("negation", negation.sample),
        Category("counting", counting.sample),
        Category("comparison", comparison.sample),
        Category("binding+relation", binding_relation.sample),
        Category("binding+negation", binding_negation.sample),
        Category("relation+negation", relation_negation.sample),
        Category("proximity", proximity.sample),
        Category("between", between.sample),
        Category("ranking", ranking.sample),
        Category("facing", facing.sample),
        Category("quantification", quantification.sample),
        Category("exclusivity", exclusivity.sample),
        Category("logic", logic.sample),
        Category("numerosity", numerosity.sample),
        Category("conjunction", conjunction.sample),
        Category("half-truth", half_truth.sample),
    )
}
