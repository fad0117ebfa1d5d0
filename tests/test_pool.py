"""Worker processes with real renderers: their number, death and interruption change no byte and leave none behind."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.generator.recipe.reading import Recipe, Split, recipe_to_dict
from fourfold.generator.run import pipeline, pool
from fourfold.generator.run.pipeline import generate
from fourfold.generator.run.pool import work
from fourfold.generator.run.shards import WORK, Job, Shard, plan_shards

# Two workers, so that there is always a child to kill; the recipe comes as JSON, since TOML cannot be written.
RUN = """
import json, sys
from fourfold.generator.recipe.reading import recipe_from_dict
from fourfold.generator.run.pipeline import generate
if __name__ == "__main__":
    recipe = recipe_from_dict(json.loads(sys.argv[1]), "argument")
    generate(recipe, sys.argv[2], workers=2, format=sys.argv[3])
"""
PATIENCE = 120  # seconds; for machines that do much else


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def start(recipe: Recipe, folder: Path, format: str = "folder") -> subprocess.Popen:
    argument = json.dumps(recipe_to_dict(recipe))
    return subprocess.Popen(
        [sys.executable, "-c", RUN, argument, str(folder), format],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def wait_until(done: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s until {what}"
        time.sleep(0.02)


def workers_of(process: subprocess.Popen) -> list[int]:
    """Process ids of the pool's workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def records(folder: Path) -> list[Path]:
    return [path for path in (folder / WORK).glob("*.json") if path.name != "recipe.json"]


@pytest.fixture(scope="module")
def few(small_recipe) -> Recipe:
    """Six shards, so that there is a middle to be killed in."""
    groups = dict.fromkeys(("content", "binding", "relation", "negation"), 1)
    return replace(small_recipe, splits={"test": Split(groups, scenes=1), "train": Split(scenes=1)})


@pytest.fixture(scope="module")
def whole(few, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of it, undisturbed."""
    return tree(generate(few, tmp_path_factory.mktemp("whole") / "dataset", workers=1, progress=False))


def test_four_workers_give_the_bytes_of_one(whole, few, tmp_path):
    made = generate(few, tmp_path / "four", workers=4, progress=False)
    assert tree(made) == whole


def test_a_run_killed_in_the_middle_resumes_to_the_same_bytes(whole, few, tmp_path):
    folder = tmp_path / "killed"
    process = start(few, folder)
    wait_until(lambda: len(records(folder)) >= random.randint(1, 3), "some shards are done")
    workers = workers_of(process)
    time.sleep(random.random() * 0.2)
    process.kill()
    process.communicate()
    assert workers
    wait_until(lambda: not any(map(alive, workers)), "the workers of a killed run have ended")
    assert not (folder / "manifest.json").exists()
    generate(few, folder, workers=1, progress=False)
    assert tree(folder) == whole


def killed_once(job: Job, shard: Shard) -> None:
    """Stands in for `work`: the worker that comes first is killed by the system, the others do as they should."""
    with suppress(FileExistsError):
        Path(f"{job.out}-killed").touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    work(job, shard)


def killed_at_negation(job: Job, shard: Shard) -> None:
    """Stands in for `work`: whoever makes this category is killed, when what comes before it is done."""
    if shard.category == "negation":
        wait_until(lambda: len(records(Path(job.out))) >= 3, "the shards before it are done")
        os.kill(os.getpid(), signal.SIGKILL)
    work(job, shard)


def test_a_run_survives_the_death_of_a_worker_and_says_so_in_a_line(whole, few, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(pool, "work", killed_once)
    folder = generate(few, tmp_path / "bereaved", workers=2, progress=False)
    assert tree(folder) == whole
    assert capfd.readouterr().err.splitlines() == [
        f"{folder}: a worker process was killed, most likely for lack of memory; starting again, 1 of 3 times, with "
        "what is left"
    ]


def test_workers_that_are_always_killed_end_in_a_line_and_what_is_done_stays(
    whole, few, tmp_path, monkeypatch, fourfold
):
    folder = tmp_path / "doomed"
    monkeypatch.setattr(pipeline, "load_recipe", lambda name: few)  # a recipe cannot be written as TOML
    monkeypatch.setattr(pool, "_RESTARTS", 1)
    monkeypatch.setattr(pool, "work", killed_at_negation)
    said = fourfold("generate", "few", folder, "--workers", 2)
    again, message = said.err.splitlines()
    assert (said.code, said.out) == (2, "")
    assert again.endswith("starting again, 1 of 1 times, with what is left")
    assert message.startswith(f"fourfold: {folder}: a worker process was killed, most likely for lack of memory")
    assert message.endswith(
        f"fewer --workers than 2: the shards that are finished stay in {folder}, and it goes on from there"
    )
    done = {path: path.stat().st_mtime_ns for path in records(folder)}
    assert len(done) >= 3
    monkeypatch.setattr(pool, "work", work)
    assert fourfold("generate", "few", folder, "--workers", 1).code == 0
    assert tree(folder) == whole


def test_an_interrupt_ends_all_quickly_and_the_run_resumes(whole, few, tmp_path):
    folder = tmp_path / "interrupted"
    process = start(few, folder)
    wait_until(lambda: records(folder), "a shard is done")
    workers = workers_of(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    started = time.monotonic()
    _, said = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - started < 20  # a shard more would take as long as it likes
    assert process.returncode in (1, -signal.SIGINT)
    assert said.strip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1  # of this script alone, none of the workers'
    assert workers
    assert not any(map(alive, workers))
    generate(few, folder, workers=1, progress=False)
    assert tree(folder) == whole


def test_a_driver_that_does_not_start_is_said_as_it_is(few, tmp_path, monkeypatch):
    monkeypatch.setenv("PYOPENGL_PLATFORM", "osmesa-that-is-not-there")
    with pytest.raises(InputError, match="OpenGL could not be started"):
        generate(few, tmp_path / "x", workers=2, renderer="opengl", progress=False)


def test_a_broken_pool_goes_on_with_what_is_left_and_gives_up_in_the_end(few, tmp_path, monkeypatch):
    todo, asked = list(plan_shards(few)), []

    def dies_after_one(_job, left, _workers):
        asked.append(left)
        yield left[0]
        raise BrokenProcessPool

    monkeypatch.setattr(pool, "_run_pool", dies_after_one)
    made = pool.make_shards(Job(str(tmp_path), few, "folder", "opengl"), todo, 2)
    done = [next(made) for _ in range(4)]
    with pytest.raises(InputError, match="fewer --workers"):
        next(made)
    assert done == todo[:4]
    assert asked == [todo, todo[1:], todo[2:], todo[3:]]


def test_an_interrupt_is_kept_for_later_even_from_those_who_swallow_it():
    reached = []

    def import_like_a_library():
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            reached.append("the end of the import")

    with pytest.raises(KeyboardInterrupt), pool.interrupts_kept_back():
        import_like_a_library()
    assert reached == ["the end of the import"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_interrupts_can_be_kept_back_in_any_thread():
    done = []

    def work():
        with pool.interrupts_kept_back():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


@pytest.mark.slow
@pytest.mark.parametrize("format", ["folder", "webdataset"])
def test_twenty_kills_at_random_moments_change_no_byte_and_lose_nothing_that_was_done(format, few, tmp_path):
    """Kills of the whole run and of its workers in turn; where a dataset is finished nevertheless, another is begun."""
    expected = tree(generate(few, tmp_path / "whole", workers=1, format=format, progress=False))
    kills: Counter[str] = Counter()
    finished = 0
    while kills.total() < 20:
        folder = tmp_path / str(finished)
        before = {path.name: path.read_bytes() for path in records(folder)}
        process = start(few, folder, format)
        kill_at_random_moments(process, kills)
        _, said = process.communicate(timeout=PATIENCE)
        if (folder / "manifest.json").exists():
            # Killed in its very last moment, a run leaves its shards' rows and records, which the next call removes.
            assert {name: data for name, data in tree(folder).items() if not name.startswith(f"{WORK}/")} == expected
            finished += 1
        else:
            assert process.returncode == -signal.SIGKILL, said
            assert before.items() <= {path.name: path.read_bytes() for path in records(folder)}.items()
    assert min(kills["run"], kills["worker"]) > 0
    for number in range(finished + 1):
        generate(few, tmp_path / str(number), workers=1, format=format, progress=False)
        assert tree(tmp_path / str(number)) == expected


def kill_at_random_moments(process: subprocess.Popen, kills: Counter[str]) -> None:
    """Kill up to two workers, then the run, as long as it lives; a pool gives up after some more."""
    for victim in random.choice([("run",), ("worker", "run"), ("worker", "worker", "run"), ("worker",)]):
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0.2, 6))
        with suppress(OSError):  # it has ended meanwhile
            workers = workers_of(process) if process.poll() is None else []
            if victim == "worker" and workers:
                os.kill(random.choice(workers), signal.SIGKILL)
                kills["worker"] += 1
            elif victim == "run" and process.poll() is None:
                process.kill()
                kills["run"] += 1


@pytest.mark.slow
@pytest.mark.parametrize("format", ["folder", "webdataset"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full_is_one_message_and_the_run_resumes(format, few, tmp_path):
    expected = tree(generate(few, tmp_path / "whole", workers=1, format=format, progress=False))
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)]
    if subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount disks")
    try:
        with pytest.raises(InputError, match="no space left on the disk"):
            generate(few, disk / "x", workers=1, format=format, progress=False)
        done = len(records(disk / "x"))
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        assert len(records(disk / "x")) == done
        generate(few, disk / "x", workers=1, format=format, progress=False)
        assert tree(disk / "x") == expected
    finally:
        subprocess.run(["umount", str(disk)], check=True)
