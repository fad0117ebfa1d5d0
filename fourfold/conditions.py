"""The four conditions of the theory, the categories of questions, and which category asks for which condition.

Kang, Song, Gkioxari, Perona: "Is CLIP ideal? No. Can we fix it? Yes!", ICCV 2025, ask of a shared space of pictures and
texts that it satisfies the conditions C1 to C4. Plain data, so that datasets, probes and reports say the same. A new
category is a row in `DIFFERENCES` here, beside its sampling function in `fourfold.generator.categories`.
"""

CONDITIONS = {
    "C1": "content: what is in the picture",
    "C2": "attribute binding: which object has which attribute",
    "C3": "location and spatial relations: what is where",
    "C4": "negation: what is absent",
}
BEYOND = "beyond"  # in place of a condition: the category asks for what the four do not speak of

# Every category, in the order in which datasets and reports list them, and what differs between the two pictures of one
# of its groups. "x+y" is a compound: its captions need both x and y.
DIFFERENCES = {
    "content": "one object's kind, one attribute, or presence differs",
    "binding": "two objects exchange an attribute",
    "relation": "two objects exchange places, or the relation is reversed",
    "location": "an object moves to the opposite side of the picture",
    "negation": "something is there in one picture and absent in the other",
    "counting": "the number of objects of a kind differs",
    "comparison": "which of two is larger, taller or nearer",
    "binding+relation": "two of a kind, on either side of another thing, exchange an attribute",
    "binding+negation": "two objects exchange an attribute; the caption says which combination is absent",
    "relation+negation": "two objects exchange places; the caption says in which relation one does not stand",
    "proximity": "an object moves from one thing, which it is near or touches, to another",
    "between": "the one between two others exchanges places with one of them",
    "ranking": "two objects exchange places or sizes, and so who is leftmost, largest or second from the left",
    "facing": "an object with a front turns half round",
    "quantification": "whether all, some or none of a kind have an attribute",
    "exclusivity": "whether an attribute or a kind is that of one thing, of all but one, or of all",
    "logic": "one object, attribute or place differs; captions say either-or, not both, neither-nor or negate twice",
    "numerosity": "one or two objects become another kind, or change their look, and numbers of objects with them",
    "conjunction": "an attribute goes round three objects, each of which has another one too",
    "half-truth": "an attribute, a kind or a relation differs; one caption says more than the other",
}
# The condition that a category which is no compound asks for; a category that is not here asks for none.
_ASKS_FOR = {
    "content": "C1",
    "binding": "C2",
    "relation": "C3",
    "location": "C3",
    "negation": "C4",
    "proximity": "C3",
    "logic": "C4",
    "conjunction": "C2",
    "half-truth": "C1+C2",
    "between": "C3",
    "ranking": "C3",
    "facing": "C3",
}


def condition_of(category: str) -> str:
    """The condition that a category asks for: "C2"; "C2+C3" for a compound of two; `BEYOND` where the four say nothing.

    Categories that are not in `DIFFERENCES`, as other people's benchmarks have them, are `BEYOND` too, and so is a
    compound with a part that is.
    """
    conditions = {_ASKS_FOR.get(part, BEYOND) for part in category.split("+")}
    return BEYOND if BEYOND in conditions else "+".join(sorted(conditions))
