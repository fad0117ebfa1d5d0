"""The pipeline in one process: interrupted anywhere it resumes to the same bytes, and touches nobody else's folder."""

import errno
import hashlib
import json
import os
import random
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.generator.audits import dataset_audit, independence
from fourfold.generator.recipe.reading import Recipe, Split, recipe_to_dict
from fourfold.generator.run import assembly, destinations, pool, shards
from fourfold.generator.run.pipeline import generate
from fourfold.generator.run.shards import WORK, plan_shards, read_record, write_shard
from fourfold.generator.verification import verify


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def flat(monkeypatch, flat_renderer):
    """Generation in this process without OpenGL, in shards of one group."""
    monkeypatch.setattr(pool, "open_renderer", lambda size, name: flat_renderer(size))
    monkeypatch.setattr(shards, "SHARD_SIZE", 1)
    monkeypatch.setattr(independence, "_PERMUTATIONS", 19)  # the audit has tests of its own

    def call(recipe: Recipe, folder: Path, **options) -> Path:
        return generate(recipe, folder, workers=1, progress=False, **options)

    return call


@pytest.fixture
def quick(small_recipe) -> Recipe:
    splits = {"test": Split({"content": 1, "binding": 2}, scenes=1), "held-out": Split({"binding": 1}, held_out=True)}
    return replace(small_recipe, image_size=64, splits=splits)


class Interrupted(Exception):
    """Stands for whatever ends a process in the middle."""


def interrupted_after(monkeypatch, number: int, error: BaseException) -> None:
    """Let `number` more files be written, then fail."""
    honest, left = os.replace, iter(range(number))

    def fail(*paths):
        if next(left, None) is None:
            raise error
        honest(*paths)

    monkeypatch.setattr(os, "replace", fail)


def test_the_order_of_calls_before_leaves_no_trace(flat, quick, tmp_path):
    assert tree(flat(quick, tmp_path / "first")) == tree(flat(quick, tmp_path / "second"))


@pytest.mark.parametrize("error", [Interrupted(), KeyboardInterrupt()], ids=repr)
def test_a_run_interrupted_at_any_file_resumes_to_the_same_bytes(error, flat, quick, tmp_path, monkeypatch):
    expected = tree(flat(quick, tmp_path / "whole"))
    folder = tmp_path / "parts"
    runs = 0
    while not (folder / "manifest.json").exists():
        runs += 1
        with monkeypatch.context() as patch:
            interrupted_after(patch, random.randint(6, 10), error)  # a shard is seven files
            try:
                flat(quick, folder)
            except (Interrupted, KeyboardInterrupt):
                assert not (folder / "manifest.json").exists()
    assert runs > 3
    assert tree(folder) == expected


MOMENTS = ("before the marker", "after the marker", "before the card", "before the manifest", "after it")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_between_two_steps_resumes(moment, flat, quick, tmp_path, monkeypatch):
    expected = tree(flat(quick, tmp_path / "whole"))
    folder = tmp_path / "parts"
    with monkeypatch.context() as patch:
        if moment == "before the marker":
            interrupted_after(patch, 0, Interrupted())
        elif moment == "after the marker":
            interrupted_after(patch, 1, Interrupted())
        elif moment == "before the card":
            patch.setattr(assembly, "write_card", _raise)
        elif moment == "before the manifest":
            honest = assembly.write_atomically
            patch.setattr(
                assembly,
                "write_atomically",
                lambda path, data: _raise() if path.name == "manifest.json" else honest(path, data),
            )
        else:
            patch.setattr(assembly.shutil, "rmtree", _raise)
        with pytest.raises(Interrupted):
            flat(quick, folder)
    assert (folder / "SHA256SUMS").is_file() == (moment in ("before the manifest", "after it"))
    assert (folder / "manifest.json").is_file() == (moment == "after it")
    flat(quick, folder)
    assert tree(folder) == expected


def _raise(*_args, **_options):
    raise Interrupted


def test_what_is_done_is_not_made_again(flat, quick, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_after(patch, 20, Interrupted())
        with pytest.raises(Interrupted):
            flat(quick, tmp_path / "x")
    done = {shard for shard in plan_shards(quick) if read_record(tmp_path / "x", shard)}
    assert done
    made = []

    def watched(folder, job, shard, renderer):
        made.append(shard)
        write_shard(folder, job, shard, renderer)

    monkeypatch.setattr(destinations, "write_shard", watched)
    flat(quick, tmp_path / "x")
    assert set(made) == set(plan_shards(quick)) - done


def test_a_shard_whose_rows_were_changed_is_made_again(flat, quick, tmp_path, monkeypatch):
    expected = tree(flat(quick, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "write_card", _raise)
        with pytest.raises(Interrupted):
            flat(quick, tmp_path / "x")
    rows = sorted((tmp_path / "x" / WORK).glob("*.jsonl"))
    rows[0].write_bytes(rows[0].read_bytes()[:-20])
    rows[1].with_suffix(".json").write_text("{")
    rows[2].unlink()
    sums = sorted((tmp_path / "x" / WORK).glob("*.sha256"))
    sums[3].write_bytes(sums[3].read_bytes().replace(b"0", b"1"))
    flat(quick, tmp_path / "x")
    assert tree(tmp_path / "x") == expected


def test_a_finished_set_called_again_does_nothing(flat, quick, tmp_path, monkeypatch):
    folder = flat(quick, tmp_path / "x")
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    monkeypatch.setattr(pool, "open_renderer", _raise)
    assert flat(quick, folder) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times


@pytest.mark.parametrize("finished", [True, False], ids=["finished", "unfinished"])
@pytest.mark.parametrize("change", [{"seed": 99}, {"groups": 1}, {"split": "test"}], ids=str)
def test_another_recipe_in_the_folder_is_refused(finished, change, flat, quick, tmp_path, monkeypatch):
    folder = tmp_path / "x"
    if finished:
        flat(quick, folder)
    else:
        with monkeypatch.context() as patch:
            interrupted_after(patch, 20, Interrupted())
            with pytest.raises(Interrupted):
                flat(quick, folder)
    before = tree(folder)
    with pytest.raises(InputError, match=r"holds (another|an unfinished) dataset"):
        flat(quick, folder, **change)
    assert tree(folder) == before


def interrupted(quick, folder, flat, monkeypatch) -> Path:
    """A folder that a run left in the middle, with its marker."""
    with monkeypatch.context() as patch:
        interrupted_after(patch, 20, Interrupted())
        with pytest.raises(Interrupted):
            flat(quick, folder, renderer="opengl", format="folder")
    assert set(json.loads((folder / WORK / "recipe.json").read_text())) == {"fourfold", "recipe", "renderer", "format"}
    return folder


@pytest.mark.parametrize("change", [{"renderer": "raytrace"}, {"renderer": "auto"}, {"format": "webdataset"}], ids=str)
def test_another_renderer_or_format_in_an_unfinished_folder_is_refused(change, flat, quick, tmp_path, monkeypatch):
    folder = interrupted(quick, tmp_path / "x", flat, monkeypatch)
    before = tree(folder)
    with pytest.raises(InputError, match="holds an unfinished dataset of another recipe, seed, format, renderer"):
        flat(quick, folder, **{"renderer": "opengl", "format": "folder", **change})
    assert tree(folder) == before


def test_an_unfinished_folder_of_another_version_is_refused(flat, quick, tmp_path, monkeypatch):
    folder = interrupted(quick, tmp_path / "x", flat, monkeypatch)
    before = tree(folder)
    with monkeypatch.context() as patch:
        patch.setattr("fourfold.generator.run.pipeline.software_version", lambda: "0.0.1")
        with pytest.raises(InputError, match="version of this software; give a new folder"):
            flat(quick, folder, renderer="opengl")
    assert tree(folder) == before
    flat(quick, folder, renderer="opengl")
    assert (folder / "manifest.json").is_file()


def test_a_finished_set_of_another_format_is_refused(flat, quick, tmp_path):
    folder = flat(quick, tmp_path / "x")
    before = tree(folder)
    with pytest.raises(InputError, match="holds another dataset; nothing was overwritten"):
        flat(quick, folder, format="webdataset")
    assert tree(folder) == before


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"name": "x"}', "\udcff"], ids=repr)
def test_a_shard_with_a_torn_record_is_made_again(torn, flat, quick, tmp_path, monkeypatch):
    folder = interrupted(quick, tmp_path / "x", flat, monkeypatch)
    done = [shard for shard in plan_shards(quick) if read_record(folder, shard)]
    record = folder / WORK / f"{done[0].name}.json"
    record.write_bytes(torn.encode("utf-8", "surrogateescape"))
    assert [shard for shard in done if read_record(folder, shard)] == done[1:]
    flat(quick, folder, renderer="opengl")
    assert tree(folder) == tree(flat(quick, tmp_path / "whole", renderer="opengl"))


@pytest.mark.parametrize("name", ["notes.txt", "test/images/mine.png", ".hidden", "manifest.json"])
def test_a_folder_that_holds_something_else_is_refused_and_untouched(name, flat, quick, tmp_path):
    folder = tmp_path / "mine"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(InputError, match=r"nothing was overwritten"):
        flat(quick, folder)
    assert tree(folder) == {name: b"mine"}
    assert {path.name for path in folder.iterdir()} == {Path(name).parts[0]}


def test_a_file_in_the_place_of_the_folder_is_refused(flat, quick, tmp_path):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(InputError, match="is a file; give a folder"):
        flat(quick, tmp_path / "x")
    assert (tmp_path / "x").read_text() == "mine"


def test_an_empty_folder_is_taken(flat, quick, tmp_path):
    (tmp_path / "x").mkdir()
    assert (flat(quick, tmp_path / "x") / "manifest.json").is_file()


@pytest.mark.parametrize("files", [0, 1, 10, 25])
def test_a_full_disk_is_said_and_the_run_resumes(files, flat, quick, tmp_path, monkeypatch):
    folder = tmp_path / "x"
    with monkeypatch.context() as patch:
        interrupted_after(patch, files, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(InputError, match="no space left on the disk"):
            flat(quick, folder)
    assert not list(folder.rglob("*.tmp"))
    flat(quick, folder)
    assert tree(folder) == tree(flat(quick, tmp_path / "whole"))


def test_a_disk_that_is_full_for_the_joined_rows_is_said(flat, quick, tmp_path, monkeypatch):
    honest = os.fsync

    def fail(number):
        if "metadata.jsonl" in os.readlink(f"/proc/self/fd/{number}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(number)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=r"metadata\.jsonl: no space left"):
        flat(quick, tmp_path / "x")


def test_shards_of_any_size_give_the_same_rows_and_pictures(flat, quick, tmp_path, monkeypatch):
    ones = tree(flat(quick, tmp_path / "ones"))
    monkeypatch.setattr(shards, "SHARD_SIZE", 25)
    whole = tree(flat(quick, tmp_path / "whole"))
    for files in (ones, whole):
        files["SHA256SUMS"], manifest = files["SHA256SUMS"].rsplit(b"\n", 2)[:2]
        assert manifest == hashlib.sha256(files.pop("manifest.json")).hexdigest().encode() + b"  manifest.json"
    assert ones == whole


def test_the_manifest_says_what_is_there(flat, quick, tmp_path):
    folder = flat(quick, tmp_path / "x")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["name"], manifest["seed"], manifest["recipe"]) == (quick.name, quick.seed, recipe_to_dict(quick))
    assert manifest["renderer"]["renderer"] == "flat"
    for split, row in quick.splits.items():
        said = manifest["splits"][split]
        assert (said["groups"], said["scenes"]) == (row.groups, row.scenes)
        lines = (folder / split / "metadata.jsonl").read_text().splitlines()
        assert said["images"] == len(lines) == 2 * sum(row.groups.values()) + row.scenes
        assert len(list((folder / split / "images").iterdir())) == len(list((folder / "masks" / split).iterdir()))
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "SHA256SUMS",
        "audit.json",
        "croissant.json",
        "manifest.json",
        "masks",
        *quick.splits,
    }


@pytest.fixture
def bound(monkeypatch, flat, small_recipe):
    """A recipe whose objects the audit sees with colors that their shapes tell."""
    honest = dataset_audit.object_rows

    def planted(group, split):
        for row in honest(group, split):
            yield {**row, "color": row["shape"], "size": "small"}

    monkeypatch.setattr(dataset_audit, "object_rows", planted)
    monkeypatch.setattr(independence, "_PERMUTATIONS", 999)
    return replace(small_recipe, image_size=64, held_out=(), splits={"test": Split({"binding": 30})})


def test_objects_that_give_each_other_away_are_refused_by_name(bound, flat, tmp_path):
    with pytest.raises(
        InputError, match=r"shape and color \(Cramer's V 1\.000, p .*; shape .* with color .*audit\.json"
    ):
        flat(bound, tmp_path / "x")
    assert not (tmp_path / "x" / "manifest.json").exists()
    assert json.loads((tmp_path / "x" / "audit.json").read_text())["passed"] is False


def test_what_is_too_slight_to_help_is_a_warning_and_said_in_the_card(bound, flat, tmp_path, monkeypatch):
    monkeypatch.setattr(independence, "HARMLESS", 1.1)
    with pytest.warns(UserWarning, match="objects depend, though too little to help a guess: shape and color"):
        folder = flat(bound, tmp_path / "x")
    assert json.loads((folder / "audit.json").read_text())["passed"] is True
    [said] = json.loads((folder / "manifest.json").read_text())["slight_dependences"]
    assert said.startswith("shape and color (Cramer's V 1.000")
    assert f"- {said}\n" in (folder / "README.md").read_text()
    assert verify(folder, progress=False) == []
    monkeypatch.setattr(independence, "HARMLESS", 0.05)
    assert any("give answers away" in problem for problem in verify(folder, progress=False))


def test_scenes_and_captions_have_a_hash_apart_from_pixels(flat, quick, tmp_path, monkeypatch, flat_renderer):
    def brighter(size, name):
        renderer = flat_renderer(size)
        render = renderer.render
        renderer.render = lambda layout: replace(drawn := render(layout), color=drawn.color + (drawn.color < 250))
        return renderer

    first = flat(quick, tmp_path / "first")
    monkeypatch.setattr(pool, "open_renderer", brighter)
    second = flat(quick, tmp_path / "second")
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (first, second)]
    assert manifests[0]["scenes_sha256"] == manifests[1]["scenes_sha256"]
    rows = [(folder / "test" / "metadata.jsonl").read_text() for folder in (first, second)]
    assert rows[0] != rows[1]


def test_the_hash_of_scenes_is_over_the_scenes_and_captions_of_every_shard(flat, quick, tmp_path):
    """So that it tells a change of a caption, or of the order of scenes, and nothing else."""
    folder = flat(quick, tmp_path / "x")
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = [json.loads(line) for split in quick.splits for line in (folder / split / "metadata.jsonl").open()]
    left, hashes = iter(rows), []
    for shard in manifest["shards"]:
        own = [next(left) for _ in range(shard["rows"])]
        told = "".join(json.dumps([row["scene_sha256"], row["captions"]]) for row in own)
        hashes.append(hashlib.sha256(told.encode()).hexdigest())
    assert next(left, None) is None
    assert [shard["scenes_sha256"] for shard in manifest["shards"]] == hashes
    assert manifest["scenes_sha256"] == hashlib.sha256("".join(hashes).encode()).hexdigest()


def test_a_category_that_is_switched_off_is_no_group_that_is_missing(flat, quick, tmp_path):
    recipe = replace(quick, splits={"test": Split({"content": 0, "binding": 2})})
    folder = flat(recipe, tmp_path / "x")
    assert json.loads((folder / "manifest.json").read_text())["splits"]["test"]["groups"] == {"binding": 2}
    assert verify(folder, audits=False, progress=False) == []


def test_a_finished_dataset_of_another_version_is_kept_with_a_warning(flat, quick, tmp_path):
    folder = flat(quick, tmp_path / "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flat(quick, folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["software"]["fourfold"] = "0.0.1"
    path.write_text(json.dumps(manifest))
    before = tree(folder)
    with pytest.warns(UserWarning, match=rf"made by Fourfold 0\.0\.1 .*this is Fourfold {version('fourfold')}"):
        flat(quick, folder)
    assert tree(folder) == before


def test_no_workers_are_refused(quick, tmp_path):
    with pytest.raises(InputError, match="--workers 0"):
        generate(quick, tmp_path / "x", workers=0)
    assert not (tmp_path / "x").exists()


def test_progress_is_silent_without_a_terminal(flat, quick, tmp_path, capsys):
    generate(quick, tmp_path / "x", workers=1)
    assert capsys.readouterr() == ("", "")


def test_progress_counts_groups_and_tells_the_time_left(flat, quick, tmp_path, monkeypatch):
    seen = []

    class Terminal:
        encoding = "utf-8"

        def isatty(self):
            return True

        def write(self, text):
            seen.append(text)

        def flush(self):
            pass

    monkeypatch.setattr("sys.stderr", Terminal())
    generate(quick, tmp_path / "x", workers=1)
    total = sum(map(len, plan_shards(quick)))
    said = "".join(seen)
    assert f"{total}/{total}" in said
    assert "group/s" in said or "s/group" in said
    assert "<" in said  # elapsed<left
