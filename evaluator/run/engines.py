"""Where models are run: one after another in this process, or spread over a Ray cluster; all in the table `ENGINES`."""

from collections.abc import Callable, Iterator, Sequence

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun, Outcome, run_model

Answers = Iterator[tuple[ModelRun, Outcome | Exception]]


def run_here(spec: EvaluationSpec, runs: Sequence[ModelRun], address: str | None, progress: bool) -> Answers:
    """One model after another in this process; what one raises is its answer, and the next one is run."""
    for run in runs:
        try:
            yield run, run_model(spec, run, progress)
        except Exception as error:  # whoever asked raises or shows it; it must not lose the other models
            yield run, error


def _run_on_ray(spec: EvaluationSpec, runs: Sequence[ModelRun], address: str | None, progress: bool) -> Answers:
    from fourfold.evaluator.run.ray_engine import run_on_ray  # an extra

    if spec.own or any(run.encoder is not None for run in runs):
        raise InputError(
            "--engine ray: takes models and scorers by name, which every worker can import; name yours module:function"
        )
    return run_on_ray(spec, runs, address, progress)


ENGINES: dict[str, Callable[[EvaluationSpec, Sequence[ModelRun], str | None, bool], Answers]] = {
    "local": run_here,
    "ray": _run_on_ray,
}


def check_engine(name: str, address: str | None = None) -> None:
    """Raise InputError for an engine that `ENGINES` does not know, or an address where no cluster is asked for."""
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if address is not None and name != "ray":
        raise InputError(f"--address {address}: that is of a Ray cluster, and --engine is {name!r}; add --engine ray")
