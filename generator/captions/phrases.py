"""The words that captions are made of: templates for every form of claim, and wordings of relations and places.

A new template is a new row in every form that shares its number; a new wording of a relation is a new entry.
{a}, {b}, {c}: noun phrases with an article; {bare_a}, {bare_b}: without; {relation}, {region}, {comparison}: phrases;
{number} {counted}: a number word and its noun; {are}: the verb that goes with it; {many_a}, {many_b}: plurals.
"""

from fourfold.generator.captions.number_templates import NUMBER_TEMPLATES
from fourfold.generator.captions.order_templates import ORDER_TEMPLATES
from fourfold.generator.captions.set_templates import SET_TEMPLATES

HELD_OUT_TEMPLATES = 2  # the last rows of every form, which only splits with templates = "held-out" use
HELD_OUT_PHRASES = 1  # the last wording of every relation, region and comparison

RELATION_PHRASES: dict[str, tuple[str, ...]] = {
    "left": ("to the left of", "left of", "on the left of", "on the left-hand side of"),
    "right": ("to the right of", "right of", "on the right of", "on the right-hand side of"),
    "above": ("above", "over", "higher up than", "higher than"),
    "below": ("below", "under", "lower down than", "lower than"),
    "front": ("in front of", "closer to the camera than", "nearer than", "nearer to the viewer than"),
    "behind": ("behind", "further back than", "farther from the camera than", "farther from the viewer than"),
    "on": ("on top of", "on", "resting on", "standing on"),
    "under": ("directly under", "underneath", "supporting", "carrying"),
    "inside": ("inside", "in", "within", "in the inside of"),
    "holding": ("holding", "containing", "around", "enclosing"),
    "beside": ("next to", "beside", "right beside", "close to"),
    "near": ("near", "not far from", "in the vicinity of", "a short way from"),
    "touching": ("touching", "in contact with", "pressed against", "up against"),
}
# Of the phrases of a relation those that say less than the others: what is above a thing is higher, not the reverse.
WEAKER_PHRASES = {
    *("higher up than", "higher than", "lower down than", "lower than"),
    *("closer to the camera than", "nearer than", "nearer to the viewer than"),
    *("further back than", "farther from the camera than", "farther from the viewer than"),
    *("directly under", "underneath", "around", "close to"),
}
REGION_PHRASES: dict[str, tuple[str, ...]] = {
    "left": ("on the left", "on the left side", "in the left half", "to the left of the centre"),
    "right": ("on the right", "on the right side", "in the right half", "to the right of the centre"),
    "top": ("at the top", "in the upper part", "in the top half", "above the centre"),
    "bottom": ("at the bottom", "in the lower part", "in the bottom half", "below the centre"),
}
COMPARISON_PHRASES: dict[str, tuple[str, ...]] = {
    "larger": ("larger than", "bigger than", "of a larger size than", "larger in size than"),
    "smaller": ("smaller than", "of a smaller size than", "smaller in size than", "lesser in size than"),
    "taller": ("taller than", "of greater height than", "greater in height than", "larger in height than"),
    "shorter": ("shorter than", "of smaller height than", "smaller in height than", "less tall than"),
    "nearer": ("nearer than", "closer than", "nearer to the camera than", "closer to the viewer than"),
    "farther": ("farther away than", "further away than", "farther from the camera than", "more distant than"),
}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")

TEMPLATES: dict[str, tuple[str, ...]] = {
    "exists": (
        "{a}",
        "a photo of {a}",
        "there is {a}",
        "a picture of {a}",
        "an image with {a} in it",
        "{a} can be seen",
        "the scene contains {a}",
        "{a} in sight",
    ),
    "absent": (
        "no {bare_a}",
        "a photo with no {bare_a}",
        "there is no {bare_a}",
        "a picture without {a}",
        "an image with no {bare_a} in it",
        "no {bare_a} can be seen",
        "the scene does not contain {a}",
        "not {a} in sight",
    ),
    "exists+exists": (
        "{a} and {b}",
        "a photo of {a} and {b}",
        "there is {a} and {b}",
        "a picture of {a} and {b}",
        "an image with {a} and {b}",
        "{a} and also {b}",
        "the scene contains {a} and {b}",
        "{a} and {b} in sight",
    ),
    "exists+absent": (
        "{a} and no {bare_b}",
        "a photo of {a} and no {bare_b}",
        "there is {a} but no {bare_b}",
        "a picture of {a} without {b}",
        "an image with {a} but not {b}",
        "{a} but no {bare_b}",
        "the scene contains {a} but not {b}",
        "{a} but not {b} in sight",
    ),
    "absent+absent": (
        "neither {a} nor {b}",
        "a photo with neither {a} nor {b}",
        "there is neither {a} nor {b}",
        "a picture with no {bare_a} and no {bare_b}",
        "an image without {a} and without {b}",
        "no {bare_a} and no {bare_b}",
        "the scene contains neither {a} nor {b}",
        "neither {a} nor {b} in sight",
    ),
    "related": (
        "{a} {relation} {b}",
        "a photo of {a} {relation} {b}",
        "{a} is {relation} {b}",
        "there is {a} {relation} {b}",
        "a picture of {a} {relation} {b}",
        "{a} can be seen {relation} {b}",
        "the scene shows {a} {relation} {b}",
        "an image in which {a} is {relation} {b}",
    ),
    "unrelated": (
        "{a} not {relation} {b}",
        "a photo of {a} that is not {relation} {b}",
        "{a} is not {relation} {b}",
        "there is {a} that is not {relation} {b}",
        "a picture of {a} not {relation} {b}",
        "{a} can be seen, but not {relation} {b}",
        "the scene shows {a} that is not {relation} {b}",
        "an image in which {a} is not {relation} {b}",
    ),
    "related+unrelated": (
        "{a} {relation} {b} but not {relation} {c}",
        "a photo of {a} {relation} {b} but not {relation} {c}",
        "{a} is {relation} {b} but not {relation} {c}",
        "there is {a} {relation} {b} but not {relation} {c}",
        "a picture of {a} that is {relation} {b} and not {relation} {c}",
        "{a} can be seen {relation} {b} but not {relation} {c}",
        "the scene shows {a} {relation} {b} but not {relation} {c}",
        "an image in which {a} is {relation} {b} but not {relation} {c}",
    ),
    "located": (
        "{a} {region}",
        "a photo with {a} {region}",
        "there is {a} {region}",
        "a picture with {a} {region}",
        "an image with {a} {region}",
        "{a} can be seen {region}",
        "{a} is {region}",
        "the scene shows {a} {region}",
    ),
    "counted": (
        "{number} {counted}",
        "a photo of {number} {counted}",
        "a picture of {number} {counted}",
        "an image with {number} {counted}",
        "{number} {counted} can be seen",
        "there {are} {number} {counted}",
        "the scene contains {number} {counted}",
        "exactly {number} {counted}",
    ),
    "compared": (
        "{a} {comparison} {b}",
        "a photo of {a} that is {comparison} {b}",
        "{a} is {comparison} {b}",
        "there is {a} {comparison} {b}",
        "a picture of {a} {comparison} {b}",
        "{a} can be seen that is {comparison} {b}",
        "the scene shows {a} that is {comparison} {b}",
        "an image in which {a} is {comparison} {b}",
    ),
    **SET_TEMPLATES,
    **NUMBER_TEMPLATES,
    **ORDER_TEMPLATES,
}
