"""Many results on one dataset as a ranking: who is best, and who cannot be told from the best.

Places follow the shares alone. Whether a difference to the best is more than chance is said beside them, by an exact
McNemar test on the same items, corrected (Holm) over all that are compared with it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import explain_signs, mark_model, mark_scorer
from fourfold.evaluator.analysis.measurement import cluster_hits
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import SIGNIFICANT, check_metric
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.seed_table import SeedSpread, spread_over_seeds
from fourfold.evaluator.analysis.summary import ALL, by_category, headline_metric
from fourfold.statistics import discordant, holm, mcnemar_exact


@dataclass(frozen=True)
class Place:
    """One model with one scorer in a ranking."""

    model: str  # with its signs
    scorer: str  # with its signs
    run: str  # which results it comes from
    row: MetricRow  # what is ranked
    categories: Mapping[str, MetricRow]  # each category's headline
    facts: Mapping[str, Any]  # of the model and the scorer, as results say
    rank: int | None = None  # from 1 on; None for what is shown and not ranked
    wins: int | None = None  # clusters with more hits than the best one; None where nothing was tested
    losses: int | None = None
    p: float | None = None  # exact McNemar against the best one, corrected (Holm) over all that are ranked

    @property
    def name(self) -> str:
        """Model and scorer."""
        return f"{self.model}, {self.scorer}"

    @property
    def ties_with_best(self) -> bool:
        """Whether it was tested against the best one and cannot be told from it at 5 %."""
        return self.p is not None and self.p >= SIGNIFICANT


@dataclass(frozen=True)
class Leaderboard:
    """A ranking of places on one metric of one category, best first; what is not ranked comes last."""

    dataset: str
    category: str
    metric: str
    places: tuple[Place, ...]
    spreads: tuple[tuple[str, SeedSpread], ...]  # over training seeds, each with its model
    versions: Mapping[str, str]  # of fourfold, by results
    commands: Mapping[str, str]  # that made the results
    left_out: tuple[str, ...]  # a sentence for each of the results that are on other data
    notes: tuple[str, ...] = field(default=())

    @property
    def best(self) -> Place:
        """The first one; of several with its share, the one that the others are compared with."""
        return self.places[0]


def rank(
    runs: Mapping[str, Results],
    *,
    category: str | None = None,
    metric: str | None = None,
    is_control: Callable[[str], bool] = lambda scorer: False,
) -> Leaderboard:
    """Rank every scorer of every run on a metric of a category, by default the headline metric over all categories.

    The dataset is the one that most of the runs are on, of several such the first; runs on other data, or a part of
    it, are left out by name. Controls and scorers that were trained on some of the items are shown, not ranked.

    Raises InputError for a category or metric that the runs have not, and where there is nothing to rank.
    """
    check_metric(metric)
    kept, left_out = _on_one_dataset(runs)
    first = next(iter(kept.values()))
    names = list(dict.fromkeys(row.category for row in first.metrics))
    category = category or (ALL if ALL in names else names[0])
    if category not in names:
        raise unknown_name("category", category, names)
    metric = metric or headline_metric(first.metrics, category)
    places = [place for run, results in kept.items() for place in _places_of(run, results, category, metric)]
    if not places:
        raise InputError(f"leaderboard: no scorer has {METRICS[metric].label!r} of {category!r}; give another --metric")
    ranked = [each for each in places if not is_control(each.row.scorer) and not each.facts.get("training_items")]
    others = [each for each in places if each not in ranked]
    if not ranked:
        raise InputError("leaderboard: nothing to rank, only controls and heads that were trained on these items")
    in_order = _tested(sorted(ranked, key=lambda each: -each.row.value), kept, category, metric)
    return Leaderboard(
        dataset=name_asked(first.dataset),
        category=category,
        metric=metric,
        places=(*in_order, *sorted(others, key=lambda each: -each.row.value)),
        spreads=tuple(
            (_model(results), spread)
            for results in kept.values()
            for spread in spread_over_seeds(results.metrics, category, metric)
        ),
        versions={run: results.versions.get("fourfold", "") for run, results in kept.items()},
        commands={run: results.command for run, results in kept.items()},
        left_out=tuple(left_out),
        notes=_notes(kept),
    )


def _on_one_dataset(runs: Mapping[str, Results]) -> tuple[dict[str, Results], list[str]]:
    """The runs on the dataset that most are on, and a sentence for each other one."""
    hashes = {run: results.dataset.get("content_sha256") for run, results in runs.items()}
    counted = Counter(each for each in hashes.values() if each is not None)
    if not counted:
        raise InputError("leaderboard: no results that say which items they are on; evaluate again")
    [(chosen, _)] = counted.most_common(1)
    kept = {run: results for run, results in runs.items() if hashes[run] == chosen}
    first, *others = kept.items()
    for run, results in others:
        if [item.id for item in results.items] != [item.id for item in first[1].items]:
            raise InputError(f"{first[0]} and {run}: say that they are on the same items, and are not; is one damaged?")
    return kept, [
        f"left out: {run} is on other data ({name_asked(results.dataset)}, {len(results.items)} items)"
        for run, results in runs.items()
        if run not in kept
    ]


def _places_of(run: str, results: Results, category: str, metric: str) -> list[Place]:
    rows = {(row.category, row.scorer, row.metric): row for row in results.metrics}
    shown = {each: headline_metric(results.metrics, each) for each in dict.fromkeys(key[0] for key in rows)}
    return [
        Place(
            model=_model(results),
            scorer=mark_scorer(scorer, facts),
            run=run,
            row=rows[category, scorer, metric],
            categories={
                each: rows[each, scorer, headline]
                for each, headline in shown.items()
                if (each, scorer, headline) in rows
            },
            facts={**{f"model_{key}": value for key, value in results.model.items()}, **facts},
        )
        for scorer, facts in results.scorers.items()
        if (category, scorer, metric) in rows
    ]


def _model(results: Results) -> str:
    return mark_model(str(results.model["name"]), results.notes)


def _tested(places: Sequence[Place], runs: Mapping[str, Results], category: str, metric: str) -> list[Place]:
    """The places, best first, with their ranks and with tests against the first."""
    items = by_category(next(iter(runs.values())).items)[category]
    at = {item.id: i for i, item in enumerate(next(iter(runs.values())).items)}
    merged = [
        replace(
            item,
            scores={
                str(number): runs[place.run].items[at[item.id]].scores[place.row.scorer]
                for number, place in enumerate(places)
            },
        )
        for item in items
    ]
    hits = cluster_hits(merged, metric)
    values = [place.row.value for place in places]
    ranked = [replace(place, rank=1 + sum(other > place.row.value for other in values)) for place in places]
    if hits is None or len(hits) < 2:  # the p of a single pair is 1, whatever it shows
        return ranked
    counts = [discordant(hits[:, number], hits[:, 0]) for number in range(1, len(places))]
    corrected = holm([mcnemar_exact(wins, losses) for wins, losses in counts])
    return [
        ranked[0],
        *(
            replace(place, wins=wins, losses=losses, p=p)
            for place, (wins, losses), p in zip(ranked[1:], counts, corrected, strict=True)
        ),
    ]


def _notes(runs: Mapping[str, Results]) -> tuple[str, ...]:
    """What must be said of the signs, and the results' own notes, each once, with their names unless all have it."""
    signs = dict.fromkeys(sign for results in runs.values() for sign in explain_signs(results.scorers))
    said: dict[str, list[str]] = {}
    for run, results in runs.items():
        for note in results.notes:
            said.setdefault(note, []).append(run)
    own = (note if len(names) == len(runs) else f"{', '.join(names)}: {note}" for note, names in said.items())
    return (*signs, *own)
