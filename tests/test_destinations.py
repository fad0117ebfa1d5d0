"""Parts, engines and URLs: whatever made a dataset and wherever it lies, its bytes are the same; gaps are refused."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from fourfold.calls import demonstration
from fourfold.cli.main import cli
from fourfold.errors import InputError
from fourfold.generator.audits import independence
from fourfold.generator.dataset.formats import FORMATS
from fourfold.generator.recipe.reading import Recipe, Split
from fourfold.generator.run import assembly, destinations, pipeline, pool, shards
from fourfold.generator.run.engines import ENGINES, check_engine
from fourfold.generator.run.parts import Part, choose_part, slurm_part
from fourfold.generator.run.pipeline import generate, is_finished, merge
from fourfold.generator.run.shards import WORK, plan_shards, record_path
from fourfold.scenes.render.renderers import open_renderer


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def flat(monkeypatch, flat_renderer) -> None:
    """Shards of one group, made in this process without OpenGL."""
    monkeypatch.setattr(pool, "open_renderer", lambda size, name: flat_renderer(size))
    monkeypatch.setattr(shards, "SHARD_SIZE", 1)
    monkeypatch.setattr(independence, "_PERMUTATIONS", 19)  # the audit has tests of its own


@pytest.fixture
def quick(small_recipe) -> Recipe:
    return replace(
        small_recipe, image_size=64, splits={"test": Split({"binding": 3}, scenes=1), "train": Split(scenes=1)}
    )


def make(recipe: Recipe, out, **options):
    return generate(recipe, out, workers=1, progress=False, renderer="raytrace", **options)


@pytest.fixture(params=FORMATS)
def whole(request, quick, tmp_path) -> tuple[str, dict[str, bytes]]:
    """Name of a format, and what one undisturbed run makes in it."""
    return request.param, tree(make(quick, tmp_path / "whole", format=request.param))


def test_parts_in_any_order_merge_to_the_bytes_of_one_run(whole, quick, tmp_path):
    name, expected = whole
    for index in (2, 0, 1):
        make(quick, tmp_path / "parts", format=name, shard_index=index, num_shards=3)
        assert not is_finished(tmp_path / "parts")
    merge(tmp_path / "parts")
    assert is_finished(tmp_path / "parts")
    assert tree(tmp_path / "parts") == expected
    assert merge(tmp_path / "parts") == tmp_path / "parts"  # again: nothing left to do


@pytest.mark.parametrize("protocol", ["memory", "file"])
def test_a_url_holds_the_bytes_of_a_folder(protocol, whole, quick, tmp_path):
    name, expected = whole
    url, root = place_at(protocol, tmp_path)
    assert make(quick, url, format=name) == url
    assert stored(protocol, root) == expected
    assert is_finished(url)
    make(quick, url, format=name)  # again: nothing left to do
    assert stored(protocol, root) == expected


def place_at(protocol: str, tmp_path: Path) -> tuple[str, str]:
    """A URL, and its path in its store."""
    root = str(tmp_path / "store" / "x")
    return f"{protocol}://{root}", root


def stored(protocol: str, root: str) -> dict[str, bytes]:
    store = fsspec.filesystem(protocol)
    return {name.removeprefix(f"{root}/"): store.cat_file(name) for name in store.find(root)}


@pytest.mark.parametrize("protocol", ["memory", "file"])
def test_an_interrupted_url_resumes_and_makes_nothing_twice(protocol, quick, tmp_path, monkeypatch):
    expected = tree(make(quick, tmp_path / "whole", format="webdataset"))
    url, root = place_at(protocol, tmp_path)
    made, honest = [], destinations.write_shard

    def fail_at_third(folder, job, shard, renderer):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(shard)
        honest(folder, job, shard, renderer)

    with monkeypatch.context() as patch:
        patch.setattr(destinations, "write_shard", fail_at_third)
        with pytest.raises(KeyboardInterrupt):
            make(quick, url, format="webdataset")
    assert not is_finished(url)
    with pytest.raises(InputError, match="shards are not there"):
        merge(url)
    again = []
    monkeypatch.setattr(destinations, "write_shard", lambda *given: (again.append(given[2]), honest(*given)))
    make(quick, url, format="webdataset")
    assert {*made, *again} == set(plan_shards(quick))
    assert not set(made) & set(again)
    assert stored(protocol, root) == expected


def test_parts_at_a_url_merge_too(quick, tmp_path):
    expected = tree(make(quick, tmp_path / "whole"))
    url, root = place_at("memory", tmp_path)
    for index in (0, 1):
        make(quick, url, shard_index=index, num_shards=2)
    merge(url)
    assert stored("memory", root) == expected


def test_what_is_torn_at_a_url_is_made_again(quick, tmp_path):
    expected = tree(make(quick, tmp_path / "whole"))
    url, root = place_at("memory", tmp_path)
    make(quick, url, shard_index=0, num_shards=2)
    store = fsspec.filesystem("memory")
    torn = shards.rows_path(Path(root), next(plan_shards(quick)))
    store.pipe_file(str(torn), store.cat_file(str(torn))[:50])
    make(quick, url)
    assert stored("memory", root) == expected


def test_what_a_run_killed_in_its_last_moment_left_at_a_url_goes(quick, tmp_path):
    url, root = place_at("memory", tmp_path)
    make(quick, url)
    whole = stored("memory", root)
    fsspec.filesystem("memory").pipe_file(f"{root}/{WORK}/left.json", b"{}")
    make(quick, url)
    assert stored("memory", root) == whole


def test_what_the_library_of_a_store_refuses_is_said(quick, monkeypatch):
    class NoCredentials(Exception):
        """As botocore's and google-auth's: no OSError."""

    def refuse(*_given, **_options):
        raise NoCredentials("unable to locate credentials")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(InputError, match=r"memory://x.*NoCredentials: unable to locate"):
        make(quick, "memory://x")


def test_our_own_mistakes_are_not_called_the_stores(monkeypatch):
    with pytest.raises(AttributeError), destinations._store("memory://x") as (store, _):
        store.no_such_thing()


def test_a_refused_set_at_a_url_leaves_the_audit_that_says_why(quick, tmp_path, monkeypatch):
    url, root = place_at("memory", tmp_path)
    pair = {"columns": ("shape", "color"), "strength": 1.0, "p": 0.0, "feature": "a", "leaks": True, "slight": False}
    found = {"passed": False, "splits": {}, "objects": [pair]}
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "audit_as_made", lambda *_: found)
        with pytest.raises(InputError, match=r"refused.*audit\.json"):
            make(quick, url)
    there = stored("memory", root)
    assert json.loads(there["audit.json"])["passed"] is False
    assert "manifest.json" not in there
    make(quick, url)  # with an audit that finds nothing
    assert json.loads(stored("memory", root)["audit.json"])["passed"] is True


def test_a_date_that_is_none_is_refused_before_any_work(quick, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH"):
        make(quick, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_url_that_holds_something_else_is_refused_and_untouched(quick, tmp_path):
    url, root = place_at("memory", tmp_path)
    fsspec.filesystem("memory").pipe_file(f"{root}/notes.txt", b"mine")
    with pytest.raises(InputError, match="holds something else"):
        make(quick, url)
    assert stored("memory", root) == {"notes.txt": b"mine"}


@pytest.mark.parametrize("url", ["nonsense://x/y", "s3x://bucket"])
def test_a_store_that_nobody_knows_is_said(url, quick):
    with pytest.raises(InputError, match="cannot be used"):
        make(quick, url)


def test_a_gap_is_refused_and_named(quick, tmp_path):
    make(quick, tmp_path / "x", shard_index=0, num_shards=2)
    before = tree(tmp_path / "x")
    with pytest.raises(InputError, match=r"2 of 5 shards are not there, the first is test-binding-0000001"):
        merge(tmp_path / "x")
    assert tree(tmp_path / "x") == before


def test_parts_of_different_recipes_are_refused(quick, tmp_path):
    make(quick, tmp_path / "x", shard_index=0, num_shards=2)
    with pytest.raises(InputError, match="another recipe"):
        make(replace(quick, seed=99), tmp_path / "x", shard_index=1, num_shards=2)
    other = make(replace(quick, seed=99), tmp_path / "y", shard_index=1, num_shards=2)
    for shard in Part(1, 2).of(list(plan_shards(quick))):  # somebody copies them together
        for place in (record_path, shards.rows_path, shards.checksums_path):
            shutil.copy(place(other, shard), tmp_path / "x" / WORK)
    with pytest.raises(InputError, match="2 of 5 shards are of another recipe"):
        merge(tmp_path / "x")


def test_a_place_without_parts_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no parts"):
        merge(tmp_path)
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK / "recipe.json").write_text(json.dumps({"recipe": 5}))
    with pytest.raises(InputError, match="cannot be read"):
        merge(tmp_path)


SLURM = {"SLURM_ARRAY_TASK_ID": "14", "SLURM_ARRAY_TASK_COUNT": "5", "SLURM_ARRAY_TASK_MIN": "10"}


@pytest.fixture
def second_of_two(monkeypatch) -> None:
    """The environment of a task of a SLURM array."""
    for name, value in {"ID": "7", "COUNT": "2", "MIN": "6"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)


@pytest.mark.parametrize(
    ("index", "count", "expected"), [(None, None, Part(0, 1)), (1, 3, Part(1, 3)), (None, 1, Part(0, 1))]
)
def test_the_part_is_that_asked_for_or_the_whole(index, count, expected, second_of_two):
    assert choose_part(index, count) == expected


@pytest.mark.parametrize(("index", "count"), [(3, 3), (-1, 2), (0, None), (None, 4)])
def test_a_part_that_is_none_is_refused(index, count):
    with pytest.raises(InputError, match="shard-index"):
        choose_part(index, count)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        (SLURM, Part(4, 5)),
        ({**SLURM, "SLURM_ARRAY_TASK_STEP": "2"}, Part(2, 5)),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"}, Part(0, 1)),
    ],
)
def test_the_part_of_an_array_is_its_tasks(environment, expected):
    assert slurm_part(environment) == expected


@pytest.mark.parametrize("environment", [{"SLURM_ARRAY_TASK_ID": "1"}, {**SLURM, "SLURM_ARRAY_TASK_ID": "15"}])
def test_an_array_that_makes_no_sense_is_refused(environment):
    with pytest.raises(InputError, match="shard-index"):
        slurm_part(environment)


def test_in_a_slurm_array_python_makes_the_whole_and_the_command_its_part(
    quick, tmp_path, second_of_two, monkeypatch, capsys
):
    whole = make(quick, tmp_path / "whole")
    assert is_finished(whole)
    monkeypatch.setattr(pipeline, "load_recipe", lambda name: quick)
    command = ["generate", "quick", str(tmp_path / "parts"), "--renderer", "raytrace", "--workers", "1", "--quiet"]
    cli(command, standalone_mode=False)
    [said] = capsys.readouterr().err.splitlines()
    assert "--shard-index 1 --num-shards 2" in said
    made = {shard for shard in plan_shards(quick) if record_path(tmp_path / "parts", shard).is_file()}
    assert made == set(Part(1, 2).of(list(plan_shards(quick))))
    cli([*command, "--num-shards", "1"], standalone_mode=False)
    assert capsys.readouterr().err == ""
    assert tree(tmp_path / "parts") == tree(whole)


def test_in_a_slurm_array_the_demo_makes_the_whole(tmp_path, second_of_two, monkeypatch):
    def stop(*_given, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(demonstration, "evaluate", stop)  # what comes after generating
    with pytest.raises(KeyboardInterrupt):
        demonstration.demo(tmp_path, groups=1, workers=1, progress=False)
    assert is_finished(tmp_path / "dataset")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_parts_are_all_shards_once(count, small_recipe):
    planned = list(plan_shards(small_recipe))
    parts = [shard for index in range(count) for shard in Part(index, count).of(planned)]
    assert sorted(parts, key=planned.index) == planned


def test_an_unknown_engine_lists_the_choices():
    with pytest.raises(InputError, match="ray"):
        check_engine("dask")


def test_an_address_without_a_cluster_is_refused(quick, tmp_path):
    with pytest.raises(InputError, match="add --engine ray"):
        make(quick, tmp_path / "set", address="auto")
    assert not (tmp_path / "set").exists()


def test_parts_drawn_by_different_renderers_are_said_to_be(quick, tmp_path, monkeypatch, flat_renderer):
    make(quick, tmp_path / "parts", shard_index=1, num_shards=2)
    monkeypatch.setattr(flat_renderer, "describe", lambda self: {"renderer": "flat", "device": "another"})
    make(quick, tmp_path / "parts", shard_index=0, num_shards=2)
    merge(tmp_path / "parts")
    manifest = json.loads((tmp_path / "parts" / "manifest.json").read_text())
    assert {words["device"] for words in manifest["other_renderers"]} | {manifest["renderer"]["device"]} == {
        "none",
        "another",
    }
    assert "another" in (tmp_path / "parts" / "README.md").read_text()
    assert "none" in (tmp_path / "parts" / "README.md").read_text()


def descends_from(process: int, ancestor: int) -> bool:
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        if process == ancestor:
            return True
    return False


def ray_workers() -> list[int]:
    """Processes that this one's Ray has given a shard."""
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    named = [number for number in found if b"ray::work" in command_of(number)]
    return [number for number in named if descends_from(number, os.getpid())]


def command_of(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


@pytest.mark.slow
def test_ray_gives_the_bytes_of_one_process_even_if_a_worker_dies(quick, tmp_path, monkeypatch):
    """Real renderers in Ray's own processes; Ray needs some fifteen seconds to start."""
    pytest.importorskip("ray")
    monkeypatch.setattr(pool, "open_renderer", open_renderer)
    whole = tree(make(quick, tmp_path / "one", format="webdataset"))
    honest, killed = ENGINES["ray"], []

    def deadly(*given):
        for shard in honest(*given):
            if not killed:
                killed.extend(ray_workers()[:1])
                for number in killed:
                    os.kill(number, signal.SIGKILL)
            yield shard

    monkeypatch.setitem(ENGINES, "ray", deadly)
    options = {"workers": 2, "renderer": "raytrace", "format": "webdataset", "progress": False}
    generate(quick, tmp_path / "two", engine="ray", **options)
    assert killed
    assert tree(tmp_path / "two") == whole
