"""Adaptive evaluation: groups are aimed at a level, a planted threshold is found, an interrupted run ends the same."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fourfold.calls import adaptive as calls
from fourfold.errors import InputError
from fourfold.evaluator.analysis.thresholds import (
    ADAPTIVE_FILE,
    AdaptiveResults,
    AskedGroup,
    Search,
    read_adaptive,
    save_adaptive,
    threshold_table,
)
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.reporting.threshold_figure import write_figure
from fourfold.evaluator.run.adaptive import AskedModel, earlier_searches, run_searches, start_searches
from fourfold.evaluator.scorers import SCORERS, FunctionScorer
from fourfold.generator.categories.world import make_world
from fourfold.generator.dataset.difficulty_axes import AXES, AxisRange
from fourfold.generator.groups import aimed
from fourfold.generator.groups.aimed import DRAWN_AXES, Source, aim_group, find_range
from fourfold.generator.groups.making import make_group

AXIS = "color_distance"


@pytest.fixture
def source(small_recipe, flat_renderer, monkeypatch) -> Source:
    monkeypatch.setattr(aimed, "DRAFTS", 8)
    monkeypatch.setattr(aimed, "PILOT_DRAFTS", 40)
    monkeypatch.setattr(aimed, "PILOT_PICTURES", 15)
    return Source(make_world(small_recipe, small_recipe.splits["test"]), "test", 3, flat_renderer(64))


class BlankEncoder:
    """Sees nothing and reads nothing; the planted scorer needs neither."""

    name = identity = "blank"
    context_length, has_patches, embed_dim = 8, False, 2

    def encode_images(self, images) -> ImageFeatures:
        keys = np.array([f"{i}-{np.asarray(image).sum()}" for i, image in enumerate(images)])
        return ImageFeatures(keys, torch.eye(2)[:1].repeat(len(images), 1))

    def encode_texts(self, texts) -> TextFeatures:
        n = len(texts)
        pooled = torch.eye(2)[:1].repeat(n, 1)
        blank = torch.zeros(n, 8, dtype=torch.bool)
        return TextFeatures(np.array(texts), pooled, pooled[:, None].repeat(1, 8, 1), blank, np.full((n, 8), ""))


@pytest.fixture
def planted(monkeypatch):
    """Plant a scorer that is right of exactly those groups of which a function of their axis says so."""

    def plant(is_right) -> None:
        def load(context) -> FunctionScorer:
            [item] = context.items
            truth = torch.from_numpy(item.truth).float()
            return FunctionScorer(
                "planted", lambda images, texts: (truth if is_right(item.tags[AXIS]) else -truth)[None]
            )

        monkeypatch.setitem(SCORERS, "planted", load)

    return plant


def start(source: Source, seed: int = 3) -> AdaptiveResults:
    searches, notes = start_searches(source, AXIS, ["binding"], ["planted"], strict=True)
    return AdaptiveResults({"axis": AXIS, "model": "blank", "seed": seed}, searches, notes)


@pytest.mark.parametrize("doubling", [False, True])
def test_levels_are_places_in_the_range(doubling):
    within = AxisRange("visible_pixels" if doubling else "distance", 64.0, 1024.0)
    assert (within.level(64), within.level(1024)) == (0, 1)
    assert within.value(0.5) == pytest.approx(256 if doubling else 544)
    assert within.value(within.level(100)) == pytest.approx(100)


@pytest.mark.parametrize("axis", [AXIS, "n_objects", "visible_pixels"])
def test_a_group_is_near_the_level_that_was_asked_for(axis, source):
    within = find_range(source, "binding", axis)
    found = {
        wanted: [
            within.level(aim_group(source, "binding", i, wanted, within).pictures[0].row["difficulty"][axis])
            for i in range(4)
        ]
        for wanted in (0.1, 0.9)
    }
    assert np.mean(found[0.1]) < 0.35
    assert np.mean(found[0.9]) > 0.65


def test_groups_on_which_the_axis_cannot_be_measured_are_passed_over(source, monkeypatch):
    monkeypatch.setattr(aimed, "DRAFTS", 2)
    within = AxisRange("margin", 0.0, 4.0)  # a negation has a margin only where it says where something is
    for index in range(4):
        assert aim_group(source, "negation", index, 0.5, within).pictures[0].row["difficulty"]["margin"] >= 0
    with pytest.raises(InputError, match="margin cannot be measured"):
        aim_group(source, "content", 0, 0.5, within)


def test_aimed_groups_are_made_of_seed_and_number_alone_and_are_none_of_a_dataset(source):
    within = find_range(source, "binding", AXIS)
    first, again, other = (aim_group(source, "binding", i, 0.5, within).pictures[0].row for i in (0, 0, 1))
    assert first == again
    usual = make_group(source.world, "test", "binding", 0, source.seed, source.renderer).pictures[0].row
    assert len({row["scene_sha256"] for row in (first, other, usual)}) == 3


@pytest.mark.parametrize(
    ("axis", "category", "named"),
    [
        ("colour_distance", "binding", ["Did you mean 'color_distance'", "n_objects"]),
        ("held_out", "binding", ["'binding'", "held_out hardly varies", "color_distance"]),
        ("margin", "content", ["'content'", "margin hardly varies", "n_objects"]),
    ],
)
def test_an_axis_that_does_not_vary_is_said_with_those_that_do(axis, category, named, source):
    with pytest.raises(InputError) as said:
        find_range(source, category, axis)
    assert [word for word in named if word not in str(said.value)] == []
    assert "\n" not in str(said.value)


def test_categories_without_the_axis_are_left_out_unless_they_were_named(source):
    searches, notes = start_searches(source, "margin", ["content", "relation"], ["a", "b"], strict=False)
    assert [(each.category, each.scorer) for each in searches] == [("relation", "a"), ("relation", "b")]
    assert len(notes) == 1
    with pytest.raises(InputError, match="margin hardly varies"):
        start_searches(source, "margin", ["content", "relation"], ["a"], strict=True)


def test_a_planted_threshold_is_found_and_a_run_that_was_interrupted_ends_with_the_same_bytes(
    source, planted, tmp_path
):
    planted(lambda value: value > 40)
    whole = run_searches(start(source), source, AskedModel(BlankEncoder()), 60, tmp_path / "whole", progress=False)
    [search] = whole.searches
    found = search.threshold
    assert found.verdict == "known"
    assert search.within.value(found.low) < 40 < search.within.value(found.high)
    assert len(search.asked) < 60
    assert len({each.group for each in search.asked}) == len(search.asked)

    class Interrupted(BlankEncoder):
        left = 7

        def encode_images(self, images):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return super().encode_images(images)

    out = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        run_searches(start(source), source, AskedModel(Interrupted()), 60, out, progress=False)
    left = earlier_searches(whole.setting, out)
    assert 0 < len(left.searches[0].asked) < 7
    run_searches(left, source, AskedModel(BlankEncoder()), 60, out, progress=False)
    for folder in (tmp_path / "whole", out):
        write_figure(read_adaptive(folder), folder)
    for name in (ADAPTIVE_FILE, "adaptive.svg"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(("right", "said"), [(True, "above"), (False, "below")])
def test_a_scorer_to_whom_the_axis_does_not_matter_gets_words_and_no_number(right, said, tmp_path):
    asked = tuple(AskedGroup(f"g{i}", 0.5 + 2 * i / 40, right, 1.0 if right else -1.0) for i in range(40))
    results = AdaptiveResults(
        {"axis": "distance", "model": "m"}, (Search("c", "s", AxisRange("distance", 0.5, 2.5), asked),)
    )
    [row] = threshold_table(results).rows
    assert (row[2], row[3]) == ("–", f"{said} over the whole range")
    save_adaptive(results, tmp_path)
    assert read_adaptive(tmp_path) == results
    assert json.loads((tmp_path / ADAPTIVE_FILE).read_text())["searches"][0]["threshold"]["verdict"] == said


def test_another_setting_and_a_foreign_file_are_refused(tmp_path):
    save_adaptive(AdaptiveResults({"axis": AXIS, "seed": 1}, ()), tmp_path)
    assert earlier_searches({"axis": AXIS, "seed": 1}, tmp_path) is not None
    with pytest.raises(InputError, match="begun with seed 1, not 2"):
        earlier_searches({"axis": AXIS, "seed": 2}, tmp_path)
    (tmp_path / ADAPTIVE_FILE).write_text("[]")
    with pytest.raises(InputError, match=r"adaptive\.json: not as fourfold writes it"):
        earlier_searches({}, tmp_path)


def test_a_scorer_that_looks_at_other_groups_is_refused_before_anything_is_written(source, monkeypatch, tmp_path):
    dependent = FunctionScorer("planted", lambda images, texts: torch.zeros(1, 2, 4), set_dependent=True)
    monkeypatch.setitem(SCORERS, "planted", lambda context: dependent)
    with pytest.raises(InputError, match="scores depend on other groups"):
        run_searches(start(source), source, AskedModel(BlankEncoder()), 60, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_every_axis_that_is_measured_in_pictures_is_one():
    assert set(DRAWN_AXES) < set(AXES)


def test_the_command_searches_goes_on_and_refuses_what_does_not_fit(
    fourfold, small_recipe, generated, monkeypatch, tmp_path
):
    monkeypatch.setattr(aimed, "DRAFTS", 4)
    monkeypatch.setattr(aimed, "PILOT_DRAFTS", 30)
    out = tmp_path / "out"
    line = ["evaluate", generated, "--adaptive", AXIS, "--category", "binding", "--limit", 2, "--out", out, "--quiet"]

    def said(*more: object) -> SimpleNamespace:
        return fourfold(*map(str, [*line, *more]))

    first = said()
    assert first.code == 0, first.err
    assert "not known within 10 points" in first.out
    before = (out / ADAPTIVE_FILE).read_bytes()
    assert said().code == 0
    assert (out / ADAPTIVE_FILE).read_bytes() == before
    for more, named in [
        (["--seed", 1], "begun with seed 0, not 1"),
        (["--retrieval"], "--retrieval"),
        (["--category", "bindin"], "Did you mean 'binding'"),
        (["--range", 3, 2], "the lower one first"),
        (["--adaptive", "distanc"], "Did you mean 'distance'"),
        (["--split", "train"], "unknown split 'train'"),
        (["--out", generated], "holds a dataset; nothing was overwritten"),
    ]:
        wrong = said(*more)
        assert (wrong.code, wrong.err.count("\n"), named in wrong.err) == (2, 1, True), wrong.err
    assert "needs --adaptive" in fourfold("evaluate", str(generated), "--range", "1", "2", "--out", str(out)).err


def test_a_dataset_that_holds_hashes_of_photos_alone_is_refused(generated, dataset_copy, tmp_path):
    path = dataset_copy / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["recipe"]["scene"]["photos"] = [{"name": "beach", "sha256": "00"}]
    path.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="give the recipe's TOML file"):
        calls.find_thresholds(dataset_copy, AXIS, out=tmp_path / "out")
