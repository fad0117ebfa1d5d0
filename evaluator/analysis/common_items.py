"""Which items several evaluations have in common: the same question about the same pixels, wherever it stands."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.results import Results


@dataclass(frozen=True)
class CommonItems:
    """The items that all runs have, and what must be said of the others.

    `items` holds, by run, the common ones in the order of the first run. Where there are none, the note says why.
    """

    items: Mapping[str, tuple[ScoredItem, ...]]
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the runs have nothing in common."""
        return not any(self.items.values())


def find_common(runs: Mapping[str, Results]) -> CommonItems:
    """The items of several runs whose id, category, cluster, captions, truth and pixels are the same in all.

    Results of earlier versions do not say what an item's pixels are: then those of two whole runs must be the same, or
    both must be on the same scenes and differ in which of them were asked.
    """
    by_question = {name: {_question(item): item for item in run.items} for name, run in runs.items()}
    first = next(iter(by_question.values()))
    asked = [key for key in first if all(key in found for found in by_question.values())]
    same = {(one, two): _may_share_pixels(runs[one], runs[two]) for one, two in combinations(runs, 2)}
    kept = [
        key
        for key in asked
        if all(_agree(by_question[one][key], by_question[two][key], alike) for (one, two), alike in same.items())
    ]
    found = {name: tuple(each[key] for key in kept) for name, each in by_question.items()}
    return CommonItems(found, _note({name: len(run.items) for name, run in runs.items()}, len(asked), len(kept)))


def _question(item: ScoredItem) -> Hashable:
    return item.id, item.category, item.cluster, item.captions, item.truth.shape, item.truth.tobytes()


def _agree(one: ScoredItem, two: ScoredItem, runs_agree: bool) -> bool:
    """Whether both show the same pixels, as far as it is known."""
    return one.pixels == two.pixels if one.pixels and two.pixels else runs_agree


def _may_share_pixels(one: Results, two: Results) -> bool:
    """What two whole runs say of their pixels, for items that do not say it themselves."""
    if one.dataset.get("content_sha256") == two.dataset.get("content_sha256"):
        return True
    scenes = one.dataset.get("scenes_sha256")
    others_asked = {_question(item) for item in one.items} != {_question(item) for item in two.items}
    return others_asked and scenes is not None and scenes == two.dataset.get("scenes_sha256")


def _note(sizes: Mapping[str, int], asked: int, kept: int) -> str:
    names = " and ".join(sizes) if len(sizes) == 2 else "all"
    if not asked:
        return f"not paired: no item is common to {names}"
    if not kept:
        return f"not paired: {names} share {asked} questions, but were run on different pixels"
    left = [f"{size - kept} of the {size} of {name}" for name, size in sizes.items() if size > kept]
    if not left:
        return ""
    other = f" ({asked - kept} of them show other pixels)" if asked > kept else ""
    return f"paired on the {kept} items that are common to {names}; left out: {', '.join(left)}{other}"
