"""Heads learn what a cosine cannot, from planted features where the answer is known; and a killed run loses nothing."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.trained import HEADS
from fourfold.evaluator.scoring.head_files import read_head
from fourfold.evaluator.training.data import items_right, prepare_data, split_clusters
from fourfold.evaluator.training.losses import truth_table_loss
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig, train_head, train_on_features
from fourfold.evaluator.training.train_state import HeadTrainer

SIDE, DIM, LENGTH = 4, 32, 16
SHAPES = ["cube", "sphere", "cone", "torus", "mug"]
COLORS = ["red", "blue", "green", "yellow", "black"]


class PlantedEncoder:
    """A word is a random vector, a patch the sum of what is seen in it, a pooled embedding a sum: a bag of concepts."""

    name, identity, context_length, embed_dim, has_patches = "planted", "planted-1", LENGTH, DIM, True

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        words = [*SHAPES, *COLORS, "a", "and", "no", "left", "right", "of", "photo", "<start>", "<wall>"]
        self.vectors = dict(zip(words, torch.randn(len(words), DIM, generator=generator), strict=True))

    def encode_scene(self, scene):
        """Scene: {(row, column): (color, shape)}"""
        patches = self.vectors["<wall>"].repeat(SIDE * SIDE, 1)
        for (row, column), words in scene.items():
            patches[row * SIDE + column] = sum(self.vectors[word] for word in words)
        return normalize(patches, dim=-1)

    def encode_texts(self, texts):
        tokens = self.vectors["<start>"].repeat(len(texts), LENGTH, 1)
        token_strings = np.full((len(texts), LENGTH), "", dtype="<U16")
        for row, text in enumerate(texts):
            for at, word in enumerate(text.split(), start=1):
                tokens[row, at], token_strings[row, at] = self.vectors[word], f"{word}</w>"
        mask = torch.from_numpy(token_strings != "")
        tokens = normalize(tokens, dim=-1)
        pooled = normalize((tokens * mask[..., None]).sum(1), dim=-1)
        return TextFeatures(np.array(texts), pooled, tokens, mask, token_strings)


def sample_group(category, rng):
    """Scene A, scene B, caption a, caption b."""
    (color_1, color_2), (shape_1, shape_2) = (rng.permutation(names)[:2] for names in (COLORS, SHAPES))
    one, two = (color_1, shape_1), (color_2, shape_2)
    row_1, row_2 = rng.integers(SIDE, size=2)
    left, right = sorted(rng.permutation(SIDE)[:2])
    here, there = (row_1, left), (row_2, right)
    if category == "binding":
        crossed = (color_2, shape_1), (color_1, shape_2)
        captions = (f"a {a} {b} and a {c} {d}" for (a, b), (c, d) in ((one, two), crossed))
        return {here: one, there: two}, dict(zip((here, there), crossed, strict=True)), *captions
    if category == "relation":
        captions = (f"a {' '.join(one)} {word} of a {' '.join(two)}" for word in ("left", "right"))
        return {here: one, there: two}, {here: two, there: one}, *captions
    captions = (f"a {' '.join(x)} and no {' '.join(y)}" for x, y in ((one, two), (two, one)))
    return {here: one}, {here: two}, *captions


def planted_items(encoder, n, seed, categories=("binding", "relation", "negation")):
    rng = np.random.default_rng(seed)
    groups = [(category, *sample_group(category, rng)) for _ in range(n) for category in categories]
    patches = torch.stack([encoder.encode_scene(scene) for group in groups for scene in group[1:3]])
    images = ImageFeatures(
        keys=np.array([f"{seed}-{row}" for row in range(len(patches))]),
        pooled=normalize(patches.mean(1), dim=-1),
        patches=patches,
        grid=(SIDE, SIDE),
    )
    captions = sorted({caption for group in groups for caption in group[3:]})
    row_of = {caption: row for row, caption in enumerate(captions)}
    items = [
        Item(
            id=f"{category}-{at}",
            images=(ImageRef("a.png"), ImageRef("b.png")),
            captions=(a, b),
            truth=np.eye(2, dtype=bool),
            category=category,
            cluster=f"{category}-{at}",
        )
        for at, (category, _, _, a, b) in enumerate(groups)
    ]
    image_index = [np.array([2 * at, 2 * at + 1]) for at in range(len(groups))]
    text_index = [np.array([row_of[text] for text in item.captions]) for item in items]
    return EncodedItems(items, EncodedSet(images, encoder.encode_texts(captions), image_index, text_index))


@pytest.fixture(scope="module")
def encoder():
    return PlantedEncoder()


@pytest.fixture(scope="module")
def small(encoder):
    return planted_items(encoder, 10, seed=5), planted_items(encoder, 4, seed=6)


QUICK = TrainingConfig(epochs=3, batch_groups=8, patience=3)


class PixelEncoder(PlantedEncoder):
    """Reads patches off real pictures: a pixel's brightness is the row of a table of scenes."""

    def __init__(self, scenes):
        super().__init__()
        self.scenes = scenes  # [N, p, d]
        self.seen = 0

    def encode_images(self, images):
        self.seen += len(images)
        rows = [image.getpixel((0, 0))[0] for image in images]
        patches = self.scenes[rows]
        keys = np.array([str(row) for row in rows])
        return ImageFeatures(keys, normalize(patches.mean(1), dim=-1), patches, None, (SIDE, SIDE))


def test_train_head_encodes_once_and_holds_groups_out(encoder, tmp_path):
    planted = planted_items(encoder, 12, seed=7)
    reader = PixelEncoder(planted.encoded.images.patches)
    for row in range(len(planted.encoded.images)):
        Image.new("RGB", (2, 2), (row, 0, 0)).save(tmp_path / f"{row}.png")
    items = [
        replace(item, images=tuple(ImageRef(tmp_path / f"{row}.png") for row in rows))
        for item, rows in zip(planted.items, planted.encoded.image_index, strict=True)
    ]
    report = train_head(items, None, reader, out=tmp_path / "h.safetensors", config=QUICK, progress=False)
    assert reader.seen == len(planted.encoded.images)
    head = read_head(report.path)
    assert head.dataset["items"] == 36 - 3
    assert head.metrics["items"] == 3
    assert set(report.group_scores) == {"binding", "relation", "negation"}
    assert head.training["epochs"] == 3
    assert (head.encoder_name, head.encoder_identity) == (reader.name, reader.identity)
    with pytest.raises(InputError, match=r"unknown head 'dscm'. Did you mean 'dcsm'"):
        train_head(items, None, reader, head="dscm", out=tmp_path / "other", config=QUICK)


def test_dcsm_learns_binding_relation_and_negation_where_cosine_cannot(encoder, tmp_path):
    train, validation = planted_items(encoder, 350, seed=1), planted_items(encoder, 100, seed=2)
    config = TrainingConfig(epochs=5, learning_rate=3e-3)
    started = time.process_time()  # the processor's time: a busy machine must not fail the test
    report = train_on_features(
        train, validation, encoder, head="dcsm", out=tmp_path / "h.safetensors", config=config, progress=False
    )
    assert time.process_time() - started < 40
    assert {name: score > 0.9 for name, score in report.group_scores.items()} == {
        "binding": True,
        "negation": True,
        "relation": True,
    }

    context = ScorerContext(encoder, validation.items, validation.encoded, head=report.path)
    images, texts = validation.encoded.images, validation.encoded.texts
    table = np.stack(validation.encoded.image_index), np.stack(validation.encoded.text_index)
    scored = load_scorer("dcsm", context)(images[table[0]], texts[table[1]])
    network = HEADS["dcsm"].build(HEADS["dcsm"].configure(encoder, images), encoder)
    data = prepare_data(validation.items, validation.encoded, network)
    assert items_right(scored.numpy(), data).mean() == pytest.approx(np.mean(list(report.group_scores.values())))

    cosine = load_scorer("cosine", context)(images[table[0]], texts[table[1]]).double().round(decimals=5)
    right = items_right(cosine.numpy(), data)
    assert not right[data.categories != "negation"].any()
    assert right[data.categories == "negation"].mean() < 0.1
    assert report.n_parameters < 300_000


@pytest.mark.parametrize("head", HEADS)
def test_every_head_trains_saves_and_scores(head, encoder, small, tmp_path):
    out = tmp_path / "head.safetensors"
    report = train_on_features(*small, encoder, head=head, out=out, config=QUICK, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head.safetensors", "head.safetensors.log.jsonl"]
    log = [json.loads(line) for line in out.with_name("head.safetensors.log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in log] == list(range(1, report.epochs + 1))
    assert log[report.best_epoch - 1]["group_score"] == max(row["group_score"] for row in log)
    assert all(row["loss"] > 0 and np.isfinite(row["validation_loss"]) for row in log)

    items, encoded = small[1].items, small[1].encoded
    scorer = load_scorer(head, ScorerContext(encoder, items, encoded, head=out))
    scores = scorer(encoded.images[encoded.image_index[0]], encoded.texts[encoded.text_index[0]])
    assert scores.shape == (2, 2)
    assert scores.std() > 0
    assert scorer.n_parameters == report.n_parameters


@pytest.mark.parametrize("head", HEADS)
def test_a_killed_run_resumes_to_the_same_weights(head, encoder, small, tmp_path, monkeypatch):
    config = TrainingConfig(epochs=3, batch_groups=8, patience=3, feature_noise=0.1, token_dropout=0.1)

    def train(out):
        return train_on_features(*small, encoder, head=head, out=out, config=config, progress=False)

    torch.manual_seed(1)
    train(tmp_path / "whole.safetensors")
    save = HeadTrainer.save

    def save_and_die(self, *arguments):
        save(self, *arguments)
        if self.state.epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(HeadTrainer, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed.safetensors")
    assert not (tmp_path / "killed.safetensors").exists()
    monkeypatch.undo()
    torch.manual_seed(2)  # what the caller's generator stands at must not matter
    report = train(tmp_path / "killed.safetensors")
    assert report.epochs == 3
    whole, resumed = (read_head(tmp_path / f"{name}.safetensors") for name in ("whole", "killed"))
    for name, weight in whole.weights.items():
        assert torch.equal(weight, resumed.weights[name]), name
    assert not list(tmp_path.glob("*.checkpoint"))


def test_a_checkpoint_of_another_run_is_refused(encoder, small, tmp_path, monkeypatch):
    out = tmp_path / "head.safetensors"
    monkeypatch.setattr(HeadTrainer, "finished", property(lambda self: self.state.epoch >= 1))
    monkeypatch.setattr(
        "fourfold.evaluator.training.train_head.save_head", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        train_on_features(*small, encoder, head="dcsm", out=out, config=QUICK, progress=False)
    monkeypatch.undo()
    other = TrainingConfig(epochs=3, batch_groups=8, seed=9)
    with pytest.raises(InputError, match="left by a run with other data, model or settings"):
        train_on_features(*small, encoder, head="dcsm", out=out, config=other, progress=False)
    train, _ = small
    with pytest.raises(InputError, match="left by a run with other data, model or settings"):
        train_on_features(train, train, encoder, head="dcsm", out=out, config=QUICK, progress=False)
    train_on_features(*small, encoder, head="dcsm", out=out, config=other, progress=False, resume=False)


def test_a_damaged_or_foreign_checkpoint_is_said(encoder, small, tmp_path):
    checkpoint = tmp_path / "b.safetensors.checkpoint"
    torch.save({"identity": "x", "weights": torch.zeros(9)}, checkpoint)
    others = [checkpoint.read_bytes()]
    torch.save([1], checkpoint)
    others.append(checkpoint.read_bytes())
    torch.save(replace(QUICK), checkpoint)  # a pickle of a class
    others.append(checkpoint.read_bytes())
    with ZipFile(checkpoint, "w") as archive:
        archive.writestr("mine.txt", "mine")
    for content in (b"torn", *others, checkpoint.read_bytes()):
        checkpoint.write_bytes(content)
        with pytest.raises(InputError, match="not a readable checkpoint; delete it"):
            train_on_features(*small, encoder, head="dcsm", out=tmp_path / "b.safetensors", config=QUICK)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *((name, value) for name in ("epochs", "batch_groups", "patience") for value in (0, -1)),
        *(("learning_rate", value) for value in (0, -1, math.nan, math.inf)),
        *((name, value) for name in ("weight_decay", "feature_noise") for value in (-1, math.nan, math.inf)),
        *(
            (name, value)
            for name in ("token_dropout", "warmup", "validation_share")
            for value in (-0.1, 1, 2, math.nan)
        ),
        *((name, -1) for name in ("augmentations", "seed")),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(name, wrong):
    with pytest.raises(InputError, match=f"training: {name} .* must be"):
        TrainingConfig(**{name: wrong})


def test_nothing_is_overwritten(encoder, small, tmp_path):
    out = tmp_path / "head.safetensors"
    out.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        train_on_features(*small, encoder, head="dcsm", out=out, config=QUICK, progress=False)
    assert out.read_text() == "mine"
    with pytest.raises(InputError, match="does not exist"):
        train_on_features(*small, encoder, head="dcsm", out=tmp_path / "no" / "h", config=QUICK, progress=False)


def test_a_missing_tensorboard_is_said_before_an_epoch_is_trained(encoder, small, tmp_path, monkeypatch):
    monkeypatch.setattr("fourfold.evaluator.training.train_head.find_spec", lambda name: None)
    monkeypatch.setattr(HeadTrainer, "train_epoch", lambda *_: pytest.fail("began to train"))
    with pytest.raises(InputError, match="pip install tensorboard"):
        train_on_features(*small, encoder, head="dcsm", out=tmp_path / "h", config=QUICK, tensorboard=tmp_path / "t")


def test_a_model_without_patch_tokens_is_refused_where_they_are_needed(small, tmp_path):
    class Poolless(PlantedEncoder):
        has_patches = False

    for head in ("dcsm", "dcsm-ref"):
        with pytest.raises(InputError, match="needs patch tokens and the model 'planted' has none"):
            train_on_features(*small, Poolless(), head=head, out=tmp_path / "h", config=QUICK, progress=False)


def test_patience_ends_a_run_that_gets_no_better(encoder, small, tmp_path, monkeypatch):
    rows = iter([0.5, 0.6, 0.6, 0.2, 0.6, 0.9])
    monkeypatch.setattr(
        HeadTrainer, "validate", lambda *_: {"validation_loss": 1.0, "group_score": next(rows), "group_scores": {}}
    )
    config = TrainingConfig(epochs=6, batch_groups=32, patience=3)
    report = train_on_features(*small, encoder, head="labclip", out=tmp_path / "h", config=config, progress=False)
    assert (report.epochs, report.best_epoch) == (5, 2)


def test_the_loss_wants_true_pairs_above_false_ones_and_nothing_else():
    truth = torch.tensor([[[1, 0, 1], [0, 1, 0]]], dtype=torch.bool)
    scores = torch.zeros(1, 2, 3, requires_grad=True)
    known = torch.ones_like(truth)
    truth_table_loss(scores, truth, known).backward()
    assert ((scores.grad < 0) == truth).all()  # a step against the gradient raises the true ones, lowers the others
    good = torch.where(truth, 20.0, -20.0)
    assert truth_table_loss(good, truth, known) < 1e-6
    assert truth_table_loss(-good, truth, known) > 20


def test_two_true_captions_are_no_rivals():
    truth = torch.tensor([[[1, 1, 0]]], dtype=torch.bool)
    known = torch.ones_like(truth)
    near, far = torch.tensor([[[9.0, 9.0, -9.0]]]), torch.tensor([[[9.0, 90.0, -9.0]]])
    assert truth_table_loss(near, truth, known) == pytest.approx(truth_table_loss(far, truth, known).item(), abs=1e-3)


def test_padding_takes_no_part_in_the_loss():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 2, 5, generator=generator)
    truth = torch.rand(4, 2, 5, generator=generator) > 0.5
    known = torch.ones_like(truth)
    known[:, :, 3:] = False
    changed = scores.clone()
    changed[:, :, 3:] = 50.0
    cut = truth_table_loss(scores[..., :3], truth[..., :3], known[..., :3])
    torch.testing.assert_close(truth_table_loss(changed, truth, known), cut)


def test_items_of_different_shapes_are_padded(encoder):
    planted = planted_items(encoder, 2, seed=3, categories=["binding"])
    choice = Item("c", planted.items[0].images[:1], ("x", "y", "z"), np.array([[0, 1, 0]], dtype=bool), "choice", "c")
    encoded = EncodedSet(
        planted.encoded.images,
        planted.encoded.texts,
        [*planted.encoded.image_index, np.array([1])],
        [*planted.encoded.text_index, np.array([0, 2, 3])],
    )
    network = HEADS["dcsm"].build(HEADS["dcsm"].configure(encoder, encoded.images), encoder)
    data = prepare_data([*planted.items, choice], encoded, network)
    assert data.truth.shape == (3, 2, 3)
    assert data.known.sum((1, 2)).tolist() == [4, 4, 3]
    assert data.truth[2].sum() == 1
    scores = np.where(data.truth, 1.0, 0.0)
    assert items_right(scores, data).all()
    assert not items_right(np.zeros_like(scores), data).any()  # ties are misses
    scores[2, 0, 2] = 2.0
    assert items_right(scores, data).tolist() == [True, True, False]


def test_an_item_that_teaches_nothing_is_refused(encoder):
    planted = planted_items(encoder, 1, seed=3, categories=["binding"])
    first = planted.items[0]
    all_true = Item(first.id, first.images, first.captions, np.ones((2, 2), dtype=bool), "binding", "x")
    with pytest.raises(InputError, match="only one kind"):
        prepare_data([all_true], planted.encoded, HEADS["dcsm"].build(HEADS["dcsm"].configure(encoder, None), encoder))


def test_validation_split_keeps_clusters_and_categories_whole():
    items = [
        Item(f"{category}-{n}-{half}", (), (), np.eye(2, dtype=bool), category, f"{category}-{n}")
        for category in ("binding", "negation")
        for n in range(20)
        for half in range(3)
    ]
    train, validation = split_clusters(items, 0.1, seed=0)
    assert len(train) + len(validation) == len(items)
    assert not {item.cluster for item in train} & {item.cluster for item in validation}
    for category in ("binding", "negation"):
        assert sum(item.category == category for item in validation) == 2 * 3
    assert split_clusters(items, 0.1, seed=0)[1] == validation
    assert split_clusters(items, 0.1, seed=1)[1] != validation
    with pytest.raises(InputError, match="at least 2 groups are needed"):
        split_clusters(items[:3], 0.1, seed=0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"), "Tried to allocate 2.00"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "can't allocate memory"),
        (MemoryError(), "out of memory on cpu;"),
    ],
)
def test_a_run_that_does_not_fit_into_memory_says_so_and_resumes(error, said, encoder, small, tmp_path, monkeypatch):
    def train(name):
        out = tmp_path / name
        config = replace(QUICK, device="cpu")
        return train_on_features(*small, encoder, head="labclip", out=out, config=config, progress=False)

    train("whole.safetensors")
    step = HeadTrainer._step

    def run_out(self, *arguments):
        if self.state.epoch == fails[-1]:
            raise error
        return step(self, *arguments)

    fails = []
    monkeypatch.setattr(HeadTrainer, "_step", run_out)
    for epoch, advice in ((0, "free memory, or train with"), (1, r"run\.safetensors\.checkpoint: free memory and the")):
        fails.append(epoch)
        with pytest.raises(InputError, match=rf"(?s)run\.safetensors: out of memory on cpu.*{advice}") as refused:
            train("run.safetensors")
        assert said in str(refused.value)
        assert "a --batch-groups below 8" in str(refused.value)
        assert "\n" not in str(refused.value)
    monkeypatch.undo()
    assert train("run.safetensors").epochs == 3
    whole, resumed = (read_head(tmp_path / f"{name}.safetensors") for name in ("whole", "run"))
    assert all(torch.equal(weight, resumed.weights[name]) for name, weight in whole.weights.items())


def test_another_error_in_training_stays_what_it_is(encoder, small, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(HeadTrainer, "_step", fail)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        train_on_features(*small, encoder, head="labclip", out=tmp_path / "h", config=QUICK, progress=False)


def test_a_broken_picture_is_named_before_a_head_is_trained(encoder, tmp_path):
    planted = planted_items(encoder, 2, seed=7)
    good, broken = tmp_path / "good.png", tmp_path / "broken.png"
    Image.new("RGB", (2, 2)).save(good)
    broken.write_bytes(good.read_bytes()[:40])
    items = [replace(item, images=(ImageRef(good), ImageRef(broken))) for item in planted.items]
    reader = PixelEncoder(planted.encoded.images.patches)
    with pytest.raises(InputError, match=r"broken\.png: broken or not an image"):
        train_head(items, None, reader, out=tmp_path / "h.safetensors", config=QUICK, progress=False)


RUN = """
import os, signal, sys
from pathlib import Path
from fourfold.evaluator.training.train_head import TrainingConfig, train_on_features
from fourfold.evaluator.training.train_state import HeadTrainer
from test_training import PlantedEncoder, planted_items

encoder, save = PlantedEncoder(), HeadTrainer.save

def save_and_die(self, *arguments):
    save(self, *arguments)
    if self.state.epoch == 1 and "killed" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)

HeadTrainer.save = save_and_die
data = [planted_items(encoder, n, seed=n) for n in (10, 4)]
config = TrainingConfig(epochs=3, batch_groups=8, patience=3, feature_noise=0.1, token_dropout=0.1, device="cpu")
train_on_features(*data, encoder, head="dcsm", out=Path(sys.argv[1]), config=config, progress=False)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_is_resumed_by_another_to_the_same_weights(tmp_path):
    """What the system does to a process that takes too much memory; each process has an order of sets of its own."""

    def run(name, hash_seed, *how):
        here = {"PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{Path(__file__).parents[1]}"}
        command = [sys.executable, "-c", RUN, str(tmp_path / name), *how]
        return subprocess.run(command, env=os.environ | here | {"PYTHONHASHSEED": hash_seed}, check=False).returncode

    assert run("whole", "1") == 0
    assert run("part", "2", "killed") == -signal.SIGKILL
    assert not (tmp_path / "part").exists()
    assert run("part", "3") == 0
    whole, resumed = (read_head(tmp_path / name) for name in ("whole", "part"))
    assert all(torch.equal(weight, resumed.weights[name]) for name, weight in whole.weights.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part", "part.log.jsonl", "whole", "whole.log.jsonl"]
