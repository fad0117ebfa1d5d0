"""What several test files share: results for reports, a generated dataset, a renderer without OpenGL, the command."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw

# No deadline: a busy machine is no failure. Derandomized: one commit, one verdict.
settings.register_profile("fourfold", deadline=None, derandomize=True)
settings.load_profile("fourfold")

COLORS = {"red": (190, 50, 45), "blue": (50, 90, 180), "green": (60, 140, 70), "yellow": (215, 180, 60)}
SHAPES = ("cube", "ball")
EDITS = {"content": "replace-attribute", "binding": "swap-attribute", "relation": "swap-object", "negation": "negate"}
SKILL = {  # how far the right answer is ahead, in units of noise
    "cosine": {"content": 3.0, "binding": 0.1, "relation": 0.0, "negation": -0.4},
    "maxsim": {"content": 2.5, "binding": 0.5, "relation": 0.3, "negation": -0.2},
    "dcsm": {"content": 2.9, "binding": 1.6, "relation": 1.9, "negation": 1.2},
    "random": dict.fromkeys(EDITS, 0.0),
    "blind": dict.fromkeys(EDITS, 0.0),
    "oracle": dict.fromkeys(EDITS, 1e6),
}
HOSTILE = (
    '</script><script>document.title="owned"</script> a "red" cube & \u202e\u2066'
    "<img src=x onerror=alert(1)>\u2028 \u05d0"
)
SIZE = 96


@pytest.fixture(scope="session")
def report_data() -> SimpleNamespace:
    """`make_dataset(folder, groups)` and `make_results(folder, dataset, ...)`: see the functions below."""
    return SimpleNamespace(make_dataset=make_dataset, make_results=make_results, hostile=HOSTILE, edits=EDITS)


def make_dataset(folder: Path, groups: int, *, draw: bool = True) -> Path:
    """A dataset folder of `groups` groups a category; the first binding caption is hostile text."""
    rng = np.random.default_rng(5)
    (folder / "test" / "images").mkdir(parents=True)
    (folder / "masks" / "test").mkdir(parents=True)
    rows = []
    for category in EDITS:
        for index in range(groups):
            rows += _make_rows(folder, category, index, rng, draw)
    (folder / "test" / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    manifest = {"format_version": 1, "splits": {"test": {"rows": len(rows)}}, "name": folder.name}
    manifest |= {"seed": 5, "scenes_sha256": "5c" * 32}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def make_results(
    folder: Path,
    dataset: Path,
    *,
    scorers: tuple[str, ...] = ("cosine", "maxsim", "dcsm", "random", "oracle"),
    model: str = "fourfold-tiny",
    maps: int = 10**6,
    replicates: int = 200,
    grid: tuple[int, int] = (6, 6),
    fit: str = "crop",
) -> Path:
    """A results folder on a dataset of `make_dataset`, with maps for the first `maps` groups of each category."""
    from fourfold.evaluator.analysis import results
    from fourfold.evaluator.analysis.summary import summarise
    from fourfold.evaluator.reporting import save_maps
    from fourfold.generator.dataset.reading import read_groups

    rng = np.random.default_rng(len(model))
    groups = list(read_groups(dataset, "test"))
    items = tuple(_score(group, scorers, rng) for group in groups)
    metrics, comparisons = summarise(items, seed=0, replicates=replicates)
    found = results.Results(
        items=items,
        metrics=metrics,
        comparisons=comparisons,
        model={"name": model, "identity": "5f0c" * 16, "embed_dim": 64},
        scorers={name: {"n_parameters": 94_210 if name == "dcsm" else 0, "set_dependent": False} for name in scorers},
        dataset={"name": dataset.name, "items": len(items), "content_sha256": "ab" * 32},
        settings={"seed": 0, "replicates": replicates, "level": 0.95, "baseline": "cosine"},
        versions={"fourfold": "0.1.0", "torch": "2.13.0", "python": "3.11"},
        command=f"fourfold evaluate {dataset.name} --model {model} --scorer cosine --out results",
        notes=("3 captions were longer than the context and were cut.",),
    )
    results.save(found, folder)
    if maps:
        save_maps(_make_maps(items, maps, grid, fit), folder)
    return folder


def _make_rows(folder: Path, category: str, index: int, rng: np.random.Generator, draw: bool) -> list[dict]:
    first, second = rng.choice(list(COLORS), 2, replace=False)
    swapped = category != "relation"
    scenes = [((first, "cube"), (second, "ball")), ((second, "cube"), (first, "ball"))]
    places = [(16, 52), (16, 52)] if swapped else [(16, 52), (52, 16)]
    scenes = scenes if swapped else [scenes[0], scenes[0]]
    name = f"test-{category}-{index:06d}"
    texts, relations = _captions(category, first, second)
    if category == "binding" and index == 0:
        texts[0] = HOSTILE
    gap = float(np.round(rng.uniform(0.5, 3), 3))
    rows = []
    for i, role in enumerate("ab"):
        boxes = [[x, 40, x + 26, 66] for x in places[i]]
        if draw:
            _draw(folder, f"{name}-{role}", scenes[i], boxes, rng)
        elif index == 0 and role == "a":
            Image.new("RGB", (SIZE, SIZE), "gray").save(folder / "test" / "images" / "one.png")
        rows.append(
            {
                "file_name": f"images/{name}-{role}.png" if draw else "images/one.png",
                "id": f"{name}-{role}",
                "split": "test",
                "group": name,
                "role": role,
                "category": category,
                "condition": "C2",
                "edit": EDITS[category],
                "attribute": ("color", "size")[index % 2] if category in ("binding", "content") else "",
                "caption": texts[i],
                "captions": _caption_rows(category, texts, relations, i),
                "objects": [
                    {"color": color, "shape": shape, "size": "medium", "bbox": box, "mask_value": number}
                    for number, ((color, shape), box) in enumerate(zip(scenes[i], boxes, strict=True), start=1)
                ],
                "camera": {},
                "difficulty": {
                    "n_objects": 2 + index % 3,
                    "distance": gap,
                    "caption_length": len(texts[i].split()),
                    "held_out": index % 4 == 0,
                },
            }
            | ({"mask": f"masks/test/{name}-{role}.png"} if draw else {})
        )
    return rows


def _captions(category: str, first: str, second: str) -> tuple[list[str], tuple[str, ...]]:
    if category == "relation":
        one, other = f"a {first} cube", f"a {second} ball"
        texts = [
            f"{one} left of {other}",
            f"{one} right of {other}",
            f"{other} right of {one}",
            f"{other} left of {one}",
        ]
        return texts, ("left", "right")
    joint = "and no" if category == "negation" else "and a"
    return [
        f"a {first} cube {joint} {second} ball",
        f"a {second} cube {joint} {first} ball",
        f"a photo of a {first} cube {joint} {second} ball",
        f"a photo of a {second} cube {joint} {first} ball",
    ], ()


def _caption_rows(category: str, texts: list[str], relations: tuple[str, ...], role: int) -> list[dict]:
    kinds = ("true", "adversarial", "hard-positive", "adversarial-positive")
    claims = [{"type": "Both", "first": {"relation": name}} for name in relations] or [{"type": "Exists"}]
    return [
        {
            "text": text,
            "kind": kinds[k // 2 * 2 + (k % 2 != role)],
            "claim": json.dumps(claims[k % len(claims)]),
            "template": f"{category}/plain",
            "truth": [k % 2 == 0, k % 2 == 1],
        }
        for k, text in enumerate(texts)
    ]


def _draw(folder: Path, name: str, scene: tuple, boxes: list, rng: np.random.Generator) -> None:
    wall = int(rng.integers(170, 225))
    image = Image.new("RGB", (SIZE, SIZE), (wall, wall, wall - 8))
    mask = Image.new("L", (SIZE, SIZE))
    pen, mask_pen = ImageDraw.Draw(image), ImageDraw.Draw(mask)
    pen.rectangle((0, 58, SIZE, SIZE), fill=(wall - 45, wall - 50, wall - 60))
    for number, ((color, shape), box) in enumerate(zip(scene, boxes, strict=True), start=1):
        draw, mark = (pen.rectangle, mask_pen.rectangle) if shape == "cube" else (pen.ellipse, mask_pen.ellipse)
        draw(box, fill=COLORS[color])
        mark(box, fill=number)
    image.save(folder / "test" / "images" / f"{name}.png")
    mask.save(folder / "masks" / "test" / f"{name}.png")


def _score(group, scorers: tuple[str, ...], rng: np.random.Generator):
    from fourfold.evaluator.analysis.item_rows import ScoredItem

    truth = np.array([[caption.truth[i] for caption in group.captions] for i in (0, 1)])
    scores = {}
    for name in scorers:
        noise = rng.normal(size=truth.shape) + rng.normal(size=(2, 1)) + rng.normal(size=(1, truth.shape[1]))
        scores[name] = (0.25 + 0.01 * (noise * 0.6 + SKILL[name.partition("#")[0]][group.category] * truth)).astype(
            np.float32
        )
    difficulty = group.rows[0]["difficulty"]
    return ScoredItem(
        id=group.id,
        category=group.category,
        cluster=group.id,
        tags={"edit": group.rows[0]["edit"], **difficulty},
        images=tuple(row["file_name"] for row in group.rows),
        captions=tuple(caption.text for caption in group.captions),
        truth=truth,
        scores=scores,
    )


def _make_maps(items: tuple, per_category: int, grid: tuple[int, int], fit: str):
    from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
    from fourfold.evaluator.reporting import collect_maps

    torch = pytest.importorskip("torch")
    d, t = 16, 24
    texts = list(dict.fromkeys(caption for item in items for caption in item.captions))
    token_strings = np.zeros((len(texts), t), dtype="<U99")
    for row, text in enumerate(texts):
        words = [word.lower() + "</w>" for word in text.split()][: t - 2]
        token_strings[row, 1 : 1 + len(words)] = words
    unit = torch.nn.functional.normalize
    n = 2 * len(items)
    generator = torch.Generator().manual_seed(1)
    images = ImageFeatures(
        keys=np.arange(n).astype(str),
        pooled=unit(torch.randn(n, d, generator=generator), dim=-1),
        patches=unit(torch.randn(n, grid[0] * grid[1], d, generator=generator), dim=-1),
        grid=grid,
    )
    tokens = unit(torch.randn(len(texts), t, d, generator=generator), dim=-1)
    features = TextFeatures(np.array(texts), tokens[:, 0], tokens, torch.tensor(token_strings != ""), token_strings)
    encoded = SimpleNamespace(
        images=images,
        texts=features,
        image_index=[np.array([2 * i, 2 * i + 1]) for i in range(len(items))],
        text_index=[np.array([texts.index(caption) for caption in item.captions]) for item in items],
    )
    words = {"no": np.eye(*grid), "left": np.tile(np.linspace(1, 0, grid[1]), (grid[0], 1))}
    return collect_maps(items, encoded, per_category, words, fit)


@pytest.fixture(scope="session")
def seen_fit() -> Callable[..., str]:
    """`seen_fit(preprocess)`: how a model makes pictures square, read off what it does to a wide one."""

    def look(preprocess: Callable) -> str:
        white = np.full((64, 128, 3), 255, np.uint8)
        ends = np.where(np.abs(np.arange(128) - 63.5)[None, :, None] > 40, white, 0).astype(np.uint8)
        whole, wide = (preprocess(Image.fromarray(each))[0] for each in (white, ends))
        middle = len(whole) // 2
        if not np.isclose(whole[0, middle], whole[middle, middle]):
            return "pad"
        return "squash" if np.isclose(wide[middle, 0], whole[middle, middle], atol=0.1) else "crop"

    return look


@pytest.fixture
def fourfold(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., SimpleNamespace]:
    """`fourfold(argument, ...)` runs the command in this process: its exit code, and what it said."""
    from fourfold.cli import main as cli

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["fourfold", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capfd.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return call


@pytest.fixture(scope="session")
def small_recipe():
    """A recipe with every category, natural scenes and a split of held-out objects: small, and quick to render."""
    from fourfold.generator.categories import CATEGORIES
    from fourfold.generator.recipe.reading import Recipe, SceneRange, Split, Vocabulary
    from fourfold.scenes.truth.descriptions import Description

    shapes = ("cube", "sphere", "cylinder", "cone", "torus", "star", "heart", "mug", "bottle", "chair")
    words = Vocabulary(shapes, sizes=("small", "large"), materials=("matte", "glossy"))
    return Recipe(
        name='small: "tests" # of it',
        splits={
            "test": Split(dict.fromkeys(CATEGORIES, 2), scenes=1),
            "train": Split(scenes=1),
            "held-out": Split({"binding": 1}, held_out=True),
        },
        seed=4,
        vocabulary=words,
        scene=SceneRange((2, 3), ("table", "floating")),
        attributes=("color", "size", "pattern"),
        held_out=(Description("cube", "red"),),
    )


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory, small_recipe) -> Path:
    """The dataset of `small_recipe`, rendered once by one process. To be read only."""
    from fourfold.generator.run.pipeline import generate

    return generate(small_recipe, tmp_path_factory.mktemp("generated") / "dataset", workers=1, progress=False)


@pytest.fixture
def dataset_copy(generated: Path, tmp_path: Path) -> Path:
    """A copy of the generated dataset, to be damaged."""
    return Path(shutil.copytree(generated, tmp_path / "copy"))


@pytest.fixture(scope="session")
def flat_renderer():
    """A class of renderers that draw every object as a disc of its color, with marks of its pattern and material.

    No OpenGL, and a hundred times as fast.
    """
    return FlatRenderer


class FlatRenderer:
    """Stands in for OpenGLRenderer; `size` is the side of its pictures in pixels."""

    name = "flat"

    def __init__(self, size: int = 64) -> None:
        self.size = size

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def describe(self) -> dict[str, str]:
        return {"renderer": "flat", "device": "none"}

    def render(self, layout):
        from fourfold.scenes.model.camera import axes, project
        from fourfold.scenes.render.rendering import Rendering

        places = np.array([thing.position for thing in layout.objects])
        away = -places @ axes(layout.camera)[2]
        rows, columns = np.mgrid[: self.size, : self.size]
        color = np.full((self.size, self.size, 3), layout.background.tint, np.uint8)
        instances = np.zeros((self.size, self.size), np.uint8)
        silhouettes = np.zeros(len(places), int)
        for i in np.argsort(-away):
            x, y = project(layout.camera, places[i])[0] * self.size
            disc = (columns - x) ** 2 + (rows - y) ** 2 < (0.09 * layout.objects[i].scale * self.size) ** 2
            color[disc], instances[disc], silhouettes[i] = self._shades(layout.objects[i])[disc], i + 1, disc.sum()
        return Rendering(color, np.where(instances, 1.0, 0.0).astype(np.float32), instances, silhouettes)

    def _shades(self, thing) -> np.ndarray:
        """Its color [h, w, 3], a fifth of the pixels lighter or darker for a material, and as many for a pattern."""
        from fourfold.scenes.model.vocabulary import MATERIALS, PATTERNS

        rows, columns = np.mgrid[: self.size, : self.size]
        own = np.array(thing.rgb)
        shades = np.tile(own, (self.size, self.size, 1))
        marks = (0.6 * own, own + 0.4 * (255 - own))
        for k, name in enumerate(name for name in MATERIALS if name != "matte"):
            if thing.material == name:
                shades[(rows + (k + 1) * columns) % 5 == 0] = marks[k] if 40 < own.mean() < 215 else 255 - own
        if code := PATTERNS[thing.pattern].code:
            shades[(rows + code * columns) % 5 == 2] = 0 if own.mean() > 107 else 255
        return shades.astype(np.uint8)
