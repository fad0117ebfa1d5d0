"""croissant.json: the dataset for machines, in Croissant 1.1 with the fields of Responsible AI.

Specification: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. A plain dictionary, so that writing it
needs no library; tests read it with `mlcroissant`.
"""

from typing import Any

from generator.categories import CATEGORIES
from generator.recipe import Publication, Recipe

_RELEASED = "2026-11-23"  # of this version: what a recipe says of its own publication goes before it
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


def describe(recipe: Recipe, manifest: dict[str, Any]) -> dict[str, Any]:
    """The content of croissant.json, for a dataset folder whose manifest is this one."""
    said = recipe.publication or Publication()
    software = manifest["software"]["fourfold"]
    distribution: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for split, row in manifest["splits"].items():
        files, fields = _folder(split, row["metadata_sha256"])
        distribution += files
        records.append(_record_set(split, fields))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": recipe.name,
        "description": recipe.description or "A Fourfold dataset: rendered scenes with verified captions.",
        "license": _LICENSE,
        "url": said.url or f"urn:sha256:{manifest['recipe_sha256']}",
        "creator": {"@type": "sc:Organization", "name": said.creator or "The Fourfold authors"},
        "datePublished": said.date or _RELEASED,
        "version": said.version,
        "inLanguage": "en",
        "keywords": ["compositionality", "vision-language", "CLIP", "synthetic", *_categories(manifest)],
        "citeAs": f"{recipe.name}, seed {recipe.seed}, made with Fourfold {software}",
        "isLiveDataset": False,
        **_responsible_ai(recipe, manifest),
        "distribution": distribution,
        "recordSet": records,
    }


def _categories(manifest: dict[str, Any]) -> list[str]:
    found = {name for row in manifest["splits"].values() for name in row["groups"]}
    return [name for name in CATEGORIES if name in found]


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


def _folder(split: str, metadata_sha256: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Files and fields of a split that is a folder of pictures with metadata.jsonl."""
    rows, images = f"{split}-metadata", f"{split}-images"
    files = [
        {
            "@type": "cr:FileObject",
            "@id": rows,
            "name": rows,
            "contentUrl": f"{split}/metadata.jsonl",
            "encodingFormat": "application/jsonlines",
            "sha256": metadata_sha256,
        },
        {
            "@type": "cr:FileSet",
            "@id": images,
            "name": images,
            "encodingFormat": "image/png",
            "includes": f"{split}/images/*.png",
        },
    ]
    fields = [_text(split, name, meaning) for name, meaning in _COLUMNS.items()]
    joined = _text(split, "file_name", "file of the picture")
    joined["source"]["transform"] = {"regex": "^(?:images/)?(.*)$"}
    joined["references"] = {"fileSet": {"@id": images}, "extract": {"fileProperty": "filename"}}
    picture = _field(split, "image", "the picture", "sc:ImageObject")
    picture["source"] = {"fileSet": {"@id": images}, "extract": {"fileProperty": "content"}}
    return files, [*fields, joined, picture]


def _text(split: str, name: str, meaning: str) -> dict[str, Any]:
    field = _field(split, name, meaning, "sc:Text")
    field["source"] = {"fileObject": {"@id": f"{split}-metadata"}, "extract": {"column": name}}
    return field


def _field(split: str, name: str, meaning: str, kind: str) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{split}/{name}", "name": name, "description": meaning, "dataType": kind}


def _record_set(split: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"One record a picture of the split {split}.",
        "key": {"@id": f"{split}/id"},
        "field": fields,
    }
