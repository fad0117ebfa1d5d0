"""`diagnose`: where in a model each category of a dataset is lost, layer by layer, and the numbers as a file."""

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS
from fourfold.evaluator.data.fourfold_items import describe_dataset
from fourfold.evaluator.diagnosis.diagnose import Question, probe_stages, summarise
from fourfold.evaluator.diagnosis.matching_probe import FOLDS
from fourfold.evaluator.diagnosis.results import DIAGNOSIS_FILE, Diagnosis, save_diagnosis
from fourfold.evaluator.diagnosis.symbols import claim_features
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.features.encoding import encoding_bar
from fourfold.evaluator.reporting.diagnosis_figure import write_figure
from fourfold.evaluator.run.diagnosing import encode_stages, probe_objects, stages_left_out, with_random_weights
from fourfold.evaluator.run.one_model import open_encoder
from fourfold.evaluator.run.output_checks import check_diagnosis_output, check_same_model
from fourfold.generator.dataset.reading import Group, choose_split, read_groups

LEAST_GROUPS = 4 * FOLDS  # of a category: fewer leave too little to fit a probe to


def diagnose(
    dataset: str | Path,
    *,
    model: str | Encoder = TINY,
    out: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    device: str = AUTO_DEVICE,
    allow_random_weights: bool = False,
    random_control: bool = True,
    progress: bool = True,
) -> Diagnosis:
    """Where along the stages of a model each category of a dataset folder is lost, in bits a group.

    `model` is a name that `load_encoder` takes, or an encoder itself. With `out`, a folder, everything is written
    there as diagnosis.json, and the figure beside it; a results folder shows it in its report. With `cache_dir` the
    layers are kept there, and a run that was killed goes on where it was. `random_control` probes the same model with
    random weights too, which encodes the set once more. `split`, `limit` and `seed` as in `probe`.

    Raises InputError for an `out` that holds something else, or what was found on another model, a category of fewer
    than 20 groups, and captions without claims.
    """
    if out is not None:
        check_diagnosis_output(Path(out))
    folder = Path(dataset)
    groups = _read(folder, split, limit)
    claims = [_claim(folder, group, k) for group in groups for k in (0, 1)]
    options = LoadOptions(device, allow_random_weights=allow_random_weights)
    encoder = open_encoder(model, options)
    if out is not None:
        check_same_model(Path(out), encoder.identity)
    question = Question([group.category for group in groups], claims)
    cost = {}
    with ExitStack() as open_things:
        place = cache_dir or open_things.enter_context(TemporaryDirectory(prefix="fourfold-"))
        advance = open_things.enter_context(encoding_bar(progress))
        encoded = encode_stages(encoder, groups, Path(place), advance)
        cost["encoding"] = encoded.seconds
        started = time.process_time()
        probed = probe_stages(encoded.stages, question, seed=seed, progress=advance)
        cost["shuffled control"] = sum(probed.control_seconds)
        cost["probing"] = time.process_time() - started - cost["shuffled control"]
        started = time.process_time()
        objects = probe_objects(encoded.images, groups, folder, seed)
        cost["same object"] = time.process_time() - started
        left_out, random = stages_left_out(encoded.stages), None
        if random_control and (control := with_random_weights(model, options)) is not None:
            others = encode_stages(control, groups, Path(place), advance).stages
            random = probe_stages(others, question, seed=seed, control=False, progress=advance)
        else:
            left_out.append("left out: the control with random weights")
    rows, losses = summarise(probed, random, seed=seed)
    result = Diagnosis(
        model=encoder.name,
        identity=encoder.identity,
        dataset=name_asked(describe_dataset(folder, choose_split(folder, split), limit)),
        seed=seed,
        stages=tuple(rows),
        losses=tuple(losses),
        same_object=tuple(objects),
        left_out=tuple(left_out),
        cost=cost,
        notes=(RANDOM_WEIGHTS,) if allow_random_weights else (),
    )
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_figure(result, Path(out) / "diagnosis.svg")
        save_diagnosis(result, Path(out) / DIAGNOSIS_FILE)  # last: where it is, the diagnosis is done
    return result


def _claim(folder: Path, group: Group, k: int) -> dict[str, Any]:
    claim = group.captions[k].claim
    try:
        claim_features(claim)
    except (KeyError, TypeError, AttributeError, IndexError):
        raise InputError(
            f"{folder}: group {group.id}: caption {k} has no claim in the form that fourfold writes, but {claim!r}; a "
            f"diagnosis asks what captions claim, so give a set that fourfold made"
        ) from None
    return claim


def _read(folder: Path, split: str | None, limit: int | None) -> list[Group]:
    seen: dict[str, int] = {}
    groups = []
    for group in read_groups(folder, choose_split(folder, split)):
        seen[group.category] = seen.get(group.category, 0) + 1
        if limit is None or seen[group.category] <= limit:
            groups.append(group)
    kept = {name: min(n, limit or n) for name, n in seen.items()}
    few = [f"{name} ({n})" for name, n in kept.items() if n < LEAST_GROUPS]
    if few or not groups:
        raise InputError(
            f"{folder}: too few groups of {', '.join(few) or 'any category'} to fit a probe to; "
            f"a diagnosis needs {LEAST_GROUPS} of each, and says more with 300: fourfold generate ... --groups 300"
        )
    return groups
