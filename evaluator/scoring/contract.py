"""What a scorer is, and what one is made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder
    from fourfold.evaluator.features.encoding import EncodedSet

Score = Callable[[ImageFeatures, TextFeatures], torch.Tensor]


class Scorer(Protocol):
    """Scores every image against every text: [..., k] images, [..., m] texts -> [..., k, m], higher means more true.

    The leading dimensions of both sides are the same and kept. The score of a pair depends on that pair alone,
    unless `set_dependent` says that other images or texts of the item or of the set enter it.
    """

    @property
    def name(self) -> str:
        """What tables call the scorer."""

    @property
    def n_parameters(self) -> int:
        """Numbers in its weights; 0 where there are none."""

    @property
    def needs_patches(self) -> bool:
        """Whether it reads patch tokens."""

    @property
    def set_dependent(self) -> bool:
        """Whether a score depends on other items of the set; tables mark it with a dagger."""

    def __call__(self, images: ImageFeatures, texts: TextFeatures) -> torch.Tensor: ...


@dataclass(frozen=True)
class FunctionScorer:
    """A scorer that is one function and what must be known about it."""

    name: str
    score: Score
    n_parameters: int = 0
    needs_patches: bool = False
    set_dependent: bool = False

    def __call__(self, images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        """The scores [..., k, m]."""
        return self.score(images, texts)


@dataclass(frozen=True)
class ScorerContext:
    """Everything a scorer may be made from; most need only the encoder, set-dependent ones and controls the rest."""

    encoder: "Encoder"
    items: Sequence[Item]
    encoded: "EncodedSet"
    head: Path | None = None
    seed: int = 0
    own: Mapping[str, Callable] = field(default_factory=dict)  # the user's objects among the scorers, by name
    cache_dir: Path | None = None  # where features are kept that a scorer asks for itself
    progress: bool = False  # whether long work shows it
