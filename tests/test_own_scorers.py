"""Objects of the user's own in the calls: encoders, items and scorers; on the command line `module:function`."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from fourfold import evaluate, evaluate_models, report
from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers import FunctionScorer, inner_name

COLORS = {"red": (200, 30, 30), "blue": (30, 60, 200), "green": (30, 160, 60), "white": (240, 240, 240)}
WORDS = 6


class Toy:
    """Sees the mean color of each half of a picture, and reads words by their bytes."""

    name, identity, context_length, embed_dim, has_patches = "toy", "toy, 1", WORDS, 6, True

    def encode_images(self, images):
        small = np.stack([np.asarray(image.convert("RGB").resize((2, 1)), np.float32) for image in images])
        patches = normalize(torch.tensor(small)[:, 0].repeat(1, 1, 2) + 1, dim=-1)  # [n, 2, 6]
        pooled = normalize(torch.tensor(small).flatten(1) + 1, dim=-1)  # [n, 6]
        return ImageFeatures(np.array([pixel_hash(image) for image in images]), pooled, patches, None, (1, 2))

    def encode_texts(self, texts):
        words = np.array([(text.split() + [""] * WORDS)[:WORDS] for text in texts])
        ids = torch.tensor([[sum(word.encode()) % 6 for word in row] for row in words])
        tokens, mask = torch.eye(6)[ids], torch.tensor(words != "")
        pooled = normalize((tokens * mask[..., None]).sum(1) + 0.1, dim=-1)
        return TextFeatures(np.array(texts), pooled, tokens, mask, words)


def mine(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
    return images.pooled @ texts.pooled.T


def in_long_double(images: ImageFeatures, texts: TextFeatures) -> np.ndarray:
    return np.asarray(mine(images, texts), np.longdouble)[::-1][::-1]


def crossed(images: ImageFeatures, texts: TextFeatures) -> np.ndarray:
    """In numpy, of patches and text tokens."""
    tokens, mask, _ = texts.dense()
    similarity = np.einsum("npd,mtd->nmpt", images.patches.numpy(), tokens.numpy())
    return (similarity.max(2) * mask.numpy()).sum(-1)


@pytest.fixture(scope="module")
def items(tmp_path_factory) -> tuple[Item, ...]:
    folder = tmp_path_factory.mktemp("pictures")
    found = []
    for category, a, b in [("binding", *"rb"), ("binding", *"gw"), ("content", *"rg"), ("content", *"bw")]:
        one, two = (next(name for name in COLORS if name.startswith(letter)) for letter in (a, b))
        for left, right in ((one, two), (two, one)):
            picture = Image.new("RGB", (20, 10), COLORS[left])
            picture.paste(COLORS[right], (10, 0, 20, 10))
            picture.save(folder / f"{left}-{right}.png")
        pictures = (ImageRef(folder / f"{one}-{two}.png"), ImageRef(folder / f"{two}-{one}.png"))
        captions = (f"{one} left of {two}", f"{two} left of {one}")
        name = f"{category}-{one}-{two}"
        found.append(Item(name, pictures, captions, np.eye(2, dtype=bool), category, name))
    return tuple(found)


def scores(results, name: str) -> list[np.ndarray]:
    return [item.scores[name] for item in results.items]


def ask(items, scorers, **options):
    return evaluate(items, **{"model": Toy(), "scorers": scorers, "progress": False} | options)


def test_an_encoder_items_and_a_function_are_as_good_as_names(items, tmp_path) -> None:
    results = ask(items, ["cosine", mine, crossed, "maxsim"], out=tmp_path / "out")
    assert list(results.scorers) == ["cosine", "mine", "crossed", "maxsim"]
    assert np.allclose(scores(results, "mine"), scores(results, "cosine"), atol=1e-6)
    assert np.ptp(scores(results, "crossed")) > 0.01
    facts = results.scorers["mine"]
    assert facts["own"] == f"{__name__}:mine"
    assert len(facts["source_sha256"]) == 64
    assert results.model["own"] == f"{__name__}:Toy"
    assert load(tmp_path / "out").scorers == results.scorers


@pytest.mark.parametrize(
    "given", ["cosine", mine, in_long_double, FunctionScorer("whole", lambda i, t: i.pooled @ t.pooled.mT)]
)
def test_one_scorer_needs_no_list(given, items) -> None:
    results = ask(items, given)
    np.testing.assert_allclose(scores(results, *results.scorers), scores(ask(items, ["cosine"]), "cosine"), atol=1e-6)


def test_a_scorer_that_changes_what_it_was_given_changes_no_other(items) -> None:
    def rude(images, texts):
        images.pooled.zero_()
        texts.pooled.zero_()
        texts.texts[:] = ""
        return torch.zeros(len(images), len(texts))

    found = ask(items, [rude, "cosine", "phrase-align"])
    plain = ask(items, ["cosine", "phrase-align"])
    for name in plain.scorers:
        assert np.array_equal(scores(found, name), scores(plain, name))


def test_patches_are_handed_out_alike_whichever_scorers_run_beside(items) -> None:
    seen = []

    def look(images, texts):
        seen.append(images.patches is not None)
        return torch.zeros(len(images), len(texts))

    ask(items, [look])
    ask(items, [look, "maxsim"])
    assert set(seen) == {True}
    look.needs_patches = False
    seen.clear()
    ask(items, [look])
    ask(items, [look, "maxsim"])
    assert set(seen) == {False}


def test_controls_go_around_a_scorer_of_ones_own(items) -> None:
    def left(images, texts):
        return images.patches[:, 0] @ texts.pooled.T

    def right(images, texts):
        return images.patches[:, 1] @ texts.pooled.T

    results = ask(items, [left, right, "mirror:left", "shuffled-images:left"])
    assert results.scorers["mirror:left"]["own"].endswith("left")
    assert np.array_equal(scores(results, "mirror:left"), scores(results, "right"))
    assert not np.array_equal(scores(results, "mirror:left"), scores(results, "left"))
    assert not np.array_equal(scores(results, "shuffled-images:left"), scores(results, "left"))


@dataclass
class Weighted:
    """A user's Scorer with weights, which is asked many items at once."""

    name: str = "weighted"
    n_parameters: int = 6
    needs_patches: bool = False
    set_dependent: bool = False
    calls: int = 0

    def __call__(self, images, texts):
        self.calls += 1
        assert images.pooled.ndim == 3 or self.calls in (2, 3)  # those of check_pairwise
        return (images.pooled * torch.arange(6.0)) @ texts.pooled.mT


def test_a_scorer_with_weights_says_what_it_is(items) -> None:
    results = ask(items, FunctionScorer("of many", lambda i, t: i.pooled @ t.pooled.mT, 7, set_dependent=True))
    assert results.scorers["of many"]["n_parameters"] == 7
    assert results.scorers["of many"]["set_dependent"]
    assert "of many†" in results._repr_html_()
    assert ask(items, Weighted()).scorers["weighted"]["own"] == f"{__name__}:Weighted"


def soft(images, texts):
    return torch.softmax(5 * images.pooled @ texts.pooled.T, -1)


def test_a_score_that_depends_on_other_captions_is_refused_or_said(items) -> None:
    with pytest.raises(InputError, match=r"'soft' gave the first image .* among 2 x 2 and 1 alone; .*set_dependent"):
        ask(items, soft)
    said = partial(soft)
    said.set_dependent = True
    results = ask(items, said)
    assert results.scorers["partial"]["set_dependent"]


def wrong(given):
    def score(images, texts):
        return given(images, texts)

    return score


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            wrong(lambda i, t: torch.zeros(len(t))),
            r"'score' gave the shape \(2,\) for 2 images and 2 captions; it must",
        ),
        (wrong(lambda i, t: torch.zeros(len(i), len(t), 1)), r"gave the shape \(2, 2, 1\).*must give \(2, 2\)"),
        (wrong(lambda i, t: torch.full((2, 2), float("nan"))), r"item binding-red-blue: scorer 'score' gave nan"),
        (wrong(lambda i, t: [[0.0, 1.0], [1.0, 0.0]]), "gave 'list'; it must give a tensor or an array of real"),
        (wrong(lambda i, t: np.array([["a", "b"]] * 2)), "gave an array of <U1; it must give"),
        (wrong(lambda i, t: np.ones((2, 2), complex)), "gave an array of complex128; it must give"),
        (wrong(lambda i, t: 1 // 0), r"'score' failed with ZeroDivisionError: .*test_own_scorers\.py"),
        (lambda i: 0, "'lambda' failed with TypeError"),
        (Weighted, "the class 'Weighted' is none; give a name, a function"),
        ([mine, mine], "two are called 'mine'"),
        ([], "none named"),
        (3, "3 is none"),
        ([None], "None is none"),
        ([FunctionScorer("cosine", mine)], "'cosine' is the name of one of ours"),
        ([FunctionScorer("mirror:x", mine)], "the name 'mirror:x'; it must be text without : and #"),
        ([FunctionScorer("dcsm#1", mine)], "must be text without : and #"),
        ([FunctionScorer("mirror", mine)], "'mirror' is the name of one of ours"),
        ([FunctionScorer("x", mine, n_parameters="many")], "n_parameters is 'many'; it must be int"),
    ],
)
def test_what_a_scorer_must_not_give_is_one_clear_line(given, said, items) -> None:
    with pytest.raises(InputError, match=said) as caught:
        ask(items, given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_scorer_17:none", "my_scorer_17 has no function 'none'"),
        ("my_scorer_17:NUMBER", r"3 is none; give a name"),
        ("no_such_module:score", "cannot import module 'no_such_module'.*scorers are .*module:function"),
        ("broken_17:score", "importing broken_17 failed with ZeroDivisionError"),
        ("mirrror:maxsim", "cannot import module 'mirrror'.*mirror:NAME"),
        ("patch-shufle:maxsim", "unknown scorer 'patch-shufle:maxsim'"),
        ("a:b:c", "unknown scorer 'a:b:c'"),
    ],
)
def test_a_name_that_leads_nowhere_says_so(name, said, items, here) -> None:
    with pytest.raises(InputError, match=said):
        ask(items, name)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "NUMBER = 3\n\ndef dcsm(images, texts):\n    return images.pooled @ texts.pooled.T\n"
    (tmp_path / "my_scorer_17.py").write_text(code)
    (tmp_path / "broken_17.py").write_text("1 // 0\n")
    return tmp_path


def test_module_and_function_name_a_scorer_and_no_head_of_ours(items, here) -> None:
    names = ["cosine", "my_scorer_17:dcsm", "mirror:my_scorer_17:dcsm"]
    results = ask(items, names, model="fourfold-tiny")  # for which a head is shipped
    assert np.allclose(scores(results, "my_scorer_17:dcsm"), scores(results, "cosine"), atol=1e-6)
    assert results.scorers["mirror:my_scorer_17:dcsm"]["own"] == "my_scorer_17:dcsm"
    assert "heads" not in results.settings
    assert inner_name("mirror:my_scorer_17:dcsm") == "my_scorer_17:dcsm"


def test_the_command_line_takes_module_and_function(fourfold, here, report_data) -> None:
    report_data.make_dataset(here / "set", 2)
    told = fourfold("evaluate", "set", "--scorer", "cosine", "--scorer", "my_scorer_17:dcsm", "--out", "out", "--quiet")
    assert told.code == 0, told.err
    assert load(here / "out").scorers["my_scorer_17:dcsm"]["own"] == "my_scorer_17:dcsm"
    told = fourfold("report", "out", "--out", "r.html")
    assert told.code == 0, told.err
    told = fourfold("evaluate", "set", "--scorer", "my_scorer_17:none", "--out", "new", "--quiet")
    assert (told.code, len(told.err.splitlines())) == (2, 1)


def test_many_models_are_asked_with_a_scorer_of_ones_own(here, report_data) -> None:
    report_data.make_dataset(here / "set", 2)
    [found] = evaluate_models("set", ["fourfold-tiny"], here / "out", scorers=["cosine", mine], progress=False)
    assert found.outcome == "evaluated", found.reason
    assert load(found.folder).scorers["mine"]["own"] == f"{__name__}:mine"


def test_what_cannot_be_sent_to_other_machines_is_said(items) -> None:
    for options in ({}, {"model": "fourfold-tiny", "scorers": mine}):
        with pytest.raises(InputError, match="--engine ray: takes models and scorers by name"):
            ask(items, **{"scorers": "cosine", "engine": "ray"} | options)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"embed_dim": 7}, "model: 'Toy': toy: 'pooled' has 6 dimensions, its embed_dim is 7"),
        ({"identity": 3}, "model: 'Toy': the encoder has the identity 3; it must be str"),
        ({"encode_texts": lambda texts: 1 // 0}, r"model: 'Toy': encode_texts.*failed with ZeroDivisionError"),
        ({"embed_dim": np.int64(6)}, "embed_dim .*must be int"),
    ],
)
def test_an_encoder_is_held_to_its_contract(change, said, items) -> None:
    toy = Toy()
    for name, value in change.items():
        setattr(toy, name, value)
    with pytest.raises(InputError, match=said):
        ask(items, "cosine", model=toy)


def test_what_is_no_encoder_and_what_does_not_go_with_one_is_said(items) -> None:
    with pytest.raises(InputError, match="model: 'object': the encoder has no name, identity"):
        ask(items, "cosine", model=object())
    with pytest.raises(InputError, match="dtype: says how a model is loaded, and this one is an object already"):
        ask(items, "cosine", dtype="float16")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda items: {"dataset": [1]}, "dataset: 1 is no Item; give a folder, NAME:PATH"),
        (lambda items: {"dataset": 3}, "dataset: 3 is no Item"),
        (lambda items: {"dataset": []}, "no items"),
        (lambda items: {"dataset": [*items, items[0]]}, "appears twice"),
        (lambda items: {"split": "test"}, "split says how a dataset is read"),
        (lambda items: {"retrieval": True}, "retrieval says how a dataset is read"),
        (lambda items: {"prompt": "{caption}"}, "prompt says how a dataset is read"),
        (lambda items: {"dataset": [changed(items[0], truth=[[1, 0], [0, 1]])]}, "truth must be an array"),
        (lambda items: {"dataset": [changed(items[0], images=("a.png", "b.png"))]}, "must be a tuple of ImageRef"),
        (lambda items: {"dataset": [changed(items[0], captions="ab")]}, "captions must be a tuple of str"),
    ],
)
def test_items_that_cannot_be_asked_are_said_before_the_model_is_loaded(change, said, items) -> None:
    with pytest.raises(InputError, match=said):
        evaluate(**{"dataset": items, "model": "no-such-model", "progress": False} | change(items))


def changed(item: Item, **change) -> Item:
    return replace(item, **change)


def test_results_on_items_make_a_report(items, tmp_path) -> None:
    results = ask(items, ["cosine", mine, "mirror:maxsim"])
    assert "mine" in report(results, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "toy on these items, 4 items" in repr(results)


def test_a_limit_takes_the_first_items_of_each_category(items) -> None:
    found = ask((item for item in items), "cosine", limit=1)
    assert [item.id for item in found.items] == ["binding-red-blue", "content-red-green"]
