"""Who is compared in a report: each scorer on each model, the part it plays, and the color it keeps on every chart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fourfold.evaluator.analysis.marks import mark_scorer
from fourfold.evaluator.analysis.results import Results

CONTROLS = ("random", "blind", "shuffled-images", "oracle", "patch-shuffle", "mean-patch", "mirror")
STYLES = ("s1", "s2", "s3", "s4")  # CSS classes, for scorers that are neither baseline nor DCSM
MODEL_STYLES = ("dcsm", *STYLES, "baseline")  # for models with one scorer each
MARKS = ("circle", "square", "diamond", "triangle", "turned", "cross")  # shape as well as color tells curves apart


@dataclass(frozen=True)
class System:
    """One scorer of one model."""

    scorer: str
    model: int  # number of the results folder
    role: str  # "baseline", "dcsm", "control" or "other"; at most one of each of the first two a model
    style: str  # CSS class
    label: str  # the name in tables and charts, with its signs
    mark: str  # one of `MARKS`


def list_systems(runs: Sequence[Results]) -> list[System]:
    """All scorers of all runs, in the order in which they were asked for.

    Of several runs the mark tells the model and the color the scorer, or the model too where each has one scorer alone.
    """
    found = [_of_run(run, number) for number, run in enumerate(runs)]
    if len(found) == 1:
        return found[0]
    if all(sum(system.role != "control" for system in own) == 1 for own in found):
        found = [[replace(each, style=MODEL_STYLES[each.model % len(MODEL_STYLES)]) for each in own] for own in found]
    return [replace(each, mark=MARKS[each.model % len(MARKS)]) for own in found for each in own]


def find_role(systems: Sequence[System], role: str) -> System | None:
    """The first system with this role; None without one."""
    return next((system for system in systems if system.role == role), None)


def _of_run(run: Results, number: int) -> list[System]:
    names = list(run.scorers)
    baseline = run.settings.get("baseline")
    dcsm = next((name for name in ("dcsm", "dcsm-ref") if name in names), None)
    only_controls = all(is_control(name) for name in names)  # then they are what the report is about
    systems: list[System] = []
    for name in names:
        if name == baseline:
            role = "baseline"
        elif name == dcsm:
            role = "dcsm"
        else:
            role = "control" if is_control(name) and not only_controls else "other"
        style = role if role != "other" else STYLES[sum(s.role == "other" for s in systems) % len(STYLES)]
        label = mark_scorer("DCSM" if name == "dcsm" else name, run.scorers[name])
        shown = sum(each.role != "control" for each in systems)
        systems.append(System(name, number, role, style, label, MARKS[shown % len(MARKS)]))
    return systems


def is_control(name: str) -> bool:
    """Whether a scorer is a control, or one around another scorer."""
    return name.partition(":")[0] in CONTROLS
