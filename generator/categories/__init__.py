"""The failure categories. A new one is a file here with a `sample` function, and a row in this table."""

from dataclasses import dataclass

from generator.categories import binding, content, negation, relation
from generator.world import Sampler


@dataclass(frozen=True)
class Category:
    """A failure category and the condition of the theory that it tests."""

    name: str
    condition: str  # C1 content, C2 attribute binding, C3 places and relations, C4 negation
    sample: Sampler
    summary: str


CATEGORIES = {
    category.name: category
    for category in (
        Category("content", "C1", content.sample, "one object's kind, one attribute, or presence differs"),
        Category("binding", "C2", binding.sample, "two objects exchange an attribute"),
        Category("relation", "C3", relation.sample, "two objects exchange places, or the relation is reversed"),
        Category("negation", "C4", negation.sample, "an object or attribute is present in one, absent in the other"),
    )
}
