"""Scorers added to results that exist: what is there afterwards is what one run with all of them gives."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fourfold import evaluate, evaluate_models
from fourfold.errors import InputError
from fourfold.evaluator.analysis.joining import join_scorers
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.encoders.contract import TINY, TINY_FOLDER

TOLD = {"progress": False, "command": "typed by hand"}


@pytest.fixture(scope="module")
def dataset(report_data, tmp_path_factory) -> Path:
    return report_data.make_dataset(tmp_path_factory.mktemp("data") / "set", 3)


@pytest.fixture(scope="module")
def cosine(dataset, tmp_path_factory) -> Path:
    """Results of `cosine` alone, with the folder of features beside them. To be copied."""
    folder = tmp_path_factory.mktemp("cosine")
    evaluate(dataset, scorers="cosine", out=folder / "out", cache_dir=folder / "cache", **TOLD)
    return folder


@pytest.fixture
def out(cosine, tmp_path) -> Path:
    (tmp_path / "out").mkdir()
    for path in (cosine / "out").iterdir():
        (tmp_path / "out" / path.name).write_bytes(path.read_bytes())
    return tmp_path / "out"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_added_in_parts_is_what_one_run_gives(dataset, cosine, out, tmp_path) -> None:
    told = {**TOLD, "cache_dir": cosine / "cache"}
    evaluate(dataset, scorers=["dcsm", "cosine", "marginal"], out=out, add=True, **told)
    added = evaluate(dataset, scorers="shuffled-images:maxsim", out=out, add=True, **told)
    scorers = ["cosine", "dcsm", "marginal", "shuffled-images:maxsim"]
    whole = evaluate(dataset, scorers=scorers, out=tmp_path / "whole", **told)
    assert list(added.scorers) == scorers
    assert files(out) == files(tmp_path / "whole")
    assert added.metrics == whole.metrics
    assert added.settings["heads"].keys() == {"dcsm"}


def test_a_baseline_that_comes_late_is_the_baseline(dataset, cosine, tmp_path) -> None:
    told = {**TOLD, "cache_dir": cosine / "cache"}
    evaluate(dataset, scorers="maxsim", out=tmp_path / "out", **told)
    added = evaluate(dataset, scorers="cosine", out=tmp_path / "out", add=True, **told)
    assert {row.baseline for row in added.comparisons} == {"cosine"}
    assert added.comparisons == evaluate(dataset, scorers=["maxsim", "cosine"], **told).comparisons


def test_what_is_there_is_not_scored_again(dataset, out, monkeypatch) -> None:
    before = files(out)
    monkeypatch.setattr("fourfold.evaluator.run.one_model.encode_items", lambda *_, **__: pytest.fail("work was done"))
    assert list(evaluate(dataset, scorers="cosine", out=out, add=True, **TOLD).scorers) == ["cosine"]
    assert files(out) == before


def test_a_folder_without_results_is_evaluated(dataset, cosine, tmp_path) -> None:
    evaluate(dataset, scorers="cosine", out=tmp_path / "new", add=True, **TOLD, cache_dir=cosine / "cache")
    assert files(tmp_path / "new") == files(cosine / "out")


def recaption(folder: Path) -> None:
    path = folder / "test" / "metadata.jsonl"
    path.write_text(path.read_text().replace(" cube", " box"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, "another seed"),
        ({"limit": 1}, "with other items"),
        ({"dtype": "bfloat16"}, "another dtype"),
        ({"model": "fourfold-tiny-random", "allow_random_weights": True}, "another model; give --model fourfold-tiny"),
        ({"model": "fourfold-tiny-random", "allow_random_weights": True, "scorers": "dcsm"}, "another model; give"),
        ({"scorers": []}, "none named"),
        ({"scorers": "cosin"}, "Did you mean 'cosine'"),
        ({"out": None}, "name that folder"),
    ],
)
def test_results_of_another_question_are_refused_and_stay(change, said, dataset, out) -> None:
    before = files(out)
    with pytest.raises(InputError, match=said) as caught:
        evaluate(**{"dataset": dataset, "scorers": "maxsim", "out": out, "add": True, **TOLD, **change})
    assert "\n" not in str(caught.value)
    assert files(out) == before


def test_a_model_is_known_by_its_weights_whatever_it_is_called(dataset, out, monkeypatch) -> None:
    told = {"out": out, "add": True, **TOLD}
    local = f"local-dir:{TINY_FOLDER}"
    assert evaluate(dataset, model=local, scorers="cosine", **told).model["name"] == TINY
    assert list(evaluate(dataset, model=local, scorers="maxsim", **told).scorers) == ["cosine", "maxsim"]
    # a tag of the hub is not fetched where its name is that of the results, but here it is not
    another = SimpleNamespace(identity="another")
    monkeypatch.setattr("fourfold.evaluator.run.earlier.load_encoder", lambda *_given, **_options: another)
    with pytest.raises(InputError, match="another model; give --model fourfold-tiny"):
        evaluate(dataset, model="ViT-B-32,openai", scorers="cosine", **told)


def test_other_captions_under_the_same_names_are_refused(report_data, out, tmp_path) -> None:
    other = report_data.make_dataset(tmp_path / "set", 3)
    recaption(other)
    before = files(out)
    with pytest.raises(InputError, match=r"another content_sha256 of the dataset: .*nothing was added"):
        evaluate(other, scorers="maxsim", out=out, add=True, **TOLD)
    assert files(out) == before


def test_a_scorer_whose_code_is_another_is_refused(dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_scorer_23.py").write_text("def score(images, texts):\n    return images.pooled @ texts.pooled.T\n")
    evaluate(dataset, scorers="my_scorer_23:score", out="out", limit=1, **TOLD)
    evaluate(dataset, scorers=["my_scorer_23:score", "cosine"], out="out", limit=1, add=True, **TOLD)
    (tmp_path / "my_scorer_23.py").write_text("def score(images, texts):\n    return -images.pooled @ texts.pooled.T\n")
    with pytest.raises(InputError, match="another code of my_scorer_23:score"):
        evaluate(dataset, scorers=["my_scorer_23:score", "random"], out="out", limit=1, add=True, **TOLD)


def test_a_scorer_that_lies_in_no_file_is_not_taken_for_itself(dataset, tmp_path) -> None:
    typed: dict[str, Callable] = {}
    exec("def mine(images, texts):\n    return images.pooled @ texts.pooled.T", typed)
    told = {"scorers": typed["mine"], "out": tmp_path / "out", "limit": 1, **TOLD}
    assert evaluate(dataset, **told).scorers["mine"]["source_sha256"] == ""
    with pytest.raises(InputError, match="scores of mine, whose code lies in no file and may be another now"):
        evaluate(dataset, add=True, **told)


def test_without_add_a_folder_with_results_says_how(dataset, out) -> None:
    with pytest.raises(InputError, match="--add scorers to what is there"):
        evaluate(dataset, scorers="maxsim", out=out, **TOLD)


def test_many_models_get_the_scorers_that_they_lack(dataset, tmp_path) -> None:
    told = {"allow_random_weights": True, "limit": 1, **TOLD}
    names = ["fourfold-tiny", "fourfold-tiny-random"]
    evaluate_models(dataset, names[:1], tmp_path / "out", scorers="cosine", **told)
    both = {"scorers": ["cosine", "maxsim"], **told}
    [kept, new] = evaluate_models(dataset, names, tmp_path / "out", **both)
    assert (kept.outcome, new.outcome) == ("failed", "evaluated")
    assert "no scores of maxsim; add them with --add" in kept.reason
    found = evaluate_models(dataset, names, tmp_path / "out", add=True, **both)
    assert [each.outcome for each in found] == ["evaluated", "kept"]
    evaluate_models(dataset, names, tmp_path / "whole", **both)
    for each in found:
        assert files(each.folder) == files(tmp_path / "whole" / each.folder.name)


def test_the_command_adds(fourfold, dataset, out) -> None:
    told = fourfold("evaluate", str(dataset), "--scorer", "maxsim", "--out", str(out), "--add", "--quiet")
    assert told.code == 0, told.err
    assert list(load(out).scorers) == ["cosine", "maxsim"]
    command = json.loads((out / "results.json").read_text())["command"]
    assert command.startswith("typed by hand && ")
    assert command.endswith("--add --quiet")


def test_other_versions_are_said_and_notes_stand_once(cosine) -> None:
    earlier = replace(load(cosine / "out"), notes=("a", "dcsm remembers", "captions are cut"))
    items = tuple(replace(item, scores={"new": -item.scores["cosine"]}) for item in earlier.items)
    facts = {"scorers": {"new": {}}, "notes": ("a", "new remembers", "captions are cut")}
    later = replace(earlier, items=items, **facts, versions={**earlier.versions, "torch": "9"})
    joined = join_scorers(earlier, later)
    before = earlier.versions["torch"]
    notes = ("a", "dcsm remembers", "new remembers", "captions are cut")
    assert joined.notes == (*notes, f"new scored later, with torch 9 (before {before})")
    assert np.array_equal(joined.items[0].scores["new"], items[0].scores["new"])
    with pytest.raises(InputError, match="have scores of new already"):
        join_scorers(joined, later)
    with pytest.raises(InputError, match="another replicates of the settings"):
        join_scorers(replace(earlier, settings={**earlier.settings, "replicates": 7}), later)
