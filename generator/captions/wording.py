"""Claims into English. A template is chosen once a group, so both of its captions have the same form.

Rows of the template table with the same number belong together across forms ("{a} and {b}", "{a} and no {bare_b}"), so
that a claim and its negation differ in polarity only. What a split holds out is never drawn for an ordinary one.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fourfold import english
from fourfold.generator.captions.phrases import (
    COMPARISON_PHRASES,
    HELD_OUT_PHRASES,
    HELD_OUT_TEMPLATES,
    NUMBERS,
    REGION_PHRASES,
    RELATION_PHRASES,
    TEMPLATES,
)
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import Absent, Both, Claim, Compared, Counted, Exists, Located, Not, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan
from fourfold.scenes.truth.set_claims import Exclusive, FitsBoth, NotBoth, NothingBut, OneOf, Quantified

HOLD_OUTS = ("ordinary", "held-out")  # of templates and of phrases
SYNONYMS = ("never", "hard-positives", "always")  # where kinds are called by their synonyms
_SET_FORMS = {NothingBut: "nothing-but", OneOf: "one-of", NotBoth: "not-both", FitsBoth: "fits-both"}
_SYNONYMS = 6  # to count round: as often the one as the other of two or of three


@dataclass(frozen=True)
class Language:
    """Which words a split may use: one of HOLD_OUTS for templates, one for phrases, and one of SYNONYMS."""

    templates: str = "ordinary"
    phrases: str = "ordinary"
    synonyms: str = "hard-positives"


@dataclass(frozen=True)
class Wording:
    """The choices that the two captions of a group share: which template, which phrase, which synonym."""

    template: int
    phrase: int  # which wording of a relation, region or comparison
    synonym: int = 0  # 0: kinds by their own names; k: by their k-th synonym, -k: their k-th exact one, counted round

    @property
    def name(self) -> str:
        """What rows of a dataset call it: "3.1" for template 3 and phrase 1, "3.1s" with synonyms, "3.1e" exact."""
        return f"{self.template}.{self.phrase}{'s' * (self.synonym > 0)}{'e' * (self.synonym < 0)}"


def wordings_named(name: str) -> list[Wording]:
    """All wordings with that name, which does not say which synonym it is; none if it is not the name of a wording."""
    found = re.fullmatch(r"(\d+)\.(\d+)([se]?)", name)
    if found is None:
        return []
    synonyms = {"": (0,), "s": range(1, _SYNONYMS + 1), "e": range(-1, -_SYNONYMS - 1, -1)}[found[3]]
    return [Wording(int(found[1]), int(found[2]), k) for k in synonyms]


def sample_wordings(rng: np.random.Generator, language: Language) -> tuple[Wording, Wording]:
    """Draw a wording for the two captions of a group, and another one for their two hard positives.

    The two wordings have different templates. What `language` holds out is never drawn.
    """
    rows = min(map(len, TEMPLATES.values()))
    phrases = min(map(len, RELATION_PHRASES.values()))
    first, second = _draw(rng, rows, HELD_OUT_TEMPLATES, language.templates, 2, replace=False)
    phrase, other_phrase = _draw(rng, phrases, HELD_OUT_PHRASES, language.phrases, 2, replace=True)
    synonyms = rng.integers(1, _SYNONYMS + 1, size=2) * (language.synonyms == "always", language.synonyms != "never")
    if language.synonyms == "hard-positives" and rng.random() < 0.5:
        synonyms[1] = 0
    return Wording(first, phrase, int(synonyms[0])), Wording(second, other_phrase, int(synonyms[1]))


def _draw(rng: np.random.Generator, n: int, n_held_out: int, which: str, size: int, *, replace: bool) -> list[int]:
    """Numbers of the first n - n_held_out of n rows, or of the others where those are wanted."""
    kept = n - n_held_out
    start, count = (kept, n_held_out) if which == "held-out" else (0, kept)
    return [start + int(k) for k in (rng.integers(count, size=size) if replace else rng.choice(count, size, False))]


def word(claim: Claim, wording: Wording) -> str:
    """The caption that says the claim in that wording; ValueError for a claim that no template can say."""
    rows = TEMPLATES[form(claim)]
    return rows[wording.template % len(rows)].format(**_parts(claim, wording))


def form(claim: Claim) -> str:
    """The key in `TEMPLATES` of the templates that can say the claim; ValueError for a claim that none can say."""
    match claim:
        case Both(Exists(), Exists()):
            return "exists+exists"
        case Both(Exists(), Absent()):
            return "exists+absent"
        case Both(Absent(), Absent()):
            return "absent+absent"
        case Both(Related(), Not(Related())):
            return "unrelated"
        case Both(Related(), Both(Related(), Not(Related()))):
            return "related+unrelated"
        case Both(Both(Related(), Not(Related())), Both(Related(), Not(Related()))):
            return "unrelated+unrelated"
        case Both(Exists(), Both(Exists(), Exists())):
            return "exists+exists+exists"
        case Not(AtLeast()):
            return "fewer"
        case Exists() | Absent() | Related() | Located() | Counted() | Compared() | AtLeast() | MoreThan() | AsManyAs():
            return type(claim).__name__.lower()
        case Quantified(quantifier=name) | Exclusive(exclusion=name):
            return name
        case NothingBut() | OneOf() | NotBoth() | FitsBoth():
            return _SET_FORMS[type(claim)]
        case Not(Absent()):
            return "not+absent"
        case Not(FitsBoth()):
            return "not+fits-both"
    raise ValueError(f"no template for a claim of the form {claim}")


def _parts(claim: Claim, wording: Wording) -> dict[str, str]:
    match claim:
        case Exists(a) | Absent(a) | Not(Absent(a)):
            return _nouns(wording, a=a)
        case Both(Exists(a) | Absent(a), Exists(b) | Absent(b)):
            return _nouns(wording, a=a, b=b)
        case Both(Exists(a), Both(Exists(b), Exists(c))):
            return _nouns(wording, a=a, b=b, c=c)
        case Related(a, relation, b) | Both(Related(), Not(Related(a, relation, b))):
            return _nouns(wording, a=a, b=b) | {"relation": _phrase(RELATION_PHRASES, relation, wording)}
        case Both(Related(a, relation, b), Both(Related(), Not(Related(_, _, c)))):
            return _nouns(wording, a=a, b=b, c=c) | {"relation": _phrase(RELATION_PHRASES, relation, wording)}
        case Both(Both(Related(), Not(Related(a, relation, b))), Both(Related(), Not(Related(_, _, c)))):
            return _nouns(wording, a=a, b=b, c=c) | {"relation": _phrase(RELATION_PHRASES, relation, wording)}
        case Located(a, region):
            return _nouns(wording, a=a) | {"region": _phrase(REGION_PHRASES, region, wording)}
        case Counted(a, number) | AtLeast(a, number) | Not(AtLeast(a, number)):
            noun = noun_phrase(a, plural=number != 1, synonym=wording.synonym)
            return {"counted": noun, "number": NUMBERS[number], "are": "is" if number == 1 else "are"}
        case Compared(a, b, dimension):
            return _nouns(wording, a=a, b=b) | {"comparison": _phrase(COMPARISON_PHRASES, dimension, wording)}
        case Quantified(said, attribute) | Exclusive(said, attribute):
            return _kind_and_look(said, attribute, wording)
        case NothingBut(a):
            return {"things": noun_phrase(a, plural=True, synonym=wording.synonym)}
        case OneOf(a, b) | NotBoth(a, b):
            return _nouns(wording, a=a, b=b)
        case FitsBoth(a, b) | Not(FitsBoth(a, b)):
            denied = {"one": _denied(a, wording.synonym), "other": _denied(b, wording.synonym)}
            return _nouns(wording, a=replace(a, excluded=None)) | denied
        case MoreThan(a, b) | AsManyAs(a, b):
            many = (noun_phrase(each, plural=True, synonym=wording.synonym) for each in (a, b))
            return dict(zip(("many_a", "many_b"), many, strict=True))
    raise ValueError(f"no template for a claim of the form {claim}")


def _kind_and_look(said: Description, attribute: str, wording: Wording) -> dict[str, str]:
    """The kind of a description, one and several of it, without the value of the attribute; and that value."""
    free: dict[str, Any] = {attribute: None}
    kind, kinds = (noun_phrase(replace(said, **free), plural, wording.synonym) for plural in (False, True))
    return {"kind": kind, "kinds": kinds, "look": english.adjective(getattr(said, attribute))}


def _phrase(table: dict[str, tuple[str, ...]], name: str, wording: Wording) -> str:
    return table[name][wording.phrase % len(table[name])]


def _nouns(wording: Wording, **descriptions: Description) -> dict[str, str]:
    """Each description with and without its article, under its key and `bare_` its key."""
    parts: dict[str, str] = {}
    for key, description in descriptions.items():
        bare = noun_phrase(description, synonym=wording.synonym)
        parts |= {key: articled(description, wording.synonym), f"bare_{key}": bare}
    return parts


def articled(description: Description, synonym: int = 0) -> str:
    """The words for a description with the indefinite article: "an hourglass", "a large red cube".

    A phrase that begins with the name of its kind has the article which that kind asks for; others have it by sound.
    """
    bare = noun_phrase(description, synonym=synonym)
    named = description.shape is not None and bare.startswith(description.shape)  # no adjective, no synonym
    return english.with_article(bare, own=KINDS[description.shape].article if named and description.shape else "")


def noun_phrase(description: Description, plural: bool = False, synonym: int = 0) -> str:
    """The words for a description without an article: "large striped red metal cube", "cube that is not red".

    `synonym` 0 calls a kind by its own name, k by its k-th synonym if it has any, -k by its k-th exact one.
    """
    said = description
    noun = kind_name(said.shape, plural, synonym)
    text = english.noun_phrase(noun, size=said.size, pattern=said.pattern, color=said.color, material=said.material)
    if description.excluded:
        text += f" that {'are' if plural else 'is'} not {_denied(description, synonym)}"
    return text


def _denied(description: Description, synonym: int) -> str:
    """The value that a description excludes, as the verb "is" takes it; nothing if it excludes none."""
    if not description.excluded:
        return ""
    attribute, value = description.excluded
    return articled(Description(shape=value), synonym) if attribute == "shape" else english.adjective(value)


def kind_name(shape: str | None, plural: bool, synonym: int) -> str:
    """What a kind is called: its own name, or its `synonym`-th synonym if it has any; "object" if no kind is meant.

    Synonyms are counted round from 1 on, exact ones from -1 down; 0 is the kind's own name.
    """
    if shape is None:
        return "objects" if plural else "object"
    kind = KINDS[shape]
    synonyms = kind.synonyms if synonym > 0 else kind.exact_synonyms
    if not synonym or not synonyms:
        return kind.plural if plural else kind.name
    name = synonyms[(abs(synonym) - 1) % len(synonyms)]
    return english.regular_plural(name) if plural else name
