"""The paper's table end to end on tiny stand-ins of every benchmark's files, with models of random weights."""

import importlib.util
import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.data.external import BENCHMARKS

ROOT = Path(__file__).parents[1]
STANDINS = runpy.run_path(str(Path(__file__).with_name("external_standins.py")))["STANDINS"]
TINY = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 16, "layers": 1, "head_width": 8},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
}


@pytest.fixture(scope="module")
def paper_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("paper_table", ROOT / "benchmarks" / "paper_table.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tiny(paper_table: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "open_clip_config.json").write_text(json.dumps(TINY))
    row = paper_table.PaperModel("ViT-B-32,nowhere", f"local-dir:{tmp_path / 'tiny'}")
    monkeypatch.setitem(paper_table.MODELS, "Tiny", row)
    return "Tiny"


@pytest.fixture
def data(paper_table: ModuleType, tmp_path: Path) -> Path:
    """Every benchmark of the paper but one, each in the folder of its name."""
    root = tmp_path / "data"
    for name in {name.removesuffix("-edited") for name in paper_table.PAPER_BENCHMARKS} - {"ncd"}:
        (root / name).mkdir(parents=True)
        STANDINS[name][0](root / name)
    return root


def run(paper_table: ModuleType, data: Path, *options: str):
    arguments = ["--data", str(data), "--out", str(data.parent / "out"), "--random-weights", *options]
    return CliRunner().invoke(paper_table.main, arguments, catch_exceptions=False)


def test_tables_for_what_is_there_and_reasons_for_what_is_not(paper_table: ModuleType, tiny: str, data: Path) -> None:
    result = run(paper_table, data, "--model", tiny, "--model", "BLIP-B")
    assert result.exit_code == 0
    tables, skipped = result.output.split("Skipped:")
    present = [name for name in paper_table.PAPER_BENCHMARKS if name != "ncd"]
    assert all(BENCHMARKS[name].title in tables for name in present)
    assert tables.count(paper_table.RANDOM) == len(present)
    assert "Tiny-random" in tables
    assert "benchmark ncd:" in skipped
    assert "model BLIP-B:" in skipped
    assert "scorer dcsm: " in skipped
    results = load(data.parent / "out" / "Tiny-random" / "sugarcrepe")
    assert set(results.authors["cosine"]) == {"add_att", "swap_obj", "add", "swap", "macro", "micro"}
    assert results.dataset["name"] == "sugarcrepe"


def test_finished_results_are_kept_and_a_new_scorer_added(paper_table: ModuleType, tiny: str, data: Path) -> None:
    options = ("--model", tiny, "--benchmark", "sugarcrepe", "--benchmark", "winoground")
    run(paper_table, data, *options, "--scorer", "cosine")
    folder = data.parent / "out" / "Tiny-random" / "sugarcrepe"
    before = (folder / "results.json").stat().st_mtime_ns
    again = run(paper_table, data, *options, "--scorer", "cosine")
    assert (folder / "results.json").stat().st_mtime_ns == before
    assert "Nothing was skipped" in again.output
    run(paper_table, data, *options, "--scorer", "cosine", "--scorer", "oracle")
    assert load(folder).authors["oracle"]["macro"] == 1.0


def test_earlier_results_of_something_else_are_neither_kept_nor_overwritten(
    paper_table: ModuleType, tiny: str, data: Path
) -> None:
    options = ("--model", tiny, "--benchmark", "winoground", "--scorer", "cosine")
    run(paper_table, data, *options)
    folder = data.parent / "out" / "Tiny-random" / "winoground"
    before = (folder / "results.json").read_bytes()
    found = run(paper_table, data, *options, "--seed", "1")
    assert f"{folder} holds earlier results with another seed" in found.output
    assert BENCHMARKS["winoground"].title not in found.output
    loaded = paper_table.open_benchmarks(data, ("winoground",), [])["winoground"]
    encoder = paper_table.open_model(tiny, data, True, "cpu")
    settings = paper_table.Settings(data, data.parent / "out", ("cosine", "dcsm"), True, 0)
    finished = load(folder)

    def other(results=finished, benchmark=loaded, head=None) -> list[str]:
        return paper_table.differences(results, "winoground", benchmark, encoder, head, settings)

    assert other() == []
    assert other(replace(finished, model={**finished.model, "identity": "0"})) == ["model"]
    assert other(replace(finished, dataset={"name": "sugarcrepe"})) == ["dataset"]
    assert other(benchmark=replace(loaded, items=loaded.items[1:])) == ["set of items"]
    headed = replace(finished, scorers={"dcsm": {}}, settings={**finished.settings, "heads": {"dcsm": "0"}})
    assert other(headed) == ["head"]
    assert (folder / "results.json").read_bytes() == before


@pytest.mark.parametrize("option", ["--model", "--benchmark", "--scorer"])
def test_unknown_names_exit_with_2(paper_table: ModuleType, data: Path, option: str) -> None:
    result = run(paper_table, data, option, "nonsense")
    assert result.exit_code == 2
    assert "Allowed" in result.output


@pytest.mark.slow
def test_the_real_architectures_untrained(paper_table: ModuleType, data: Path) -> None:
    # SigLIP's tokenizer is a file on the hub, which a machine without network cannot have.
    models = [name for name, row in paper_table.MODELS.items() if row.architecture and "SigLIP" not in name]
    options = [part for name in models for part in ("--model", name)]
    result = run(paper_table, data, *options, "--scorer", "cosine", "--scorer", "maxsim")
    assert result.exit_code == 0
    assert all(f"{name}-random" in result.output for name in models)
