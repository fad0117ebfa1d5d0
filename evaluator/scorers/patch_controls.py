"""Controls around any scorer of patch tokens: `patch-shuffle`, `mean-patch` and `mirror`.

Each gives the scorer other patch tokens than the picture's own and leaves the pooled vector and the class token as
they are, so that what changes is what the scorer owes to its dense map. The score of a pair still depends on that pair
alone.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import blake2b

import numpy as np
import torch
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext

PatchChange = Callable[[ImageFeatures], torch.Tensor]  # images [..., n] -> other patch tokens [..., n, p, d]


def shuffle_patches(scorer: Scorer, context: ScorerContext) -> Scorer:
    """`scorer` on pictures whose patch tokens change places: what it loses, it owes to where things are.

    The permutation is a function of the picture's content and the context's seed. Raises InputError for a scorer that
    reads no patch tokens.
    """
    return _around(scorer, "patch-shuffle", partial(shuffled, seed=context.seed))


def average_patches(scorer: Scorer, context: ScorerContext) -> Scorer:
    """`scorer` on pictures of which each patch token is the mean of all: what is left needs no local content.

    Raises InputError for a scorer that reads no patch tokens.
    """
    return _around(scorer, "mean-patch", averaged)


def mirror_patches(scorer: Scorer, context: ScorerContext) -> Scorer:
    """`scorer` on pictures whose grid of patch tokens is flipped: what was on the left is on the right.

    A scorer that reads places answers questions of left and right the other way round, and others as before. The grid
    is flipped, the picture is not encoded again: that would double the encoding, and it would ask what the model makes
    of mirrored pictures, where this control asks what the scorer makes of places. A pooled vector has no left side to
    flip and stays. Raises InputError for a scorer that reads no patch tokens.
    """
    return _around(scorer, "mirror", mirrored)


def check_order(wrapper: str, inner: str) -> None:
    """Raise InputError for one of these controls around `shuffled-images`, which would give the patch tokens back.

    `shuffled-images` puts in the stored features of another picture, whatever it is given.
    """
    if wrapper != "shuffled-images" and inner.startswith("shuffled-images:"):
        raise InputError(
            f"{wrapper}:{inner}: 'shuffled-images' would replace the changed patch tokens by stored ones; "
            f"name it first: shuffled-images:{wrapper}:{inner.removeprefix('shuffled-images:')}"
        )


def shuffled(images: ImageFeatures, seed: int) -> torch.Tensor:
    """The patch tokens [..., n, p, d] of each picture in an order which its content's hash and the seed decide."""
    assert images.patches is not None  # scorers that read none are refused
    n_patches = images.patches.shape[-2]
    orders = np.stack([_order(str(key), n_patches, seed) for key in images.keys.ravel()])
    at = torch.from_numpy(orders).to(images.patches.device).reshape(*images.keys.shape, n_patches, 1)
    return images.patches.gather(-2, at.expand(images.patches.shape))


@lru_cache(maxsize=10_000)
def _order(key: str, n: int, seed: int) -> np.ndarray:
    """A permutation [n] int64, uniform over keys and seeds."""
    digest = blake2b(f"{seed} patch-shuffle\0{key}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little")).permutation(n)


def averaged(images: ImageFeatures) -> torch.Tensor:
    """The mean of each picture's patch tokens, of unit length again, in the place of each: [..., n, p, d]."""
    assert images.patches is not None
    return normalize(images.patches.mean(-2, keepdim=True), dim=-1).expand(images.patches.shape)


def mirrored(images: ImageFeatures) -> torch.Tensor:
    """The patch tokens [..., n, h*w, d] with each row of the grid from right to left."""
    assert images.patches is not None
    assert images.grid is not None
    return images.patches.unflatten(-2, images.grid).flip(-2).flatten(-3, -2)


def _around(scorer: Scorer, wrapper: str, change: PatchChange) -> Scorer:
    if not scorer.needs_patches:
        raise InputError(
            f"{wrapper}:{scorer.name}: {scorer.name!r} reads no patch tokens, so this control would repeat its number; "
            "put it around a scorer that does, such as dcsm or maxsim"
        )

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        return scorer(replace_patches(images, change), texts)

    return FunctionScorer(
        f"{wrapper}:{scorer.name}",
        score,
        n_parameters=scorer.n_parameters,
        needs_patches=True,
        set_dependent=scorer.set_dependent,
    )


def replace_patches(images: ImageFeatures, change: PatchChange) -> ImageFeatures:
    """The same pictures, by key, pooled vector and class token, with other patch tokens."""
    return ImageFeatures(images.keys, images.pooled, change(images), images.cls, images.grid)
