"""The command line: help at once, one line for every mistake, nothing overwritten, and the whole path in commands."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from fourfold.cli import main as cli
from fourfold.generator.dataset.reading import file_hash

FOURFOLD = Path(sys.executable).with_name("fourfold")
COMMANDS = sorted(cli.cli.commands)
HEAVY = {
    *("torch", "torchvision", "numpy", "scipy", "trimesh", "pyrender", "OpenGL", "PIL", "open_clip", "transformers"),
    *("datasets", "jinja2", "matplotlib", "tqdm", "safetensors", "jsonlines"),
}
TINY_CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 56,
            "patch_size": 14,
            "width": 16,
            "layers": 1,
            "head_width": 8,
            "pool_type": "avg",
        },
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"},
}


@pytest.fixture
def run(monkeypatch, capfd) -> Callable[..., SimpleNamespace]:
    """Call the command line in this process: its exit code, and what it said on stdout and stderr."""

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["fourfold", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        said = capfd.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The smallest model there is, without weights."""
    folder = tmp_path_factory.mktemp("models") / "random"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(TINY_CONFIG))
    return f"local-dir:{folder}"


def contents(folder: Path) -> dict[str, str]:
    return {str(path): file_hash(path) for path in sorted(folder.rglob("*")) if path.is_file()}


# Help.


def test_help_answers_within_half_a_second():
    def once() -> float:
        """Seconds of processor time, which a machine that is busy with much else does not stretch."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([FOURFOLD, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(3)) < 0.5


def test_help_of_every_command_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from fourfold.cli.main import cli\n"
        "for name in ['', *cli.commands]:\n"
        "    cli([*name.split(), '--help'], standalone_mode=False)\n"
        "import fourfold.evaluator, fourfold.generator, fourfold.scenes\n"
        "print('IMPORTED', *sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    imported = {name.partition(".")[0] for name in said.partition("IMPORTED ")[2].split()}
    assert {"fourfold", "click"} <= imported
    assert not imported & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_names_its_options(command, run):
    said = run(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"Usage: fourfold {command}" in said.out
    for parameter in cli.cli.commands[command].params:
        shown = parameter.opts[0] if parameter.opts[0].startswith("--") else parameter.name.upper()
        assert shown in said.out
    assert cli.cli.commands[command].help.split(".")[0].split()[:6] == said.out.split("\n\n")[1].split()[:6]


def test_no_command_s_line_is_cut(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("--help").out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == COMMANDS  # one line each
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


def test_every_option_says_what_it_is():
    for name, command in cli.cli.commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts[0]}"


def test_help_names_every_scorer_benchmark_and_head(run):
    from fourfold.evaluator.data.external import BENCHMARKS
    from fourfold.evaluator.data.external.plain_table import PLAIN, TOML
    from fourfold.evaluator.scorers import SCORERS
    from fourfold.evaluator.scorers.trained import HEADS

    words = set(re.findall(r"[\w-]+", run("evaluate", "--help").out))
    assert {*SCORERS, *BENCHMARKS, *PLAIN, TOML} <= words
    assert set(HEADS) <= set(re.findall(r"[\w-]+", run("train-head", "--help").out))


def test_a_head_is_trained_by_default_as_from_python():
    from fourfold.evaluator.training.train_state import TrainingConfig

    ours = {each.name: each.default for each in fields(TrainingConfig)}
    given = {each.name: each.default for each in cli.cli.commands["train-head"].params if each.name in ours}
    assert given == {name: ours[name] for name in given}
    assert {*ours} - {*given} == {"warmup", "validation_share"}


def test_a_split_is_looked_for_before_torch_is_imported(generated, tmp_path):
    code = (
        "import sys\nfrom fourfold.cli import main as cli\n"
        f"sys.argv = ['fourfold', 'train-head', {str(generated)!r}, '--split', 'tset', '--out', 'h']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "False\n"
    assert "'tset'" in done.stderr


@pytest.mark.parametrize("command", ["generate", "merge"])
def test_of_a_url_no_preview_is_promised(command, run, monkeypatch):
    monkeypatch.setattr(f"fourfold.generator.run.pipeline.{command}", lambda *given, **_options: given[-1])
    monkeypatch.setattr("fourfold.generator.run.pipeline.is_finished", lambda _place: True)
    recipe = ["fourfold-demo"] if command == "generate" else []
    assert run(command, *recipe, "memory://x").out == "memory://x: done; copy it to a folder to use it\n"


def test_the_version_is_the_package_s(run):
    from importlib.metadata import version

    said = run("--version")
    assert (said.code, said.out, said.err) == (0, f"fourfold, version {version('fourfold')}\n", "")


def test_a_source_tree_that_is_not_installed_says_so_in_one_line(run, monkeypatch):
    def missing(_name):
        raise PackageNotFoundError("fourfold")

    monkeypatch.setattr("fourfold.version.version", missing)
    said = run("--version")
    assert (said.code, said.out) == (2, "")
    assert re.fullmatch(r"fourfold: fourfold is not installed in this Python.*run `pip install -e .` in .*\n", said.err)


def test_fourfold_alone_shows_the_commands(run):
    said = run()
    assert said.code == 2
    assert all(command in said.err for command in COMMANDS)


# Mistakes: arguments, and what the one line must name. {data}: a dataset, {copy}: one that is damaged by the name of a
# function below, {new}: a folder that is not there, {full}: one that holds something, {model}: a model without weights.

MISTAKES: list[tuple[str, str, list[str]]] = [
    ("generat fourfold-demo {new}", "", ["'generat'"]),
    ("generate fourfold-demo {new} --wrkers 3", "", ["--wrkers"]),
    ("generate fourfold-demo", "", ["OUT", "fourfold generate --help"]),
    ("generate fourfold-dem {new}", "", ["'fourfold-dem'", "Did you mean 'fourfold-demo'"]),
    ("generate nowhere.toml {new}", "", ["nowhere.toml"]),
    ("generate {typo} {new}", "", ["typo.toml", "'sead'", "Did you mean 'seed'"]),
    ("generate fourfold-demo {new} --split tset", "", ["'tset'", "test"]),
    ("generate fourfold-demo {new} --groups 0", "", ["--groups", "0"]),
    ("generate fourfold-demo {new} --groups many", "", ["--groups", "many"]),
    ("generate fourfold-demo {new} --seed -1", "", ["--seed", "-1"]),
    ("generate fourfold-demo {new} --workers 0", "", ["--workers", "0"]),
    ("generate fourfold-demo {full}", "", ["full", "holds something else", "nothing was overwritten"]),
    ("generate fourfold-demo {full}/mine.txt", "", ["mine.txt", "is a file"]),
    ("generate fourfold-demo {full}/mine.txt/x", "", ["mine.txt", "Not a directory"]),
    ("generate fourfold-demo {data}", "", ["holds another dataset", "nothing was overwritten"]),
    ("verify {full}", "", ["full", "not a finished Fourfold dataset"]),
    ("verify {copy}", "cut_rows", ["copy", "problems"]),
    ("verify {copy}", "break_image", ["copy", "2 problems"]),
    ("preview {data} {new}.jpg", "", [".png"]),
    ("preview {data} {new}.png --split tset", "", ["'tset'", "held-out, test, train"]),
    ("preview {data} {new}.png --columns 0", "", ["--columns"]),
    ("preview s3://here/set {new}.png", "", ["s3://here/set", "copy the dataset to a folder first"]),
    ("verify hf://here/set", "", ["hf://here/set", "copy the dataset to a folder first"]),
    ("evaluate gs://here/set --out {new}", "", ["gs://here/set/SHA256SUMS", "not installed", "pip install gcsfs"]),
    ("evaluate memory://here/set --out {new}", "", ["memory://here/set: no finished dataset of ours with SHA256SUMS"]),
    ("evaluate http://127.0.0.1:9/set --out {new}", "", ["http://127.0.0.1:9/set", "cannot be read", "refused"]),
    ("audit gs://here/set", "", ["gs://here/set/SHA256SUMS", "not installed", "pip install gcsfs"]),
    ("audit file://{full}", "", ["full: no finished dataset of ours with SHA256SUMS is there"]),
    ("train-head s3://here/set --out {new}.safetensors", "", ["s3://here/set", "copy the dataset to a folder first"]),
    ("preview {full} {new}.png", "", ["full", "not a finished Fourfold dataset"]),
    ("preview {copy} {new}.png", "cut_rows", ["metadata.jsonl, line", "not a JSON object"]),
    ("preview {copy} {new}.png", "break_image", [".png", "not a readable image"]),
    ("evaluate {new}", "", ["--out"]),
    ("evaluate {new} --out {new}", "", ["no such dataset folder"]),
    ("evaluate sugarcrape:{full} --out {new}", "", ["sugarcrape", "sugarcrepe"]),
    ("evaluate {full} --out {new}", "", ["full", "not a finished Fourfold dataset"]),
    ("evaluate {data} --out {full}", "", ["full", "nothing was overwritten"]),
    ("evaluate {data} --out {new} --scorer cosin", "", ["'cosin'", "Did you mean 'cosine'", "maxsim"]),
    ("evaluate {data} --out {new} --split tset --model {model}", "", ["'tset'", "held-out, test, train"]),
    ("evaluate {data} --out {new} --split train --model {model}", "", ["'train'", "no fourfold groups"]),
    ("evaluate {data} --out {new} --model ViT-B-16,opnai", "", ["opnai", "openai"]),
    ("evaluate {data} --out {new} --model ViT-B-61,openai", "", ["ViT-B-61", "ViT-B-16"]),
    ("evaluate {data} --out {new} --model {model}", "", ["random weights"]),
    ("evaluate {data} --out {new} --model local-dir:{new}", "", ["open_clip_config.json"]),
    ("evaluate {data} --out {new} --limit 0", "", ["--limit"]),
    ("evaluate {data} --out {new} --seed -1", "", ["--seed"]),
    ("evaluate {data} --out {new} --batch-size some", "", ["--batch-size", "'some'", "auto"]),
    ("evaluate {data} --out {new} --batch-size 0", "", ["--batch-size", "'0'"]),
    ("evaluate {data} --out {new} --batch-size ²", "", ["--batch-size", "'²'"]),
    ("evaluate {data} --out {full}/mine.txt/x", "", ["mine.txt/x", "cannot be written"]),
    ("evaluate {data} --out {new} --head {new}.safetensors", "", ["new.safetensors", "no such head file"]),
    ("evaluate {data} --out {new} --images {full}", "", ["--images", "benchmarks by others"]),
    ("evaluate {data} --out {new} --prompt x{{caption}}", "", ["--prompt", "benchmarks by others"]),
    ("evaluate {data} --out {new} --allow-missing", "", ["--allow-missing", "benchmarks by others"]),
    ("evaluate {data} --out {new} --adaptive colour_distance", "", ["Did you mean 'color_distance'"]),
    ("evaluate {data} --out {new} --adaptive held_out --category binding", "", ["hardly varies", "color_distance"]),
    ("evaluate {data} --out {new} --adaptive distance --limit 3 --add", "", ["--add", "--adaptive"]),
    ("evaluate {data} --out {new} --category binding", "", ["--category needs --adaptive"]),
    ("evaluate sugarcrepe:{full} --out {new} --split test", "", ["--split", "datasets of ours"]),
    ("evaluate {data} --out {new} --dtype int8 --model {model}", "", ["int8", "float16"]),
    ("evaluate {data} --out {new} --device gpu --model {model}", "", ["gpu", "cuda"]),
    ("evaluate {copy} --out {new} --model {model} --allow-random-weights", "break_image", [".png", "broken"]),
    ("evaluate {copy} --out {new} --model {model} --allow-random-weights", "cut_rows", ["metadata.jsonl, line"]),
    ("evaluate {copy} --out {new} --model {model} --allow-random-weights", "lead_out", ["leads out of the folder"]),
    ("evaluate {copy} --out {new} --model {model} --allow-random-weights", "break_manifest", ["manifest.json"]),
    (
        "evaluate {data} --out {new} --model {model} --allow-random-weights --limit 1 --scorer dcsm --head {new}",
        "",
        ["new"],
    ),
    ("report {new} --out {new}.html", "", ["new"]),
    ("report {full} --out {new}.html", "", ["full"]),
    ("report --out {new}.html", "", ["RESULTS"]),
    ("report {full}", "", ["--out", "--paper"]),
    ("report {full} --paper {new}", "", ["full"]),
    ("models no-such-model-anywhere", "", ["'no-such-model-anywhere'"]),
    ("audit {full}", "", ["full", "not a finished Fourfold dataset"]),
    ("audit sugarcrep:{full}", "", ["unknown benchmark 'sugarcrep'", "Did you mean 'sugarcrepe'"]),
    ("probe {data} --out {full}/mine.txt", "", ["mine.txt", "is a file"]),
    ("probe {data} --out {data}", "", ["holds a dataset"]),
    ("audit {copy}", "cut_rows", ["metadata.jsonl, line"]),
    ("train-tiny {data} --out {new} --device gpu", "", ["gpu", "cuda:N"]),
    ("train-head {full} --out {new}.safetensors", "", ["full", "not a finished Fourfold dataset"]),
    ("train-head {data} --out {new}.safetensors --split tset", "", ["'tset'", "give --split", "held-out, test, train"]),
    ("train-head {data} --out {new}.safetensors --validation-split x", "", ["'x'", "give --validation-split"]),
    ("train-head {data} --out {new}.safetensors --learning-rate nan", "", ["learning_rate nan", "above 0"]),
    ("train-head {data} --out {new}.safetensors --learning-rate -1", "", ["--learning-rate", "x>0"]),
    ("train-head {data} --out {new}.safetensors --weight-decay -1", "", ["--weight-decay", "x>=0"]),
    ("train-head {data} --out {new}.safetensors --token-dropout 2", "", ["--token-dropout", "0<=x<1"]),
    ("train-head {data} --out {new}.safetensors --feature-noise -1", "", ["--feature-noise", "x>=0"]),
    ("train-tiny {full} --out {new}", "", ["full", "not a finished Fourfold dataset"]),
    ("demo {full}/mine.txt", "", ["mine.txt", "is a file"]),
    ("demo {full}", "", ["full", "holds something else (mine.txt)"]),
]


def cut_rows(folder: Path) -> None:
    path = folder / "test" / "metadata.jsonl"
    path.write_bytes(path.read_bytes()[:-40])


def first_image(folder: Path) -> Path:
    row = json.loads((folder / "test" / "metadata.jsonl").read_text().splitlines()[0])
    return folder / "test" / row["file_name"]


def break_image(folder: Path) -> None:
    first_image(folder).write_bytes(first_image(folder).read_bytes()[:300])


def lead_out(folder: Path) -> None:
    image = first_image(folder)
    (folder.parent / "outside.png").write_bytes(image.read_bytes())
    image.unlink()
    image.symlink_to(folder.parent / "outside.png")


def break_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format_version": 1')


DAMAGES = {damage.__name__: damage for damage in (cut_rows, break_image, lead_out, break_manifest)}


@pytest.mark.parametrize(("line", "damage", "named"), MISTAKES, ids=[f"{line} {why}" for line, why, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_code_2(line, damage, named, run, generated, model, tmp_path, request):
    places = {"new": tmp_path / "new", "full": tmp_path / "full", "data": generated, "model": model}
    places["typo"] = tmp_path / "typo.toml"
    places["typo"].write_text('name = "x"\nsead = 3\nsplits.test.groups = {binding = 1}\n')
    places["full"].mkdir()
    (places["full"] / "mine.txt").write_text("mine")
    if damage:
        places["copy"] = request.getfixturevalue("dataset_copy")
        DAMAGES[damage](places["copy"])
    before = contents(tmp_path)
    said = run(*[part.format(**places) for part in line.split()])
    assert said.code == 2, said
    assert re.fullmatch(r"fourfold: .+\n", said.err), said.err
    assert [word for word in named if word not in said.err] == []
    assert contents(tmp_path) == before  # nothing overwritten, nothing left behind


def test_a_folder_in_the_place_of_a_file_is_said(run, generated, tmp_path):
    (tmp_path / "page.html").mkdir()
    said = run("describe", generated, "--html", tmp_path / "page.html")
    assert (said.code, said.err) == (2, f"fourfold: {tmp_path / 'page.html'}: is a folder; name a file\n")


def test_a_mistake_is_said_in_a_real_process_too(tmp_path):
    done = subprocess.run([FOURFOLD, "generate", "fourfold-dem", tmp_path / "x"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"fourfold: no recipe 'fourfold-dem'.*\n", done.stderr)


def test_a_bug_of_ours_is_not_dressed_up_as_a_mistake(run, monkeypatch, generated):
    def fail(*_args, **_options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("fourfold.generator.verification.verify", fail)
    with pytest.raises(OSError, match="Input/output error"):
        run("verify", generated)


@pytest.mark.parametrize("number", [13, 28, 30])
def test_a_place_that_is_closed_or_full_is_said(number, run, monkeypatch, generated):
    def fail(*_args, **_options):
        raise OSError(number, os.strerror(number), "/some/place")

    monkeypatch.setattr("fourfold.generator.verification.verify", fail)
    said = run("verify", generated)
    assert said.code == 2
    assert said.err == f"fourfold: /some/place: {os.strerror(number)}; give another place\n"


# Ctrl-C.


def test_an_interrupt_is_130_in_one_line_and_leaves_no_process(tmp_path):
    folder = tmp_path / "x"
    arguments = [FOURFOLD, "generate", "fourfold-demo", folder, "--groups", "30", "--workers", "2"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, start_new_session=True, text=True)
    deadline = time.monotonic() + 60
    while not (folder / ".shards" / "recipe.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(random.uniform(0, 2.5))  # while renderers and workers start, which is when people see their typo
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "fourfold: interrupted; the same command resumes, what is finished is kept"
    while group_lives(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def group_lives(number: int) -> bool:
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("call", "command", "kept"),
    [
        ("fourfold.generator.verification.verify", "verify {data}", "begins anew"),
        (
            "fourfold.calls.training.train_head",
            "train-head {data} --split test --out x",
            "resumes, what is finished is kept",
        ),
        (
            "fourfold.calls.evaluation.evaluate_models",
            "evaluate {data} --models m --out x",
            "resumes, what is finished is kept",
        ),
        (
            "fourfold.calls.evaluation.evaluate",
            "evaluate {data} --out x --cache c",
            "begins anew; what was encoded is in the cache",
        ),
        ("fourfold.calls.probing.probe", "probe {data}", "begins anew; with --cache, encoded features are kept"),
    ],
)
def test_an_interrupt_is_130_and_says_what_is_kept(call, command, kept, run, monkeypatch, generated, tmp_path):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(call, stop)
    monkeypatch.chdir(tmp_path)
    said = run(*command.format(data=generated).split())
    assert (said.code, said.err.strip()) == (130, f"fourfold: interrupted; the same command {kept}")


# What is right.


def test_a_sound_dataset_is_verified_and_shown(run, generated, tmp_path):
    said = run("verify", generated)
    assert (said.code, said.err) == (0, "")
    assert "as it should be" in said.out
    assert run("preview", generated, tmp_path / "sheet.png").out == f"{tmp_path / 'sheet.png'}\n"
    assert (tmp_path / "sheet.png").is_file()


def test_every_problem_is_listed(run, dataset_copy):
    break_image(dataset_copy)
    (dataset_copy / "README.md").unlink()
    said = run("verify", dataset_copy)
    assert said.code == 2
    assert said.out.count("\n") == 4  # of either file what it lacks, and that it is not what SHA256SUMS says
    assert "4 problems" in said.err


def test_generating_again_in_the_same_folder_does_nothing(run, tmp_path, monkeypatch, flat_renderer):
    recipe = tmp_path / "mini.toml"
    recipe.write_text('name = "mini"\nimage_size = 64\nsplits.test.groups = {binding = 1}\n')
    monkeypatch.setattr("fourfold.generator.run.pool.open_renderer", lambda size, _name: flat_renderer(size))
    first = run("generate", recipe, tmp_path / "x", "--workers", 1)
    assert first.code == 0
    before = contents(tmp_path / "x")
    assert run("generate", recipe, tmp_path / "x", "--workers", 1) == first
    assert contents(tmp_path / "x") == before


def test_evaluate_and_report(run, generated, model, tmp_path):
    scorers = ("cosine", "maxsim", "random", "blind", "oracle", "shuffled-images")
    options = [part for name in scorers for part in ("--scorer", name)]
    said = run(
        "evaluate", generated, "--model", model, "--allow-random-weights", "--out", tmp_path / "results", *options
    )
    assert said.code == 0, said.err
    assert all(name in said.out for name in scorers)
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert results["command"].startswith("fourfold evaluate")
    assert any("random weights" in note for note in results["notes"])
    items = [json.loads(line) for line in (tmp_path / "results" / "items.jsonl").read_text().splitlines()]
    for item in items:
        scores = item["scores"]["oracle"]
        assert all((scores[i][k] > scores[i][1 - k]) == item["truth"][i][k] for i in (0, 1) for k in (0, 1))
    for name in ("report.html", "report.md"):
        assert run("report", tmp_path / "results", "--out", tmp_path / name).out == f"{tmp_path / name}\n"
        assert "cosine" in (tmp_path / name).read_text(encoding="utf-8")
    pytest.importorskip("matplotlib")
    assert run("report", tmp_path / "results", "--paper", tmp_path / "paper").code == 0
    assert {path.suffix for path in (tmp_path / "paper").rglob("*.*")} == {".md", ".csv", ".tex", ".svg", ".pdf"}


def test_models_lists_what_can_be_named(run):
    said = run("models", "fourfold")
    assert (said.code, said.out) == (0, "fourfold-tiny\n")
    assert "local-dir:FOLDER" in said.err


@pytest.mark.parametrize(("size", "code"), [("0", 2), ("-1", 2), ("2.5", 2), ("Auto", 2), ("", 2)])
def test_a_batch_size_is_auto_or_a_whole_number(size, code, run, generated, tmp_path):
    said = run("evaluate", generated, "--out", tmp_path / "x", "--batch-size", size)
    assert (said.code, f"--batch-size {size!r}: give 'auto' or a whole number from 1 on" in said.err) == (code, True)


@pytest.mark.parametrize(("size", "given"), [("auto", "auto"), ("1", 1), ("64", 64)])
def test_options_reach_the_call_under_the_names_of_python(size, given, run, monkeypatch, generated, tmp_path):
    seen = {}
    monkeypatch.setattr("fourfold.calls.evaluation.evaluate", lambda dataset, **options: seen.update(options))
    monkeypatch.setattr("fourfold.cli.evaluation._print_results", lambda results: None)
    assert run("evaluate", generated, "--out", "x", "--batch-size", size, "--cache", "c", "--quiet").code == 0
    assert (seen["batch_size"], seen["cache_dir"], seen["progress"]) == (given, Path("c"), False)


def without(name, *arguments):
    """The command in a fresh interpreter that has no such module."""
    code = f"import sys, runpy\nsys.modules[{name!r}] = None\nsys.argv = ['fourfold', *{arguments!r}]\n"
    code += "runpy.run_module('fourfold', run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(("name", "arguments"), [("click", ["--help"]), ("numpy", ["audit", "{data}"])])
def test_a_missing_library_is_one_line_that_says_how_to_install(name, arguments, generated):
    done = without(name, *[part.format(data=generated) for part in arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"fourfold: {name} is missing; install Fourfold and what it needs: pip install -e .\n"


def test_a_missing_module_of_ours_is_not_dressed_up_as_a_mistake():
    done = without("fourfold.cli.main", "--help")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
