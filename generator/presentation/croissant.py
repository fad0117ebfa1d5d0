"""croissant.json: the dataset for machines, in Croissant 1.1 with the fields of Responsible AI.

Specification: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. A plain dictionary, so that writing it
needs no library; tests read it with `mlcroissant`.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fourfold.conditions import DIFFERENCES
from fourfold.errors import InputError
from fourfold.generator.dataset.difficulty_axes import AXES, NOT_APPLICABLE
from fourfold.generator.dataset.naming import full_name
from fourfold.generator.recipe.recipe import Publication, Recipe

_Node = dict[str, Any]
_RELEASED = "2026-11-23"  # of this version, which makes these bytes whenever it is run
_LICENSE = "https://creativecommons.org/licenses/by/4.0/"
_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
# Columns of a row that are plain text, with what they mean.
_COLUMNS = {
    "id": "name of the picture, unique in the dataset",
    "group": "name of the fourfold group; its two pictures are neighbouring rows",
    "role": "which picture of the group: a or b; single for natural scenes",
    "category": "failure category",
    "condition": "condition of the theory that the category tests: C1 to C4, or beyond",
    "edit": "how picture b differs from picture a",
    "attribute": "attribute or relation that the edit changes",
    "caption": "true of this picture and false of the other of its group",
    "adversarial_caption": "false of this picture and true of the other of its group",
    "hard_positive": "another true caption of this picture",
    "absences": "kinds that captions of the group name and this picture does not show, with commas",
    "mask": "instance mask: a PNG in which 0 is background and an object has its mask_value",
    "scene_sha256": "hash of the scene",
    "pixels_sha256": "hash of the picture's pixels",
}
# Columns that rows have since an edition of the recipe.
_SINCE = {
    2: {
        "deciding": "JSON list of the attribute words that decide the group: the object's mask_value, the attribute, "
        "another value with which a caption would change its truth, and the share of its pixels that would change",
    }
}


def describe(recipe: Recipe, manifest: dict[str, Any]) -> dict[str, Any]:
    """The content of croissant.json, for a dataset folder whose manifest is this one."""
    said = recipe.publication or Publication()
    software = manifest["software"]["fourfold"]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": recipe.name,
        "description": _description(recipe, manifest),
        "license": _LICENSE,
        "url": said.url or f"urn:sha256:{manifest['recipe_sha256']}",
        "creator": {"@type": "sc:Organization", "name": said.creator or "The Fourfold authors"},
        "datePublished": manifest["published"],
        "version": said.version,
        "inLanguage": "en",
        "keywords": ["compositionality", "vision-language", "CLIP", "synthetic", *_categories(manifest)],
        "citeAs": f"{full_name(manifest)}, seed {recipe.seed}, made with Fourfold {software}",
        "isLiveDataset": False,
        **_responsible_ai(recipe, manifest),
        "distribution": distribution(manifest),
        "recordSet": [_record_set(split, fields) for split, (_, fields) in _described(manifest).items() if fields],
    }


def _description(recipe: Recipe, manifest: dict[str, Any]) -> str:
    said = recipe.description or "A Fourfold dataset: rendered scenes with verified captions."
    changes = manifest.get("changes")
    return f"{said} Modified: {', '.join(changes)}." if changes else said


def distribution(manifest: dict[str, Any]) -> list[_Node]:
    """The files and sets of files of a dataset, as croissant.json lists them."""
    return [node for files, _ in _described(manifest).values() for node in files]


def file_hashes(nodes: list[_Node]) -> dict[str, str]:
    """The files that a distribution lists one by one, with their SHA-256."""
    return {node["contentUrl"]: node["sha256"] for node in nodes if "contentUrl" in node}


def _described(manifest: dict[str, Any]) -> dict[str, tuple[list[_Node], list[_Node]]]:
    """Of every split its files, and the fields of its records."""
    describe_split, columns = _FILES[manifest["format"]], dict(_COLUMNS)
    for edition, added in _SINCE.items():
        columns |= added if (manifest["recipe"].get("edition") or 1) >= edition else {}
    return {
        split: describe_split(split, row, _hashes(split, manifest), columns)
        for split, row in manifest["splits"].items()
    }


def publication_date(recipe: Recipe, environment: Mapping[str, str] = os.environ) -> str:
    """The day of publication, as "2026-12-31": that of the recipe, or of SOURCE_DATE_EPOCH, or of this software.

    SOURCE_DATE_EPOCH are seconds since 1970 in UTC, as reproducible builds have them. It is never today, so that equal
    inputs make equal bytes. Raises InputError for an epoch that is no such number.
    """
    if recipe.publication and recipe.publication.date:
        return recipe.publication.date
    given = environment.get("SOURCE_DATE_EPOCH")
    if not given:
        return _RELEASED
    try:
        return datetime.fromtimestamp(int(given), UTC).date().isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"SOURCE_DATE_EPOCH: whole seconds since 1970 are needed, not {given!r}") from error


def _categories(manifest: dict[str, Any]) -> list[str]:
    found = {name for row in manifest["splits"].values() for name in row["groups"]}
    return [name for name in DIFFERENCES if name in found]


def _responsible_ai(recipe: Recipe, manifest: dict[str, Any]) -> dict[str, Any]:
    rejected = sum(manifest["rejections"].values())
    images = sum(row["images"] for row in manifest["splits"].values())
    software = manifest["software"]["fourfold"]
    return {
        "rai:dataCollection": (
            f"Nothing was collected: scenes were sampled from recipe {recipe.name!r} with seed {recipe.seed} and "
            f"rendered by Fourfold {software}. Captions were made from claims whose truth was computed."
        ),
        "rai:dataCollectionType": ["Software Collection"],
        "rai:dataPreprocessingProtocol": [
            f"Every picture was measured on its pixels before it was kept; {rejected} drafts were rejected for "
            f"{images} pictures."
        ],
        "rai:dataAnnotationProtocol": "Labels are computed from the scene; boxes and masks are measured on it.",
        "rai:hasSyntheticData": True,
        "rai:dataBiases": [
            "A closed vocabulary, drawn evenly: no sample of the world or of what people say.",
            "Captions are English from templates.",
        ],
        "rai:dataLimitations": [
            "A score on these scenes does not say how often the same failure meets natural photographs.",
        ],
        "rai:dataUseCases": [
            "Measuring what vision-language models represent: content, attribute binding, relations, negation.",
            "Training heads on frozen models, from splits named train.",
        ],
        "rai:dataSocialImpact": "No people are shown; the set serves to find failures before they reach people.",
        "rai:personalSensitiveInformation": ["None: everything is rendered, nobody is shown or described."],
    }


def _hashes(split: str, manifest: dict[str, Any]) -> dict[str, str]:
    """The archives of a split with their hashes; none where pictures are files."""
    files = {name: digest for shard in manifest["shards"] for name, digest in shard.get("files", {}).items()}
    return {name: digest for name, digest in sorted(files.items()) if name.startswith(f"{split}/")}


def _folder(
    split: str, row: dict[str, Any], _archives: dict[str, str], columns: Mapping[str, str]
) -> tuple[list[_Node], list[_Node]]:
    """Files and fields of a split that is a folder of pictures with metadata.jsonl."""
    rows, images = f"{split}-metadata", f"{split}-images"
    files = [
        _file_object(rows, "application/jsonlines", f"{split}/metadata.jsonl", row["metadata_sha256"]),
        _file_set(images, "image/png", f"{split}/images/*.png"),
    ]
    column = {"fileObject": {"@id": rows}}
    fields = [_field(split, name, meaning, {**column, **_column(name)}) for name, meaning in columns.items()]
    fields += _difficulty(split, column)
    name = {**column, **_column("file_name"), "transform": {"regex": "^(?:images/)?(.*)$"}}
    joined = _field(split, "file_name", "file of the picture", name)
    joined["references"] = {"fileSet": {"@id": images}, "extract": {"fileProperty": "filename"}}
    content = {"fileSet": {"@id": images}, "extract": {"fileProperty": "content"}}
    return files, [*fields, joined, _field(split, "image", "the picture", content, "sc:ImageObject")]


def _parquet(
    split: str, _row: dict[str, Any], _archives: dict[str, str], columns: Mapping[str, str]
) -> tuple[list[_Node], list[_Node]]:
    """Files and fields of a split in Parquet, where pictures are columns."""
    name = f"{split}-parquet"
    source = {"fileSet": {"@id": name}}
    files = [_file_set(name, "application/x-parquet", f"{split}/*.parquet")]
    fields = [
        _field(split, column, meaning, {**source, **_column(column)})
        for column, meaning in columns.items()
        if column != "mask"
    ]
    fields += _difficulty(split, source)
    pictures = {"image": "the picture", "mask": columns["mask"]}
    fields += [
        _field(
            split, column, meaning, {**source, **_column(column), "transform": {"jsonPath": "bytes"}}, "sc:ImageObject"
        )
        for column, meaning in pictures.items()
    ]
    return files, fields


def _difficulty(split: str, source: _Node) -> list[_Node]:
    """The axes of the column `difficulty`, a field each."""
    return [
        _field(
            split,
            f"difficulty.{axis.name}",
            f"{axis.meaning}; {axis.unit or 'a count'}, {NOT_APPLICABLE:g} where there is nothing to measure",
            {**source, **_column("difficulty"), "transform": {"jsonPath": axis.name}},
            "sc:Boolean" if axis.name == "held_out" else "sc:Float",
        )
        for axis in AXES.values()
    ]


def _webdataset(
    _split: str, _row: dict[str, Any], archives: dict[str, str], _columns: Mapping[str, str]
) -> tuple[list[_Node], list[_Node]]:
    """Files of a split in tars, and no fields: mlcroissant looks into no JSON in a tar, and unpacks tars to a place
    that their name alone decides, so that it would give the pictures of another dataset.
    """
    return [_file_object(name, "application/x-tar", name, digest) for name, digest in archives.items()], []


_FILES = {"folder": _folder, "parquet": _parquet, "webdataset": _webdataset}


def _file_set(name: str, encoding: str, includes: str) -> _Node:
    return {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": encoding, "includes": includes}


def _file_object(name: str, encoding: str, url: str, digest: str) -> _Node:
    node = {"@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": url}
    return node | {"encodingFormat": encoding, "sha256": digest}


def _column(name: str) -> _Node:
    return {"extract": {"column": name}}


def _field(split: str, name: str, meaning: str, source: _Node, kind: str = "sc:Text") -> _Node:
    node = {"@type": "cr:Field", "@id": f"{split}/{name}", "name": name, "description": meaning, "dataType": kind}
    return node | {"source": source}


def _record_set(split: str, fields: list[_Node]) -> _Node:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"One record a picture of the split {split}.",
        "key": {"@id": f"{split}/id"},
        "field": fields,
    }
