"""Plain WebDataset tars of others: files of one sample next to each other, the sample's key before their first dot.

    000.jpg  000.txt  000.json     picture, caption, and a JSON object with the other columns: foils, category, ...
    000.0.jpg  000.1.jpg  000.json two pictures, image_0 and image_1, with their captions in the JSON object

What columns mean is told in `fourfold.evaluator.data.external.plain`. Tars, here or at URLs, are read once from
end to end, and nothing is written to a disk: pictures stay in memory as the files that they are, encoded.
"""

import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fourfold.errors import InputError
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.plain import Place, Rows
from fourfold.evaluator.data.external.reading import Row, parse_json
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.urls import open_url
from fourfold.files import is_url

_PICTURE = re.compile(r"(?:([0-9]{1,4})\.)?(?:jpg|jpeg|png|webp|bmp)")
_LARGEST = 1 << 28  # bytes of one member; a header can claim any number
_MOST_SHARDS = 100_000
_BRACES = re.compile(r"\{([^{}]*)\}")


def read_tars(place: Place) -> Rows:
    """The samples of tars as rows: of a folder, a file, a URL, a pattern ("set-{000..009}.tar", "set-*.tar")."""
    if place.images is not None:
        raise InputError(f"wds:{place.text}: its pictures are in the tars; leave out --images")
    urls = _expand(place.text)
    name = PurePosixPath(urls[0]).stem if len(urls) == 1 else re.sub(r"[^\w.]+", "-", _stem(place.text)).strip("-.")
    folder = Path(place.text).expanduser().absolute()
    return Rows(name or "wds", Source(folder, folder, place.look), _rows(urls, place.look))


def _stem(pattern: str) -> str:
    """What a pattern of several shards is called: the last of its names that is no pattern."""
    pattern = pattern if is_url(pattern) else str(Path(pattern).expanduser().absolute())
    parts = [re.sub(r"\{[^}]*\}|[*?\[\]]|\.tar$", "", part) for part in PurePosixPath(pattern).parts]
    return next((part for part in reversed(parts) if part.strip("-_./")), "")


def _expand(pattern: str) -> list[str]:
    shards = list(_without_braces(pattern, pattern))
    if not is_url(pattern):
        shards = [path for shard in shards for path in _local(shard)]
    if not shards:
        raise InputError(f"wds:{pattern}: there is no such tar; give a folder, a file, a pattern in quotes, or a URL")
    return shards


def _without_braces(text: str, pattern: str) -> Iterator[str]:
    """Every text that braces stand for: {000..009} for numbers with their zeros, {a,b} for either."""
    found = _BRACES.search(text)
    if found is None:
        yield text
        return
    span = re.fullmatch(r"([0-9]{1,12})\.\.([0-9]{1,12})", found[1])
    if span and not 0 <= int(span[2]) - int(span[1]) < _MOST_SHARDS:
        raise InputError(f"wds:{pattern}: {found[0]} does not count upwards to at most {_MOST_SHARDS} shards")
    numbers = (str(n).zfill(len(span[1])) for n in range(int(span[1]), int(span[2]) + 1)) if span else ()
    for part in numbers if span else found[1].split(","):
        yield from _without_braces(f"{text[: found.start()]}{part}{text[found.end() :]}", pattern)


def _local(shard: str) -> list[str]:
    path = Path(shard).expanduser()
    if path.is_dir():
        return [str(each) for each in sorted(path.glob("*.tar"))]
    return [str(path)] if path.is_file() else sorted(each for each in glob(str(path)) if Path(each).is_file())


def _rows(urls: list[str], look: bool) -> Iterator[tuple[str, Row]]:
    for url in urls:
        with _open(url) as file:
            yield from _samples(file, url, look)


@contextmanager
def _open(url: str) -> Iterator[IO[bytes]]:
    with open_url(url) if is_url(url) else Path(url).open("rb") as file:
        yield file


def _samples(file: IO[bytes], url: str, look: bool) -> Iterator[tuple[str, Row]]:
    """The samples of one tar, each a row, made when its last file was read."""
    key, seen = "", set[str]()
    row: dict[str, Any] = {}
    try:
        with tarfile.open(fileobj=file, mode="r|") as archive:  # "r|" never unpacks: a bomb stays what it is
            for member in archive:
                place = PurePosixPath(member.name)
                if not member.isreg() or place.name.startswith("."):
                    continue  # folders, links, which lead anywhere, and what macOS adds
                stem, _, end = place.name.partition(".")
                here = str(place.parent / stem)
                if here != key:
                    if key:
                        yield _finished(row, key, url)
                    if here in seen:
                        raise InputError(f"{url}: the files of {here!r} are not next to each other")
                    seen.add(here)
                    key, row = here, {}
                _take(archive, member, end.lower(), row, f"{url}: {member.name}", look)
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{url}: not a whole plain tar ({error}); unpack it if it is compressed") from error
    if key:
        yield _finished(row, key, url)


def _take(
    archive: tarfile.TarFile, member: tarfile.TarInfo, end: str, row: dict[str, Any], where: str, look: bool
) -> None:
    """Put one file of a sample into its row."""
    picture = _PICTURE.fullmatch(end)
    if not picture and end not in ("txt", "json"):
        row.setdefault(end, None)  # named among the columns that are not read
        return
    if member.size > _LARGEST:
        raise InputError(f"{where}: has {member.size} bytes; at most {_LARGEST} are read")
    opened = archive.extractfile(member) if look or not picture else None
    data = opened.read() if opened else b""
    column = ("image" if picture[1] is None else f"image_{int(picture[1])}") if picture else end
    if column in row:
        raise InputError(f"{where}: is the second {column} of its sample")
    if picture:
        row[column] = ImageRef(Path(where), data=data) if look else ImageRef(Path(where))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start})") from None
    row[column] = parse_json(text, where) if end == "json" else text


def _finished(row: dict[str, Any], key: str, url: str) -> tuple[str, Row]:
    """The row of a sample: the keys of its JSON object are columns, and its text is the caption if they have none."""
    where = f"{url}: {key}"
    said = row.pop("json", {})
    if not isinstance(said, dict):
        raise InputError(f"{where}: its .json is {type(said).__name__}, not an object")
    if twice := next((name for name in said if name in row and name != "txt"), None):
        raise InputError(f"{where}: {twice!r} is a file of the sample and a key of its .json")
    text = row.pop("txt", None)
    named = any(re.fullmatch(r"captions?|caption_?[0-9]{1,4}", name) for name in said)
    caption = {} if text is None or named else {"caption": text}
    return where, {"id": f"{PurePosixPath(url).stem}-{key}", **row, **caption, **said}
