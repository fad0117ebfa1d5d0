"""Models made up to hold the diagnosis against: from one known stage on, one kind of information is gone.

A planted model has scenes of two objects and captions of one claim about them; its stages are random vectors for
what is there, turned at random and with fresh noise in every layer. From the stage `deleted` on, in layers, tokens or
pooled vector of one tower, or in the cosine alone, what its category asks for is deleted, and nothing brings it back:

    content    the kinds of objects, or the word that names one
    binding    every object, or every word of a color, has the mean of the colors
    relation   the objects' places, or the order of their names
    negation   the kinds of objects, or the word "no"
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from fourfold.evaluator.diagnosis.diagnose import Question, Stage
from fourfold.evaluator.diagnosis.rows import COSINE, POOLED, TOKENS
from fourfold.evaluator.diagnosis.symbols import KINDS, claim_features

CATEGORIES = ("content", "binding", "relation", "negation")
LAYERS = ("layer 0", "layer 1", "layer 2", "layer 3")
CHAINS = {side: (*LAYERS, TOKENS[side], POOLED[side]) for side in ("image", "text")}
# Every transition at which a planted model can lose its information: side, stage before, stage after.
TRANSITIONS = (
    *((side, *pair) for side, chain in CHAINS.items() for pair in pairwise(chain)),
    ("pair", POOLED["pair"], COSINE),
)
_COLORS, _SHAPES = (tuple(f"{name} {i}" for i in range(6)) for name in ("color", "kind"))
GRID, WIDTH, WORDS, NOISE = (5, 5), 64, 12, 0.1


@dataclass(frozen=True)
class Object:
    """One thing of a scene."""

    color: str
    shape: str
    cell: int  # of the grid


@dataclass(frozen=True)
class PlantedModel:
    """The stages of a planted model and what is asked of it."""

    stages: tuple[Stage, ...]
    question: Question


def plant(
    category: str, deleted: tuple[str, str, str] | None, rng: np.random.Generator, groups: int = 150
) -> PlantedModel:
    """A model that loses `category` at the transition `deleted` of `TRANSITIONS`, or, at None, nothing."""
    scenes: list[tuple[Object, Object]] = []
    claims: list[dict[str, Any]] = []
    captions: list[list[str]] = []
    for _ in range(groups):
        for objects, claim, words in _group(category, rng):
            scenes.append(objects)
            claims.append(claim)
            captions.append(words)
    names = sorted({*_COLORS, *_SHAPES, *(word for words in captions for word in words)})
    code = dict(zip(names, rng.standard_normal((len(names), WIDTH)) / WIDTH**0.5, strict=True))
    side, after = ("", "") if deleted is None else (deleted[0], deleted[2])
    stages: list[Stage] = []
    for tower in ("image", "text"):
        gone = False
        turn = np.eye(WIDTH)
        for name in CHAINS[tower][:-1]:
            gone = gone or (side, after) == (tower, name)
            if tower == "image":
                tokens = np.stack([_patches(scene, code, category if gone else "") for scene in scenes])
            else:
                tokens = np.stack([_words(words, code, category if gone else "") for words in captions])
            turn = turn @ np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0]
            tokens = (tokens + NOISE * rng.standard_normal(tokens.shape) / WIDTH**0.5) @ turn
            stages.append(_stage(tower, name, tokens, captions))
    stages += _pooled(category, side, after, scenes, claims, rng)
    stages.sort(key=lambda stage: stage.side)  # stable: "image" before "text"
    return PlantedModel(tuple(stages), Question([category] * groups, claims))


def _group(category: str, rng: np.random.Generator) -> list[tuple[tuple[Object, Object], dict[str, Any], list[str]]]:
    """The two scenes of a group, each with its claim and its caption."""
    red, blue = (str(color) for color in rng.choice(_COLORS, 2, replace=False))
    cube, ball, cone = (str(shape) for shape in rng.choice(_SHAPES, 3, replace=False))
    here, there = (int(cell) for cell in rng.choice(GRID[0] * GRID[1], 2, replace=False))
    while here % GRID[1] == there % GRID[1]:
        there = int(rng.integers(GRID[0] * GRID[1]))
    here, there = sorted((here, there), key=lambda cell: cell % GRID[1])
    first = Object(red, cube, here), Object(blue, ball, there)
    if category == "content":
        second = Object(red, cone, here), first[1]
        told = [_exists(cube), _exists(cone)]
        return [((first), told[0], ["a", cube]), (second, told[1], ["a", cone])]
    if category == "negation":
        second = Object(red, cone, here), first[1]
        return [
            (second, {"type": "Absent", "description": {"shape": cube}}, ["there", "is", "no", cube]),
            (first, _exists(cube), ["there", "is", "a", cube]),
        ]
    if category == "binding":
        second = Object(blue, cube, here), Object(red, ball, there)
        return [
            (
                scene,
                {"type": "Both", "first": _exists(cube, a), "second": _exists(ball, b)},
                ["a", a, cube, "and", b, ball],
            )
            for scene, a, b in ((first, red, blue), (second, blue, red))
        ]
    second = Object(blue, ball, here), Object(red, cube, there)
    return [
        (
            scene,
            {"type": "Related", "subject": {"shape": a}, "relation": "left", "reference": {"shape": b}},
            ["a", a, "left", "of", "a", b],
        )
        for scene, a, b in ((first, cube, ball), (second, ball, cube))
    ]


def _exists(shape: str, color: str | None = None) -> dict[str, Any]:
    return {"type": "Exists", "description": {"shape": shape} | ({"color": color} if color else {})}


def _patches(scene: tuple[Object, Object], code: Mapping[str, np.ndarray], without: str) -> np.ndarray:  # [p, c]
    tokens = np.zeros((GRID[0] * GRID[1], WIDTH))
    mean = sum(code[thing.color] for thing in scene) / 2
    for i, thing in enumerate(scene):
        # in the middle, side by side in the order of their colors: nothing is left of who stood where
        cell = thing.cell if without != "relation" else 12 + (i + (scene[0].color > scene[1].color)) % 2
        color = mean if without == "binding" else code[thing.color]
        tokens[cell] += color + (0 if without in ("content", "negation") else code[thing.shape])
    return tokens


def _words(words: list[str], code: Mapping[str, np.ndarray], without: str) -> np.ndarray:  # [t, c]
    tokens = np.zeros((WORDS, WIDTH))
    means = {kind: [code[word] for word in words if word in kind] for kind in (_COLORS, _SHAPES)}
    blurred = {"binding": _COLORS, "relation": _SHAPES}.get(without, ())
    for i, word in enumerate(words):
        gone = (without == "content" and word in _SHAPES) or (without == "negation" and word in ("no", "a"))
        if word in blurred:
            tokens[i] = np.mean(means[blurred], axis=0)
        elif not gone:
            tokens[i] = code[word]
    return tokens


def _stage(side: str, name: str, tokens: np.ndarray, captions: list[list[str]]) -> Stage:
    values = torch.tensor(tokens, dtype=torch.float32)
    mask = torch.tensor([[i < len(words) for i in range(WORDS)] for words in captions])
    return Stage(side, name, lambda: values, *((GRID, None) if side == "image" else (None, mask.float())))


def _pooled(
    category: str,
    side: str,
    after: str,
    scenes: list[tuple[Object, Object]],
    claims: list[dict[str, Any]],
    rng: np.random.Generator,
) -> list[Stage]:
    """Both pooled vectors: what each claim says, and what each picture shows, as sums of one random vector a fact."""
    facts = [_facts(claim) for claim in claims]  # a picture of a group is the one its own claim is true of
    shared = [sorted(set(facts[i]) & set(facts[i ^ 1])) for i in range(len(facts))]
    names = sorted({fact for row in facts for fact in row})
    code = dict(zip(names, rng.standard_normal((len(names), 2 * WIDTH)) / WIDTH**0.5, strict=True))
    found = []
    for tower in ("image", "text"):
        vectors = np.zeros((len(facts), 2 * WIDTH))
        for i, row in enumerate(facts):
            # What tells the two of a group apart is what the category asks for; the objects beside add what is not
            # asked.
            kept = shared[i] if side == tower else row
            vectors[i] = sum((code[fact] for fact in kept), np.zeros(2 * WIDTH))
            if tower == "image":
                vectors[i] += 0.3 * rng.standard_normal(2 * WIDTH) / WIDTH**0.5
        if side == "pair" and tower == "image":  # it is there still, and the text speaks of it in other directions
            vectors = vectors @ np.linalg.qr(rng.standard_normal((2 * WIDTH, 2 * WIDTH)))[0]
        vectors += NOISE * rng.standard_normal(vectors.shape) / WIDTH**0.5
        values = torch.nn.functional.normalize(torch.tensor(vectors, dtype=torch.float32), dim=-1)
        found.append(Stage(tower, POOLED[tower], partial(torch.clone, values)))
    return found


def _facts(claim: Mapping[str, Any]) -> list[str]:
    features = claim_features(claim)
    return [f"{kind} {name}" for kind in KINDS for name in features[kind]]
