"""Loaders for people who train: every group once, with its truth, whichever way it is read, and a real CLIP trainer."""

import runpy
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from fourfold.errors import InputError
from fourfold.evaluator.data.torch_datasets import (
    FourfoldOnline,
    FourfoldPairs,
    FourfoldStream,
    collate_contrastive,
    collate_groups,
)
from fourfold.evaluator.encoders.contract import TINY_FOLDER
from fourfold.evaluator.training.losses import truth_table_loss
from fourfold.generator.dataset.reading import read_groups
from fourfold.generator.groups.online import stream_groups
from fourfold.generator.recipe.recipe import Recipe, Split

ROOT = Path(__file__).parents[1]


def transform(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.resize((16, 16)))).permute(2, 0, 1) / 255


def tokenize(texts: list[str]) -> torch.Tensor:
    return torch.tensor([[len(text), text.count(" ")] for text in texts])


def test_each_group_comes_with_its_pictures_captions_and_truth(generated) -> None:
    groups = list(read_groups(generated, "test"))
    pairs = FourfoldPairs(generated, "test")
    assert len(pairs) == len(groups) > 0
    for i, group in enumerate(groups):
        sample = pairs[i]
        assert (sample["id"], sample["category"]) == (group.id, group.category)
        assert sample["captions"] == [caption.text for caption in group.captions]
        assert sample["truth"][:, :2].tolist() == [[True, False], [False, True]]
        for k, picture in enumerate(sample["images"]):
            assert picture.tobytes() == Image.open(group.image_path(k)).convert("RGB").tobytes()


def test_categories_are_kept_apart_and_none_left_is_said(generated) -> None:
    everything = FourfoldPairs(generated, "test")
    wanted = everything[0]["category"]
    some = FourfoldPairs(generated, "test", categories=[wanted])
    assert 0 < len(some) <= len(everything)
    assert {some[i]["category"] for i in range(len(some))} == {wanted}
    for categories in (["telepathy"], [wanted, "telepathy"]):
        with pytest.raises(InputError, match="unknown category 'telepathy'"):
            FourfoldPairs(generated, "test", categories=categories)
    with pytest.raises(InputError, match="unknown category"):
        FourfoldPairs(generated, "test", categories="binding+relation")  # one name is no list of names


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("shuffle", [0, 3])
def test_a_stream_gives_every_group_once_among_workers_and_processes(generated, workers, shuffle) -> None:
    expected = [group.id for group in read_groups(generated, "test")]
    found = []
    for rank in range(2):
        stream = FourfoldStream(generated, "test", shuffle=shuffle, rank=rank, world_size=2)
        loader = DataLoader(stream, batch_size=None, num_workers=workers)
        found += [sample["id"] for sample in loader]
    assert sorted(found) == sorted(expected)


def test_an_epoch_and_a_seed_decide_the_order_of_a_stream(generated) -> None:
    def order(seed: int, epoch: int) -> list[str]:
        stream = FourfoldStream(generated, "test", shuffle=100, seed=seed)
        stream.set_epoch(epoch)
        return [sample["id"] for sample in stream]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0) != order(20_261_123, 0)
    in_order = [sample["id"] for sample in FourfoldStream(generated, "test")]
    assert in_order == [group.id for group in read_groups(generated, "test")]


def test_batches_know_what_is_padding_and_train_with_the_heads_loss(generated) -> None:
    pairs = FourfoldPairs(generated, "test", transform=transform, tokenize=tokenize)
    samples = [pairs[i] for i in range(min(4, len(pairs)))]
    short = {**samples[0], "captions": samples[0]["captions"][:2]}
    short |= {"truth": samples[0]["truth"][:, :2], "tokens": samples[0]["tokens"][:2]}
    batch = collate_groups([short, *samples[1:]])
    most = max(len(sample["captions"]) for sample in samples[1:])
    assert batch["images"].shape == (len(samples), 2, 3, 16, 16)
    assert batch["tokens"].shape == (len(samples), most, 2)
    assert batch["known"][0].sum() == 4
    assert batch["known"][1:].all()
    assert not (batch["truth"] & ~batch["known"]).any()
    right = torch.where(batch["truth"], 5.0, -5.0)
    loss, worse = (truth_table_loss(scores, batch["truth"], batch["known"]) for scores in (right, -right))
    assert loss < 0.1 < worse


def test_a_contrastive_batch_has_the_adversarial_caption_beside_each_picture(generated) -> None:
    pairs = FourfoldPairs(generated, "test", transform=transform, tokenize=tokenize)
    images, tokens = collate_contrastive([pairs[0], pairs[1]])
    assert images.shape == (4, 3, 16, 16)
    assert torch.equal(images[2:], pairs[1]["images"])
    assert torch.equal(tokens, torch.cat([pairs[0]["tokens"][:2], pairs[1]["tokens"][:2]]))


def test_a_contrastive_batch_without_tensors_says_what_to_give(generated) -> None:
    for options in ({"tokenize": tokenize}, {"transform": transform}):
        with pytest.raises(InputError, match="`transform` and `tokenize`"):
            collate_contrastive([FourfoldPairs(generated, "test", **options)[0]])


RECIPE = Recipe(
    name="online", description="", seed=5, image_size=96, splits={"train": Split(groups={"binding": 2, "content": 1})}
)


@pytest.fixture(scope="module")
def training_set(tmp_path_factory) -> Path:
    from fourfold.generator.run.pipeline import generate

    return generate(RECIPE, tmp_path_factory.mktemp("online") / "set", workers=1, progress=False)


def test_groups_online_are_those_that_generate_writes(training_set) -> None:
    written = {group.id: group for group in read_groups(training_set, "train")}
    online = list(islice(stream_groups(RECIPE, "train"), 4))
    assert [group.category for group in online].count("binding") == 3  # in proportion: two, one, and the next
    assert len({group.id for group in online}) == 4
    for group in online[:3]:
        twin = written[group.id]
        assert group.captions == twin.captions
        for k in (0, 1):
            assert np.array_equal(group.images[k], np.array(Image.open(twin.image_path(k))))


def test_workers_online_share_the_work() -> None:
    def ids(**options: int) -> list[str]:
        return [sample["id"] for sample in islice(iter(FourfoldOnline(RECIPE, "train", **options)), 2)]

    alone = [group.id for group in islice(stream_groups(RECIPE, "train"), 4)]
    assert [*ids(rank=0, world_size=2), *ids(rank=1, world_size=2)] == [alone[0], alone[2], alone[1], alone[3]]
    assert ids(start=2) == alone[2:]


@pytest.mark.parametrize(("split", "said"), [("test", "no split 'test'"), ("empty", "has no groups")])
def test_a_split_without_groups_is_refused(split, said) -> None:
    recipe = Recipe(name="x", description="", splits={"empty": Split(scenes=1), "train": Split(groups={"content": 1})})
    with pytest.raises(InputError, match=said):
        next(stream_groups(recipe, split))


def test_open_clips_own_trainer_learns_from_our_groups(training_set, tmp_path) -> None:
    pytest.importorskip("open_clip_train")
    command = [sys.executable, str(ROOT / "examples" / "finetune_open_clip.py"), "--train-data", str(training_set)]
    command += ["--model", f"local-dir:{TINY_FOLDER}", "--device", "cpu"]
    command += ["--batch-size", "4", "--epochs", "1", "--workers", "0", "--lr", "1e-5", "--warmup", "1"]
    command += ["--logs", str(tmp_path), "--name", "run"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "run" / "checkpoints" / "epoch_1.pt").is_file()
    assert "contrastive_loss" in (done.stderr + done.stdout).lower()


def test_weights_keep_their_activation_while_they_are_tuned() -> None:
    pytest.importorskip("open_clip_train")
    given = runpy.run_path(str(ROOT / "examples" / "finetune_open_clip.py"))["with_activation"]
    quick, plain = ["--model", "ViT-B/32", "--pretrained", "openai"], ["--model", "ViT-B-32", "--lr", "1"]
    assert given(quick) == [*quick, "--force-quick-gelu"]
    assert given(given(quick)) == given(quick)
    assert given(plain) == plain
    others = [*plain, "--pretrained", "laion2b_s34b_b79k"], [*plain, "--pretrained", "some/file.pt"]
    assert [given(each) for each in others] == [*others]


def test_what_else_open_clips_trainer_is_told_to_read_it_reads(training_set, tmp_path, monkeypatch) -> None:
    pytest.importorskip("open_clip_train")
    example = runpy.run_path(str(ROOT / "examples" / "finetune_open_clip.py"))
    from open_clip_train.params import parse_args

    (tmp_path / "val.csv").write_text("filepath\ttitle\n")
    options = ["--train-data", str(training_set), "--val-data", str(tmp_path / "val.csv"), "--workers", "0"]
    args = parse_args([*options, "--batch-size", "2"])
    args.distributed = False
    data = example["fourfold_data"](args, (transform, transform), tokenizer=tokenize)
    assert set(data) == {"train", "val"}
    assert data["train"].dataloader.num_batches == 3
    args.batch_size = 200
    with pytest.raises(SystemExit, match="3 groups; --batch-size 200 needs 100"):
        example["fourfold_data"](args, (transform, transform), tokenizer=tokenize)


def test_what_fills_up_a_batch_is_the_first_caption_and_neither_true_nor_known() -> None:
    def sample(name: str, m: int) -> dict:
        truth = torch.ones(2, m, dtype=torch.bool)
        tokens = torch.arange(10, 10 + m)[:, None]
        texts = {"id": name, "category": "c", "captions": ["x"] * m}
        return {**texts, "images": torch.zeros(2, 3, 1, 1), "truth": truth, "tokens": tokens}

    batch = collate_groups([sample("short", 2), sample("long", 4)])
    for name in ("truth", "known"):
        assert batch[name].tolist() == [[[True, True, False, False]] * 2, [[True] * 4] * 2]
    assert batch["tokens"].squeeze(-1).tolist() == [[10, 11, 10, 10], [10, 11, 12, 13]]
    assert batch["captions"] == [["x"] * 2, ["x"] * 4]
    assert batch["id"] == ["short", "long"]
