"""English that needs to know no claim: articles, plurals, and the order of adjectives before a noun.

Captions and the phrases of the geometry probe are both made here, so that they call the same thing by the same words.
"""

_ADJECTIVES = {"medium": "medium-sized"}
_SILENT_H = ("hour", "heir", "honest", "honor")  # "an hourglass"
_LIKE_YOU = ("uni", "use", "uti", "uku", "eu", "ewe")  # a vowel that begins with the sound of "you": "a unicorn"
_NOT_LIKE_YOU = ("unin", "unim")  # "an unintended one", though it begins with "uni"
_HISSES = ("s", "x", "z", "ch", "sh")  # endings after which a plural takes "es"


def with_article(phrase: str, own: str = "") -> str:
    """The phrase, of one letter or more, after its indefinite article: "an orange mug", "a unicorn", "an hourglass".

    The sound of its beginning decides, unless it has an article of its `own`, "a" or "an".
    """
    if own:
        return f"{own} {phrase}"
    sound = phrase.lower()
    glide = sound.startswith((*_LIKE_YOU, "one")) and not sound.startswith(_NOT_LIKE_YOU)
    vowel = sound[0] in "aeiou" and not glide
    return f"{'an' if vowel or sound.startswith(_SILENT_H) else 'a'} {phrase}"


def regular_plural(noun: str) -> str:
    """The plural of a noun, of two letters or more, that has a regular one: "hemispheres", "couches", "bunnies"."""
    if noun.endswith(_HISSES):
        return noun + "es"
    return noun[:-1] + "ies" if noun[-1] == "y" and noun[-2] not in "aeiou" else noun + "s"


def adjective(value: str) -> str:
    """The adjective for the value of an attribute: the value itself, but "medium-sized" for the size "medium"."""
    return _ADJECTIVES.get(value, value)


def noun_phrase(
    noun: str,
    *,
    size: str | None = None,
    pattern: str | None = None,
    color: str | None = None,
    material: str | None = None,
) -> str:
    """A noun after the given adjectives in English order, without an article: "large striped red metal cube"."""
    given = (size, pattern, color, material)
    return " ".join([*(adjective(value) for value in given if value), noun])
