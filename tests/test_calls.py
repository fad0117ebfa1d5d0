"""The calls behind the commands, on rendered groups and the shipped model: evaluate, report, train-head, demo."""

import inspect
import json
import shutil
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import fourfold
from fourfold.calls import demonstration, evaluation, probing, reports, training
from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.data.fourfold_items import training_splits
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import TINY, LoadOptions
from fourfold.evaluator.run.options import ReadOptions, RunOptions
from fourfold.evaluator.run.output_checks import (
    check_demo_output,
    check_probe_output,
    check_results_output,
    check_writable,
)
from fourfold.evaluator.training.train_state import TrainingConfig

SCORERS = ("cosine", "maxsim", "dcsm", "random", "blind", "oracle", "shuffled-images")


@pytest.fixture(scope="module")
def evaluated(generated, tmp_path_factory):
    """Results of the shipped model on the shared dataset, and their folder."""
    folder = tmp_path_factory.mktemp("evaluated") / "results"
    results = evaluation.evaluate(generated, split="test", scorers=SCORERS, out=folder, progress=False)
    return results, folder


def value(results, category: str, scorer: str, metric: str) -> float:
    (row,) = [r for r in results.metrics if (r.category, r.scorer, r.metric) == (category, scorer, metric)]
    return row.value


def test_controls_are_what_they_must_be_in_every_category(evaluated) -> None:
    results, _ = evaluated
    categories = {row.category for row in results.metrics} - {"all"}
    assert len(categories) >= 4
    for category in categories:
        assert value(results, category, "oracle", "group_score") == 1.0
        assert value(results, category, "blind", "text_2afc") == 0.5
        assert value(results, category, "blind", "group_score") == 0.0


def test_results_on_disk_are_the_results(evaluated) -> None:
    results, folder = evaluated
    again = load(folder)
    assert [row.value for row in again.metrics] == [row.value for row in results.metrics]
    for one, other in zip(again.items, results.items, strict=True):
        assert all(np.array_equal(one.scores[name], other.scores[name]) for name in SCORERS)


def test_scores_do_not_depend_on_what_else_is_evaluated(evaluated, generated) -> None:
    results, _ = evaluated
    few = evaluation.evaluate(generated, split="test", scorers=["dcsm", "cosine"], limit=1, progress=False)
    scores = {item.id: item.scores for item in results.items}
    for item in few.items:
        for name in ("cosine", "dcsm"):
            assert np.allclose(item.scores[name], scores[item.id][name], atol=1e-5)


def test_a_folder_that_holds_something_is_refused_before_any_work(evaluated, generated) -> None:
    _, folder = evaluated
    before = (folder / "results.json").read_bytes()
    with pytest.raises(InputError, match="not empty"):
        evaluation.evaluate(generated, model="no-such-model", out=folder)
    assert (folder / "results.json").read_bytes() == before


def test_a_run_killed_while_it_saved_can_be_repeated(evaluated, generated, tmp_path) -> None:
    _, folder = evaluated
    shutil.copy(folder / "items.jsonl", tmp_path)
    options = {"split": "test", "scorers": ["cosine"], "limit": 1, "progress": False}
    evaluation.evaluate(generated, out=tmp_path, **options)
    assert len(load(tmp_path).items) < len(load(folder).items)
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "mine.txt").touch()
    with pytest.raises(InputError, match=r"mine.txt.*nothing was overwritten"):
        evaluation.evaluate(generated, out=tmp_path / "strange", **options)


def test_report_finds_its_pictures_by_itself(evaluated, tmp_path) -> None:
    _, folder = evaluated
    page = reports.report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image/webp" in page
    assert "binding" in reports.report([folder], tmp_path / "report.md").read_text(encoding="utf-8")


def test_reports_take_folders_and_results_one_or_many(report_data, tmp_path) -> None:
    dataset = report_data.make_dataset(tmp_path / "set", 3)
    one, two = (report_data.make_results(tmp_path / name, dataset, model=name) for name in ("one", "two"))
    objects = [load(one), load(two)]
    told = {"dataset": dataset}
    page = reports.report([one, two], tmp_path / "page.md", **told).read_text()
    for same in (objects, [one, objects[1]], (str(one), str(two))):
        assert reports.report(same, tmp_path / "page.md", **told).read_text() == page
    assert fourfold.load_results(str(one)).metrics == objects[0].metrics
    assert isinstance(objects[0], fourfold.Results)
    alone = reports.report(str(one), tmp_path / "one.md", **told).read_text()
    assert reports.report(objects[0], tmp_path / "one.md", **told).read_text() == alone != page
    assert "data:image/webp" in reports.report(objects[0], tmp_path / "one.html", **told).read_text()
    files = [path.relative_to(tmp_path / "paper") for path in reports.paper_report(one, tmp_path / "paper")]
    assert [path.relative_to(tmp_path / "other") for path in reports.paper_report(objects[0], tmp_path / "other")] == [
        path for path in files if "geometry" not in path.name
    ]


def test_comparisons_take_folders_and_results_one_or_many(report_data, tmp_path) -> None:
    dataset = report_data.make_dataset(tmp_path / "set", 3)
    one, two = (report_data.make_results(tmp_path / name, dataset, model=name) for name in ("one", "two"))
    told = {"replicates": 20}
    found = fourfold.compare([one, two], **told)
    assert found.paired
    for same in ([str(one), load(two)], [load(one), load(two)], {"one": load(one), "two": load(two)}):
        assert fourfold.compare(same, **told) == found
    assert {entry.run for entry in fourfold.compare([load(one), load(one)], scorers="cosine", **told).entries} == {
        "one",
        "one 2",
    }
    assert len(fourfold.compare(one, scorers=["cosine", "dcsm"], **told).entries) == 2


def test_what_is_no_results_is_said_without_a_place_that_is_gone(report_data, tmp_path) -> None:
    sets = [report_data.make_dataset(tmp_path / name, 1) for name in ("here", "there")]
    one, two = (load(report_data.make_results(tmp_path / f"of {each.name}", each)) for each in sets)
    with pytest.raises(InputError, match=r"^results 1 and results 2: results on different datasets"):
        reports.report([one, two], tmp_path / "page.html")
    for given in (3, [3], [one, None]):
        for call in (fourfold.compare, partial(reports.report, out=tmp_path / "page.html")):
            with pytest.raises(InputError, match=r"results: (3|None) is none; give a folder, what evaluate returned"):
                call(given)
    with pytest.raises(InputError, match=r"nowhere.*results\.json: no such file"):
        reports.report(str(tmp_path / "nowhere"), tmp_path / "page.html")


def test_probe_reads_a_dataset(generated, tmp_path) -> None:
    result = probing.probe(generated, split="test", out=tmp_path / "probed")
    conditions = {row.condition for row in result.rows}
    assert conditions >= {"C1", "C2", "C3", "C4"}
    [share] = [row.value for row in result.rows if (row.condition, row.measure) == ("C1", "satisfied")]
    assert f"C1 content {100 * share:.1f}, " in repr(result)
    assert len(repr(result).splitlines()) == 1
    drawn = {path.name for path in (tmp_path / "probed").iterdir()}
    beyond = {f"beyond-{row.category}" for row in result.rows if row.condition == "beyond"}
    assert len(beyond) > 1  # categories that nothing joins: a figure each
    assert drawn == {"probe.json"} | {f"{name}.svg" for name in conditions - {"beyond"} | beyond}


def test_a_probe_replaces_an_earlier_one_of_its_model_and_nothing_else(generated, evaluated, tmp_path, monkeypatch):
    _, results = evaluated
    out = tmp_path / "out"
    shutil.copytree(results, out)
    options = {"split": "test", "limit": 2, "progress": False}
    probing.probe(generated, out=out, **options)
    probing.probe(generated, out=out, **options)
    probing.probe(generated, out=tmp_path / "new" / "x.json", **options)
    probing.probe(generated, out=tmp_path / "new" / "x.json", **options)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "mine.json").write_text("{}")
    other = json.loads((out / "results.json").read_text())
    other["model"]["identity"] = "0123456789abcdef"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.json").write_text(json.dumps(other))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(
        "fourfold.evaluator.analysis.embedding_geometry.probe", lambda *_given, **_options: pytest.fail("work was done")
    )
    for place, message in {
        generated: "holds a dataset",
        generated / "manifest.json": "not a probe as fourfold writes it",
        tmp_path / "mine.txt": "is a file; name a folder",
        tmp_path / "mine.txt" / "below": "cannot be written",
        tmp_path / "mine.json": "not a probe as fourfold writes it",
        tmp_path / "other": r"is of another model \(0123456789ab",
        "/dev/null/x": "cannot be written",
    }.items():
        with pytest.raises(InputError, match=message):
            probing.probe(generated, out=place, **options)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_probe_is_done_where_its_numbers_are(generated, tmp_path, monkeypatch) -> None:
    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(probing, "write_figures", die)
    with pytest.raises(KeyboardInterrupt):
        probing.probe(generated, split="test", out=tmp_path, limit=2, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/dev/null/x", "{tmp}/mine.txt/below/it"])
def test_a_place_that_cannot_be_written_is_said_before_the_work(place, generated, tmp_path, monkeypatch) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(evaluation, "make_spec", lambda *_given, **_options: pytest.fail("work was done"))
    out = Path(place.format(tmp=tmp_path))
    with pytest.raises(InputError, match=r"cannot be written \(Not a directory\)"):
        evaluation.evaluate(generated, out=out)
    with pytest.raises(InputError, match=r"cannot be written \(Not a directory\)"):
        evaluation.evaluate_models(generated, ["fourfold-tiny"], out)


def test_a_run_that_is_stopped_leaves_no_empty_folder(generated, tmp_path, monkeypatch) -> None:
    def stop(*_given: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "make_spec", stop)
    with pytest.raises(KeyboardInterrupt):
        evaluation.evaluate(generated, out=tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("groups", [1, 6])
def test_the_demo_comes_to_its_end_with_few_groups(groups, tmp_path, monkeypatch, flat_renderer) -> None:
    monkeypatch.setattr("fourfold.generator.run.pool.open_renderer", lambda size, _name: flat_renderer(size))
    monkeypatch.setattr("fourfold.generator.audits.independence._PERMUTATIONS", 19)
    results = demonstration.demo(tmp_path / "demo", groups=groups, workers=1, progress=False)
    assert ("retrieval" in {row.category for row in results.metrics}) == (groups == 6)
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert made == {"dataset", "results", "preview.png", "report.md", "report.html"}
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo" / "results").rglob("*")}
    demonstration.demo(tmp_path / "demo", groups=groups, workers=1, progress=False)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "demo" / "results").rglob("*")} == files


def test_the_demo_refuses_what_is_none_before_any_work(generated, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "fourfold.generator.run.pipeline.generate", lambda *_given, **_options: pytest.fail("work was done")
    )
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        demonstration.demo(generated)
    with pytest.raises(InputError, match=r"holds something else \(mine\.txt\)"):
        demonstration.demo(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        demonstration.demo(tmp_path / "mine.txt")


def test_a_validation_split_is_there_or_refused(generated, tmp_path) -> None:
    with pytest.raises(InputError, match=r"no split 'vaildation'; give --validation-split, one of: held-out, test"):
        training.train_head(generated, out=tmp_path / "h", split="test", validation_split="vaildation")
    assert training_splits(generated, "test", None) == ("test", None)
    assert training_splits(generated, "test", "held-out") == ("test", "held-out")
    manifest = json.loads((generated / "manifest.json").read_text())
    manifest["splits"]["validation"] = manifest["splits"]["test"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert training_splits(tmp_path, "test", None) == ("test", "validation")


def test_a_head_is_trained_used_and_refused_for_another_model(generated, tmp_path) -> None:
    head = tmp_path / "dcsm.safetensors"
    report = training.train_head(generated, out=head, split="test", config=TrainingConfig(epochs=1), progress=False)
    assert report.n_parameters > 0
    results = evaluation.evaluate(
        generated, split="test", scorers=["dcsm"], head=head, limit=1, progress=False, allow_training_items=True
    )
    assert results.scorers["dcsm"]["n_parameters"] == report.n_parameters
    with pytest.raises(InputError, match="trained for the model"):
        evaluation.evaluate(
            generated,
            split="test",
            model="ViT-S-32-alt",
            allow_random_weights=True,
            scorers=["dcsm"],
            head=head,
            limit=1,
            progress=False,
            allow_training_items=True,
        )


def test_an_encoder_is_as_good_as_its_name(generated, tmp_path) -> None:
    encoder, told = load_encoder(TINY), {"split": "test", "limit": 1, "progress": False}
    assert probing.probe(generated, model=encoder, **told).rows == probing.probe(generated, **told).rows
    one, other = (evaluation.evaluate(generated, model=model, **told) for model in (encoder, TINY))
    assert (one.model, one.metrics) == (other.model, other.metrics)
    head, config = tmp_path / "h.safetensors", TrainingConfig(epochs=1)
    training.train_head(generated, model=encoder, out=head, split="test", config=config, progress=False)
    assert evaluation.evaluate(
        generated, model=encoder, scorers="dcsm", head=head, allow_training_items=True, **told
    ).settings["heads"]
    with pytest.raises(InputError, match="'object': the encoder has no name"):
        probing.probe(generated, model=object(), progress=False)


def test_both_calls_name_every_option_of_how_data_are_read_and_models_run() -> None:
    """help() and completion show what is kept in three dataclasses, with the same defaults."""
    wanted = {each.name: each.default for kind in (ReadOptions, RunOptions, LoadOptions) for each in fields(kind)}
    del wanted["load"]
    for call in (evaluation.evaluate, evaluation.evaluate_models):
        given = {name: each.default for name, each in inspect.signature(call).parameters.items()}
        assert {name: given.get(name, "missing") for name in wanted} == wanted


def test_what_a_call_is_given_reaches_the_model_and_the_dataset(generated, monkeypatch, tmp_path) -> None:
    seen = []
    monkeypatch.setitem(evaluation.ENGINES, "local", lambda spec, runs, *_: seen.append(spec) or [(runs[0], ERROR)])
    load = {"device": "cpu", "dtype": "bfloat16", "allow_random_weights": True, "batch_size": 3}
    options = {"limit": 1, "split": "held-out", "seed": 5, "cache_dir": str(tmp_path), "command": "typed by hand"}
    with pytest.raises(InputError, match="stop here"):
        evaluation.evaluate(generated, **load, **options)
    [spec] = seen
    assert spec.options == RunOptions(LoadOptions(**load), tmp_path, 5)
    assert (spec.dataset["split"], spec.command, spec.scorers) == ("held-out", "typed by hand", ("cosine",))
    assert len({item.category for item in spec.items}) == len(spec.items)
    assert spec.notes == (
        "§ random weights were allowed: if the model has none of its own, these numbers mean nothing",
    )


ERROR = InputError("stop here")


def test_checks_of_outputs_leave_nothing_behind(tmp_path) -> None:
    check_writable(tmp_path / "a" / "b")
    check_results_output(tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "dataset").touch()  # a file of that name is no demonstration
    with pytest.raises(InputError, match="holds something else"):
        check_demo_output(tmp_path / "demo")
    (tmp_path / "x.json").mkdir()
    with pytest.raises(InputError, match="is a folder; name a file"):
        check_probe_output(tmp_path / "x.json")
