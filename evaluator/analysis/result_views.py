"""What `Results` are seen as in Python: two lines of text, a pandas table, a figure (pandas, matplotlib: extras)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import Evaluated, check_metric
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.summary import ALL, headline_metric
from fourfold.evaluator.tables.formats import percent

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Viewed(Evaluated, Protocol):
    """What the views need of `Results`."""

    @property
    def items(self) -> Sequence[ScoredItem]:
        """Every item with its scores."""


def describe(results: Viewed) -> str:
    """Model, dataset and number of items; below it the headline metric of all categories together, in percent."""
    first = f"Results: {results.model['name']} on {_dataset(results)}, {len(results.items)} items"
    if not results.metrics:
        return first
    category = next((row.category for row in results.metrics if row.category == ALL), results.metrics[0].category)
    metric = headline_metric(results.metrics, category)
    rows = {row.scorer: row for row in results.metrics if (row.category, row.metric) == (category, metric)}
    values = ", ".join(
        f"{name} {percent(rows[scorer].value)}" for scorer, name in _marked(results).items() if scorer in rows
    )
    chance = percent(next(iter(rows.values())).chance)
    return f"{first}\n{category}, {METRICS[metric].label}, percent: {values} (chance {chance})"


def to_frame(results: Viewed, what: str) -> "pandas.DataFrame":
    """One of `FRAMES` as a pandas table. Raises InputError for another, and without pandas."""
    if what not in FRAMES:
        raise unknown_name("table", what, FRAMES, "to_pandas")
    try:
        import pandas
    except ImportError:
        raise InputError("to_pandas needs pandas: pip install 'fourfold[pandas]'") from None
    about = {"model": results.model["name"], "dataset": _dataset(results)}
    return pandas.DataFrame([about | row for row in FRAMES[what](results)])


def _pairs(results: Viewed) -> Iterator[dict[str, Any]]:
    """A row for each picture with each caption of each item: whether it is true, and every scorer's score."""
    for item in results.items:
        about = {"item": item.id, "category": item.category, "cluster": item.cluster}
        about |= {f"tag_{name}": value for name, value in item.tags.items()}
        for (i, j), truth in np.ndenumerate(item.truth):
            pair = {"image": item.images[i], "caption": item.captions[j], "truth": bool(truth)}
            yield about | pair | {name: float(table[i, j]) for name, table in item.scores.items()}


FRAMES: Mapping[str, Callable[[Viewed], Iterator[dict[str, Any]]]] = {
    "metrics": lambda results: map(asdict, results.metrics),
    "comparisons": lambda results: map(asdict, results.comparisons),
    "items": _pairs,
}


def plot_scores(results: Viewed, metric: str | None) -> "Figure":
    """Categories side by side, a bar a scorer with its interval, and chance; percent.

    `metric` None: each category's headline metric. Raises InputError for an unknown metric, one that no category has,
    and without matplotlib.
    """
    check_metric(metric)
    try:
        from matplotlib import pyplot
    except ImportError:
        raise InputError("plot needs matplotlib: pip install 'fourfold[plots]'") from None
    categories = list(dict.fromkeys(row.category for row in results.metrics))
    shown = {each: metric or headline_metric(results.metrics, each) for each in categories}
    rows = {(row.category, row.scorer): row for row in results.metrics if row.metric == shown[row.category]}
    categories = [each for each in categories if any(category == each for category, _ in rows)]
    if not rows:
        raise InputError(f"metric {metric!r} applies to no category of these results")
    figure = pyplot.figure(figsize=(max(4.0, 1.4 * len(categories)), 3.2), layout="constrained")
    pyplot.close(figure)  # a notebook shows what is returned, and would show an open figure once more
    axes, width = figure.subplots(), 0.8 / len(results.scorers)
    for s, (scorer, name) in enumerate(_marked(results).items()):
        known = [(c, row) for c, each in enumerate(categories) if (row := rows.get((each, scorer)))]
        places = [c + (s - (len(results.scorers) - 1) / 2) * width for c, _ in known]
        spread = np.array([_spread(row) for _, row in known]).reshape(-1, 2).T
        axes.bar(places, [100 * row.value for _, row in known], 0.92 * width, yerr=spread, label=name)
    for c, each in enumerate(categories):
        chance = 100 * next(row.chance for (category, _), row in rows.items() if category == each)
        axes.hlines(chance, c - 0.42, c + 0.42, "black", "dashed", label="chance" if c == 0 else "_again")
    axes.set_xticks(range(len(categories)), [f"{each}\n{METRICS[shown[each]].label}" for each in categories])
    axes.set(ylabel="percent", ylim=(0, 105), title=f"{results.model['name']} on {_dataset(results)}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=min(6, len(results.scorers) + 1), frameon=False)
    return figure


def _spread(row: MetricRow) -> tuple[float, float]:
    """How far the interval goes below and above the value, in percent; nothing where there is none."""
    if row.low is None or row.high is None:
        return 0.0, 0.0
    return 100 * max(0.0, row.value - row.low), 100 * max(0.0, row.high - row.value)


def _marked(results: Viewed) -> dict[str, str]:
    """The scorers, and how tables write them."""
    return {name: mark_scorer(name, facts) for name, facts in results.scorers.items()}


def _dataset(results: Viewed) -> str:
    return str(results.dataset.get("name", "these items"))
