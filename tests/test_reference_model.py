"""The reference model's training: what counts as a positive, that it learns, and that a killed run resumes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluator.reference_model import TinyTraining, _fit, precision_at_1
from evaluator.tiny_scenes import ANY, MISSING, Sampling, Scenes, load_scenes, sample_batch, truths, view


def test_truths_are_those_of_the_claims() -> None:
    rng = np.random.default_rng(0)
    objects = rng.integers(4, size=(60, 3, 2))
    objects[rng.random((60, 3)) < 0.3] = MISSING
    claims = np.where(rng.random((50, 2, 2)) < 0.4, ANY, rng.integers(4, size=(50, 2, 2)))
    table = truths(objects, claims)
    for i, there in enumerate(objects):
        for j, claim in enumerate(claims):
            fits = [any(all(w in (ANY, v) for w, v in zip(wanted, o, strict=True)) for o in there) for wanted in claim]
            assert table[i, j] == all(fits)
    assert 0.05 < table.mean() < 0.95


def test_missing_objects_fit_no_word_and_unsaid_ones_fit_all() -> None:
    objects = np.array([[[3, 1], [MISSING, MISSING]]])
    assert not truths(objects, np.array([[[4, ANY]]]))[0, 0]
    assert truths(objects, np.array([[[ANY, ANY], [3, ANY]]]))[0, 0]


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
    claims = color[:, None, None, None]
    return Scenes(
        pixels=torch.from_numpy(pixels),
        tokens=tokens,
        close_up_tokens=tokens[:, None].expand(n, 1, 3, 1),
        objects=color[:, None, None],
        boxes=np.tile([0.25, 0.25, 0.75, 0.75], (n, 1, 1)),
        claims=claims,
        close_up_claims=np.broadcast_to(claims[:, None], (n, 1, 3, 1, 1)),
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
    before = precision_at_1(model, scenes[1], 8, "cpu")
    history = _fit(model, *scenes, TRAINING, 8, tmp_path / "checkpoint.pt", "cpu", progress=False)
    assert before < 0.9
    assert history[-1]["image_to_text_precision_at_1_of_100"] == 1.0


def test_interrupted_training_ends_with_the_same_weights(scenes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("evaluator.reference_model._CHECK_EVERY", 20)
    whole = new_model()
    _fit(whole, *scenes, TRAINING, 8, tmp_path / "whole.pt", "cpu", progress=False)

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
        _fit(new_model(), *scenes, TRAINING, 8, tmp_path / "part.pt", "cpu", progress=False)
    monkeypatch.setattr(torch, "save", torch_save)
    resumed = replace_weights(new_model())
    _fit(resumed, *scenes, TRAINING, 8, tmp_path / "part.pt", "cpu", progress=False)
    assert saved == [20, 40]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def replace_weights(model: TwoTowers) -> TwoTowers:
    """Other weights than the run started from: a resume must not depend on them."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


def test_another_seed_sees_other_batches(scenes, tmp_path) -> None:
    one, other = new_model(), new_model()
    _fit(one, *scenes, TRAINING, 8, tmp_path / "a.pt", "cpu", progress=False)
    _fit(other, *scenes, replace(TRAINING, seed=4), 8, tmp_path / "b.pt", "cpu", progress=False)
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
