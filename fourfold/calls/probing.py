"""`probe`: the geometry probe of a model on a dataset folder, and its numbers and figures as files."""

from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from fourfold.evaluator.analysis import embedding_geometry
from fourfold.evaluator.analysis.composites import read_composites
from fourfold.evaluator.analysis.content_questions import read_content_questions
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, ProbeResult, save_probe
from fourfold.evaluator.data.fourfold_items import describe_dataset, load_items
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.features.encoding import encoding_bar
from fourfold.evaluator.reporting.probe_figures import write_figures
from fourfold.evaluator.run.one_model import open_encoder
from fourfold.evaluator.run.output_checks import check_probe_output, check_same_model
from fourfold.generator.dataset.reading import choose_split, read_groups


def probe(
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
    progress: bool = True,
) -> ProbeResult:
    """The geometry probe on a dataset folder: which conditions the model's own space satisfies, and how superposed.

    `model` is a name that `load_encoder` takes, or an encoder itself.

    With `out`, a folder, every number and every group's margins are written there as probe.json, and a figure for each
    condition beside it; a results folder shows them in its report. An `out` that ends in .json is that file alone. An
    earlier probe of the same model is replaced; nothing else is. `split` is by default "test", else the first; `limit`
    takes the first groups of each category; `seed` draws the unrelated pairs and the resamples.

    Raises InputError for an `out` that holds something else, or the probe or results of another model; the first of
    these before any model is loaded.
    """
    if out is not None:
        check_probe_output(Path(out))
    folder = Path(dataset)
    items = load_items(folder, split, limit)
    kept = {item.id for item in items}
    groups = [group for group in read_groups(folder, choose_split(folder, split)) if group.id in kept]
    encoder = open_encoder(model, LoadOptions(device, allow_random_weights=allow_random_weights))
    if out is not None:
        check_same_model(Path(out), encoder.identity)
    with encoding_bar(progress) as advance:
        result = embedding_geometry.probe(
            items,
            encoder,
            rng=np.random.default_rng(seed),
            composites=list(read_composites(groups)),
            content=read_content_questions(groups, np.random.default_rng([seed, crc32(b"content")])),
            cache_dir=None if cache_dir is None else Path(cache_dir),
            progress=advance,
        )
    asked = name_asked(describe_dataset(folder, choose_split(folder, split), limit))
    result = replace(result, dataset=asked, notes=(RANDOM_WEIGHTS,) if allow_random_weights else ())
    if out is not None:
        _save_probe(result, Path(out))
    return result


def _save_probe(result: ProbeResult, out: Path) -> None:
    is_file = out.suffix == ".json"
    folder = out.parent if is_file else out
    folder.mkdir(parents=True, exist_ok=True)
    if not is_file:
        write_figures(result, folder)
    save_probe(result, out if is_file else folder / PROBE_FILE)  # last: where it is, the probe is done
