"""The main path of the evaluator: items in, every image and caption encoded once, every scorer run, results out."""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import LARGE, ScoredItem
from fourfold.evaluator.analysis.marks import TRAINED
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.summary import ALL, summarise
from fourfold.evaluator.data.external.benchmark import AuthorsMetric
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.features.cached_encoder import with_cached_texts
from fourfold.evaluator.features.encoding import EncodedSet, encode_items, encoding_bar
from fourfold.evaluator.features.writing import Writers
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import Scorer, ScorerContext, inner_name, load_scorer, own_scorer
from fourfold.evaluator.scorers.trained import HEADS
from fourfold.evaluator.scoring.head_files import Head, check_given, head_file, note_shipped, read_head
from fourfold.evaluator.scoring.head_folders import expand_seeds, split_seed
from fourfold.evaluator.scoring.training_items import check_unseen
from fourfold.generator.dataset.reading import file_hash
from fourfold.statistics import LEVEL, REPLICATES

_MODEL_FACTS = ("name", "identity", "embed_dim", "context_length", "has_patches")
_PACKAGES = ("fourfold", "torch", "torchvision", "open_clip_torch", "transformers", "numpy", "pillow")


def evaluate(
    items: Sequence[Item],
    encoder: Encoder,
    scorers: Sequence[str],
    *,
    head: Path | None = None,
    seed: int = 0,
    cache_dir: Path | None = None,
    encoded: EncodedSet | None = None,
    progress: bool = True,
    baseline: str = "cosine",
    replicates: int = REPLICATES,
    authors_metric: AuthorsMetric | None = None,
    dataset_info: Mapping[str, Any] | None = None,
    command: str = "",
    notes: Sequence[str] = (),
    allow_training_items: bool = False,
    own: Mapping[str, Callable] | None = None,
) -> Results:
    """Score items with one model and any number of scorers, and compute every metric that applies.

    `head` is the trained head of scorers that need one, or a folder of heads, of which every seed becomes a scorer of
    its own (`fourfold.evaluator.scoring.head_folders`); `cache_dir` keeps features for the next run, those of the
    phrases that scorers make of captions included (None: nothing is kept); `encoded` are the items' features where
    the caller has them already; `baseline` is the scorer that the others are compared with, if it is among them;
    `authors_metric` is a benchmark's own way to count, reported beside ours; `dataset_info` and `command` say in the
    results where the numbers come from; `notes` are repeated by every table; heads may be scored on items that they
    were trained on if `allow_training_items`, which is noted then; `own` are the user's objects among the scorers, by
    name. All randomness comes from `seed`.

    Raises InputError for items that are not well formed, an unknown scorer, a head that knows the items from its
    training, and scores that are not numbers.
    """
    check_items(items)
    names = list(dict.fromkeys(expand_seeds(head, scorers, encoder.name)))
    if not names:
        raise InputError("evaluate: no scorer named; 'cosine' is the usual one")
    with Writers() as writes:  # of features, which go on while they are scored and counted
        if encoded is None:
            with encoding_bar(progress) as advance:
                encoded = encode_items(encoder, items, cache_dir, progress=advance, on_device=True, later=writes)
        heads = hash_heads(head, names, encoder.name)  # before they are read, not after hours in which they may change
        known = check_unseen(
            heads_of(head, names, encoder.name), items, encoded, dataset_info or {}, allow_training_items
        )
        reader = with_cached_texts(encoder, cache_dir, writes)
        context = ScorerContext(reader, items, encoded, head, seed, own or {}, cache_dir, progress)
        loaded = {name: load_scorer(name, context) for name in names}
        scores = score_items(items, encoded, loaded, progress=progress)
        scored = tuple(
            _scored(item, {name: scores[name][i] for name in names}, encoded.images.keys[encoded.image_index[i]])
            for i, item in enumerate(items)
        )
        metrics, comparisons = summarise(scored, seed=seed, baseline=baseline, replicates=replicates)
    return Results(
        items=scored,
        metrics=metrics,
        comparisons=comparisons,
        model=describe_model(encoder),
        scorers={name: _describe(name, scorer, context, known.get(name, 0)) for name, scorer in loaded.items()},
        dataset=dict(dataset_info or {}) | {"items": len(items), "content_sha256": content_hash(items, encoded)},
        settings={"seed": seed, "replicates": replicates, "level": LEVEL, "baseline": baseline}
        | ({"heads": heads} if heads else {}),
        versions=_versions(),
        command=command,
        authors={name: authors_metric(items, scores[name]) for name in names} if authors_metric else {},
        notes=(
            *notes,
            *_remembered(known, len(items)),
            *note_shipped(head, list(heads), encoder.name),
            *_warn(encoder, encoded),
        ),
    )


def check_items(items: Sequence[Item]) -> None:
    """Raise InputError for the first item that cannot be scored or counted."""
    if not items:
        raise InputError("evaluate: no items; is the dataset or the split empty?")
    seen: set[str] = set()
    for item in items:
        _check_parts(item)
        shape = (len(item.images), len(item.captions))
        if 0 in shape:
            raise InputError(f"item {item.id}: has {shape[0]} images and {shape[1]} captions, and needs one of each")
        if item.truth.shape != shape or item.truth.dtype != np.bool_:
            raise InputError(f"item {item.id}: truth must be bool {shape}, not {item.truth.dtype} {item.truth.shape}")
        if item.id in seen:
            raise InputError(f"item {item.id}: appears twice; every item needs an id of its own")
        if item.category == ALL:
            raise InputError(f"item {item.id}: the category name {ALL!r} means all categories together; choose another")
        seen.add(item.id)


def _check_parts(item: Item) -> None:
    """What Python does not check, and whoever makes items by hand may give instead."""
    if not isinstance(item.truth, np.ndarray):
        raise InputError(f"item {item.id}: truth must be an array [images, captions] of bool, not {item.truth!r:.80}")
    for name, kind in (("images", ImageRef), ("captions", str)):
        given = getattr(item, name)
        if not isinstance(given, tuple | list) or not all(isinstance(each, kind) for each in given):
            raise InputError(f"item {item.id}: {name} must be a tuple of {kind.__name__}, not {given!r:.80}")


def describe_model(encoder: Encoder) -> dict[str, Any]:
    """What results say of a model; that of a class of the user's own is named."""
    kind = type(encoder)
    own = {} if kind.__module__.startswith("fourfold.") else {"own": f"{kind.__module__}:{kind.__qualname__}"}
    # encoders without the attribute compute in float32
    dtype = {"dtype": str(getattr(encoder, "dtype", "float32"))}
    parameters = getattr(encoder, "n_parameters", None)  # users' encoders need not know
    counted = {} if parameters is None else {"n_parameters": parameters}
    return {fact: getattr(encoder, fact) for fact in _MODEL_FACTS} | dtype | counted | own


def content_hash(items: Sequence[Item], encoded: EncodedSet) -> str:
    """What was asked, as a SHA-256: ids, categories, clusters, pixels, captions and truth of all items, in their order.

    Where the files lay, and tags, do not matter.
    """
    digest = hashlib.sha256()
    for item, rows in zip(items, encoded.image_index, strict=True):
        pixels = [str(key) for key in encoded.images.keys[rows]]
        truth: Any = item.truth.astype(int).tolist() if item.truth.size <= LARGE else _hash_table(item.truth)
        asked = [item.id, item.category, item.cluster, pixels, item.captions, truth]
        digest.update(json.dumps(asked).encode())
    return digest.hexdigest()


def _hash_table(truth: np.ndarray) -> str:
    """Of a table that would take a gigabyte as text."""
    return hashlib.sha256(f"{truth.shape}".encode() + np.packbits(truth).tobytes()).hexdigest()


def hash_heads(head: Path | None, scorers: Sequence[str], model: str) -> dict[str, str]:
    """The head files that scorers of a model use, given or shipped, as hashes by the scorers' names.

    Raises InputError for a `head` that is not there.
    """
    check_given(head)
    return {name: file_hash(path) for name, path in _head_files(head, scorers, model).items()}


def heads_of(head: Path | None, scorers: Sequence[str], model: str) -> dict[str, Head]:
    """The heads that scorers of a model use, given or shipped, by the scorers' names.

    Checkpoints of the paper's code, which say nothing of their training, are left out.
    """
    files = _head_files(head, scorers, model)
    return {name: read_head(path) for name, path in files.items() if not is_zipfile(path)}


def _head_files(head: Path | None, scorers: Sequence[str], model: str) -> dict[str, Path]:
    types = {name: inner_name(name) for name in scorers}
    files = {name: head_file(head, inner, model) for name, inner in types.items() if split_seed(inner)[0] in HEADS}
    return {name: path for name, path in files.items() if path is not None and path.is_file()}


def name_of_image(ref: ImageRef) -> str:
    """The file name of an image, without its folder; a cut-out is written name#left,top,right,bottom in pixels."""
    return ref.path.name if ref.box is None else f"{ref.path.name}#{','.join(map(str, ref.box))}"


def _scored(item: Item, scores: Mapping[str, np.ndarray], pixel_keys: np.ndarray) -> ScoredItem:
    return ScoredItem(
        id=item.id,
        category=item.category,
        cluster=item.cluster,
        tags=item.tags,
        images=tuple(name_of_image(ref) for ref in item.images),
        captions=item.captions,
        truth=item.truth,
        scores=scores,
        pixels=hashlib.sha256("".join(map(str, pixel_keys)).encode()).hexdigest()[:16],
    )


def _warn(encoder: Encoder, encoded: EncodedSet) -> list[str]:
    """What a reader of any number from this run must know."""
    cut = 0 if encoded.texts.truncated is None else int(encoded.texts.truncated.sum())
    if not cut:
        return []
    length = encoder.context_length
    return [
        f"{cut} of {len(encoded.texts)} captions are longer than the model's {length} text positions and lose their end"
    ]


def _remembered(known: Mapping[str, int], items: int) -> list[str]:
    """A sentence for each scorer whose head was trained on some of the items."""
    return [
        f"{TRAINED} {name} was trained on {number} of these {items} items: its scores tell what it remembers"
        for name, number in known.items()
    ]


def _describe(name: str, scorer: Scorer, context: ScorerContext, training_items: int) -> dict[str, Any]:
    own = own_scorer(name, context.own)
    facts = {
        "n_parameters": scorer.n_parameters,
        "needs_patches": scorer.needs_patches,
        "set_dependent": scorer.set_dependent,
    }
    facts |= {"training_items": training_items} if training_items else {}
    return facts | ({} if own is None else {"own": own.origin, "source_sha256": own.source_sha256})


def _versions() -> dict[str, str]:
    """Python and the packages that decide about scores, those that are installed."""
    found = {}
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"} | found
