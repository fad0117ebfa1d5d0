"""The rows of a diagnosis: bits of a stage, a loss, what a layer says of objects."""

from dataclasses import dataclass

SIDES = ("image", "text", "pair")
CEILING, CLAIMS = "ceiling", "claims"  # side and stage of what the probe knows from the claims themselves
POOLED = {"image": "pooled image", "text": "pooled text", "pair": "pooled pair"}
TOKENS = {"image": "patches", "text": "tokens", "pair": "token pair"}
COSINE = "cosine"


@dataclass(frozen=True)
class StageBits:
    """What a probe of one stage knows of one category, in bits a group."""

    category: str
    side: str  # one of `SIDES`
    stage: str  # "layer 0", ..., then a value of `TOKENS` and of `POOLED`; or `COSINE`
    bits: float
    low: float | None  # limits of the 95 % interval over groups
    high: float | None
    groups: int
    shuffled: float | None = None  # bits of the same probe, trained on pairings half of which are turned round
    random_weights: float | None = None  # bits of the same stage of the model with its weights in random order


@dataclass(frozen=True)
class Loss:
    """Information that a stage has and no later one of its side."""

    category: str
    side: str
    before: str  # stage
    after: str  # the next stage, whose probe and those of all later ones find less
    bits_before: float
    bits_after: float  # the most that any later stage has
    low: float  # limits of the interval of the difference, corrected for the number of transitions
    high: float

    @property
    def bits(self) -> float:
        """How much is lost."""
        return self.bits_before - self.bits_after


@dataclass(frozen=True)
class SameObject:
    """What a layer says of whether two patches are of one object."""

    stage: str
    bits: float
    low: float | None  # limits of the 95 % interval over groups
    high: float | None
    accuracy: float  # 0..1, chance is one half
    position_bits: float  # of a probe that sees the two places alone
    pairs: int
    groups: int
