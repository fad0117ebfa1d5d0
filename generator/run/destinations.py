"""Where a dataset goes: a folder, or any URL that fsspec knows (s3://, gs://, hf://, file://, memory:// ...).

What is written to a URL is made in a folder aside and sent when it is whole, records last, so that a URL resumes like
a folder. A store keeps what it has taken; how safely is its own affair.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fourfold.errors import InputError
from fourfold.files import is_url
from fourfold.generator.run.shards import (
    WORK,
    Job,
    Shard,
    checksums_path,
    read_record,
    record_path,
    rows_path,
    write_shard,
)
from fourfold.scenes.render.rendering import Renderer

MANIFEST = "manifest.json"
MARKER = f"{WORK}/recipe.json"  # of an unfinished dataset: what it is made from


def make_shard(job: Job, shard: Shard, renderer: Renderer) -> None:
    """Make one shard and leave it in the job's folder or at its URL, its record last.

    Raises InputError if the store cannot be used, or no acceptable scene is found.
    """
    if not is_url(job.out):
        write_shard(Path(job.out), job, shard, renderer)
        return
    with TemporaryDirectory(prefix="fourfold-") as name:
        aside = Path(name)
        (aside / WORK).mkdir()
        write_shard(aside, job, shard, renderer)
        last = record_path(aside, shard)
        send(job.out, aside, [path for path in files_of(aside) if path != last])
        send(job.out, aside, [last])


@contextmanager
def desk(out: str | Path) -> Iterator[Path]:
    """A folder to plan and finish in: the destination itself, or for a URL one aside, with its manifest and marker.

    Raises InputError for a URL that holds something else, or cannot be used.
    """
    if not is_url(out):
        yield Path(out)
        return
    with TemporaryDirectory(prefix="fourfold-") as name:
        folder = Path(name)
        fetch(str(out), folder, (MANIFEST, MARKER))
        if not any(folder.rglob("*.json")) and (found := names(str(out))):
            raise InputError(f"{out}: holds something else ({found[0]}); nothing was overwritten. Give a new place")
        yield folder


def fetch_shards(out: str | Path, folder: Path, shards: Iterable[Shard]) -> None:
    """Bring what a URL keeps of shards (rows, checksums, records) to the folder, but for those that are whole there.

    What was torn when the run began has been made again meanwhile, and is brought again. For a folder nothing is done.
    """
    if is_url(out):
        there = set(names(str(out), WORK))
        missing = [shard for shard in shards if read_record(folder, shard) is None]
        paths = [place(folder, shard) for shard in missing for place in (rows_path, checksums_path, record_path)]
        fetch(str(out), folder, [f"{WORK}/{path.name}" for path in paths if path.name in there])


def publish(out: str | Path, folder: Path) -> None:
    """Send the finished folder to its URL, the manifest last, and remove there what only the run needed.

    For a folder nothing is done.
    """
    if is_url(out):
        send(str(out), folder, [path for path in files_of(folder) if path.name != MANIFEST])
        send(str(out), folder, [folder / MANIFEST])
        forget_work(str(out))


def files_of(folder: Path) -> list[Path]:
    """All files below a folder, sorted by path."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def send(url: str, folder: Path, paths: list[Path]) -> None:
    """Put files of the folder at the same names below the URL. Raises InputError if the store refuses."""
    with _store(url) as (store, root):
        store.put([str(path) for path in paths], [f"{root}/{path.relative_to(folder).as_posix()}" for path in paths])


def fetch(url: str, folder: Path, wanted: Iterable[str]) -> None:
    """Get files below the URL to the same names in the folder; those that are not there are left out.

    Raises InputError if the store refuses.
    """
    with _store(url) as (store, root):
        found = [name for name in wanted if store.isfile(f"{root}/{name}")]
        for name in found:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        store.get([f"{root}/{name}" for name in found], [str(folder / name) for name in found])


def names(url: str, below: str = "") -> list[str]:
    """The names directly below the URL (or its folder `below`), sorted; none if nothing is there."""
    with _store(url) as (store, root):
        place = f"{root}/{below}".rstrip("/")
        store.invalidate_cache()  # other processes write there too
        found = store.ls(place, detail=False) if store.exists(place) else []
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found)


def forget_work(url: str) -> None:
    """Remove rows, checksums and records of shards below the URL: what only the run needed."""
    with _store(url) as (store, root):
        store.invalidate_cache()
        if store.exists(f"{root}/{WORK}"):
            store.rm(f"{root}/{WORK}", recursive=True)


@contextmanager
def _store(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL and the path in it; what its library refuses is the user's affair."""
    import fsspec  # slow to import for those who write to a folder

    try:
        local = {"auto_mkdir": True} if url.startswith(("file:", "local:")) else {}
        yield fsspec.core.url_to_fs(url, **local)
    except (AssertionError, AttributeError, NameError):  # our own mistakes
        raise
    except Exception as error:  # every store's library has errors of its own, for a missing login above all
        raise InputError(f"{url}: cannot be used ({type(error).__name__}: {error})") from error
