"""Does the picture show what the layout says? `find_problems` answers with reasons; an empty list means yes."""

from dataclasses import dataclass

from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import can_wear
from fourfold.scenes.truth.annotations import ObjectAnnotation


@dataclass(frozen=True)
class Limits:
    """What an object must show of itself. Fractions of 1; `min_area` is a share of the picture's pixels."""

    min_area: float = 0.0030  # 150 pixels at 224 x 224
    min_visible_fraction: float = 0.60
    min_color_votes: float = 0.30
    color_lead: float = 1.25  # votes for its own color over those for the next
    max_blurred: float = 0.15  # of its outline may pass into another object of the same color


def find_problems(
    layout: Layout, annotations: tuple[ObjectAnnotation, ...], n_pixels: int, limits: Limits | None = None
) -> list[str]:
    """Reasons why the picture does not show the layout unmistakably, each a short phrase that can be counted.

    `annotations` are those of the layout's objects in order (ValueError for another number), `n_pixels` the pixels of
    the whole picture. At most one reason for each object, in the order of the objects.
    """
    limits = limits or Limits()
    problems = []
    for thing, seen in zip(layout.objects, annotations, strict=True):
        if seen.visible_pixels < limits.min_area * n_pixels:
            problems.append("an object covers too few pixels")
        elif seen.visible_fraction < limits.min_visible_fraction:
            problems.append("an object is hidden")
        elif seen.touches_border:
            problems.append("an object is cut by the border")
        elif not _shows_color(thing, seen.color_votes, limits):
            problems.append("an object's color as rendered is not clearly its own")
        elif seen.blurred > limits.max_blurred:
            problems.append("an object merges with another of the same color")
    return problems


def _shows_color(thing: PlacedObject, votes: dict[str, float], limits: Limits) -> bool:
    if not can_wear(thing.color, thing.pattern):
        return False
    own = votes.get(thing.color, 0.0)
    # A pattern's second color is near white or near black, which is no doubt about the first.
    second = () if thing.pattern == "plain" else ("white", "gray", "black")
    rival = max((share for name, share in votes.items() if name != thing.color and name not in second), default=0.0)
    return own >= limits.min_color_votes and own >= limits.color_lead * rival
