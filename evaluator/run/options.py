"""The options of an evaluation, apart from what is evaluated: how a dataset is read, and how a model is run."""

from dataclasses import dataclass, field
from pathlib import Path

from fourfold.evaluator.encoders.contract import LoadOptions


@dataclass(frozen=True)
class ReadOptions:
    """Which questions of a dataset are asked.

    `split` and `retrieval` are for datasets of ours; `images`, `allow_missing` and `prompt` for benchmarks by others.
    """

    split: str | None = None  # None: "test", else the first
    limit: int | None = None  # items of each category of ours, or of a benchmark
    retrieval: bool = False  # ask the search for content captions among all pictures as well
    images: Path | None = None  # image folder
    allow_missing: bool = False  # leave out items whose images are missing
    prompt: str | None = None  # template that holds {caption}


@dataclass(frozen=True)
class RunOptions:
    """How a model is run: how it is loaded, where its features are kept, and the seed of all that is random."""

    load: LoadOptions = field(default_factory=LoadOptions)
    cache_dir: Path | None = None  # features kept for later runs
    seed: int = 0
    allow_training_items: bool = False  # score heads on items that they were trained on, and mark every table
