"""Claims into English. A template is chosen once a group, so both of its captions have the same form.

Templates are rows of a table keyed by the form of the claim; rows with the same number belong together across forms
("{a} and {b}" and "{a} and no {bare_b}"), so that a claim and its negation differ in polarity only.
"""

from dataclasses import dataclass

import numpy as np

from scenes.claims import Absent, Both, Claim, Compared, Counted, Description, Exists, Located, Not, Related
from scenes.shapes import KINDS

RELATION_PHRASES: dict[str, tuple[str, ...]] = {
    "left": ("to the left of", "left of", "on the left of"),
    "right": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over", "higher up than"),
    "below": ("below", "under", "lower down than"),
    "front": ("in front of", "closer to the camera than", "nearer than"),
    "behind": ("behind", "further back than", "farther from the camera than"),
}
REGION_PHRASES = {
    "left": "on the left side of the picture",
    "right": "on the right side of the picture",
    "top": "at the top of the picture",
    "bottom": "at the bottom of the picture",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")

# {a}, {b}: noun phrases with an article; {bare_a}, {bare_b}: without; {relation}, {region}, {number}, {plural_a}.
TEMPLATES: dict[str, tuple[str, ...]] = {
    "exists": (
        "{a}",
        "a photo of {a}",
        "there is {a}",
        "a picture of {a}",
        "an image with {a} in it",
        "{a} can be seen",
        "the scene contains {a}",
    ),
    "absent": (
        "no {bare_a}",
        "a photo with no {bare_a}",
        "there is no {bare_a}",
        "a picture without {a}",
        "an image with no {bare_a} in it",
        "no {bare_a} can be seen",
        "the scene does not contain {a}",
    ),
    "exists+exists": (
        "{a} and {b}",
        "a photo of {a} and {b}",
        "there is {a} and {b}",
        "a picture of {a} and {b}",
        "an image with {a} and {b}",
        "{a} and also {b}",
        "the scene contains {a} and {b}",
    ),
    "exists+absent": (
        "{a} and no {bare_b}",
        "a photo of {a} and no {bare_b}",
        "there is {a} but no {bare_b}",
        "a picture of {a} without {b}",
        "an image with {a} but not {b}",
        "{a} but no {bare_b}",
        "the scene contains {a} but not {b}",
    ),
    "absent+absent": (
        "neither {a} nor {b}",
        "a photo with neither {a} nor {b}",
        "there is neither {a} nor {b}",
        "a picture with no {bare_a} and no {bare_b}",
        "an image without {a} and without {b}",
        "no {bare_a} and no {bare_b}",
        "the scene contains neither {a} nor {b}",
    ),
    "related": (
        "{a} {relation} {b}",
        "a photo of {a} {relation} {b}",
        "{a} is {relation} {b}",
        "there is {a} {relation} {b}",
        "a picture of {a} {relation} {b}",
        "{a} can be seen {relation} {b}",
        "the scene shows {a} {relation} {b}",
    ),
    "located": (
        "{a} {region}",
        "there is {a} {region}",
        "{a} is {region}",
        "a photo with {a} {region}",
        "{a} can be seen {region}",
        "the scene shows {a} {region}",
    ),
    "counted": (
        "{number} {plural_a}",
        "a photo of {number} {plural_a}",
        "a picture of {number} {plural_a}",
        "an image with {number} {plural_a}",
        "{number} {plural_a} can be seen",
        "the scene contains {number} {plural_a}",
    ),
    "compared": (
        "{a} that is larger than {b}",
        "a photo of {a} that is larger than {b}",
        "there is {a} bigger than {b}",
        "a picture of {a} bigger than {b}",
        "{a} is larger than {b}",
        "the scene shows {a} that is bigger than {b}",
    ),
}


@dataclass(frozen=True)
class Wording:
    """The choices that both captions of a group share."""

    template: int
    phrase: int  # which wording of a relation

    @property
    def name(self) -> str:
        return f"{self.template}.{self.phrase}"


def sample_wordings(rng: np.random.Generator) -> tuple[Wording, Wording]:
    """A wording for the two captions of a group, and another one for their hard positives."""
    first, second = rng.choice(min(len(rows) for rows in TEMPLATES.values()), size=2, replace=False)
    phrases = rng.integers(3, size=2)
    return Wording(int(first), int(phrases[0])), Wording(int(second), int(phrases[1]))


def word(claim: Claim, wording: Wording) -> str:
    """The caption that says the claim."""
    rows = TEMPLATES[form(claim)]
    return rows[wording.template % len(rows)].format(**_parts(claim, wording))


def form(claim: Claim) -> str:
    """Which templates the claim takes; raises ValueError for one that has no English here."""
    match claim:
        case Both(Exists(), Exists()):
            return "exists+exists"
        case Both(Exists(), Absent()):
            return "exists+absent"
        case Both(Absent(), Absent()):
            return "absent+absent"
        case Exists() | Absent() | Related() | Located() | Counted() | Compared():
            return type(claim).__name__.lower()
    raise ValueError(f"no template for a claim of the form {claim}")


def _parts(claim: Claim, wording: Wording) -> dict[str, str]:
    match claim:
        case Exists(a) | Absent(a):
            return _noun_parts("a", a)
        case Both(Exists(a) | Absent(a), Exists(b) | Absent(b)):
            return _noun_parts("a", a) | _noun_parts("b", b)
        case Related(a, relation, b):
            phrases = RELATION_PHRASES[relation]
            phrase = phrases[wording.phrase % len(phrases)]
            return _noun_parts("a", a) | _noun_parts("b", b) | {"relation": phrase}
        case Located(a, region):
            return _noun_parts("a", a) | {"region": REGION_PHRASES[region]}
        case Counted(a, number):
            noun = noun_phrase(a, plural=number != 1)
            return {"plural_a": noun, "number": NUMBERS[number]}
        case Compared(a, b):
            return _noun_parts("a", a) | _noun_parts("b", b)
        case Not() | Both():
            raise ValueError(f"no template for a claim of the form {claim}")


def _noun_parts(key: str, description: Description) -> dict[str, str]:
    bare = noun_phrase(description)
    return {key: with_article(bare), f"bare_{key}": bare}


def noun_phrase(description: Description, plural: bool = False) -> str:
    """The words for a description without an article: "large striped red metal cube", "cube that is not red"."""
    size = _ADJECTIVES.get(description.size or "", description.size)
    noun = KINDS[description.shape].plural if plural and description.shape else description.shape
    words = (size, description.pattern, description.color, description.material, noun)
    text = " ".join(word for word in words if word)
    if description.shape is None:
        text += " objects" if plural else " object"
    if description.excluded:
        value = description.excluded[1]
        text += f" that {'are' if plural else 'is'} not {_ADJECTIVES.get(value, value)}"
    return text.strip()


_ADJECTIVES = {"medium": "medium-sized"}
_SILENT_H = ("hourglass", "heirloom")


def with_article(phrase: str) -> str:
    """The phrase with its indefinite article: "an orange umbrella", "a unicorn"."""
    first = phrase.split()[0]
    vowel = first[0] in "aeio" or (first[0] == "u" and not first.startswith(("uni", "use", "uti")))
    return f"{'an' if vowel or first in _SILENT_H else 'a'} {phrase}"
