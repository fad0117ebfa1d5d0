"""Which values lie below chance, and which cannot be told from it: signs in the cells of tables, and their footnote."""

from collections.abc import Iterable

from fourfold.evaluator.analysis.rows import MetricRow

SIGNIFICANT = 0.05  # a value, or a difference, is marked by whether its corrected p is below this
BELOW, UNCLEAR = "▽", "≈"


def chance_mark(row: MetricRow | None) -> str:
    """`BELOW` or `UNCLEAR`; empty for what lies above chance, and where there is no test.

    The corrected p decides; the row of all categories together, which stands outside the correction, is one test.
    """
    if row is None or row.p_chance is None:
        return ""
    p = row.p_chance if row.p_chance_holm is None else row.p_chance_holm
    if p >= SIGNIFICANT:
        return UNCLEAR
    return BELOW if row.value < row.chance else ""


def chance_notes(rows: Iterable[MetricRow | None]) -> list[str]:
    """The footnote of the signs that these rows have; empty where none has one."""
    marked = [row for row in rows if row is not None and chance_mark(row)]
    if not marked:
        return []
    said = {BELOW: "below chance", UNCLEAR: "not told from chance"}
    signs = ", ".join(f"{sign} {what}" for sign, what in said.items() if sign in map(chance_mark, marked))
    test = "exact binomial test of groups"
    if any(row.asked > row.clusters for row in marked):
        test = f"{test}, Bentkus' bound where a group asks several questions"
    return [f"{signs} ({test}, Holm-corrected p < .05); a tie is a miss and can put a value below chance"]
