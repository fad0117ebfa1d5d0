"""`demo`: the whole product once, from scenes to report."""

import shlex
from pathlib import Path

from fourfold.calls.evaluation import evaluate
from fourfold.calls.probing import probe
from fourfold.calls.reports import report
from fourfold.evaluator.analysis.probe_results import PROBE_FILE
from fourfold.evaluator.analysis.results import RESULTS_FILE, Results, load
from fourfold.evaluator.data.retrieval_set import can_search
from fourfold.evaluator.run.output_checks import check_demo_output

DEMO_SCORERS = ("cosine", "maxsim", "dcsm", "blind", "random")


def demo(out: str | Path, *, groups: int = 60, workers: int | None = None, progress: bool = True) -> Results:
    """The whole product once: generate, evaluate fourfold-tiny with and without DCSM, report. Under `out`:

    dataset/, results/, preview.png, report.md and report.html. What is there already is kept and not made again; a
    folder that holds something else is refused with an InputError. `groups` is the number of each category; few
    groups hold too little to search among: no retrieval then. `workers` are processes, by default one a core.
    """
    from fourfold.generator.presentation.contact_sheet import preview
    from fourfold.generator.run.pipeline import generate

    folder = Path(out)
    check_demo_output(folder)
    dataset = generate("fourfold-demo", folder / "dataset", groups=groups, workers=workers, progress=progress)
    if (folder / "results" / RESULTS_FILE).is_file():
        results = load(folder / "results")
    else:
        command = f"fourfold demo {shlex.quote(str(out))} --groups {groups}"
        results = evaluate(
            dataset,
            scorers=DEMO_SCORERS,
            out=folder / "results",
            retrieval=can_search(dataset),
            progress=progress,
            command=command,
        )
    if not (folder / "results" / PROBE_FILE).is_file():
        probe(dataset, out=folder / "results", progress=progress)
    preview(dataset, folder / "preview.png")
    for name in ("report.md", "report.html"):
        report([folder / "results"], folder / name, dataset=dataset)
    return results
