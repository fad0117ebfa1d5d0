"""Users' own object kinds: a folder of meshes (GLB, OBJ, PLY), each with a TOML file of the same stem that names it.

    # assets/giraffe.toml, beside assets/giraffe.glb
    name = "giraffe"
    plural = "giraffes"
    up = "y"                    # which axis of the file points up: "x", "y" or "z"
    article = "a"               # optional; by the sound of the name
    synonyms = ["toy giraffe"]  # optional; words that are just as true of the picture
    yaw = [-50, 50]             # optional; degrees about the vertical that keep it recognisable, 0 = as in the file

Textures and colors of the file are not drawn: an object is painted in the one color that the captions name.
"""

import re
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from fourfold.errors import InputError, unknown_name
from fourfold.scenes.model.vocabulary import SIZES, TABLES
from fourfold.scenes.shapes import ANY, KINDS, Kind
from fourfold.scenes.shapes.parts import joined, normalized, shaded, turned

SUFFIXES = (".glb", ".obj", ".ply")
TURN_UP = {"x": ("y", -90.0), "y": ("x", 90.0), "z": ("z", 0.0)}  # brings that axis to +z; y-up files face +z, so -y
REQUIRED = ("name", "plural", "up")
ANYTHING = dict.fromkeys(("object", "objects"), "object")  # what captions call a thing whose kind they leave open
_WORDS = re.compile(r"[^\W_]+(?:[ '’-][^\W_]+)*")


def load_assets(folder: Path) -> dict[str, Kind]:
    """The kinds of a folder by name, in the order of the file names, checked and usable as built-in kinds are.

    InputError names the file and the key at fault: a mesh without TOML or the reverse, a missing, unknown or wrong key,
    a word that already means something else, a mesh that cannot be read, a path that leads out of the folder.
    A material or texture that is not there is only warned about.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give a folder of meshes with a TOML file beside each")
    kinds: dict[str, Kind] = {}
    cards = _cards(folder)
    for card in cards:
        kind = _kind(card, _mesh_of(card))
        _check_words(kind, card, {**KINDS, **kinds})
        kind.build()
        kinds[kind.name] = kind
    for card, kind in zip(cards, kinds.values(), strict=True):
        _check_looks(kind, card, {**KINDS, **kinds})
    return kinds


def _cards(folder: Path) -> list[Path]:
    """The TOML files of a folder, after checking that no mesh is without one."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.with_suffix(".toml").is_file():
            raise InputError(f"{path}: needs {path.stem}.toml beside it with the keys {', '.join(REQUIRED)}")
    cards = sorted(folder.glob("*.toml"))
    if not cards:
        raise InputError(f"{folder}: no meshes here. Allowed: {', '.join(SUFFIXES)}, each with a TOML file beside it")
    return cards


def _mesh_of(card: Path) -> Path:
    meshes = [
        path for path in sorted(card.parent.glob("*")) if path.stem == card.stem and path.suffix.lower() in SUFFIXES
    ]
    if len(meshes) != 1:
        found = ", ".join(path.name for path in meshes) or "none"
        raise InputError(f"{card}: needs one mesh of the same stem ({', '.join(SUFFIXES)}); found {found}")
    return meshes[0]


def _kind(card: Path, mesh_path: Path) -> Kind:
    given = _read(card)
    return Kind(
        name=given["name"],
        plural=given["plural"],
        synonyms=tuple(given.get("synonyms", ())),
        build=partial(read_mesh, mesh_path, given["up"]),
        yaw=tuple(float(angle) for angle in given.get("yaw", ANY)),  # type: ignore[arg-type]
        family="everyday",
        article=given.get("article", ""),
    )


def _read(card: Path) -> Mapping[str, Any]:
    """The TOML file's table, every key known and every value of its kind."""
    try:
        given = tomllib.loads(card.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{card}: not a TOML file: {error}") from error
    for key in given:
        if key not in CHECKS:
            raise unknown_name("key", key, CHECKS, where=str(card))
    for key in REQUIRED:
        if key not in given:
            raise InputError(f"{card}: key {key!r} is missing. It must be {CHECKS[key][0]}")
    for key, value in given.items():
        wanted, holds = CHECKS[key]
        if not holds(value):
            raise InputError(f"{card}: {key} = {value!r} will not do. It must be {wanted}")
    return given


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORDS.fullmatch(value) is not None


def _is_range(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2 or any(type(angle) not in (int, float) for angle in value):
        return False
    return bool(np.isfinite(value).all() and 0 <= value[1] - value[0] <= 360)


_A_WORD = "a word, or words with single spaces, as it stands in a sentence"
CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "name": (_A_WORD, _is_word),
    "plural": (_A_WORD, _is_word),
    "up": ('the axis of the file that points up: "x", "y" or "z"', lambda value: value in tuple(TURN_UP)),
    "article": ('"a" or "an"', lambda value: value in ("a", "an")),
    "synonyms": ("a list of words", lambda value: isinstance(value, list) and all(map(_is_word, value))),
    "yaw": ("two angles in degrees, [low, high], at most 360 apart", _is_range),
}


def _check_words(kind: Kind, card: Path, others: Mapping[str, Kind]) -> None:
    """No word may mean two kinds: a caption with it would be true of both."""
    taken = {word.lower(): other.name for other in others.values() for word in words(other)}
    for key, given in _keyed(kind):
        for word in given:
            if word.lower() in taken:
                other = taken[word.lower()]
                raise InputError(f"{card}: {key} {word!r} already means the kind {other!r}. Choose another")


def _check_looks(kind: Kind, card: Path, kinds: Mapping[str, Kind]) -> None:
    """No word may read as a look of a thing: "metal cube" would be true of every cube of metal too."""
    things = {word.lower(): f"kind {other.name!r}" for other in kinds.values() for word in words(other)} | ANYTHING
    looks = {value: value for table in TABLES.values() for value in table} | {f"{size}-sized": size for size in SIZES}
    read = re.compile(rf"(?<!\w)({_any_of(looks)})[ -]({_any_of(things)})(?:e?s)?(?!\w)")
    for key, given in _keyed(kind):
        for word in given:
            if word.lower() in ANYTHING:
                raise InputError(f"{card}: {key} {word!r} is what captions call any thing. Choose another")
            if found := read.search(word.lower()):
                look, thing = looks[found[1]], things[found[2]]
                raise InputError(f"{card}: {key} {word!r} reads as the {thing} that is {look!r}. Choose another")


def _any_of(options: Iterable[str]) -> str:
    """A pattern that takes the longest of these that fits."""
    return "|".join(map(re.escape, sorted(options, key=len, reverse=True)))


def _keyed(kind: Kind) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The words of a kind with the keys that gave them."""
    return ("name", (kind.name,)), ("plural", (kind.plural,)), ("synonyms", kind.synonyms)


def words(kind: Kind) -> tuple[str, ...]:
    """Everything a caption may call a thing of this kind."""
    return (kind.name, kind.plural, *kind.synonyms)


def read_mesh(path: Path, up: str) -> trimesh.Trimesh:
    """A mesh file to the conventions of the built-in kinds: z up, centred, largest extent 1, sharp edges shaded flat.

    It need not be watertight; if it is, its faces are turned outward. `up` is the file's axis "x", "y" or "z" that
    points up. InputError for a file that cannot be read, has no faces, or leads or refers out of its folder.
    """
    mesh = _load(path)
    if not np.isfinite(mesh.vertices).all():
        raise InputError(f"{path}: has coordinates that are not finite. Export the mesh again")
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    mesh.update_faces(mesh.nondegenerate_faces())
    if not len(mesh.faces):
        raise InputError(f"{path}: has no faces with an area. Export the mesh as a surface")
    if mesh.is_watertight and mesh.volume < 0:
        mesh.invert()
    return normalized(turned(shaded(mesh), *TURN_UP[up]))


def _load(path: Path) -> trimesh.Trimesh:
    """All surfaces of a file as one, nothing but vertices and faces kept."""
    near = _Folder(path.parent)
    if not path.resolve().is_relative_to(near.path):
        raise InputError(f"{path}: leads out of its folder to {path.resolve()}. Copy the file into the folder")
    try:
        with path.open("rb") as file:
            scene: Any = trimesh.load(
                file, file_type=path.suffix[1:].lower(), resolver=near, force="scene", process=False
            )
        surfaces = [surface for surface in scene.dump() if isinstance(surface, trimesh.Trimesh)]
    except Exception as error:  # the readers raise whatever their parsing stumbled on
        near.report(path)
        raise InputError(f"{path}: not a readable {path.suffix} mesh: {error!r}") from error
    near.report(path)
    if not surfaces:
        raise InputError(f"{path}: holds no surface, only points or lines. Export it with faces")
    return joined(surfaces)


class _Folder(Mapping[str, bytes]):
    """Hands a mesh reader the files its mesh refers to, from the mesh's own folder alone; notes what it refused."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.missing: list[str] = []
        self.outside: list[str] = []

    def __getitem__(self, name: str) -> bytes:
        wanted = (self.path / name).resolve()
        if not wanted.is_relative_to(self.path):
            self.outside.append(name)
            raise PermissionError(name)
        if not wanted.is_file():
            self.missing.append(name)
            raise FileNotFoundError(name)
        return wanted.read_bytes()

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in self.path.iterdir())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def report(self, path: Path) -> None:
        """Says what was refused: readers swallow errors of materials and textures."""
        for name in self.outside:
            raise InputError(f"{path}: refers to {name!r}, which is outside its folder. Put that file beside the mesh")
        for name in self.missing:
            warnings.warn(f"{path}: refers to {name!r}, which is not there; the shape is used without it", stacklevel=2)
