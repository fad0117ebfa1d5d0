"""The axes of the column `difficulty`: what each is called, in what unit it is, and what it says of a picture.

`fourfold.generator.groups.difficulty` measures them; cards, croissant.json, portraits and reports read this table. A
number is never missing: HuggingFace would give a split in which all are missing another type, and refuse the dataset.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

NOT_APPLICABLE = -1.0  # where there is nothing to measure: no axis is negative, and 0 would be a distance


@dataclass(frozen=True)
class DifficultyAxis:
    """One axis: its key in the column, how it is called, its unit ("" for counts), and a sentence without a stop."""

    name: str
    label: str
    unit: str
    meaning: str
    bin_width: float | None = None  # of the bins in which it is counted; without it value by value
    doubling: bool = False  # bins from one power of two to the next


AXES = {
    axis.name: axis
    for axis in (
        DifficultyAxis("n_objects", "number of objects", "", "objects in the scene"),
        DifficultyAxis(
            "distance", "distance in the scene", "scene units", "least distance between two named objects", 0.5
        ),
        DifficultyAxis(
            "picture_distance",
            "distance in the picture",
            "picture widths",
            "least distance in the picture between the centres of two named objects",
            0.1,
        ),
        DifficultyAxis(
            "size_ratio",
            "size ratio",
            "ratio",
            "extent of the larger to that of the smaller, of the two named objects that are most alike in size",
            0.25,
        ),
        DifficultyAxis(
            "occlusion", "occlusion", "share", "hidden share of the named object that is hidden most", bin_width=0.1
        ),
        DifficultyAxis(
            "color_distance",
            "color distance (CIEDE2000)",
            "CIEDE2000",
            "least distance between the colors of two named objects",
            10.0,
        ),
        DifficultyAxis(
            "visible_pixels",
            "visible pixels",
            "pixels",
            "pixels of the named object that shows fewest",
            doubling=True,
        ),
        DifficultyAxis(
            "kind_distractors",
            "distractors of a named kind",
            "",
            "objects of a kind that captions name which are not among those they mean",
        ),
        DifficultyAxis(
            "attribute_distractors",
            "distractors with a named attribute",
            "",
            "objects with a color, size, material or pattern that captions name which are not among those they mean",
        ),
        DifficultyAxis(
            "margin",
            "margin to ambiguity",
            "margins",
            "how far the weakest relation, comparison or region that decides the group is from where it would be open",
            0.5,
        ),
        DifficultyAxis(
            "changed_pixels",
            "changed pixels",
            "share",
            "share of the pixels that differ clearly between the two pictures of the group",
            0.05,
        ),
        DifficultyAxis("caption_length", "words in the caption", "words", "words of the picture's caption", 2),
        DifficultyAxis(
            "held_out", "held out of training", "yes or no", "whether the split holds out what ordinary splits show"
        ),
    )
}


@dataclass(frozen=True)
class AxisRange:
    """The range of one axis within which levels are asked for, from `low` to `high` in the axis's unit.

    Levels are places in the range: 0 at its low end, 1 at its high end, even beyond them; by doublings where the axis
    counts so.
    """

    axis: str  # a key of AXES
    low: float
    high: float

    def level(self, value: float) -> float:
        """The place of a value, in the axis's unit."""
        low, high, at = (self._even(each) for each in (self.low, self.high, value))
        return (at - low) / (high - low)

    def value(self, level: float) -> float:
        """The value, in the axis's unit, at a place."""
        low, high = self._even(self.low), self._even(self.high)
        found = low + level * (high - low)
        return float(2**found) if AXES[self.axis].doubling else found

    def _even(self, value: float) -> float:
        return log2(max(value, 1.0)) if AXES[self.axis].doubling else float(value)


def applicable(difficulty: Mapping[str, Any]) -> dict[str, Any]:
    """The axes of a row's column `difficulty` that could be measured, in its order."""
    return {name: value for name, value in difficulty.items() if value != NOT_APPLICABLE}
