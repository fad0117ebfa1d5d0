"""The failure categories. A new one is a file here with a `sample` function, and a row in this table."""

from dataclasses import dataclass

from fourfold.generator.categories import (
    binding,
    binding_negation,
    binding_relation,
    comparison,
    content,
    counting,
    location,
    negation,
    relation,
    relation_negation,
)
from fourfold.generator.categories.world import Sampler


@dataclass(frozen=True)
class Category:
    """A failure category and the condition of the theory that it tests."""

    name: str
    condition: str  # C1 content, C2 attribute binding, C3 places and relations, C4 negation; BEYOND for none of them
    sample: Sampler
    summary: str


BEYOND = "beyond"  # what the theory's four conditions do not speak of

CATEGORIES = {
    category.name: category
    for category in (
        Category("content", "C1", content.sample, "one object's kind, one attribute, or presence differs"),
        Category("binding", "C2", binding.sample, "two objects exchange an attribute"),
        Category("relation", "C3", relation.sample, "two objects exchange places, or the relation is reversed"),
        Category("location", "C3", location.sample, "an object moves to the opposite side of the picture"),
        Category("negation", "C4", negation.sample, "something is there in one picture and absent in the other"),
        Category("counting", BEYOND, counting.sample, "the number of objects of a kind differs"),
        Category("comparison", BEYOND, comparison.sample, "which of two is larger, taller or nearer"),
        Category(
            "binding+relation",
            "C2+C3",
            binding_relation.sample,
            "two of a kind, on either side of another thing, exchange an attribute",
        ),
        Category(
            "binding+negation",
            "C2+C4",
            binding_negation.sample,
            "two objects exchange an attribute; the caption says which combination is absent",
        ),
        Category(
            "relation+negation",
            "C3+C4",
            relation_negation.sample,
            "two objects exchange places; the caption says in which relation one does not stand",
        ),
    )
}
