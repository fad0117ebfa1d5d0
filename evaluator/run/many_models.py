"""Many models on one dataset: a results folder each; what is there is kept, and a model that fails stops no other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fourfold.errors import explain
from fourfold.evaluator.encoders.model_names import folder_name
from fourfold.evaluator.run.earlier import run_of_missing
from fourfold.evaluator.run.engines import ENGINES
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun, save_outcome
from fourfold.evaluator.scoring.head_folders import folder_of
from fourfold.evaluator.tables.formats import Table

EVALUATED, KEPT, FAILED = "evaluated", "kept", "failed"


@dataclass(frozen=True)
class ModelOutcome:
    """What became of one model."""

    model: str
    folder: Path
    outcome: str  # EVALUATED, KEPT or FAILED
    reason: str = ""  # of a failure
    trace: str = ""  # where it happened, if it was no mistake of the user's


def evaluate_all(
    spec: EvaluationSpec,
    models: Sequence[str],
    out: Path,
    *,
    head: Path | None = None,
    engine: str = "local",
    address: str | None = None,
    add: bool = False,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> list[ModelOutcome]:
    """Ask every model and write each one's results to a folder of its own below `out` as soon as it is done.

    A folder that holds results of this very question is kept; one that holds others, or those of a model that has
    changed on this machine since, is that model's failure. `head` is a folder of heads for each model
    (`fourfold.evaluator.scoring.head_folders`), or what all models share. With `add`, results that lack some of the
    scorers get those as well. `say` gets a line for each model.
    """
    outcomes: dict[str, ModelOutcome] = {}
    waiting: list[ModelRun] = []
    for model in models:
        folder = out / folder_name(model)
        try:
            run = run_of_missing(folder, spec, ModelRun(model, folder_of(head, model)), add=add)
        except Exception as error:  # a model of one's own is loaded to be compared, and may do anything
            outcomes[model] = _failure(model, folder, error)
            continue
        if run is None:
            outcomes[model] = ModelOutcome(model, folder, KEPT)
        else:
            waiting.append(run)
    for outcome in outcomes.values():
        say(_line(outcome))
    for outcome in _ask(spec, waiting, out, engine, address, progress) if waiting else ():  # no cluster for nothing
        outcomes[outcome.model] = outcome
        say(_line(outcome))
    return [outcomes[model] for model in models]


def outcome_table(outcomes: Sequence[ModelOutcome]) -> Table:
    """A table of what became of each model: evaluated, kept or failed, with its folder or the reason."""
    rows = tuple((each.model, each.outcome, each.reason or str(each.folder)) for each in outcomes)
    counts = ", ".join(f"{sum(each.outcome == kind for each in outcomes)} {kind}" for kind in (EVALUATED, KEPT, FAILED))
    return Table(f"{len(outcomes)} models: {counts}", ("model", "outcome", "results, or why not"), rows)


def _ask(
    spec: EvaluationSpec, runs: Sequence[ModelRun], out: Path, engine: str, address: str | None, progress: bool
) -> Iterator[ModelOutcome]:
    for run, answer in ENGINES[engine](spec, runs, address, progress):
        folder = out / folder_name(run.model)
        try:
            if isinstance(answer, Exception):
                raise answer
            save_outcome(answer, folder)
            yield ModelOutcome(run.model, folder, EVALUATED)
        except Exception as error:  # shown, and the command fails at its end
            yield _failure(run.model, folder, error)


def _failure(model: str, folder: Path, error: Exception) -> ModelOutcome:
    return ModelOutcome(model, folder, FAILED, *explain(error))


def _line(outcome: ModelOutcome) -> str:
    reason = f" ({outcome.reason})" if outcome.reason else ""
    return f"{outcome.trace}{outcome.model}: {outcome.outcome}{reason}"
