"""The geometry probe: which of the conditions C1-C4 a model's own space satisfies, and how superposed it is.

The space alone is looked at: pooled embeddings under the cosine, no head, no patch tokens. A fourfold group has twin
images A, B and twin captions a, b, one difference apart, and four margins: A: a over b, B: b over a, a: A over B,
b: B over A. A group satisfies the condition of its category if all four are positive.

    C1 content     C2 attribute binding     C3 location and relations     C4 negation

What follows. If twin images, or twin captions, have the same embedding, every margin between them is 0, and no
function of the pooled vectors can tell them apart. A space in which a scene is the sum of its concepts is of this
kind for C2 and C3. One group that fails refutes a condition for this space; the share satisfied says how often it
holds on scenes like these.

What does not follow. A small or negative margin says that the cosine ranks wrongly, not that the knowledge is
missing: as long as the twins differ, a bilinear score <v, W t> on the same embeddings may satisfy C2 (the scorer
`labclip` tries). Satisfaction on sampled groups does not prove that a condition holds everywhere. A composite near
the sum of its parts need not behave like a bag of concepts: where the parts are bound objects ("a red cube"), a space
with bound product features is their sum as well. Cosines of different models are on different scales: compare the
relative distances, and margins in standard deviations. Captions have paraphrases in our datasets, pictures have not:
image twins are set against unrelated pictures only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fourfold.conditions import BEYOND, condition_of
from fourfold.errors import InputError
from fourfold.evaluator.analysis.geometry_measures import (
    RESOLUTION,
    SHARES,
    Sums,
    add_up,
    four_margins,
    measure_margins,
    measure_paraphrases,
    measure_superposition,
    measure_twins,
)
from fourfold.evaluator.analysis.joint_satisfaction import (
    JointRow,
    content_chance,
    content_holds,
    correct_joint,
    is_asked_jointly,
    joint_row,
)
from fourfold.evaluator.analysis.metrics import has_core
from fourfold.evaluator.analysis.probe_results import ProbeResult, ProbeRow
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.features.encoding import EncodedSet, Progress, encode_items
from fourfold.statistics import (
    REPLICATES,
    cluster_bootstrap,
    percentile_interval,
    share,
    sum_by_cluster,
    unanimous_interval,
    wilson_interval,
)


@dataclass(frozen=True)
class Composite:
    """A caption, or a picture, and what it is made of: phrases for its objects, or pictures of them alone."""

    category: str
    cluster: str
    whole: str | ImageRef
    parts: tuple[str, ...] | tuple[ImageRef, ...]


def probe(
    items: Sequence[Item],
    encoder: Encoder,
    *,
    rng: np.random.Generator,
    composites: Sequence[Composite] = (),
    content: Sequence[Item] = (),
    cache_dir: Path | None = None,
    replicates: int = REPLICATES,
    progress: Progress | None = None,
) -> ProbeResult:
    """Measure the space of `encoder` on fourfold groups; the 95 % intervals resample clusters, and are Wilson's for
    shares of groups.

    Roles in a group are those of `Item`: the first two images and captions are twins, later captions that are true of
    one image alone are paraphrases of that image's caption, but for those that the item calls implied. Items of another
    shape are passed over. `composites` say what captions and pictures are made of, as
    `fourfold.evaluator.analysis.composites` reads it from our datasets; without them superposition is not measured.
    `content` asks content of the same pictures, by the groups' ids, as
    `fourfold.evaluator.analysis.content_questions` does; without it C1 is not asked together with other conditions.
    `rng` draws the unrelated pairs and the resamples; `progress` hears of the encoding.

    Raises InputError if no item is a fourfold group.
    """
    groups = [item for item in items if has_core(item.truth)]
    if not groups:
        raise InputError("probe: no fourfold group among the items (two images, two captions, one true of each)")
    asked = [*groups, *map(_as_item, composites), *content]
    encoded = encode_items(encoder, asked, cache_dir, progress=progress)
    embedded = [_embed(encoded, i) for i in range(len(asked))]
    rows: list[ProbeRow] = []
    for condition, category, indices in _sections([item.category for item in groups]):
        chosen = [groups[i] for i in indices]
        measures = measure_groups(chosen, [embedded[i] for i in indices], rng)
        rows += [_row(condition, category, sums, rng, replicates) for sums in measures]
    for condition, category, indices in _sections([composite.category for composite in composites]):
        made = [composites[i] for i in indices]
        measures = measure_composites(made, [embedded[len(groups) + i] for i in indices], rng)
        rows += [_row(condition, category, sums, rng, replicates) for sums in measures]
    margins = {
        category: four_margins(*_twins([embedded[i] for i in indices]))
        for _, category, indices in _sections([item.category for item in groups])
        if category
    }
    joint = _joint(groups, embedded[: len(groups)], content, embedded[len(groups) + len(composites) :])
    return ProbeResult(tuple(rows), margins, encoder.name, encoder.identity, joint)


@dataclass(frozen=True)
class Embedded:
    """The pooled embeddings of one item, float64."""

    images: np.ndarray  # [k, d]
    texts: np.ndarray  # [m, d]


def measure_groups(items: Sequence[Item], embedded: Sequence[Embedded], rng: np.random.Generator) -> Iterator[Sums]:
    """Everything that fourfold groups alone can tell about their embeddings."""
    images, texts = _twins(embedded)
    clusters = np.array([item.cluster for item in items])
    yield from measure_margins(images, texts, clusters, rng)
    yield from measure_twins("image", images, clusters, rng)
    yield from measure_twins("text", texts, clusters, rng)
    found = [
        (each.texts[side], each.texts[column], each.texts[1 - side], item.cluster)
        for item, each in zip(items, embedded, strict=True)
        for column, side in _paraphrases(item)
    ]
    if found:
        captions, reworded, twins, owners = (np.stack(column) for column in zip(*found, strict=True))
        yield from measure_paraphrases(captions, reworded, twins, owners)


def measure_composites(
    composites: Sequence[Composite], embedded: Sequence[Embedded], rng: np.random.Generator
) -> Iterator[Sums]:
    """How superposed composites are, captions and pictures apart; the whole comes first in each embedded item."""
    for side in ("image", "text"):
        sets = [(each.images if side == "image" else each.texts) for each in embedded]
        indices = [i for i, vectors in enumerate(sets) if len(vectors)]
        if indices:
            wholes = np.stack([sets[i][0] for i in indices])
            sums = np.stack([add_up(sets[i][1:]) for i in indices])
            clusters = np.array([composites[i].cluster for i in indices])
            yield from measure_superposition(side, wholes, sums, clusters, rng)


def _sections(categories: Sequence[str]) -> Iterator[tuple[str, str, list[int]]]:
    """(condition, category, indices) of each category, then of each condition that several categories share."""
    of_category: dict[str, list[int]] = {}
    for i, category in enumerate(categories):
        of_category.setdefault(category, []).append(i)
    members: dict[str, list[str]] = {}
    for category, indices in of_category.items():
        yield condition_of(category), category, indices
        members.setdefault(condition_of(category), []).append(category)
    for condition, names in members.items():
        if len(names) > 1 and condition != BEYOND:
            yield condition, "", sorted(i for name in names for i in of_category[name])


def _joint(
    groups: Sequence[Item], embedded: Sequence["Embedded"], content: Sequence[Item], answers: Sequence["Embedded"]
) -> tuple[JointRow, ...]:
    """C1 together with each condition that the theory sets against it, on the groups that content is asked of."""
    of_group = {item.id: (item.truth, each) for item, each in zip(content, answers, strict=True)}
    chosen = [
        i for i, item in enumerate(groups) if item.id in of_group and is_asked_jointly(condition_of(item.category))
    ]
    if not chosen:
        return ()
    found = [of_group[groups[i].id] for i in chosen]
    holds = np.array([content_holds(each.images, each.texts, truth) for truth, each in found])
    chances = np.array([content_chance(truth) for truth, _ in found])
    own = four_margins(*_twins([embedded[i] for i in chosen])).min(axis=1) > RESOLUTION
    return correct_joint(
        [
            joint_row(condition, category, holds[indices], own[indices], chances[indices])
            for condition, category, indices in _sections([groups[i].category for i in chosen])
        ]
    )


def _paraphrases(item: Item) -> Iterable[tuple[int, int]]:
    """(column, side) of the captions after the first two that are true of one image alone, but for implied ones."""
    columns = (j for j in range(2, item.truth.shape[1]) if j not in item.implied)
    return [(j, int(item.truth[1, j])) for j in columns if item.truth[0, j] != item.truth[1, j]]


def _as_item(composite: Composite) -> Item:
    """The whole and its parts as something that can be encoded; nothing is asked of it."""
    vectors = (composite.whole, *composite.parts)
    images = tuple(each for each in vectors if isinstance(each, ImageRef))
    captions = tuple(each for each in vectors if isinstance(each, str))
    if len(vectors) not in (len(images), len(captions)) or not composite.parts:
        raise InputError(f"probe: composite of {composite.cluster}: needs parts, all of the same kind as the whole")
    truth = np.zeros((len(images), len(captions)), dtype=bool)
    return Item(composite.cluster, images, captions, truth, composite.category, composite.cluster)


def _embed(encoded: EncodedSet, i: int) -> Embedded:
    images, texts = encoded.images.pooled, encoded.texts.pooled
    return Embedded(images[encoded.image_index[i]].double().numpy(), texts[encoded.text_index[i]].double().numpy())


def _twins(embedded: Sequence[Embedded]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([each.images for each in embedded]), np.stack([each.texts[:2] for each in embedded])


def _row(condition: str, category: str, sums: Sums, rng: np.random.Generator, replicates: int) -> ProbeRow:
    names, clusters = np.unique(sums.clusters, return_inverse=True)
    over = sum_by_cluster(sums.over[:, None], clusters, len(names))
    under = sum_by_cluster(sums.under, clusters, len(names))
    low = high = None
    if len(names) > 1:
        [drawn] = cluster_bootstrap([partial(share, hits=over, asked=under)], len(names), rng, replicates)
        low, high = percentile_interval(drawn[:, 0])
        if sums.measure in SHARES and (under == 1).all():  # a count of groups, as in the tables of scores
            low, high = wilson_interval(float(over.sum()), len(names))
        elif low == high and sums.measure in SHARES:  # all groups alike: resampling would call that certain
            low, high = unanimous_interval(sums.value, len(names))
    return ProbeRow(condition, category, sums.side, sums.measure, sums.value, low, high, len(names))
