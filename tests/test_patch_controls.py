"""Controls that change patch tokens: what each does to them, what it leaves alone, and where it would say nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.reporting.systems import list_systems
from fourfold.evaluator.scorers import WRAPPERS, FunctionScorer, ScorerContext, check_scorer, load_scorer
from fourfold.evaluator.scorers.maxsim import maxsim
from fourfold.evaluator.scorers.patch_controls import averaged, mirrored, replace_patches, shuffled

N, DIM, GRID = 7, 8, (3, 5)
PATCHES = GRID[0] * GRID[1]
CONTROLS = [name for name in WRAPPERS if name != "shuffled-images"]


def make_images(n: int = N, seed: int = 0) -> ImageFeatures:
    generator = torch.Generator().manual_seed(seed)
    patches = normalize(torch.randn(n, PATCHES, DIM, generator=generator), dim=-1)
    pooled, cls = (normalize(torch.randn(n, DIM, generator=generator), dim=-1) for _ in range(2))
    return ImageFeatures(np.array([f"{seed}-{row}" for row in range(n)]), pooled, patches, cls, GRID)


def make_texts() -> TextFeatures:
    tokens = normalize(torch.randn(4, 6, DIM, generator=torch.Generator().manual_seed(9)), dim=-1)
    token_strings = np.array([["", "a</w>", "red</w>", "cube</w>", "", ""]] * 4)
    return TextFeatures(
        np.array(list("abcd")), tokens[:, 0], tokens, torch.from_numpy(token_strings != ""), token_strings
    )


class Encoder:
    name, identity, context_length, embed_dim, has_patches = "e", "e-1", 6, DIM, True


@pytest.fixture
def context() -> ScorerContext:
    return ScorerContext(Encoder(), [], EncodedSet(make_images(), make_texts(), [], []), seed=3)


def top_left(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
    """Reads one place, the first of the grid."""
    return images.patches[..., 0, :] @ texts.pooled.transpose(-1, -2)


def around(control: str, context: ScorerContext, **facts) -> FunctionScorer:
    return WRAPPERS[control](FunctionScorer("place", top_left, needs_patches=True, **facts), context)


def rows(patches: torch.Tensor) -> list[tuple]:
    return sorted(tuple(row) for row in patches.tolist())


def test_shuffled_patches_are_the_pictures_own_in_another_order() -> None:
    images = make_images()
    other = shuffled(images, seed=0)
    orders = [
        [int((images.patches[row] == patch).all(-1).nonzero()) for patch in other[row]] for row in range(len(images))
    ]
    assert [sorted(order) for order in orders] == [list(range(PATCHES))] * N
    assert len({tuple(order) for order in orders}) == N  # each picture has its own
    assert list(range(PATCHES)) not in orders


def test_the_order_depends_on_content_and_seed_alone() -> None:
    images = make_images()
    whole = shuffled(images, seed=4)
    assert torch.equal(shuffled(images, seed=4), whole)
    assert torch.equal(shuffled(images[[5]], seed=4)[0], whole[5])  # whoever else is asked about
    assert torch.equal(shuffled(images[np.array([[5, 1], [1, 0]])], seed=4)[1], whole[[1, 0]])
    assert not torch.equal(shuffled(images, seed=5), whole)
    assert all(rows(a) == rows(b) for a, b in zip(shuffled(images, seed=5), whole, strict=True))


def test_every_place_gets_patches_of_every_place() -> None:
    """A permutation that kept some places more often than others would leave some layout to be read."""
    n, size = 600, 4
    patches = torch.eye(size).repeat(n, 1, 1)
    images = ImageFeatures(np.arange(n).astype(str), torch.zeros(n, size), patches, None, (2, 2))
    counts = shuffled(images, seed=0).sum(0)  # [place, came from]
    assert (counts - n / size).abs().max() < 5 * (n * 0.25 * 0.75) ** 0.5


def test_averaged_patches_are_equal_and_of_unit_length() -> None:
    images = make_images()
    other = averaged(images)
    assert other.shape == images.patches.shape
    torch.testing.assert_close(other.norm(dim=-1), torch.ones(N, PATCHES))
    assert torch.equal(other, other[:, :1].expand(other.shape))
    torch.testing.assert_close(other[:, 0], normalize(images.patches.mean(1), dim=-1))


def test_the_mean_of_equal_patches_changes_nothing() -> None:
    images = make_images()
    constant = replace_patches(images, lambda each: each.patches[:, :1].expand(each.patches.shape))
    torch.testing.assert_close(averaged(constant), constant.patches, atol=1e-6, rtol=0)


def test_the_mirror_swaps_left_and_right_in_each_row() -> None:
    number = torch.arange(PATCHES).float().reshape(1, PATCHES, 1)
    images = ImageFeatures(np.array(["i"]), torch.ones(1, 1), number, None, GRID)
    assert mirrored(images).reshape(GRID).tolist() == [[4, 3, 2, 1, 0], [9, 8, 7, 6, 5], [14, 13, 12, 11, 10]]


def test_the_mirror_of_the_mirror_is_the_picture() -> None:
    images = make_images()[np.array([[0, 1], [2, 3]])]
    once = replace_patches(images, mirrored)
    assert not torch.equal(once.patches, images.patches)
    assert torch.equal(mirrored(once), images.patches)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_pair_is_scored_the_same_in_any_company(control: str, context: ScorerContext) -> None:
    scorer, images, texts = around(control, context), make_images(), make_texts()
    together = scorer(images, texts)
    assert together.shape == (N, 4)
    for image, text in [(0, 0), (3, 2), (6, 3)]:
        torch.testing.assert_close(scorer(images[[image]], texts[[text]])[0, 0], together[image, text])
    pairs, columns = np.array([[0, 1], [4, 2]]), np.array([[0, 1], [1, 3]])
    torch.testing.assert_close(scorer(images[pairs], texts[columns])[1], together[[4, 2]][:, [1, 3]])
    assert not torch.allclose(together, top_left(images, texts), atol=1e-3)


@pytest.mark.parametrize("control", CONTROLS)
def test_nothing_but_the_patches_is_changed(control: str, context: ScorerContext) -> None:
    seen = []

    def look(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        seen.append(images)
        return images.pooled @ texts.pooled.T

    images = make_images()
    before = images.patches.clone()
    scorer = WRAPPERS[control](FunctionScorer("look", look, needs_patches=True), context)
    assert torch.equal(scorer(images, make_texts()), images.pooled @ make_texts().pooled.T)
    (given,) = seen
    assert given.grid == GRID
    assert (given.keys == images.keys).all()
    assert given.pooled is images.pooled
    assert given.cls is images.cls
    assert torch.equal(images.patches, before)


@pytest.mark.parametrize("control", ["patch-shuffle", "mirror"])
def test_a_scorer_to_which_places_are_nothing_is_unmoved(control: str, context: ScorerContext) -> None:
    images, texts = make_images(), make_texts()
    scores = load_scorer(f"{control}:maxsim", context)(images, texts)
    torch.testing.assert_close(scores, maxsim(images, texts), atol=1e-6, rtol=0)


def test_without_local_content_maxsim_asks_the_mean_patch_alone(context: ScorerContext) -> None:
    images, texts = make_images(), make_texts()
    mean = normalize(images.patches.mean(1), dim=-1)
    maps = torch.einsum("id,jtd->ijt", mean, texts.tokens)
    expected = (maps.amax(-1) + maps[..., texts.mask[0]].mean(-1)) / 2
    torch.testing.assert_close(load_scorer("mean-patch:maxsim", context)(images, texts), expected)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("set_dependent", [False, True])
def test_a_control_is_described_as_what_it_is_around(control: str, set_dependent: bool, context: ScorerContext) -> None:
    scorer = around(control, context, n_parameters=5, set_dependent=set_dependent)
    described = (scorer.name, scorer.n_parameters, scorer.needs_patches, scorer.set_dependent)
    assert described == (f"{control}:place", 5, True, set_dependent)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("name", ["cosine", "random", "blind", "oracle", "factored", "marginal", "shuffled-images"])
def test_a_scorer_that_reads_no_patches_is_refused(control: str, name: str) -> None:
    class Counting(Encoder):
        def encode_texts(self, texts):
            return make_texts()[[0] * len(texts)]

    context = ScorerContext(Counting(), [], EncodedSet(make_images(), make_texts(), [], []))
    with pytest.raises(InputError, match=rf"{control}:{name}.*reads no patch tokens.* such as dcsm or maxsim"):
        load_scorer(f"{control}:{name}", context)


@pytest.mark.parametrize("control", CONTROLS)
def test_pictures_are_exchanged_before_their_patches_are_changed(control: str, context: ScorerContext) -> None:
    """The other way round, `shuffled-images` would put unchanged pictures in, and the number would be its own."""
    with pytest.raises(InputError, match=re.escape(f"name it first: shuffled-images:{control}:maxsim")):
        check_scorer(f"{control}:shuffled-images:maxsim")
    with pytest.raises(InputError, match=re.escape("name it first: shuffled-images:mirror:maxsim")):
        load_scorer(f"{control}:mirror:shuffled-images:maxsim", context)
    images, texts = make_images(), make_texts()
    whole = load_scorer(f"shuffled-images:{control}:maxsim", context)
    assert whole.set_dependent
    plain, changed = (load_scorer(name, context)(images, texts) for name in ("maxsim", f"{control}:maxsim"))
    scores = whole(images, texts)
    assert not torch.allclose(scores, plain, atol=1e-4)
    torch.testing.assert_close(scores.sort(0).values, changed.sort(0).values, atol=1e-6, rtol=0)


def test_controls_can_be_put_around_each_other(context: ScorerContext) -> None:
    images, texts = make_images(), make_texts()
    place = FunctionScorer("place", top_left, needs_patches=True)
    twice = WRAPPERS["mirror"](WRAPPERS["mirror"](place, context), context)
    assert twice.name == "mirror:mirror:place"
    assert torch.equal(twice(images, texts), top_left(images, texts))
    with pytest.raises(InputError, match="unknown scorer 'mirror'"):
        check_scorer("mirror")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("patch-shuffle:cosine", "'cosine' reads no patch tokens"),
        ("shuffled-images:mirror:random", "mirror:random: 'random' reads no patch tokens"),
        ("mean-patch:shuffled-images:maxsim", "name it first: shuffled-images:mean-patch:maxsim"),
        ("mirror:maxsin", "Did you mean 'maxsim'"),
    ],
)
def test_what_says_nothing_is_refused_in_one_line_before_anything_is_encoded(
    name: str, said: str, report_data, fourfold: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_data.make_dataset(tmp_path / "set", 1)
    monkeypatch.setattr("fourfold.evaluator.run.one_model._encode", lambda *given: pytest.fail("encoded"))
    done = fourfold("evaluate", tmp_path / "set", "--scorer", name, "--quiet", "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


@pytest.mark.parametrize("control", CONTROLS)
def test_a_report_knows_them_as_controls(control: str) -> None:
    known = ("cosine", "dcsm", f"{control}:dcsm")
    run = Results(
        items=(),
        metrics=(),
        comparisons=(),
        model={},
        scorers={name: {} for name in known},
        dataset={},
        settings={"baseline": "cosine"},
        versions={},
    )
    assert [system.role for system in list_systems([run])] == ["baseline", "dcsm", "control"]


def test_the_help_says_what_each_does(fourfold: Callable) -> None:
    words = " ".join(fourfold("evaluate", "--help").out.split())
    assert [name for name in WRAPPERS if f"{name}:NAME" not in words] == []
