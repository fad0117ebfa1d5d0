"""The words for the order of things, joined to those of `phrases`: what is between, first or second, or faces a way.

{between}, {facing}: phrases; {place}: the words for a place in an order, without an article; {predicate}: what is said
of the object there, an adjective or a noun phrase with its article.
"""

BETWEEN_PHRASES: dict[str, tuple[str, ...]] = {
    "between": ("between", "in between", "in the middle between", "in the space between")
}
# The first of an order, as in scenes.truth.order_claims; the one of two or more that leads it.
SUPERLATIVE_PHRASES: dict[str, tuple[str, ...]] = {
    "left": ("leftmost object", "object furthest to the left", "object farthest left", "first object from the left"),
    "right": (
        "rightmost object",
        "object furthest to the right",
        "object farthest right",
        "first object from the right",
    ),
    "above": ("topmost object", "highest object", "uppermost object", "first object from the top"),
    "below": ("bottommost object", "lowest object", "lowermost object", "first object from the bottom"),
    "nearer": ("nearest object", "closest object", "object nearest to the camera", "object closest to the viewer"),
    "farther": (
        "farthest object",
        "most distant object",
        "object farthest from the camera",
        "object farthest away from the viewer",
    ),
    "larger": ("largest object", "biggest object", "object of the largest size", "object largest in size"),
    "smaller": ("smallest object", "tiniest object", "object of the smallest size", "object smallest in size"),
    "taller": (
        "tallest object",
        "object of the greatest height",
        "object greatest in height",
        "object largest in height",
    ),
    "shorter": ("shortest object", "object of the smallest height", "object smallest in height", "least tall object"),
}
# The second of an order; sizes have no such words here, since of the others two are often alike.
ORDINAL_PHRASES: dict[str, tuple[str, ...]] = {
    "left": (
        "second object from the left",
        "second leftmost object",
        "object second from the left",
        "second object counting from the left",
    ),
    "right": (
        "second object from the right",
        "second rightmost object",
        "object second from the right",
        "second object counting from the right",
    ),
    "above": (
        "second object from the top",
        "second highest object",
        "object second from the top",
        "second object counting from the top",
    ),
    "below": (
        "second object from the bottom",
        "second lowest object",
        "object second from the bottom",
        "second object counting from the bottom",
    ),
}
FACING_PHRASES: dict[str, tuple[str, ...]] = {
    "camera": ("facing the camera", "turned towards the camera", "facing the viewer", "turned to face the camera"),
    "away": (
        "facing away from the camera",
        "turned away from the camera",
        "facing away from the viewer",
        "turned to face away from the camera",
    ),
    "left": ("facing left", "turned to the left", "facing to the left", "turned to face left"),
    "right": ("facing right", "turned to the right", "facing to the right", "turned to face right"),
}
FACING_OBJECT_PHRASES: dict[str, tuple[str, ...]] = {
    "towards": ("facing", "turned towards", "turned with its front to", "turned to face"),
    "away": ("facing away from", "turned away from", "turned with its back to", "turned to face away from"),
}

ORDER_TEMPLATES: dict[str, tuple[str, ...]] = {
    "between": (
        "{a} {between} {b} and {c}",
        "a photo of {a} {between} {b} and {c}",
        "{a} is {between} {b} and {c}",
        "there is {a} {between} {b} and {c}",
        "a picture of {a} {between} {b} and {c}",
        "{a} can be seen {between} {b} and {c}",
        "the scene shows {a} {between} {b} and {c}",
        "an image in which {a} is {between} {b} and {c}",
    ),
    "ranked": (
        "the {place} is {predicate}",
        "a photo in which the {place} is {predicate}",
        "in this scene the {place} is {predicate}",
        "here the {place} is {predicate}",
        "a picture in which the {place} is {predicate}",
        "as can be seen, the {place} is {predicate}",
        "the scene shows that the {place} is {predicate}",
        "an image in which the {place} is {predicate}",
    ),
    "facing": (
        "{a} {facing}",
        "a photo of {a} {facing}",
        "{a} is {facing}",
        "there is {a} {facing}",
        "a picture of {a} {facing}",
        "{a} can be seen {facing}",
        "the scene shows {a} {facing}",
        "an image in which {a} is {facing}",
    ),
    "facingobject": (
        "{a} {facing} {b}",
        "a photo of {a} {facing} {b}",
        "{a} is {facing} {b}",
        "there is {a} {facing} {b}",
        "a picture of {a} {facing} {b}",
        "{a} can be seen {facing} {b}",
        "the scene shows {a} {facing} {b}",
        "an image in which {a} is {facing} {b}",
    ),
}
