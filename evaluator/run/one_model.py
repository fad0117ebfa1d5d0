"""One model asked one set of questions: load, encode, score, measure.

Where that happens is an engine's business: `fourfold.evaluator.run.engines`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.joining import join_scorers
from fourfold.evaluator.analysis.results import Results, check_target, save
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import Encoder, LoadOptions, resize_mode_of
from fourfold.evaluator.encoders.custom import check_encoder
from fourfold.evaluator.features.encoding import EncodedSet, encode_items, encoding_bar
from fourfold.evaluator.reporting import Maps, collect_maps, save_maps
from fourfold.evaluator.reporting.maps import FILE_NAME as MAPS_FILE
from fourfold.evaluator.run.evaluation import AuthorsMetric, evaluate, heads_of
from fourfold.evaluator.run.options import RunOptions
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import WRAPPERS, ScorerContext, inner_name, load_scorer, own_scorer
from fourfold.evaluator.scorers.own import check_pairwise
from fourfold.evaluator.scoring.head_folders import expand_seeds
from fourfold.evaluator.scoring.training_items import shows_same_scenes, trained_on

MAPS_PER_CATEGORY = 100
_OF_THE_SET = ("marginal", *WRAPPERS)  # scorers that cannot be tried out on one item


@dataclass(frozen=True)
class EvaluationSpec:
    """What every model is asked, and how it is run; it can be sent to another machine."""

    items: tuple[Item, ...]
    dataset: Mapping[str, Any]  # what the results say of it
    scorers: tuple[str, ...]
    options: RunOptions = field(default_factory=RunOptions)
    authors_metric: AuthorsMetric | None = None
    notes: tuple[str, ...] = ()
    command: str = ""
    own: Mapping[str, Callable] = field(default_factory=dict)  # the user's objects among the scorers, by name


@dataclass(frozen=True)
class ModelRun:
    """One model to be asked; `head` is its head file, or a folder of heads."""

    model: str
    head: Path | None = None
    encoder: Encoder | None = None  # where the user has the model itself, not its name alone
    earlier: Results | None = None  # to which those scorers are added that they lack


@dataclass(frozen=True)
class Outcome:
    """What a run gives: the results, and the maps that a report shows, if the model has patch tokens."""

    results: Results
    maps: Maps | None


def run_model(spec: EvaluationSpec, run: ModelRun, progress: bool) -> Outcome:
    """Ask one model in this process: load it, encode, score and measure.

    Raises InputError before any long work if a scorer does not fit the model.
    """
    encoder = open_encoder(run.model if run.encoder is None else run.encoder, spec.options.load)
    try_scorers(spec, run, encoder)
    return measure(spec, run, encoder, _encode(encoder, spec, progress), progress)


def open_encoder(model: str | Encoder, options: LoadOptions) -> Encoder:
    """The model of that name, loaded with these options; an encoder of the user's own is tried out and taken as it is.

    Raises what `load_encoder` raises, and InputError for an object that breaks the contract of encoders, or for options
    of loading beside one.
    """
    if isinstance(model, str):
        return load_encoder(model, **asdict(options))
    usual = LoadOptions()
    given = [each.name for each in fields(options) if getattr(options, each.name) != getattr(usual, each.name)]
    if given:
        raise InputError(f"{given[0]}: says how a model is loaded, and this one is an object already; leave it out")
    check_encoder(model, f"model: {type(model).__name__!r}")
    return model


def try_scorers(spec: EvaluationSpec, run: ModelRun, encoder: Encoder) -> None:
    """Load every scorer and let it score a pair: a missing head or token is said now, not after hours of encoding.

    Raises InputError for a scorer that the model cannot be scored with, and for a model that is not that of the
    earlier results.
    """
    if run.earlier is not None and run.earlier.model.get("identity") != encoder.identity:
        there = f"{run.earlier.model['name']} (identity {run.earlier.model.get('identity')})"
        raise InputError(
            f"{run.model}: is not the model of the earlier results, {there}; name that one, or give another --out"
        )
    item, own = spec.items[0], [name for name in spec.scorers if own_scorer(name, spec.own)]
    n = 2 if own else 1  # of a retrieval set, which is one item, a single pair; of users' scorers, all four of two
    first = (replace(item, images=item.images[:n], captions=item.captions[:n], truth=item.truth[:n, :n]),)
    encoded = encode_items(encoder, first, on_device=True)
    context = ScorerContext(encoder, first, encoded, run.head, spec.options.seed, spec.own)
    scorers = _asked(spec, run, encoder)
    for name in scorers:
        parts = [part for part in name.split(":") if part != "shuffled-images"]  # which needs the whole set
        if inner_name(name) not in _OF_THE_SET:
            inner = ":".join(parts)
            scorer = load_scorer(inner, context)
            score_items(first, encoded, {inner: scorer})
            if name in own:
                check_pairwise(scorer, encoded.images[encoded.image_index[0]], encoded.texts[encoded.text_index[0]])
    for name, head in heads_of(run.head, scorers, encoder.name).items():
        if shows_same_scenes(head, spec.dataset) and not spec.options.allow_training_items:
            raise trained_on(name, len(spec.items), len(spec.items))


def measure(spec: EvaluationSpec, run: ModelRun, encoder: Encoder, encoded: EncodedSet, progress: bool) -> Outcome:
    """Score and measure items that are encoded, and collect the maps that a report shows."""
    results = evaluate(
        spec.items,
        encoder,
        _asked(spec, run, encoder),
        head=run.head,
        seed=spec.options.seed,
        cache_dir=spec.options.cache_dir,
        encoded=encoded,
        progress=progress,
        authors_metric=spec.authors_metric,
        dataset_info=spec.dataset,
        command=spec.command,
        notes=spec.notes,
        allow_training_items=spec.options.allow_training_items,
        own=spec.own,
    )
    results = results if run.earlier is None else join_scorers(run.earlier, results)
    return Outcome(results, collect_maps(spec.items, encoded, MAPS_PER_CATEGORY, resize_mode=resize_mode_of(encoder)))


def _asked(spec: EvaluationSpec, run: ModelRun, encoder: Encoder) -> tuple[str, ...]:
    """The scorers of this run: every seed of a head apart, and none that the earlier results have."""
    there = {} if run.earlier is None else run.earlier.scorers
    return tuple(name for name in expand_seeds(run.head, spec.scorers, encoder.name) if name not in there)


def save_outcome(outcome: Outcome, folder: Path) -> None:
    """Write a results folder with its maps; `results.json` comes last, for where it is the run counts as done."""
    check_target(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MAPS_FILE).unlink(missing_ok=True)  # of a killed run, whose model may have been another
    if outcome.maps is not None:
        save_maps(outcome.maps, folder)
    save(outcome.results, folder)


def _encode(encoder: Encoder, spec: EvaluationSpec, progress: bool) -> EncodedSet:
    with encoding_bar(progress) as advance:
        return encode_items(encoder, spec.items, spec.options.cache_dir, progress=advance, on_device=True)
