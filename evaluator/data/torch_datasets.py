"""Fourfold groups for people who train: other heads, adapters, or a whole CLIP, with any PyTorch trainer.

    pairs = FourfoldPairs("heads-data", "train", transform=preprocess, tokenize=tokenizer)
    loader = DataLoader(pairs, batch_size=32, shuffle=True, collate_fn=collate_groups)

`FourfoldPairs` reads by index, `FourfoldStream` one after the other (tars on a cluster, each worker its share), and
`FourfoldOnline` renders as it is asked. All give the same samples, a group each:

    id, category    str
    images          [2, 3, h, w] if a transform is given, else a list of two RGB pictures
    captions        list of m texts: true of a, true of b, then the hard positives of a and of b
    tokens          [m, t], if a tokenizer is given
    truth           [2, m] bool: caption j of image i. Never assumed, and known for every pair of a group

Across groups nothing is said of truth: a caption may well be true of another group's picture.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from fourfold.errors import InputError, unknown_name
from fourfold.generator.dataset.reading import Caption, Group, choose_split, read_groups, read_picture
from fourfold.generator.groups.online import stream_groups

Transform = Callable[[Image.Image], torch.Tensor]  # RGB -> [3, h, w]
Tokenize = Callable[[list[str]], torch.Tensor]  # -> [m, t]


class FourfoldPairs(Dataset):
    """The groups of a dataset by index; pictures are read when asked for.

    `categories` keeps some alone. Raises InputError for a folder that is no dataset, a split without groups, and a
    category that it has not.
    """

    def __init__(
        self,
        dataset: str | Path,
        split: str | None = "train",
        *,
        transform: Transform | None = None,
        tokenize: Tokenize | None = None,
        categories: Sequence[str] | None = None,
    ):
        self.transform, self.tokenize = transform, tokenize
        split = choose_split(Path(dataset), split)
        groups = list(read_groups(Path(dataset), split))
        if not groups:
            raise InputError(f"{dataset}: split {split!r} holds no groups")
        found = {group.category for group in groups}
        for name in categories or ():
            if name not in found:
                raise unknown_name("category", name, found, f"{dataset}, split {split!r}")
        self.groups = [group for group in groups if categories is None or group.category in categories]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return _read(self.groups[index], self.transform, self.tokenize)


class FourfoldStream(IterableDataset):
    """The groups of a dataset one after the other, each worker and each process its share; for sets too large to index.

    `shuffle` groups wait in a buffer from which one is drawn at random (0: the order of the files); `seed` and the
    epoch, set with `set_epoch`, decide the draw; workers that persist (`persistent_workers`) never hear of an epoch set
    later. `rank` and `world_size` are those of distributed training; shares may differ by one group.
    """

    def __init__(
        self,
        dataset: str | Path,
        split: str | None = "train",
        *,
        transform: Transform | None = None,
        tokenize: Tokenize | None = None,
        shuffle: int = 0,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ):
        self.dataset, self.split = dataset, choose_split(Path(dataset), split)
        self.transform, self.tokenize = transform, tokenize
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        self.rank, self.world_size = rank, world_size

    def set_epoch(self, epoch: int) -> None:
        """Draw another order from now on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[dict[str, Any]]:
        start, step = _share(self.rank, self.world_size)
        groups = read_groups(Path(self.dataset), self.split)
        mine = (group for i, group in enumerate(groups) if i % step == start)
        rng = np.random.default_rng([self.seed, self.epoch, start])
        for group in _shuffled(mine, self.shuffle, rng):
            yield _read(group, self.transform, self.tokenize)


class FourfoldOnline(IterableDataset):
    """Groups of a recipe rendered as they are asked for, without end and without files.

    Group i is the one that `fourfold generate` would write. Use `multiprocessing_context="spawn"` in a DataLoader with
    workers: an OpenGL context does not survive a fork. `start` goes on where an earlier run stopped.
    """

    def __init__(
        self,
        recipe: str,
        split: str = "train",
        *,
        transform: Transform | None = None,
        tokenize: Tokenize | None = None,
        start: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ):
        self.recipe, self.split, self.start = recipe, split, start
        self.transform, self.tokenize = transform, tokenize
        self.rank, self.world_size = rank, world_size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        start, step = _share(self.rank, self.world_size)
        for group in stream_groups(self.recipe, self.split, start=self.start + start, step=step):
            pictures = [Image.fromarray(image) for image in group.images]
            yield _sample(group.id, group.category, pictures, group.captions, self.transform, self.tokenize)


def collate_groups(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A batch of groups: images [b, 2, 3, h, w], tokens [b, m, t], truth and known [b, 2, m]; texts stay lists.

    Groups with fewer captions are filled up with their first one, which is not `known` there.
    """
    most = max(len(sample["captions"]) for sample in samples)
    batch: dict[str, Any] = {name: [sample[name] for sample in samples] for name in ("id", "category", "captions")}
    images = [sample["images"] for sample in samples]
    batch["images"] = torch.stack(images) if isinstance(images[0], torch.Tensor) else images
    batch["truth"] = torch.zeros(len(samples), 2, most, dtype=torch.bool)
    batch["known"] = torch.zeros(len(samples), 2, most, dtype=torch.bool)
    for i, sample in enumerate(samples):
        m = len(sample["captions"])
        batch["truth"][i, :, :m], batch["known"][i, :, :m] = sample["truth"], True
    if "tokens" in samples[0]:
        rows = [[*range(len(s["captions"])), *[0] * (most - len(s["captions"]))] for s in samples]
        batch["tokens"] = torch.stack([s["tokens"][row] for s, row in zip(samples, rows, strict=True)])
    return batch


def collate_contrastive(samples: Sequence[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """What a CLIP trainer takes: images [2b, 3, h, w] and the caption of each [2b, t].

    The two pictures of a group are neighbours, so each one's adversarial caption is among the batch's negatives.
    Raises InputError for samples that were read without a transform and a tokenizer.
    """
    if not all("tokens" in s and isinstance(s["images"], torch.Tensor) for s in samples):
        raise InputError("collate_contrastive: needs tensors; give the data set a `transform` and `tokenize`")
    return torch.cat([s["images"] for s in samples]), torch.cat([s["tokens"][:2] for s in samples])


def _share(rank: int, world_size: int) -> tuple[int, int]:
    """This worker's number among the workers of all processes, and how many they are."""
    worker = get_worker_info()
    number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
    return rank * workers + number, world_size * workers


def _shuffled(groups: Iterator[Group], size: int, rng: np.random.Generator) -> Iterator[Group]:
    waiting: list[Group] = []
    for group in groups:
        waiting.append(group)
        if len(waiting) > size:
            yield _draw(waiting, rng)
    while waiting:
        yield _draw(waiting, rng)


def _draw(waiting: list[Group], rng: np.random.Generator) -> Group:
    """Take one at random; the last takes its place."""
    at = int(rng.integers(len(waiting)))
    waiting[at], waiting[-1] = waiting[-1], waiting[at]
    return waiting.pop()


def _read(group: Group, transform: Transform | None, tokenize: Tokenize | None) -> dict[str, Any]:
    pictures = [read_picture(group.folder, row["file_name"], "RGB") for row in group.rows]
    return _sample(group.id, group.category, pictures, group.captions, transform, tokenize)


def _sample(
    name: str,
    category: str,
    pictures: list[Image.Image],
    captions: Sequence[Caption],
    transform: Transform | None,
    tokenize: Tokenize | None,
) -> dict[str, Any]:
    texts = [caption.text for caption in captions]
    sample: dict[str, Any] = {
        "id": name,
        "category": category,
        "images": pictures if transform is None else torch.stack([transform(picture) for picture in pictures]),
        "captions": texts,
        "truth": torch.tensor([[caption.truth[i] for caption in captions] for i in (0, 1)]),
    }
    return sample if tokenize is None else {**sample, "tokens": tokenize(texts)}
