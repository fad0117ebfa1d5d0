"""The ablations: what is left out is left out, and the one command writes a table and a figure for each question."""

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fourfold.errors import InputError
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.features import TextFeatures
from fourfold.evaluator.scorers.dcsm import DcsmConfig, DcsmHead
from fourfold.evaluator.tables.formats import write_csv, write_markdown
from fourfold.evaluator.training.train_head import TrainingConfig
from fourfold.statistics import wilson_interval

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import ablations
from ablation_tables import CATEGORIES, Cell, Row, Trial, add_trial, read_trials, table

CAPTIONS = ["a red cube left of no sphere", "no cube"]


@pytest.fixture
def head() -> DcsmHead:
    torch.manual_seed(0)
    return DcsmHead(DcsmConfig(embed_dim=8, width=16)).eval()


@pytest.fixture
def texts() -> TextFeatures:
    """Captions of one piece a word, with a start token in front, an end token behind, and padding."""
    words = [["", *(f"{word}</w>" for word in caption.split()), ""] for caption in CAPTIONS]
    token_strings = np.array([line + [""] * (12 - len(line)) for line in words])
    tokens = torch.nn.functional.normalize(torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    return TextFeatures(np.array(CAPTIONS), tokens[:, 0], tokens, torch.from_numpy(token_strings != ""), token_strings)


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


def test_fewer_groups_are_seen_as_often_as_it_takes_for_as_many_steps() -> None:
    config = TrainingConfig(epochs=6, seed=3)
    for variant in ablations.CURVE:
        chosen = ablations.configure(variant, config)
        assert chosen.epochs * variant.share == 6 == config.epochs
        assert (chosen.patience, chosen.seed) == (chosen.epochs, 3)
    theirs = ablations.configure(ablations.Variant("theirs", training={"learning_rate": 0.5}), config)
    assert theirs == replace(config, patience=6, learning_rate=0.5)


def trial(seed: int, right: dict[tuple[str, str, int], int]) -> Trial:
    cells = tuple(Cell(*place, hits, 10) for place, hits in right.items())
    return Trial(f"{seed:016}", "dcsm", seed, 5, 1, 0.5, cells)


def test_an_estimate_is_the_mean_over_seeds_between_the_lowest_and_the_highest() -> None:
    trials = [
        trial(s, {("test", "binding", 2): s, ("test", "binding", 3): 9, ("more", "binding", 4): 0}) for s in (1, 2, 6)
    ]
    found = Row("all", trials).estimate("binding")
    assert (found.value, found.low, found.high) == pytest.approx((12 / 20, 10 / 20, 15 / 20))
    assert Row("three", trials, objects=3).estimate("binding").value == 0.9
    assert Row("four", trials, "more", 4).estimate("binding").high == 0
    assert Row("all", trials).estimate("relation") is None
    alone = Row("one", trials[:1]).estimate("binding")
    assert (alone.low, alone.high) == wilson_interval(10, 20)


def test_trials_are_read_as_they_were_written_and_a_torn_line_is_none(tmp_path) -> None:
    written = [trial(seed, {("test", "content", 2): seed}) for seed in range(3)]
    for each in written[:2]:
        add_trial(tmp_path, each)
    path = tmp_path / "trials.jsonl"
    path.write_bytes(path.read_bytes()[:-20])  # killed in the middle of the second
    add_trial(tmp_path, written[2])
    assert list(read_trials(tmp_path).values()) == [written[0], written[2]]
    assert read_trials(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize("question", [*ablations.QUESTIONS, "training-size", "distractors"])
def test_the_stored_tables_are_those_of_the_stored_trials(question) -> None:
    folder = Path(__file__).parents[1] / "data_cards" / "results" / "ablations"
    record, known = json.loads((folder / "ablations.json").read_text()), read_trials(folder)
    rows = ablations.answers([known[identity] for identity in record["trials"]], record["groups"])[question]
    shown = table(question, rows, ablations.conditions(record))
    assert (folder / f"{question}.md").read_text() == write_markdown(shown)
    assert (folder / f"{question}.csv").read_text() == write_csv(shown)


@pytest.mark.slow
def test_one_command_answers_every_question(tmp_path) -> None:
    from click.testing import CliRunner

    from fourfold.generator.recipe.recipe import Recipe, SceneRange, Split
    from fourfold.generator.run.pipeline import generate

    groups = dict.fromkeys(CATEGORIES, 8)
    splits = {name: Split(groups=groups) for name in ("train", "validation", "test")}
    splits["test-counts"] = Split(groups=groups, objects=(4, 4))
    recipe = Recipe(name="small", image_size=112, splits=splits, scene=SceneRange(objects=(2, 3)))
    data = generate(recipe, tmp_path / "data", progress=False)
    out = tmp_path / "out"
    asked = [str(data), "--out", str(out), "--groups", "8", "--epochs", "1", "--seed"]
    for seeds in (["1"], ["0", "--seed", "1"]):  # the second finds what the first did
        done = CliRunner().invoke(ablations.main, [*asked, *seeds])
        assert done.exit_code == 0, done.output
    trials = read_trials(out)
    assert Counter(trial.seed for trial in trials.values()) == {seed: len(trials) / 2 for seed in (0, 1)}
    assert len((out / "trials.jsonl").read_text().splitlines()) == len(trials)
    assert not list(out.glob("*.safetensors*"))
    for question in (*ablations.QUESTIONS, "training-size", "distractors"):
        assert (out / f"{question}.svg").read_text().lstrip().startswith("<?xml")
        assert "mean of 2 seeds" in (out / f"{question}.md").read_text()
    assert "4 objects" in (out / "distractors.md").read_text()
    cells = [cell for trial in trials.values() for cell in trial.cells]
    assert all(0 <= cell.right <= cell.groups > 0 for cell in cells)
    assert {(cell.split, cell.category) for cell in cells} >= {("test-counts", name) for name in CATEGORIES}


def test_too_few_groups_are_said(generated, monkeypatch) -> None:
    monkeypatch.setattr(ablations, "load_items", lambda folder, split, limit: load_items(generated, "test", limit))
    with pytest.raises(InputError, match=r"has [0-9]+ groups; give --groups [0-9]+"):
        ablations.load_data(generated, load_encoder("fourfold-tiny"), 10_000, None)
