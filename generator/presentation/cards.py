"""The data card of a dataset folder, for people and HuggingFace, and croissant.json beside it, for other machines."""

import json
from pathlib import Path
from typing import Any

from fourfold.conditions import DIFFERENCES, condition_of
from fourfold.files import dump_json, write_atomically
from fourfold.generator.dataset.difficulty_axes import AXES, NOT_APPLICABLE
from fourfold.generator.dataset.formats import FORMATS
from fourfold.generator.dataset.naming import full_name
from fourfold.generator.dataset.reading import NATURAL
from fourfold.generator.presentation import croissant
from fourfold.generator.recipe.recipe import Recipe, Split, named_values, wanted_objects
from fourfold.scenes.truth.descriptions import Description

CARD, CROISSANT = "README.md", "croissant.json"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_card(folder: Path, recipe: Recipe, manifest: dict[str, Any]) -> None:
    """Write README.md and croissant.json: measured facts only, all from the manifest."""
    write_atomically(folder / CARD, card_text(recipe, manifest))
    write_atomically(folder / CROISSANT, dump_json(croissant.describe(recipe, manifest)))


def card_text(recipe: Recipe, manifest: dict[str, Any]) -> str:
    """The content of README.md, for a dataset folder whose manifest is this one."""
    return "\n".join([*_front_matter(recipe, manifest), *_body(recipe, manifest)])


def _front_matter(recipe: Recipe, manifest: dict[str, Any]) -> list[str]:
    images = sum(split["images"] for split in manifest["splits"].values())
    size = next((name for limit, name in _SIZES if images < limit), "1M<n<10M")
    patterns = FORMATS[manifest["format"]].data_files
    files = [
        f'  - {{split: "{_hub_split(name)}", path: {json.dumps([each.format(split=name) for each in patterns])}}}'
        for name in manifest["splits"]
    ]
    return [
        "---",
        "license: cc-by-4.0",
        "language: en",
        # JSON strings are YAML strings, whatever is in them, but for what JSON escapes as two halves.
        f"pretty_name: {json.dumps(full_name(manifest | {'name': recipe.name}), ensure_ascii=False)}",
        "task_categories: [zero-shot-image-classification, image-text-to-text]",
        f"size_categories: {size}",
        "tags: [synthetic, compositionality, clip, negation, spatial, attribute-binding, croissant]",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *files,
        "---",
    ]


def _hub_split(name: str) -> str:
    """HuggingFace split names hold no hyphens."""
    return name.replace("-", "_")


def _body(recipe: Recipe, manifest: dict[str, Any]) -> list[str]:
    changes = manifest.get("changes")
    lines = [
        f"# {recipe.name}",
        "",
        *([f"**Not `{recipe.name}` as it is published: {', '.join(changes)}.**", ""] if changes else []),
        recipe.description or "A Fourfold dataset: rendered scenes with verified captions.",
        "",
    ]
    lines += [
        "## What is in it",
        "",
        "| split | category | condition | groups | what differs |",
        "|---|---|---|---|---|",
    ]
    for split, row in manifest["splits"].items():
        for name, number in row["groups"].items():
            lines.append(f"| {split} | {name} | {condition_of(name)} | {number} | {DIFFERENCES[name]} |")
        if row["scenes"]:
            lines.append(f"| {split} | {NATURAL} | | {row['scenes']} scenes | single pictures with web-like captions |")
    rejected = manifest["rejections"]
    lines += [
        "",
        *[f"- `{name}` holds {held}." for name, row in recipe.splits.items() if (held := _held(recipe, row))],
        "",
        "A group is fourfold: two images that differ in one edit and two captions, each true of exactly one of them.",
        "Every row holds the scene, the measured boxes, masks and visible parts, and the truth of every caption.",
        "",
        "## How hard it is",
        "",
        f"The column `difficulty`; {NOT_APPLICABLE:g} where there is nothing to measure.",
        "",
        "| axis | unit | what it says of a picture |",
        "|---|---|---|",
        *[f"| `{axis.name}` | {axis.unit} | {axis.meaning} |" for axis in AXES.values()],
        "",
        "## How it was made",
        "",
        f"Recipe `{recipe.name}`, seed {recipe.seed}, {recipe.image_size} x {recipe.image_size} pixels; "
        f"renderer {_renderers(manifest)}. Recipe hash `{manifest['recipe_sha256'][:16]}`.",
        "Every scene was rendered, measured on its pixels and, where it did not show what it should, drawn again:",
        "",
        *[f"- {count} times because {reason}" for reason, count in sorted(rejected.items())],
        *([] if rejected else ["- no scene was rejected"]),
        "",
        *_audited(manifest["slight_dependences"]),
        "## Limits",
        "",
        "Synthetic pictures of a small closed world. A score here says what a model does on these scenes; it does not",
        "say how often the same failure meets natural photographs. Captions are English, made from templates.",
        "",
        "Licence: CC BY 4.0. No people, no personal data; everything is rendered.",
        "",
    ]
    return lines


def _audited(slight: list[str]) -> list[str]:
    """What the audit found and let pass."""
    if not slight:
        return []
    told = "Of the objects these depend for certain, though too little to help anyone who guesses:"
    return [told, "", *[f"- {text}" for text in slight], ""]


def _renderers(manifest: dict[str, Any]) -> str:
    every = [manifest["renderer"], *manifest["other_renderers"]]
    return ", and for some shards ".join(words.get("device", "unknown") for words in every)


def _held(recipe: Recipe, split: Split) -> str:
    """What a split shows or says that others do not, or what it keeps to."""
    wanted = wanted_objects(recipe, split)
    parts = [f"objects that no other split shows ({', '.join(map(_words, wanted))})"] if wanted else []
    if split.objects is not None:
        parts.append(f"{split.objects[0]} to {split.objects[1]} objects a scene")
    parts += [f"{key} that ordinary splits never use" for key in ("templates", "phrases") if _are_held_out(split, key)]
    if split.synonyms != "hard-positives":
        parts.append(f"{'a synonym in every caption' if split.synonyms == 'always' else 'no synonyms'}")
    return "; ".join(parts)


def _are_held_out(split: Split, key: str) -> bool:
    return getattr(split, key) == "held-out"


def _words(description: Description) -> str:
    named = named_values(description)
    kind = named.pop("shape", "object")
    return " ".join([*named.values(), kind])
