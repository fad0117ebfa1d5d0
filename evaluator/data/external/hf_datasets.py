"""Datasets that HuggingFace's `datasets` reads: on the Hub, or a local folder of Parquet files, pictures, CSV, JSONL.

What columns mean is told in `fourfold.evaluator.data.external.plain`. No code of a dataset is ever run.
"""

import operator
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fourfold.errors import InputError
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.plain import Place, Rows
from fourfold.evaluator.data.external.reading import Row
from fourfold.evaluator.data.image_refs import ImageRef

OPTIONS = ("config", "split", "revision")
_FIRST_WITHOUT_SCRIPTS = 4  # major version of `datasets`; those before must be told not to run any
_SECONDS = 20.0  # without an answer of the Hub, after which it counts as out of reach
_Found = TypeVar("_Found")


def read_hub(place: Place) -> Rows:
    """The rows of one split: the one that is asked for, else "test", else the only one.

    Raises InputError where `datasets` is missing, for a name that is neither a folder nor ORG/NAME, what is not on the
    Hub or cannot be reached, and a choice of configs or splits that is left open.
    """
    folder = Path(place.text).expanduser().absolute() if Path(place.text).expanduser().is_dir() else None
    if folder is None and not re.fullmatch(r"[\w.-]+/[\w.-]+", place.text):
        raise InputError(f"hf:{place.text}: neither a folder nor ORG/NAME of a dataset on the HuggingFace Hub")
    try:
        import datasets
    except ImportError:
        raise InputError(f"hf:{place.text}: needs `datasets`: pip install 'fourfold[data]'") from None
    name = place.text if folder is None else str(folder)
    if folder is None:
        _check_there(place)
    config, revision = place.options.get("config"), place.options.get("revision")
    splits = _asked(place, lambda: datasets.get_dataset_split_names(name, config_name=config, revision=revision))
    split = _choose(place, list(map(str, splits)))
    safe = {} if int(datasets.__version__.split(".")[0]) >= _FIRST_WITHOUT_SCRIPTS else {"trust_remote_code": False}
    with _bars_on_screens_only(datasets):
        found = _asked(place, lambda: datasets.load_dataset(name, name=config, split=split, revision=revision, **safe))
    images = place.images or folder or Path(place.text)
    title = place.text if folder is None else folder.name
    return Rows(title, Source(images, images, place.look), _rows(found, datasets, place, folder))


@contextmanager
def _bars_on_screens_only(datasets: Any) -> Iterator[None]:
    """No progress bars of the library where stderr is a file or a pipe, in which a mistake is to be one line."""
    hide = not (sys.stderr.isatty() or datasets.are_progress_bars_disabled())
    if hide:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if hide:
            datasets.enable_progress_bars()


def _check_there(place: Place) -> None:
    """Ask the Hub once for the dataset: `datasets` would ask many times, for half a minute, where nobody answers."""
    import huggingface_hub

    if not huggingface_hub.constants.HF_HUB_OFFLINE:
        revision = place.options.get("revision")
        _asked(place, lambda: huggingface_hub.HfApi().dataset_info(place.text, revision=revision, timeout=_SECONDS))


def _choose(place: Place, splits: list[str]) -> str:
    wanted = place.options.get("split", "test" if "test" in splits else "")
    if wanted in splits:
        return wanted
    if not wanted and len(splits) == 1:
        return splits[0]
    said = f"has no split {wanted!r}" if wanted else "has several splits and none called 'test'"
    raise InputError(f"hf:{place.text}: {said}; choose one with #split=, of: {', '.join(splits) or 'none'}")


def _asked(place: Place, ask: Callable[[], _Found]) -> _Found:
    """What the library answers; its errors, of many libraries below it, as one line."""
    try:
        return ask()
    except (AssertionError, AttributeError, NameError):  # more likely ours than the user's
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        if isinstance(error, ValueError) and "Config name is missing" in said:
            raise InputError(f"hf:{place.text}: choose a config with #config=; {said}") from error
        raise InputError(f"hf:{place.text}: cannot be read ({type(error).__name__}: {said:.300})") from error


def _rows(found: Any, datasets: Any, place: Place, folder: Path | None) -> Iterator[tuple[str, Row]]:
    pictures = [name for name, feature in found.features.items() if _holds_pictures(feature, datasets)]
    if not place.look:  # of lists it still counts how many pictures there are
        alone = [name for name in pictures if isinstance(found.features[name], datasets.Image)]
        found = found.remove_columns(alone)
    for name in pictures:  # as they are stored: bytes, or the name of a file
        if name in found.features:
            found = found.cast_column(name, _undecoded(found.features[name], datasets))
    labels = {name: each for name, each in found.features.items() if isinstance(each, datasets.ClassLabel)}
    for number in range(len(found)):
        where = f"hf:{place.text}: row {number}"
        row = dict(_asked(place, partial(operator.getitem, found, number)))
        row |= {name: label.int2str(row[name]) for name, label in labels.items() if row[name] is not None}
        row |= {name: _pictures(row.get(name), folder, f"{where}: {name}", place.look) for name in pictures}
        yield where, row


def _holds_pictures(feature: Any, datasets: Any) -> bool:
    inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) and feature else feature)
    return isinstance(inner, datasets.Image)


def _undecoded(feature: Any, datasets: Any) -> Any:
    plain = datasets.Image(decode=False)
    if isinstance(feature, datasets.Image):
        return plain
    return [plain] if isinstance(feature, list) else type(feature)(plain)


def _pictures(cell: Any, folder: Path | None, where: str, look: bool) -> Any:
    """The picture of a cell, or the list of them; without a look, names that stand for them."""
    if isinstance(cell, list):
        return [_pictures(each, folder, f"{where} {k}", look) for k, each in enumerate(cell)]
    return _picture(cell, folder, where) if look else ImageRef(Path(where))


def _picture(cell: Any, folder: Path | None, where: str) -> ImageRef:
    """A picture as bytes, or as a file of the dataset's own folder.

    A table can name any file of this machine, which is no business of its author's.
    """
    if cell is None:
        raise InputError(f"{where}: has no picture")
    if cell.get("bytes") is not None:
        return ImageRef(Path(where), data=cell["bytes"])
    name = str(cell.get("path"))
    if folder is None or not Path(name).resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{where}: the picture {name!r:.80} is neither in the table nor in the dataset's folder")
    return ImageRef(Path(name))
