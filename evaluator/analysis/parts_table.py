"""Where the scores' variance lies, and what a random sign of each group's interaction would get."""

from fourfold.evaluator.analysis.chance_marks import chance_mark, chance_notes
from fourfold.evaluator.analysis.marks import explain_signs, mark_model
from fourfold.evaluator.analysis.result_tables import Evaluated, metric_cell, p_value, scorer_names
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.score_parts import SIGNED
from fourfold.evaluator.tables.formats import MISSING, Cell, Estimate, Table

_NOTES = (
    "an offset favours a picture, or a caption, whatever stands beside it; the interaction says which belong together",
    "a group is right where the interaction exceeds both offsets",
    "rms of each part over the groups, in units of the score (share of the scores' variance; 25 % each at random)",
    "chance given offsets: the group score if each interaction had a random sign; 16.7 at random",
    "right : wrong: groups in which all four comparisons are right, or all wrong; p: exact sign test, uncorrected",
)


def parts_table(results: Evaluated) -> Table | None:
    """Categories and scorers down: rms and share of mean, offsets and interaction, and chance given the offsets.

    None where no category has fourfold groups, and for results of before these were stored.
    """
    rows = [row for row in results.metrics if row.metric == SIGNED[0] and row.rms_interaction is not None]
    if not rows:
        return None
    names = dict(zip(results.scorers, scorer_names(results), strict=True))
    return Table(
        title=f"where the variance of the scores of {mark_model(str(results.model['name']), results.notes)} lies",
        header=(
            *("category", "scorer", "mean", "image offset", "caption offset", "interaction"),
            *("group", "chance given offsets", "right : wrong", "p"),
        ),
        rows=tuple(_line(row, names[row.scorer]) for row in rows),
        notes=(*_NOTES, *explain_signs(results.scorers), *chance_notes(rows), *results.notes),
    )


def _line(row: MetricRow, name: str) -> tuple[Cell, ...]:
    sizes = [size or 0.0 for size in (row.rms_mean, row.rms_image_offset, row.rms_caption_offset, row.rms_interaction)]
    variance = sum(size**2 for size in sizes)
    parts = [f"{size:.3g} ({100 * size**2 / variance:.1f} %)" if variance else MISSING for size in sizes]
    chance = None if row.chance_given_offsets is None else Estimate(row.chance_given_offsets)
    return (
        row.category,
        name,
        *parts,
        metric_cell(row, chance_mark(row)),
        chance,
        _decided(row),
        p_value(row.p_given_offsets),
    )


def _decided(row: MetricRow) -> str:
    """How many groups are right, and how many would be with the other sign of their interaction."""
    if row.chance_given_offsets is None or row.p_given_offsets is None:
        return MISSING
    right, both = (round(share * row.clusters) for share in (row.value, 2 * row.chance_given_offsets))
    return f"{right} : {both - right}"
