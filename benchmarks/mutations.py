"""Plant small semantic bugs one at a time and report which of them the tests let live.

    python benchmarks/mutations.py                          # all of benchmarks/mutations.toml
    python benchmarks/mutations.py --only dcsm-map-transposed --only holm-order
    python benchmarks/mutations.py --workers 2 --out done.jsonl      # resumes from that file

Each row of the list names a file, the text to be replaced (it stands in the file once), what to put there, and the
tests that should notice. Every test that is named must pass before anything is planted. The working tree is not
touched: each worker plants in a copy of its own. Exit code 1 if more survive
than `--allowed`, 2 for a list that does not fit.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

import click
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "benchmarks" / "mutations.toml"
KILLED, SURVIVED = "killed", "survived"
TIMEOUT = 600  # seconds for the tests of one mutation: one that makes a loop endless is noticed as well


@dataclass(frozen=True)
class Mutation:
    """One planted bug: in `file`, the only `old` becomes `new`, and `tests` should fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]  # files or node ids, as pytest takes them


@dataclass(frozen=True)
class Verdict:
    """What became of a mutation."""

    name: str
    outcome: str  # KILLED or SURVIVED
    seconds: float


class ListError(Exception):
    """The list does not fit the tree; said in one line."""


def read_mutations(path: Path, root: Path) -> list[Mutation]:
    """The rows of a list, checked against the tree. Raises ListError for the first that does not fit."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
        found = [Mutation(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ListError(f"{path}: not a list of mutations ({error})") from error
    seen: set[str] = set()
    for each in found:
        if each.name in seen:
            raise ListError(f"{path}: {each.name}: is listed twice")
        seen.add(each.name)
        check_mutation(each, root)
    return found


def check_mutation(mutation: Mutation, root: Path) -> None:
    """Raise ListError unless the text to replace stands in its file once and every test file is there."""
    file = root / mutation.file
    if not file.is_file():
        raise ListError(f"{mutation.name}: there is no {mutation.file}")
    times = file.read_text(encoding="utf-8").count(mutation.old)
    if times != 1:
        raise ListError(f"{mutation.name}: its text stands in {mutation.file} {times} times; it must be once")
    if mutation.old == mutation.new:
        raise ListError(f"{mutation.name}: changes nothing")
    for test in mutation.tests:
        if not (root / test.partition("::")[0]).is_file():
            raise ListError(f"{mutation.name}: there is no {test}")


def copy_tree(root: Path, target: Path) -> None:
    """Copy what git tracks, links as links."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source, place = root / name, target / name
        if source.is_symlink() or source.is_file():  # else deleted and not yet committed
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place, follow_symlinks=False)


def first_failure(tests: Sequence[str], tree: Path) -> str | None:
    """What pytest says of the first of these tests that fails in a tree, or hangs; None if all pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {TIMEOUT} seconds"
    lines = done.stdout.decode(errors="replace").splitlines()
    said = [line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines[-1:] or ["nothing was said"]
    return said[0] if done.returncode else None


def plant(mutation: Mutation, tree: Path) -> Verdict:
    """Plant one bug in a tree, run its tests there, and take it out again."""
    started, file = time.monotonic(), tree / mutation.file
    sound = file.read_text(encoding="utf-8")
    try:
        file.write_text(sound.replace(mutation.old, mutation.new), encoding="utf-8")
        alive = first_failure(mutation.tests, tree) is None
    finally:
        file.write_text(sound, encoding="utf-8")
    return Verdict(mutation.name, SURVIVED if alive else KILLED, round(time.monotonic() - started, 1))


def plant_all(mutations: Sequence[Mutation], root: Path, workers: int) -> Iterator[Verdict]:
    """Verdicts as they come, each worker with a copy of the tree. Raises ListError if a test fails without a bug."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            copy_tree(root, Path(folder) / str(number))
            trees.put(Path(folder) / str(number))
        tests = sorted({test for each in mutations for test in each.tests})
        if failure := first_failure(tests, Path(folder) / "0"):
            raise ListError(f"a test fails before anything is planted: {failure}")

        def run(mutation: Mutation) -> Verdict:
            tree = trees.get()
            try:
                return plant(mutation, tree)
            finally:
                trees.put(tree)

        for future in as_completed([pool.submit(run, each) for each in mutations]):
            yield future.result()


def read_verdicts(path: Path | None) -> dict[str, Verdict]:
    """What an earlier run found; a last line that was cut off is left out."""
    found: dict[str, Verdict] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path is not None and path.is_file() else ():
        try:
            verdict = Verdict(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        found[verdict.name] = verdict
    return found


@click.command(help=__doc__.partition("\n")[0])
@click.option("--list", "path", type=click.Path(path_type=Path), default=LIST, help="the TOML file of mutations")
@click.option("--only", multiple=True, help="name of a mutation; repeat for several")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option("--allowed", type=click.IntRange(0), default=0, show_default=True, help="survivors that are no failure")
@click.option("--out", type=click.Path(path_type=Path), help="file of verdicts, a JSON line each; resumes from it")
@click.option("--root", type=click.Path(path_type=Path), default=ROOT, hidden=True)
def main(path: Path, only: tuple[str, ...], workers: int, allowed: int, out: Path | None, root: Path) -> None:
    """Run the list and print what survives."""
    try:
        mutations = read_mutations(path, root)
        if unknown := set(only) - {each.name for each in mutations}:
            raise ListError(f"{path}: lists no {', '.join(sorted(unknown))}")
        mutations = [each for each in mutations if not only or each.name in only]
        done = {name: each for name, each in read_verdicts(out).items() if name in {m.name for m in mutations}}
        todo = [each for each in mutations if each.name not in done]
        for verdict in tqdm(plant_all(todo, root, workers) if todo else (), total=len(todo), unit="bug", disable=None):
            done[verdict.name] = verdict
            if out is not None:
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(verdict)) + "\n")
    except ListError as error:
        click.echo(f"mutations: {error}", err=True)
        sys.exit(2)
    alive = [name for name, verdict in done.items() if verdict.outcome == SURVIVED]
    for name in alive:
        click.echo(f"survived: {name}")
    click.echo(f"{len(done) - len(alive)} of {len(done)} killed, {sum(each.seconds for each in done.values()):.0f} s")
    sys.exit(1 if len(alive) > allowed else 0)


if __name__ == "__main__":
    main()
