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
    forms: tuple[str, ...]  # of its claims: the rows of `captions.phrases.TEMPLATES` that its captions are made by

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
        Category("content", content.sample, ("exists", "exists+exists")),
        Category("binding", binding.sample, ("exists+exists",)),
        Category("relation", relation.sample, ("related",)),
        Category("location", location.sample, ("located",)),
        Category(
            "negation",
            negation.sample,
            ("exists", "absent", "exists+exists", "exists+absent", "absent+absent", "related", "unrelated"),
        ),
        Category("counting", counting.sample, ("counted",)),
        Category("comparison", comparison.sample, ("compared",)),
        Category("binding+relation", binding_relation.sample, ("related",)),
        Category("binding+negation", binding_negation.sample, ("exists+exists", "exists+absent", "absent")),
        Category("relation+negation", relation_negation.sample, ("unrelated", "related+unrelated")),
        Category("proximity", proximity.sample, ("related",)),
        Category("between", between.sample, ("between",)),
        Category("ranking", ranking.sample, ("ranked",)),
        Category("facing", facing.sample, ("facing", "facingobject")),
        Category("quantification", quantification.sample, ("all", "some", "none", "not-all")),
        Category("exclusivity", exclusivity.sample, ("only", "nothing-but", "only-kind", "not-only-kind", "except")),
        Category(
            "logic",
            logic.sample,
            (
                "one-of",
                "fits-both",
                "not+fits-both",
                "not-both",
                "absent",
                "not+absent",
                "exists+exists",
                "unrelated+unrelated",
            ),
        ),
        Category("numerosity", numerosity.sample, ("counted", "atleast", "fewer", "morethan", "asmanyas")),
        Category("conjunction", conjunction.sample, ("exists+exists", "exists+exists+exists")),
        Category("half-truth", half_truth.sample, ("exists", "exists+exists", "exists+exists+exists", "related")),
    )
}
