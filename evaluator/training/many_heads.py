"""Heads of many models, types and seeds, in the layout of `fourfold.evaluator.scoring.head_folders`.

Each model is encoded once for all its heads. What is there is kept, and what fails stops nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError, explain
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import Encoder, LoadOptions
from fourfold.evaluator.encoders.model_names import folder_name, has_changed
from fourfold.evaluator.features.encoding import encode_items, encoding_bar
from fourfold.evaluator.scorers.trained import head_type
from fourfold.evaluator.scoring.head_files import Head, read_head
from fourfold.evaluator.scoring.head_folders import file_in, with_seed
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.evaluator.training.augmentation import augmented
from fourfold.evaluator.training.data import split_clusters
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig, train_on_features, why_unfit

TRAINED, KEPT, FAILED = "trained", "kept", "failed"
_SOURCE = ("scenes_sha256", "split", "validation_split")
_ELSEWHERE = ("device", "seed")  # settings that do not make it another training, or are looked at first


@dataclass(frozen=True)
class TrainingSet:
    """The groups of a dataset to train on; without validation items a seeded share of them is held out."""

    items: tuple[Item, ...]
    validation: tuple[Item, ...] | None
    source: dict[str, Any]  # what head files say of it: name, scenes_sha256, split, validation_split, ...


@dataclass(frozen=True)
class HeadOutcome:
    """What became of one head of one model."""

    model: str
    scorer: str  # "dcsm", or "dcsm#0" of several seeds
    path: Path
    outcome: str  # TRAINED, KEPT or FAILED
    group_score: float | None = None  # 0..1 on the validation items, mean over categories
    reason: str = ""  # of a failure
    trace: str = ""  # where it happened, if it was no mistake of the user's


@dataclass(frozen=True)
class _Wanted:
    """One head that is asked for."""

    model: str
    head: str
    seed: int
    scorer: str
    path: Path

    def ends(self, outcome: str, **facts: Any) -> HeadOutcome:
        return HeadOutcome(self.model, self.scorer, self.path, outcome, **facts)

    def fails(self, error: Exception) -> HeadOutcome:
        reason, trace = explain(error)
        return self.ends(FAILED, reason=reason, trace=trace)


@dataclass(frozen=True)
class _Encoded:
    """The training set as one model sees it."""

    train: EncodedItems  # with the validation items, where a share is to be held out
    validation: EncodedItems | None
    encoder: Encoder = field(repr=False)


def train_heads(
    data: TrainingSet,
    models: Sequence[str],
    out: Path,
    *,
    heads: Sequence[str] = ("dcsm",),
    seeds: Sequence[int] | None = None,
    config: TrainingConfig | None = None,
    load: LoadOptions | None = None,
    cache_dir: Path | None = None,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> list[HeadOutcome]:
    """Train every head for every model, once for each of `seeds`, into the folder of heads `out`.

    With `seeds` None there is one head of each type, of the seed of `config`, in a file without a seed in its name. A
    head that is there and was trained on the same data, with the same settings and for the model as it is, is kept;
    another one is that head's failure. `say` gets a line for each head.

    Raises InputError, before any model is loaded, for an unknown head.
    """
    config, load = config or TrainingConfig(), load or LoadOptions()
    for name in heads:
        head_type(name)
    outcomes: list[HeadOutcome] = []
    for model in models:
        wanted = list(_list_wanted(model, out, heads, seeds, config.seed))
        found = {}
        for outcome in _train_for_model(data, model, wanted, config, load, cache_dir, progress):
            found[outcome.path] = outcome
            say(_line(outcome))
        outcomes += [found[each.path] for each in wanted]
    return outcomes


def head_table(outcomes: Sequence[HeadOutcome]) -> Table:
    """A table of what became of each head: trained, kept or failed, its score in training, its file or the reason."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.model,
            each.scorer,
            each.outcome,
            None if each.group_score is None else Estimate(each.group_score),
            each.reason or str(each.path),
        )
        for each in outcomes
    )
    counts = ", ".join(f"{sum(each.outcome == kind for each in outcomes)} {kind}" for kind in (TRAINED, KEPT, FAILED))
    return Table(
        f"{len(outcomes)} heads: {counts}",
        ("model", "head", "outcome", "group", "file, or why not"),
        rows,
        ("group: score on the validation groups in percent, mean over categories; the epoch was chosen by it",),
    )


def _list_wanted(
    model: str, out: Path, heads: Sequence[str], seeds: Sequence[int] | None, seed: int
) -> Iterator[_Wanted]:
    named: Sequence[int | None] = (None,) if seeds is None else seeds
    for head in dict.fromkeys(heads):
        for each in dict.fromkeys(named):
            scorer = with_seed(head, each)
            path = file_in(out / folder_name(model), scorer)
            yield _Wanted(model, head, seed if each is None else each, scorer, path)


def _train_for_model(
    data: TrainingSet,
    model: str,
    wanted: Sequence[_Wanted],
    config: TrainingConfig,
    load: LoadOptions,
    cache_dir: Path | None,
    progress: bool,
) -> Iterator[HeadOutcome]:
    waiting: list[_Wanted] = []
    changed: dict[str, bool] = {}  # by identity: a model of one's own is loaded to be compared, once
    for each in wanted:
        try:
            if not each.path.exists():
                waiting.append(each)
                continue
            head = read_head(each.path)
            _check_same(head, each, data, config)
            if head.encoder_identity not in changed:
                changed[head.encoder_identity] = has_changed(
                    model, head.encoder_identity, allow_random_weights=load.allow_random_weights
                )
            if changed[head.encoder_identity]:
                raise _other(each.path, "another state of the model")
            yield each.ends(KEPT, group_score=head.metrics.get("validation", {}).get("group_score"))
        except Exception as error:  # shown, and the command fails at its end
            yield each.fails(error)
    if not waiting:
        return
    try:
        encoder = load_encoder(model, **asdict(load))
        unfit = {each.path: why_unfit(each.head, encoder) for each in waiting}  # before hours of encoding
        yield from (each.fails(InputError(unfit[each.path])) for each in waiting if unfit[each.path])
        waiting = [each for each in waiting if not unfit[each.path]]
        if not waiting:
            return
        encoded = _encode(data, encoder, cache_dir, progress)
    except Exception as error:  # likewise
        yield from (each.fails(error) for each in waiting)
        return
    for each in waiting:
        try:
            yield _train(encoded, each, data, replace(config, seed=each.seed), cache_dir, progress)
        except Exception as error:  # likewise
            yield each.fails(error)


def _check_same(head: Head, wanted: _Wanted, data: TrainingSet, config: TrainingConfig) -> None:
    """Raise InputError for a head that another training made."""
    source, training = head.dataset.get("source") or {}, head.training
    items, _ = _split(data, wanted.seed, config)
    other = ["type"] if head.type != wanted.head else []
    other += [key.replace("_", " ") for key in _SOURCE if source.get(key) != data.source.get(key)]
    other += ["number of groups"] if head.dataset.get("items") != len(items) else []
    other += ["seed"] if training.get("seed") != wanted.seed else []
    settings = {name: value for name, value in asdict(config).items() if name not in _ELSEWHERE}
    other += [name.replace("_", " ") for name, value in settings.items() if training.get(name) != value]
    if other:
        raise _other(wanted.path, f"another {other[0]}")


def _other(path: Path, what: str) -> InputError:
    return InputError(f"{path}: holds an earlier head of {what}; give another --out, or remove it")


def _split(data: TrainingSet, seed: int, config: TrainingConfig) -> tuple[Sequence[Item], Sequence[Item]]:
    if data.validation is not None:
        return data.items, data.validation
    return split_clusters(data.items, config.validation_share, seed)


def _encode(data: TrainingSet, encoder: Encoder, cache_dir: Path | None, progress: bool) -> _Encoded:
    def encode(items: Sequence[Item]) -> EncodedItems:
        with encoding_bar(progress) as advance:
            return EncodedItems(items, encode_items(encoder, items, cache_dir, progress=advance))

    return _Encoded(encode(data.items), None if data.validation is None else encode(data.validation), encoder)


def _train(
    encoded: _Encoded,
    wanted: _Wanted,
    data: TrainingSet,
    config: TrainingConfig,
    cache_dir: Path | None,
    progress: bool,
) -> HeadOutcome:
    items, checked = _split(data, config.seed, config)
    with encoding_bar(progress) as advance:
        versions = [augmented(encoded.encoder, k, config.seed) for k in range(1, config.augmentations + 1)]
        copies = tuple(encode_items(each, encoded.train.items, cache_dir, progress=advance).images for each in versions)
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    report = train_on_features(
        replace(_only(encoded.train, items), copies=copies),
        encoded.validation or _only(encoded.train, checked),
        encoded.encoder,
        head=wanted.head,
        out=wanted.path,
        config=config,
        progress=progress,
        source=data.source,
    )
    return wanted.ends(TRAINED, group_score=float(np.mean(list(report.group_scores.values()))))


def _only(encoded: EncodedItems, items: Sequence[Item]) -> EncodedItems:
    """Some of the items, with the features of all of them to point into."""
    ids, whole = {item.id for item in items}, encoded.encoded
    rows = [i for i, item in enumerate(encoded.items) if item.id in ids]
    images, texts = [whole.image_index[i] for i in rows], [whole.text_index[i] for i in rows]
    return EncodedItems([encoded.items[i] for i in rows], replace(whole, image_index=images, text_index=texts))


def _line(outcome: HeadOutcome) -> str:
    reason = f" ({outcome.reason})" if outcome.reason else ""
    return f"{outcome.trace}{outcome.model}, {outcome.scorer}: {outcome.outcome}{reason}"
