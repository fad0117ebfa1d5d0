"""Groups made where they tell most: the search for the level of difficulty at which a scorer begins to fail.

One group at a time: the posterior names a level, a group near it is made, encoded and scored, and its answer, at the
level that was measured on it, goes into the posterior.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.analysis.metrics import group_score
from fourfold.evaluator.analysis.thresholds import (
    ADAPTIVE_FILE,
    CURVES,
    AdaptiveResults,
    AskedGroup,
    Search,
    read_adaptive,
    save_adaptive,
)
from fourfold.evaluator.data.fourfold_items import made_item
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.generator.dataset.difficulty_axes import AxisRange
from fourfold.generator.groups.aimed import Source, aim_group, find_range
from fourfold.statistics.psychometric import enough


@dataclass(frozen=True)
class AskedModel:
    """The model that is asked, and what its scorers are made from; see `ScorerContext`."""

    encoder: Encoder
    head: Path | None = None
    seed: int = 0
    own: Mapping[str, Callable] = field(default_factory=dict)
    cache_dir: Path | None = None


def start_searches(
    source: Source,
    axis: str,
    categories: Sequence[str],
    scorers: Sequence[str],
    ends: tuple[float, float] | None = None,
    *,
    strict: bool,
) -> tuple[tuple[Search, ...], tuple[str, ...]]:
    """A search for each category and scorer, and a note on each category in which the axis does not vary.

    `ends` are those of the range in the axis's unit; without them it is found by a pilot. Raises InputError where the
    axis does not vary: in any category if `strict`, else in all.
    """
    searches: list[Search] = []
    notes: list[str] = []
    for category in categories:
        try:
            within = find_range(source, category, axis)
        except InputError as error:
            if strict or (category == categories[-1] and not searches):
                raise
            notes.append(f"left out: {error}")
            continue
        within = within if ends is None else AxisRange(axis, *ends)
        searches += [Search(category, scorer, within) for scorer in scorers]
    return tuple(searches), tuple(notes)


def run_searches(
    results: AdaptiveResults, source: Source, model: AskedModel, most: int, out: Path, progress: bool
) -> AdaptiveResults:
    """Go on with every search until its threshold is known or `most` groups are asked; `out` holds what is done.

    Raises InputError for a scorer whose scores depend on other items, and what making, encoding and scoring raise.
    """
    for place, search in enumerate(results.searches):
        with tqdm(
            total=most,
            initial=len(search.asked),
            desc=f"{search.category}, {search.scorer}",
            unit="group",
            disable=None if progress else True,
        ) as bar:
            for grown in _grow(search, source, model, most):
                searches = (*results.searches[:place], grown, *results.searches[place + 1 :])
                results = replace(results, searches=searches)
                save_adaptive(results, out)
                bar.update()
    return results


def earlier_searches(setting: Mapping[str, object], out: Path) -> AdaptiveResults | None:
    """What an interrupted run of this very setting left in the folder; None if there is nothing.

    Raises InputError for what a run of another setting left.
    """
    found = read_adaptive(out)
    if found is None:
        return None
    for name, value in setting.items():
        if found.setting.get(name) != value:
            raise InputError(
                f"{out / ADAPTIVE_FILE}: was begun with {name} {found.setting.get(name)!r}, not {value!r}; give the "
                "same again, or another --out"
            )
    return found


def _grow(search: Search, source: Source, model: AskedModel, most: int) -> Iterator[Search]:
    """The search with one more group, and one more, until it is enough."""
    posterior = search.posterior
    while not enough(CURVES.threshold(posterior), len(search.asked), most):
        wanted = CURVES.next_level(posterior)
        item = made_item(aim_group(source, search.category, len(search.asked), wanted, search.within))
        margin = _margin(item, search.scorer, model)
        answer = AskedGroup(item.id, float(item.tags[search.within.axis]), margin > 0, margin)
        posterior = CURVES.update(posterior, search.within.level(answer.value), answer.right)
        search = replace(search, asked=(*search.asked, answer))
        yield search


def _margin(item: Item, name: str, model: AskedModel) -> float:
    """By how much the scorer wins the hardest question of a group."""
    encoded = encode_items(model.encoder, [item], model.cache_dir, on_device=True)
    context = ScorerContext(model.encoder, [item], encoded, model.head, model.seed, model.own, model.cache_dir)
    scorer = load_scorer(name, context)
    if scorer.set_dependent:
        raise InputError(f"scorer {name!r}: its scores depend on other groups; it cannot be asked one by one")
    [table] = score_items([item], encoded, {name: scorer})[name]
    return float(group_score(table, item.truth)[0])
