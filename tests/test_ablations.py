"""The ablations: what is left out is left out, and the one command writes a table and a figure for each question."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluator.features import TextFeatures
from evaluator.scorers.dcsm import DcsmConfig, DcsmHead

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import ablations

CAPTIONS = ["a red cube left of no sphere", "no cube"]


@pytest.fixture
def head() -> DcsmHead:
    torch.manual_seed(0)
    return DcsmHead(DcsmConfig(embed_dim=8, width=16)).eval()


@pytest.fixture
def texts() -> TextFeatures:
    """Captions of one piece a word, with a start token in front, an end token behind, and padding."""
    words = [["", *(f"{word}</w>" for word in caption.split()), ""] for caption in CAPTIONS]
    pieces = np.array([line + [""] * (12 - len(line)) for line in words])
    tokens = torch.nn.functional.normalize(torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    return TextFeatures(np.array(CAPTIONS), tokens[:, 0], tokens, torch.from_numpy(pieces != ""), pieces)


def test_without_functional_rows_no_word_has_one(head, texts) -> None:
    assert head.prepare(texts)["words"][:, 1:].any()  # the first is the whole caption's
    ablations.no_functional_rows(head)
    assert not head.prepare(texts)["words"][:, 1:].any()


def test_the_papers_rows_stand_at_the_words_number_and_are_not_trained(head, texts) -> None:
    ablations.untrained_rows_at_word_index(head)
    found = head.find_words(texts)
    rows = {spelling: row for row, words in enumerate(head.config.words, 1) for spelling in words}
    assert found[0, 3] == rows["left"]
    assert found[0, 5] == rows["no"]
    assert found[1, 0] == rows["no"]
    assert not head.word.weight.requires_grad
    assert torch.nn.functional.cosine_similarity(head.word.weight[1:2], head.word.weight[2:3]) > 0.9


def test_standardising_the_call_lets_a_score_depend_on_other_captions(head) -> None:
    rng = torch.Generator().manual_seed(0)
    raw = torch.randn(1, 2, 2, 3, 4, generator=rng)
    mask = torch.ones(1, 2, 3, dtype=torch.bool)
    other = raw.clone()
    other[:, :, 1] *= 5
    alone = [head.standardise(each, mask)[0][:, :, 0] for each in (raw, other)]
    assert torch.equal(*alone)
    ablations.standardised_over_the_item(head)
    together = [head.standardise(each, mask)[0][:, :, 0] for each in (raw, other)]
    assert not torch.allclose(*together)
    whole = head.standardise(raw, mask)[0]
    assert abs(float(whole.mean())) < 1e-5
    assert abs(float(whole.std(correction=0)) - 1) < 1e-4


def test_padding_is_read_where_it_is_not_masked(head, texts) -> None:
    before = head.prepare(texts)["mask"].sum(1)
    ablations.padding_not_masked(head)
    after = head.prepare(texts)["mask"].sum(1)
    assert (after > before).all()
    assert (after == 1 + texts.mask.shape[1]).all()  # and the whole caption


@pytest.mark.slow
def test_one_command_answers_every_question(tmp_path) -> None:
    from click.testing import CliRunner

    from generator.pipeline import generate
    from generator.recipe import Recipe, SceneRange, Split

    groups = dict.fromkeys(ablations.CATEGORIES, 8)
    splits = {name: Split(groups=groups) for name in ("train", "validation", "test")}
    splits["test-counts"] = Split(groups=groups, objects=(4, 4))
    recipe = Recipe(name="small", image_size=112, splits=splits, scene=SceneRange(objects=(2, 3)))
    data = generate(recipe, tmp_path / "data", progress=False)
    out = tmp_path / "out"
    done = CliRunner().invoke(ablations.main, [str(data), "--out", str(out), "--groups", "8", "--epochs", "1"])
    assert done.exit_code == 0, done.output
    scores = json.loads((out / "ablations.json").read_text())["scores"]
    asked = {*ablations.QUESTIONS, "training-size", "distractors"}
    assert {score["question"] for score in scores} == asked
    for question in asked:
        assert (out / f"{question}.svg").read_text().lstrip().startswith("<?xml")
        assert "binding" in (out / f"{question}.md").read_text()
    assert all(0 <= score["right"] <= score["items"] > 0 for score in scores)
    numbers = {score["variant"] for score in scores if score["question"] == "distractors"}
    assert any(name.startswith("4 objects") for name in numbers)
    assert np.isfinite([score["n_parameters"] for score in scores]).all()
