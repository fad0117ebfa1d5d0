"""Checks of output folders and files before the work begins: can they be written, do they hold anything foreign?"""

import tempfile
from contextlib import suppress
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, ProbeResult, read_probe
from fourfold.evaluator.analysis.results import RESULTS_FILE, check_target, read_summary
from fourfold.evaluator.diagnosis.results import DIAGNOSIS_FILE, Diagnosis, read_diagnosis

_DEMO = "dataset"  # the folder by which a demonstration is known
_FOREIGN = "nothing was overwritten. Give a new folder"


def check_writable(folder: Path) -> None:
    """Raise InputError for a folder that cannot be made or written into; leaves nothing behind."""
    made: list[Path] = []
    try:
        made = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); give another place") from None
    finally:
        for each in made:
            with suppress(OSError):  # never made, or in use by another run already
                each.rmdir()


def check_results_output(folder: Path) -> None:
    """Raise InputError for a results folder that holds anything but what a run that was killed while it saved left."""
    if (folder / RESULTS_FILE).exists():
        raise InputError(f"{folder}: exists and is not empty; {_FOREIGN}, or --add scorers to what is there")
    check_target(folder)
    check_writable(folder)


def check_demo_output(folder: Path) -> None:
    """Raise InputError for a demonstration's folder that is a file, or holds something and no demonstration."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the demonstration")
    names = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    if names and not (folder / _DEMO).is_dir():
        raise InputError(f"{folder}: holds something else ({names[0]}); {_FOREIGN}")
    check_target(folder / "results")
    check_writable(folder)


def check_probe_output(out: Path) -> None:
    """Raise InputError for a probe's folder, or its file that ends in .json, that holds something else."""
    if out.suffix == ".json":
        if out.is_dir():
            raise InputError(f"{out}: is a folder; name a file, or a folder that does not end in .json")
        read_probe(out)
        check_writable(out.parent)
        return
    _check_model_folder(out, "the probe, or a file that ends in .json")


def check_diagnosis_output(out: Path) -> None:
    """Raise InputError for a diagnosis' folder that holds something else."""
    _check_model_folder(out, "the diagnosis")


def check_adaptive_output(out: Path) -> None:
    """Raise InputError for the folder of an adaptive evaluation that is a file, or holds something else."""
    _check_model_folder(out, "the thresholds")


def _check_model_folder(out: Path, what: str) -> None:
    """Raise InputError for a folder of what was found on one model that is a file, or holds something else."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; name a folder for {what}")
    if (out / "manifest.json").exists():
        raise InputError(f"{out}: holds a dataset; {_FOREIGN}, or the results folder of the same model")
    read_probe(out / PROBE_FILE)
    read_diagnosis(out / DIAGNOSIS_FILE)
    if (out / RESULTS_FILE).exists():
        read_summary(out)
    check_writable(out)


def check_same_model(out: Path, identity: str) -> None:
    """Raise InputError for a folder, or a probe's file, that holds what was found on a model of another identity."""
    files = {out: read_probe(out)} if out.suffix == ".json" else _found_in(out)
    there = {path: found.identity for path, found in files.items() if found is not None}
    if out.suffix != ".json" and (out / RESULTS_FILE).exists():
        there[out / RESULTS_FILE] = read_summary(out)["model"].get("identity")
    for path, found in there.items():
        if found not in (None, identity):
            raise InputError(
                f"{path}: is of another model ({str(found)[:12]}, this one is {identity[:12]}); {_FOREIGN}"
            )


def _found_in(folder: Path) -> dict[Path, ProbeResult | Diagnosis | None]:
    probe, diagnosis = folder / PROBE_FILE, folder / DIAGNOSIS_FILE
    return {probe: read_probe(probe), diagnosis: read_diagnosis(diagnosis)}
