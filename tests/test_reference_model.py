"""The reference model's training: what counts as a positive, that it learns, and that a killed run resumes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.training import reference_model
from fourfold.evaluator.training.natural_scenes import (
    ANY,
    ATTRIBUTES,
    HIDDEN,
    MISSING,
    PictureBatch,
    Sampling,
    Scenes,
    _shown,
    load_scenes,
    sample_batch,
    truths,
    view,
)
from fourfold.evaluator.training.reference_model import (
    CONFIG,
    WEIGHTS,
    TinyTraining,
    _contrastive_loss,
    _fit,
    learn,
    precision_at_1,
    train_tiny,
)
from fourfold.generator.dataset.reading import NATURAL, read_rows

CPU = torch.device("cpu")


def test_truths_are_those_of_the_claims() -> None:
    rng = np.random.default_rng(0)
    objects = rng.integers(4, size=(60, 3, 2))
    objects[rng.random((60, 3)) < 0.3] = MISSING
    claims = np.where(rng.random((50, 2, 2)) < 0.4, ANY, rng.integers(4, size=(50, 2, 2)))
    table = truths(objects, claims)
    assert (truths(objects, claims, hidden=True) == table).all()  # nothing is hidden here
    for i, there in enumerate(objects):
        for j, claim in enumerate(claims):
            fits = [any(all(w in (ANY, v) for w, v in zip(wanted, o, strict=True)) for o in there) for wanted in claim]
            assert table[i, j] == all(fits)
    assert 0.05 < table.mean() < 0.95


def test_missing_objects_fit_no_word_and_unsaid_ones_fit_all() -> None:
    objects = np.array([[[3, 1], [MISSING, MISSING]]])
    assert not truths(objects, np.array([[[4, ANY]]]))[0, 0]
    assert truths(objects, np.array([[[ANY, ANY], [3, ANY]]]))[0, 0]


SHAPE, SIZE = ATTRIBUTES.index("shape"), ATTRIBUTES.index("size")


def claim_of(**words: int) -> np.ndarray:
    return np.array([[[words.get(name, ANY) for name in ATTRIBUTES]]])


def test_a_close_up_leaves_open_how_large_a_thing_is() -> None:
    objects = np.full((2, 2, len(ATTRIBUTES)), MISSING)
    objects[:, 0] = 7
    boxes, windows = np.tile([0.4, 0.4, 0.6, 0.6], (2, 2, 1)), np.array([[0.5, 0.5, 1.0], [0.5, 0.5, 0.3]])
    surely, perhaps = _shown(objects, boxes, windows, np.array([False, True]))
    for size, kind, truth, possible in [
        (7, 7, [True, False], [True, True]),
        (8, 7, [False, False], [False, True]),
        (7, 8, [False, False], [False, False]),  # what is not there is neither large nor small
        (ANY, 7, [True, True], [True, True]),
    ]:
        claim = claim_of(size=size, shape=kind)
        assert truths(surely, claim)[:, 0].tolist() == truth
        assert truths(perhaps, claim, hidden=True)[:, 0].tolist() == possible
    assert (surely[1, 0, SIZE], surely[1, 1, SIZE], surely[1, 0, SHAPE]) == (HIDDEN, MISSING, 7)
    assert (objects[:, 0] == 7).all()


def test_what_the_border_cuts_is_there_perhaps() -> None:
    objects = np.full((1, 3, len(ATTRIBUTES)), 7)
    objects[0, :, SHAPE] = [1, 2, 3]
    boxes = np.array([[[0.0, 0.4, 0.2, 0.6], [0.1, 0.4, 0.5, 0.6], [0.5, 0.4, 0.7, 0.6]]])  # out, mostly out, in
    surely, perhaps = _shown(objects, boxes, np.array([[0.7, 0.5, 0.6]]), np.array([True]))
    found = [[bool(truths(o, claim_of(shape=k), hidden=True)[0, 0]) for k in (1, 2, 3)] for o in (surely, perhaps)]
    assert found == [[False, False, True], [False, True, True]]


def test_what_is_ambiguous_is_no_wrong_answer() -> None:
    pixels, tokens = torch.randn(3, 3, 8, 8, generator=torch.manual_seed(5)), torch.tensor([[0], [1], [2]])
    losses = []
    for number in range(3):  # ambiguous captions
        ambiguous = np.zeros((3, 3), bool)
        ambiguous[0, 1 : 1 + number] = True
        model = new_model()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        losses.append(
            learn(
                model,
                optimizer,
                PictureBatch(pixels, tokens, np.eye(3, dtype=bool), ambiguous),
                0.0,
                CPU,
                torch.float32,
            )
        )
    assert losses[0] > losses[1] > losses[2] > 0  # ever fewer to confuse with the true one


def test_with_one_true_caption_each_the_loss_is_clips() -> None:
    logits, true = torch.randn(5, 5, generator=torch.manual_seed(1)) * 3, torch.eye(5, dtype=torch.bool)
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(5))
    assert torch.allclose(_contrastive_loss(logits, true, ~true), expected)


def test_every_true_caption_has_to_beat_the_false_ones_by_itself() -> None:
    """An easy one that is true does not spare one that loses to a false one."""
    logits = torch.tensor(
        [[9.0, 1.0, 2.0]], requires_grad=True
    )  # "a cube", "a large cube" are true, "a small cube" false
    true = torch.tensor([[True, True, False]])
    _contrastive_loss(logits, true, ~true).backward()
    pull = logits.grad[0].tolist()
    assert pull[1] < -0.3
    assert pull[2] > 0.3
    assert abs(pull[0]) < 0.01


@pytest.mark.filterwarnings("error")
def test_a_row_of_nothing_false_has_no_loss_and_numbers_for_gradients() -> None:
    logits = torch.randn(2, 3, generator=torch.manual_seed(1)).requires_grad_()
    true = torch.ones(2, 3, dtype=torch.bool)
    loss = _contrastive_loss(logits, true, ~true)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


class TwoTowers(torch.nn.Module):
    """A linear image tower and a bag-of-words text tower: what a CLIP is to the training loop."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = torch.nn.Linear(3 * 8 * 8, 8), torch.nn.Embedding(4, 8)
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.0))

    def encode_image(self, pixels: torch.Tensor, normalize: bool) -> torch.Tensor:
        return torch.nn.functional.normalize(self.image(pixels.flatten(1)), dim=-1)

    def encode_text(self, tokens: torch.Tensor, normalize: bool) -> torch.Tensor:
        return torch.nn.functional.normalize(self.text(tokens).mean(dim=1), dim=-1)


def color_scenes(n: int, rng: np.random.Generator) -> Scenes:
    """Pictures of one of three colors, captions that name it."""
    color = rng.integers(3, size=n)
    pixels = np.full((n, 3, 8, 8), 40, np.uint8)
    pixels[np.arange(n), color] = 220
    tokens = torch.from_numpy(color + 1)[:, None, None]
    claims = np.full((n, 1, 1, len(ATTRIBUTES)), ANY)
    claims[..., ATTRIBUTES.index("color")] = color[:, None, None]
    objects = np.zeros((n, 1, len(ATTRIBUTES)), int)
    objects[..., ATTRIBUTES.index("color")] = color[:, None]
    return Scenes(
        pixels=torch.from_numpy(pixels),
        tokens=tokens,
        close_up_tokens=tokens[:, None].expand(n, 1, 3, 1),
        objects=objects,
        boxes=np.tile([0.25, 0.25, 0.75, 0.75], (n, 1, 1)),
        claims=claims,
        close_up_claims=np.broadcast_to(claims[:, None], (n, 1, 3, 1, len(ATTRIBUTES))),
    )


def new_model() -> TwoTowers:
    torch.manual_seed(0)
    return TwoTowers()


@pytest.fixture
def scenes() -> tuple[Scenes, Scenes]:
    rng = np.random.default_rng(1)
    return color_scenes(200, rng), color_scenes(100, rng)


TRAINING = TinyTraining(steps=60, batch_size=32, learning_rate=0.02, warmup=5, seed=3)


def test_training_learns_what_captions_say(scenes, tmp_path) -> None:
    model = new_model()
    before = precision_at_1(model, scenes[1], 8, CPU)
    history = _fit(model, *scenes, TRAINING, 8, tmp_path / "checkpoint.pt", "a run", CPU, progress=False)
    assert before < 0.9
    assert history[-1]["image_to_text_precision_at_1_of_100"] == 1.0


def test_interrupted_training_ends_with_the_same_weights(scenes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("fourfold.evaluator.training.reference_model._CHECK_EVERY", 20)
    whole = new_model()
    _fit(whole, *scenes, TRAINING, 8, tmp_path / "whole.pt", "a run", CPU, progress=False)

    class Killed(Exception):
        pass

    saved = []

    def save_then_die(state: dict, path: object) -> None:
        torch_save(state, path)
        saved.append(state["step"])
        if len(saved) == 2:
            raise Killed

    torch_save = torch.save
    monkeypatch.setattr(torch, "save", save_then_die)
    with pytest.raises(Killed):
        _fit(new_model(), *scenes, TRAINING, 8, tmp_path / "part.pt", "a run", CPU, progress=False)
    monkeypatch.setattr(torch, "save", torch_save)
    resumed = replace_weights(new_model())
    _fit(resumed, *scenes, TRAINING, 8, tmp_path / "part.pt", "a run", CPU, progress=False)
    assert saved == [20, 40]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def replace_weights(model: TwoTowers) -> TwoTowers:
    """Other weights than the run started from: a resume must not depend on them."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


@pytest.mark.parametrize("left", [b"torn", None])
def test_a_checkpoint_of_another_run_or_a_torn_one_is_refused(left, scenes, tmp_path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    if left is None:
        _fit(new_model(), *scenes, replace(TRAINING, steps=2), 8, checkpoint, "another", CPU, progress=False)
    else:
        checkpoint.write_bytes(left)
    before = checkpoint.read_bytes()
    with pytest.raises(InputError, match="other data, model or settings" if left is None else "not a readable"):
        _fit(new_model(), *scenes, TRAINING, 8, checkpoint, "a run", CPU, progress=False)
    assert checkpoint.read_bytes() == before


def test_another_seed_sees_other_batches(scenes, tmp_path) -> None:
    one, other = new_model(), new_model()
    _fit(one, *scenes, TRAINING, 8, tmp_path / "a.pt", "a run", CPU, progress=False)
    _fit(other, *scenes, replace(TRAINING, seed=4), 8, tmp_path / "b.pt", "a run", CPU, progress=False)
    assert not torch.equal(one.image.weight, other.image.weight)


def test_a_whole_window_is_the_picture_and_a_mirrored_one_its_mirror() -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(256, size=(2, 3, 16, 16), dtype=np.uint8))
    whole = np.tile([0.5, 0.5, 1.0], (2, 1))
    seen = view(pixels, whole, np.array([False, True]), 16)
    expected = pixels.float() / 127.5 - 1
    assert torch.allclose(seen[0], expected[0], atol=1e-4)
    assert torch.allclose(seen[1], expected[1].flip(2), atol=1e-4)


def test_a_window_cuts_out_its_part() -> None:
    pixels = torch.zeros((1, 3, 16, 16), dtype=torch.uint8)
    pixels[:, :, 8:, :8] = 255  # bottom left
    seen = view(pixels, np.array([[0.25, 0.75, 0.4]]), np.array([False]), 8)
    assert torch.allclose(seen, torch.ones(1, 3, 8, 8), atol=1e-4)


def test_every_picture_of_a_batch_has_its_own_caption_among_the_true(scenes) -> None:
    sampling = Sampling(pictures=32, captions=3, close_ups=0.5, shift=0.05, size=8)
    batch = sample_batch(scenes[0], sampling, np.random.default_rng(2))
    assert len(batch.tokens) == 32  # there is one caption a picture, however many are wanted
    assert batch.true.diagonal().all()
    assert torch.equal(torch.from_numpy(batch.true), batch.tokens == batch.tokens.T)  # one word, one color


def test_natural_scenes_are_read_with_close_ups(generated) -> None:
    def tokenize(texts: list[str]) -> torch.Tensor:
        return torch.tensor([[len(text), 0] for text in texts])

    found = load_scenes(generated, "train", tokenize)
    n, most = found.objects.shape[:2]
    assert found.close_up_tokens.shape[:2] == found.boxes.shape[:2] == (n, most)
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    own = truths(found.objects, found.claims[:, 0])
    assert own.diagonal().all()
    for variant in range(found.close_up_claims.shape[2]):
        assert truths(found.objects, found.close_up_claims[:, 0, variant]).diagonal().all()


def test_too_few_scenes_are_said_before_a_step_is_made(generated, tmp_path, monkeypatch) -> None:
    scenes = {"train": 64, "validation": 99}
    monkeypatch.setattr(
        "fourfold.evaluator.training.reference_model.load_scenes",
        lambda dataset, split, *_: color_scenes(scenes[split], np.random.default_rng(0)),
    )
    with pytest.raises(InputError, match="99 scenes in its split 'validation', 100 are needed"):
        train_tiny(generated, tmp_path / "tiny", progress=False)
    scenes["train"] = 63
    with pytest.raises(InputError, match="63 scenes in its split 'train', 64 are needed"):
        train_tiny(generated, tmp_path / "tiny", progress=False)


def test_what_is_learnt_does_not_depend_on_the_number_of_workers(scenes, tmp_path) -> None:
    learnt = []
    for workers in (1, 3):
        model = new_model()
        short = replace(TRAINING, steps=12)
        place = tmp_path / f"{workers}.pt"
        _fit(model, *scenes, short, 8, place, "a run", CPU, progress=False, workers=workers)
        learnt.append(model.state_dict())
    assert all(torch.equal(learnt[0][name], learnt[1][name]) for name in learnt[0])


@pytest.fixture
def tiny(generated, scenes, tmp_path, monkeypatch):
    """`train_tiny` of the small model on scenes of colors: a call that takes its `out` and options."""
    module = "fourfold.evaluator.training.reference_model"
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / CONFIG).write_text('{"model_cfg": {"vision_cfg": {"image_size": 8}}}')
    monkeypatch.setattr(f"{module}.new_open_clip", lambda folder, seed: (new_model(), None))
    monkeypatch.setattr(f"{module}.load_scenes", lambda dataset, split, *_: scenes[split == "validation"])
    monkeypatch.setattr(f"{module}._CHECK_EVERY", 20)
    options = {"training": TRAINING, "model_folder": tmp_path / "model", "device": "cpu", "progress": False}
    return lambda out, **other: train_tiny(generated, tmp_path / out, **options | other)


def test_the_reference_model_is_the_same_file_for_any_number_of_workers(tiny, tmp_path) -> None:
    one, several = tiny("one", workers=1), tiny("several", workers=4)
    assert one["weights_sha256"] == several["weights_sha256"]
    assert one["history"] == several["history"]
    assert (tmp_path / "one" / WEIGHTS).read_bytes() == (tmp_path / "several" / WEIGHTS).read_bytes()


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError()])
@pytest.mark.parametrize("where", ["learn", "sample_batch"])
def test_memory_that_runs_out_is_said_and_the_run_resumes(tiny, tmp_path, where, error) -> None:
    """In the model, or in a worker that cuts pictures."""
    module = "fourfold.evaluator.training.reference_model"
    whole = tiny("whole")
    real = getattr(reference_model, where)
    for fits in (0, 30, 0):  # batches, of which the first 20 are kept
        kept = (tmp_path / "a_run" / "checkpoint.pt").is_file() or fits > 0
        with pytest.MonkeyPatch.context() as planted:
            planted.setattr(f"{module}.{where}", partial(until, fits, iter(range(1000)), real, error))
            with pytest.raises(InputError, match="a_run: out of memory on cpu") as refused:
                tiny("a_run", workers=2)
        assert "a --batch-size below 32" in str(refused.value)
        assert ("checkpoint.pt: free memory and the same command goes on" in str(refused.value)) == kept
    assert tiny("a_run")["weights_sha256"] == whole["weights_sha256"]


def until(fits: int, calls: Iterator[int], real: Callable, error: Exception, *given: object) -> object:
    if next(calls) < fits:
        return real(*given)
    raise error


@pytest.mark.parametrize(("broken", "said"), [(True, "broken or not an image"), (False, "30 x 20 pixels; a picture")])
@pytest.mark.parametrize("at", [0, -1])
def test_a_picture_that_is_broken_or_of_another_size_is_named(dataset_copy, at, broken, said) -> None:
    row = [row for row in read_rows(dataset_copy, "train") if row["category"] == NATURAL][at]
    path = dataset_copy / "train" / row["file_name"]
    if broken:
        path.write_bytes(path.read_bytes()[:100])
    else:
        Image.new("RGB", (30, 20)).save(path)
    with pytest.raises(InputError, match=rf"{path.name}: {said}"):
        load_scenes(dataset_copy, "train", lambda texts: torch.zeros(len(texts), 2, dtype=torch.int64), workers=3)
