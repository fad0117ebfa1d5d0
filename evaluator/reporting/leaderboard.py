"""A ranking of many results as a page, as Markdown, or as data: who is best, and who cannot be told from the best."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.comparison import load_runs
from fourfold.evaluator.analysis.leaderboard import Leaderboard, Place, rank
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import metric_cell, p_value
from fourfold.evaluator.analysis.seed_table import NOTE as SEED_NOTE
from fourfold.evaluator.analysis.summary import ALL
from fourfold.evaluator.reporting.charts import Bar, bars
from fourfold.evaluator.reporting.explorer import make_blocks
from fourfold.evaluator.reporting.html import render
from fourfold.evaluator.reporting.html_tables import to_html
from fourfold.evaluator.reporting.lead import Lead
from fourfold.evaluator.reporting.markdown import escape
from fourfold.evaluator.reporting.pages import Page
from fourfold.evaluator.reporting.panels import Panel
from fourfold.evaluator.reporting.sections import ConfigurationBlock, RunConfiguration
from fourfold.evaluator.reporting.systems import is_control
from fourfold.evaluator.reporting.view import NBSP
from fourfold.evaluator.reporting.writing import check_ending, write_page
from fourfold.evaluator.tables.formats import MISSING, Cell, Estimate, Table, percent, write_csv, write_markdown
from fourfold.files import dump_json
from fourfold.version import software_version


def make_leaderboard(results: Sequence[Path], *, category: str | None = None, metric: str | None = None) -> Leaderboard:
    """Rank the scorers of results folders. Raises InputError for a folder that holds no results, and as
    `fourfold.evaluator.analysis.leaderboard.rank` does.
    """
    if not results:
        raise InputError("leaderboard: no results folder given; name those that `fourfold evaluate` wrote")
    return rank(load_runs(results), category=category, metric=metric, is_control=is_control)


def check_leaderboard_output(out: Path) -> None:
    """Raise InputError for a name with another ending than a leaderboard can have."""
    check_ending(out, ".html", ".md", ".csv", ".json")


def write_leaderboard(board: Leaderboard, out: Path) -> Path:
    """Write a leaderboard to `out`, in the form that its ending names. Returns `out`.

    A page (.html) holds everything it needs; .md is the same in words and tables, .csv a row for each place with
    fractions, .json all there is. Raises InputError for another ending.
    """
    check_leaderboard_output(out)
    made = f"made on {date.today().isoformat()} with fourfold {software_version()}"
    if out.suffix == ".html":
        blocks = make_blocks([], [], [], [], [], out=out, per_category=0)
        text = render(_page(board, made), blocks, software_version())
    elif out.suffix == ".md":
        text = _markdown(board, made)
    else:
        text = write_csv(_flat_table(board)) if out.suffix == ".csv" else dump_json(_as_data(board, made))
    return write_page(out, text)


def ranking_table(board: Leaderboard) -> Table:
    """Every place with its share, its difference to the best one, and the test of that."""
    label = METRICS[board.metric].label
    lines: tuple[tuple[Cell, ...], ...] = tuple(
        (
            place.rank,
            place.name,
            metric_cell(place.row, "=" if place.ties_with_best else ""),
            None if place.rank is None else Estimate(place.row.value - board.best.row.value, signed=True),
            None if place.wins is None else f"{place.wins} : {place.losses}",
            None if place.p is None else p_value(place.p),
        )
        for place in board.places
    )
    return Table(
        f"{board.dataset}: {label} of {board.category}, percent",
        ("rank", "model, scorer", label, "to the best", "won : lost", "p (Holm)"),
        lines,
        (*_how_to_read(board), *board.left_out, *board.notes),
    )


def category_table(board: Leaderboard) -> Table:
    """Every place on each category's headline metric."""
    firsts = {name: row for place in reversed(board.places) for name, row in place.categories.items()}
    names = list(dict.fromkeys(name for place in board.places for name in place.categories))
    chances = ", ".join(f"{name} {percent(firsts[name].chance)}" for name in names)
    return Table(
        "By category, percent",
        ("model", "scorer", *(f"{name}: {METRICS[firsts[name].metric].label}" for name in names)),
        tuple(
            (place.model, place.scorer, *(metric_cell(place.categories.get(name)) for name in names))
            for place in board.places
        ),
        (f"chance: {chances}",),
    )


def seeds_table(board: Leaderboard) -> Table | None:
    """The spread over training seeds; None where no head was trained with several."""
    lines: tuple[tuple[Cell, ...], ...] = tuple(
        (model, each.scorer, *map(Estimate, (each.mean, each.lowest, each.highest, each.sd)), each.named_seeds)
        for model, each in board.spreads
    )
    header = ("model", "scorer", "mean", "lowest", "highest", "sd", "seeds")
    return Table("Over training seeds, percent", header, lines, (SEED_NOTE,)) if lines else None


def facts_table(board: Leaderboard) -> Table:
    """What is known of each model and scorer, and where its numbers are from."""
    return Table(
        "Models and scorers",
        ("model", "scorer", *_FACTS, "fourfold", "results"),
        tuple(
            (place.model, place.scorer, *_facts(place), board.versions[place.run], place.run) for place in board.places
        ),
    )


_LABEL = 28  # characters of model and scorer beside a bar
_FACTS = {
    "parameters": "model_n_parameters",
    "of the scorer": "n_parameters",
    "dimensions": "model_embed_dim",
    "patch tokens": "model_has_patches",
}


def _facts(place: Place) -> list[Cell]:
    values = [place.facts.get(key) for key in _FACTS.values()]
    return [("yes" if value else "no") if isinstance(value, bool) else value for value in values]


def _how_to_read(board: Leaderboard) -> list[str]:
    row = board.places[0].row
    tested = sum(place.p is not None for place in board.places)
    notes = [f"chance {percent(row.chance)}; [low, high]: 95 % intervals over the {row.items:,} items; ties are misses"]
    if tested:
        notes.append(
            f"to the best: difference on the same items; exact McNemar test, Holm-corrected over {tested} differences"
        )
        notes += ["= cannot be told from the best (p >= .05)"] * any(place.ties_with_best for place in board.places)
    else:
        notes.append("differences are not tested: for that it takes two groups, and a metric that is a share of them")
    if any(place.rank is None for place in board.places):
        notes.append("not ranked: controls, and heads that were trained on some of these items")
    return notes


def _verdict(board: Leaderboard) -> str:
    where = "over all categories" if board.category == ALL else f"in {board.category}"
    told = f"{board.best.name} is first with {percent(board.best.row.value)}{NBSP}% {where}"
    ties = [place.name for place in board.places if place.ties_with_best]
    others = sum(place.p is not None for place in board.places)
    if not others:
        return f"{told}."
    if not ties:
        return f"{told}, and differs from each of the {others} others by more than chance."
    return f"{told}; {len(ties)} of the {others} others cannot be told from it: {'; '.join(ties)}."


def _page(board: Leaderboard, made: str) -> Page:
    read, label = _how_to_read(board), METRICS[board.metric].label
    chart = bars(
        list(map(_bar, board.places)),
        chance=board.places[0].row.chance,
        title=f"{label} of {board.category} by place, in percent",
    )
    tables = filter(None, [ranking_table(board), category_table(board), seeds_table(board), facts_table(board)])
    said = (*read, *board.left_out, *board.notes)
    return Page(
        title=f"Leaderboard of {board.dataset}",
        lead=Lead(_verdict(board), reading=tuple(f"{note[:1].upper()}{note[1:]}." for note in read)),
        facts=(f"{len(board.places)} places", f"{len(board.versions)} results", made),
        explorer_note="",
        explorer=False,
        panels=(Panel(f"{label} of {board.category}", f"{board.places[0].row.items:,} items", "", chart, ()),),
        answers=tuple(to_html(table, sortable=True, said=said) for table in tables),
        configuration=tuple(_configuration(board)),
        notes=(*board.left_out, *board.notes),
    )


def _bar(place: Place) -> Bar:
    """A bar with the place's name in short: on a telephone there is room for so much beside the numbers."""
    row, first = place.row, place.rank == 1 or place.ties_with_best
    model = place.model.rpartition("/")[2]
    room = max(8, _LABEL - len(place.scorer))
    model = model if len(model) <= room else f"{model[: room - 1]}…"
    return Bar(
        f"{place.rank or MISSING}  {model}, {place.scorer}{' =' if place.ties_with_best else ''}",
        row.value,
        row.value if row.low is None else row.low,
        row.value if row.high is None else row.high,
        "dcsm" if first else "baseline",
    )


def _configuration(board: Leaderboard) -> list[RunConfiguration]:
    return [
        RunConfiguration(
            command or "(made from Python; no command was recorded)",
            (ConfigurationBlock(run, (("fourfold", board.versions[run]),)),),
        )
        for run, command in board.commands.items()
    ]


def _markdown(board: Leaderboard, made: str) -> str:
    tables = filter(None, [ranking_table(board), category_table(board), seeds_table(board), facts_table(board)])
    parts = [f"# {escape(f'Leaderboard of {board.dataset}')}", escape(_verdict(board))]
    parts += [write_markdown(table).strip() for table in tables]
    parts += ["## How the results were made", *(f"    {' '.join(each.split())}" for each in board.commands.values())]
    return "\n\n".join([*parts, escape(f"{made[:1].upper()}{made[1:]}.")]) + "\n"


_FLAT = (
    *("rank", "model", "scorer", "results", "category", "metric"),
    *("share", "chance", "items", "p_holm", "ties_with_best"),
)


def _flat_table(board: Leaderboard) -> Table:
    """One row a place, for other programs: no signs, fractions."""
    names = list(board.places[0].categories)
    lines = tuple(
        (
            place.rank,
            str(place.facts["model_name"]),
            place.row.scorer,
            place.run,
            board.category,
            board.metric,
            metric_cell(place.row),
            Estimate(place.row.chance),
            place.row.items,
            None if place.p is None else Estimate(place.p),
            str(place.ties_with_best).lower() if place.p is not None else None,
            *_facts(place),
            *(metric_cell(place.categories.get(name)) for name in names),
        )
        for place in board.places
    )
    return Table("", (*_FLAT, *_FACTS.values(), *names), lines)


def _as_data(board: Leaderboard, made: str) -> Mapping[str, Any]:
    return {"format": "fourfold-leaderboard", "version": 1, "made": made, **asdict(board)}
