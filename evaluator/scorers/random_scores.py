"""`random`: a control that knows nothing. Whatever a metric gives it is that metric's chance level."""

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b

import numpy as np
import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext


def hash_strings(strings: Iterable[str], salt: str) -> np.ndarray:
    """One 64-bit number for each string, the same on every machine: [n] uint64."""
    digests = (blake2b(f"{salt}\0{string}".encode(), digest_size=8).digest() for string in strings)
    return np.frombuffer(b"".join(digests), dtype="<u8")


def to_unit(numbers: np.ndarray) -> torch.Tensor:
    """64-bit numbers as float32 in [0, 1), exactly representable, so that equal scores are equal hashes.

    [...] uint64 -> [...] float32.
    """
    return torch.from_numpy((numbers >> np.uint64(40)).astype(np.float32) / np.float32(2**24))


def random_scores(images: ImageFeatures, texts: TextFeatures, seed: int) -> torch.Tensor:
    """Uniform in [0, 1), a hash of the seed, the image's content and the caption alone: [..., k, m]."""
    image = hash_strings(images.keys.ravel(), f"{seed} image").reshape(images.keys.shape)
    text = hash_strings(texts.texts.ravel(), f"{seed} text").reshape(texts.texts.shape)
    return to_unit(_mix(image[..., :, None] ^ text[..., None, :]))


def _mix(numbers: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser: each output bit depends on every input bit, much faster than a hash of each pair."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def load_random(context: ScorerContext) -> Scorer:
    """The control `random` with the context's seed."""
    return FunctionScorer("random", partial(random_scores, seed=context.seed))
