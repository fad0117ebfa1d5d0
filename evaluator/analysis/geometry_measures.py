"""What can be measured on embeddings alone: margins of twins, distances between them, sums of parts.

Pure functions on arrays of unit vectors. Every measure is a quotient of two sums over groups (numerators and
denominators), so that resampling clusters gives its interval, ratios of distances included.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fourfold.statistics import derangement

# Cosines of unit float32 vectors carry rounding errors of this size: a smaller margin is none.
RESOLUTION = 1e-6

MEASURES: dict[str, str] = {
    "satisfied": "share of groups with all four margins positive (chance 1/6)",
    "margin": "smallest of the four margins, in units of cosine",
    "standard_margin": "the same, in standard deviations of the cosines of unrelated images and captions",
    "interaction": "mean of the four margins: <A - B, a - b> / 2",
    "twin": "cosine between the twins of a group",
    "unrelated": "cosine between members of different groups",
    "twin_distance": "distance (1 - cosine) of twins, relative to unrelated ones; 0: the same vector",
    "paraphrase": "cosine between a caption and its hard positive",
    "twin_per_paraphrase": "distance of twins, relative to paraphrases; below 1: meaning moves less than wording",
    "paraphrase_farther": "share of hard positives farther from their caption than its twin is",
    "superposition": "cosine between a composite and the normalised sum of its parts",
    "others_superposition": "cosine between a composite and the sum of another composite's parts",
    "superposition_distance": "distance to the sum of the own parts, relative to another's; 0: it is that sum",
}
SHARES = ("satisfied", "paraphrase_farther")  # of groups or captions; the others are cosines and ratios


@dataclass(frozen=True)
class Sums:
    """One measure on one side: what is summed over what, and whose group each summand belongs to."""

    side: str  # "image", "text", or "both" for margins between them
    measure: str  # a key of `MEASURES`
    over: np.ndarray  # [n] float: numerators
    under: np.ndarray  # [n] float: denominators
    clusters: np.ndarray  # [n] str: the group that each summand belongs to

    @property
    def value(self) -> float:
        """Sum of `over` divided by sum of `under`; its unit is what `MEASURES` says of the measure."""
        return float(self.over.sum() / self.under.sum())


def four_margins(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Margins of a group's cosines, [n, 4]: A: a over b, B: b over a, a: A over B, b: B over A.

    Twins images [n, 2, d] and texts [n, 2, d]. The differences are taken between the embeddings, so that twins with
    the same embedding have margins of exactly 0.
    """
    text_step = texts[:, 0] - texts[:, 1]  # [n, d]
    image_step = images[:, 0] - images[:, 1]
    return np.stack(
        [
            _dot(images[:, 0], text_step),
            -_dot(images[:, 1], text_step),
            _dot(texts[:, 0], image_step),
            -_dot(texts[:, 1], image_step),
        ],
        axis=1,
    )


def measure_margins(
    images: np.ndarray, texts: np.ndarray, clusters: np.ndarray, rng: np.random.Generator
) -> Iterator[Sums]:
    """Which groups satisfy their condition, and by how much; images and texts [n, 2, d], unit vectors.

    Yields "satisfied", "margin", "interaction" and, of two groups or more, "standard_margin". `rng` pairs the images
    with captions of other groups, whose cosines give the standard deviation.
    """
    margins = four_margins(images, texts)
    least, ones = margins.min(axis=1), np.ones(len(margins))
    yield Sums("both", "satisfied", (least > RESOLUTION).astype(float), ones, clusters)
    yield Sums("both", "margin", least, ones, clusters)
    yield Sums("both", "interaction", margins.mean(axis=1), ones, clusters)
    if len(margins) > 1:
        strangers = texts[derangement(len(texts), rng)]
        spread = np.einsum("nid,njd->nij", images, strangers).std()
        if spread > RESOLUTION:
            yield Sums("both", "standard_margin", least / spread, ones, clusters)


def measure_twins(side: str, twins: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> Iterator[Sums]:
    """How near the two members of a group are to each other, against members of other groups; twins [n, 2, d].

    Yields "twin" and, of two groups or more, "unrelated" and "twin_distance"; `rng` draws the other groups.
    """
    near, ones = _dot(twins[:, 0], twins[:, 1]), np.ones(len(twins))
    yield Sums(side, "twin", near, ones, clusters)
    if len(twins) > 1:
        others = twins[derangement(len(twins), rng)]
        far = _dot(twins, others).mean(axis=1)
        yield Sums(side, "unrelated", far, ones, clusters)
        yield from _ratio(side, "twin_distance", 1 - near, 1 - far, clusters)


def measure_paraphrases(
    captions: np.ndarray, paraphrases: np.ndarray, twins: np.ndarray, clusters: np.ndarray
) -> Iterator[Sums]:
    """Whether a change of meaning moves a caption farther than a change of wording does; [n, d] each.

    Yields "paraphrase", "paraphrase_farther" and "twin_per_paraphrase".
    """
    reworded, changed, ones = _dot(captions, paraphrases), _dot(captions, twins), np.ones(len(captions))
    yield Sums("text", "paraphrase", reworded, ones, clusters)
    yield Sums("text", "paraphrase_farther", (changed - reworded > RESOLUTION).astype(float), ones, clusters)
    yield from _ratio("text", "twin_per_paraphrase", 1 - changed, 1 - reworded, clusters)


def measure_superposition(
    side: str, wholes: np.ndarray, sums: np.ndarray, clusters: np.ndarray, rng: np.random.Generator
) -> Iterator[Sums]:
    """How near composites [n, d] are to the normalised sums [n, d] of their parts, against sums of others' parts.

    Yields "superposition" and, of two composites or more, "others_superposition" and "superposition_distance"; `rng`
    draws the others.
    """
    own, ones = _dot(wholes, sums), np.ones(len(wholes))
    yield Sums(side, "superposition", own, ones, clusters)
    if len(wholes) > 1:
        others = _dot(wholes, sums[derangement(len(wholes), rng)])
        yield Sums(side, "others_superposition", others, ones, clusters)
        yield from _ratio(side, "superposition_distance", 1 - own, 1 - others, clusters)


def add_up(parts: np.ndarray) -> np.ndarray:
    """The normalised sum [d] of parts [p, d]; zero where they cancel."""
    total = parts.sum(axis=0)
    return total / max(float(np.linalg.norm(total)), np.finfo(float).tiny)


def _ratio(side: str, measure: str, over: np.ndarray, under: np.ndarray, clusters: np.ndarray) -> Iterator[Sums]:
    if under.sum() > RESOLUTION * len(under):  # else everything is one vector and there is nothing to relate to
        yield Sums(side, measure, over, under, clusters)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...d,...d->...", a, b)
