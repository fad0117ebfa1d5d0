"""The probe on spaces built by hand, where every answer is known, and on the pure measures behind it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.analysis.embedding_geometry import Composite, probe
from fourfold.evaluator.analysis.geometry_measures import (
    MEASURES,
    RESOLUTION,
    four_margins,
)
from fourfold.evaluator.analysis.probe_results import (
    PROBE_FILE,
    ProbeResult,
    ProbeRow,
    probe_table,
    read_probe,
    save_probe,
)
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.tables.formats import Estimate, write_text

COLORS, SHAPES = ("red", "green", "blue", "gray"), ("cube", "sphere", "cone", "torus")
SIDES = ("left", "right")
Scene = tuple[tuple[str, str, str], ...]  # objects as (side, color, shape)


def one_hot(index: int, size: int) -> np.ndarray:
    return np.eye(size)[index]


def concepts(scene: Scene) -> np.ndarray:
    """A bag of concepts: how often each color and each shape occurs. Small whole numbers, so sums are exact."""
    return sum(np.concatenate([one_hot(COLORS.index(c), 4), one_hot(SHAPES.index(s), 4)]) for _, c, s in scene)


def products(scene: Scene) -> np.ndarray:
    """Bound features: each object is the product of its color and its shape; places are not represented."""
    return sum(np.outer(one_hot(COLORS.index(c), 4), one_hot(SHAPES.index(s), 4)).ravel() for _, c, s in scene)


def placed_products(scene: Scene) -> np.ndarray:
    """Bound to their side as well."""
    return sum(np.kron(one_hot(SIDES.index(side), 2), products(((side, c, s),))) for side, c, s in scene)


SPACES: dict[str, Callable[[Scene], np.ndarray]] = {
    "concepts": concepts,
    "products": products,
    "placed products": placed_products,
}


def say(scene: Scene, reworded: bool = False) -> str:
    """ "left red cube and right blue sphere"; reworded: the other object first."""
    phrases = [" ".join(thing) for thing in scene]
    return " and ".join(reversed(phrases) if reworded else phrases)


def read(text: str) -> Scene:
    return tuple(tuple(phrase.split()) for phrase in text.split(" and "))


class SpaceEncoder:
    """Sees and reads perfectly, and then says it in the given space; pictures carry their scene in their pixels."""

    identity, context_length, has_patches = "space-1", 4, False

    def __init__(self, space: str) -> None:
        self.name, self.space = space, SPACES[space]
        self.embed_dim = len(self.space((("left", "red", "cube"),)))

    def _vectors(self, scenes: Sequence[Scene]) -> torch.Tensor:
        vectors = torch.tensor(np.stack([self.space(scene) for scene in scenes]), dtype=torch.float32)
        return vectors / vectors.norm(dim=-1, keepdim=True)

    def encode_images(self, images: Sequence[Image.Image]) -> ImageFeatures:
        scenes = [
            tuple(
                (SIDES[side], COLORS[pixel[0] - 1], SHAPES[pixel[1]])
                for side in range(image.width)
                if (pixel := image.getpixel((side, 0)))[0]
            )
            for image in images
        ]
        return ImageFeatures(np.array([pixel_hash(image) for image in images]), self._vectors(scenes))

    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        pooled = self._vectors([read(text) for text in texts])
        n, blank = len(texts), torch.zeros(len(texts), 4, dtype=torch.bool)
        return TextFeatures(np.array(texts), pooled, pooled[:, None].repeat(1, 4, 1), blank, np.full((n, 4), ""))


def draw(folder: Path, scene: Scene) -> ImageRef:
    image = Image.new("RGB", (2, 1))
    for side, color, shape in scene:
        image.putpixel((SIDES.index(side), 0), (COLORS.index(color) + 1, SHAPES.index(shape), 0))
    path = folder / f"{say(scene)}.png"
    image.save(path)
    return ImageRef(path)


def twin_scenes(rng: np.random.Generator) -> dict[str, tuple[Scene, Scene]]:
    c, d, e = (COLORS[i] for i in rng.permutation(4)[:3])
    s, t, _ = (SHAPES[i] for i in rng.permutation(4)[:3])
    first = (("left", c, s), ("right", d, t))
    return {
        "content": (first, (("left", c, s), ("right", e, t))),
        "binding": (first, (("left", d, s), ("right", c, t))),
        "relation": (first, (("left", d, t), ("right", c, s))),
    }


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Item], list[Composite]]:
    folder, rng = tmp_path_factory.mktemp("scenes"), np.random.default_rng(0)
    items, composites = [], []
    for i in range(12):
        for category, scenes in twin_scenes(rng).items():
            captions = [say(scene) for scene in scenes] + [say(scene, reworded=True) for scene in scenes]
            truth = np.tile(np.eye(2, dtype=bool), 2)
            images = tuple(draw(folder, scene) for scene in scenes)
            item = Item(f"{category}-{i}", images, tuple(captions), truth, category, f"{category}-{i}")
            items.append(item)
            parts = tuple(say((thing,)) for thing in scenes[0])
            alone = tuple(draw(folder, (thing,)) for thing in scenes[0])
            composites.append(Composite(category, item.cluster, captions[0], parts))
            composites.append(Composite(category, item.cluster, images[0], alone))
    return items, composites


@pytest.fixture(scope="module")
def results(groups: tuple[list[Item], list[Composite]]) -> dict[str, ProbeResult]:
    items, composites = groups
    return {
        space: probe(items, SpaceEncoder(space), rng=np.random.default_rng(1), composites=composites, replicates=50)
        for space in SPACES
    }


def row(result: ProbeResult, category: str, measure: str, side: str = "both") -> ProbeRow:
    [found] = [r for r in result.rows if (r.category, r.measure, r.side) == (category, measure, side)]
    return found


@pytest.mark.parametrize("category", ["binding", "relation"])
def test_a_bag_of_concepts_has_margins_of_exactly_zero_for_c2_and_c3(results: dict, category: str) -> None:
    result = results["concepts"]
    assert (result.margins[category] == 0).all()
    assert row(result, category, "satisfied").value == 0
    assert row(result, category, "satisfied").high > 0  # twelve failures are no proof
    assert row(result, category, "margin").value == row(result, category, "interaction").value == 0
    for side in ("image", "text"):
        assert row(result, category, "twin", side).value == pytest.approx(1, abs=1e-6)
        assert row(result, category, "twin_distance", side).value == pytest.approx(0, abs=1e-6)


def test_a_bag_of_concepts_satisfies_c1(results: dict) -> None:
    found = row(results["concepts"], "content", "satisfied")
    assert (found.condition, found.value, found.groups) == ("C1", 1.0, 12)
    assert row(results["concepts"], "content", "margin").value == pytest.approx(0.25)  # one of four concepts differs


def test_bound_products_satisfy_c2_and_not_c3_until_they_are_bound_to_places(results: dict) -> None:
    assert row(results["products"], "binding", "satisfied").value == 1
    assert row(results["products"], "binding", "margin").value == pytest.approx(1)  # no object in common
    assert (results["products"].margins["relation"] == 0).all()
    assert row(results["placed products"], "relation", "satisfied").value == 1


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("side", ["image", "text"])
def test_each_of_these_spaces_is_the_sum_of_bound_objects(results: dict, space: str, side: str) -> None:
    """Superposition of bound parts is no sign of a bag of concepts, as the module says."""
    assert row(results[space], "binding", "superposition", side).value == pytest.approx(1, abs=1e-6)
    assert row(results[space], "binding", "superposition_distance", side).value == pytest.approx(0, abs=1e-5)
    assert row(results[space], "binding", "others_superposition", side).value < 0.9


def test_a_bilinear_score_can_satisfy_c2_where_the_cosine_cannot() -> None:
    """Texts in products turned by a rotation: the cosine fails C2 on some groups, <v, R t> on none."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    scenes = [twin_scenes(rng)["binding"] for _ in range(50)]
    images = np.array([[products(scene) / np.sqrt(2) for scene in pair] for pair in scenes])  # [n, 2, d]
    texts = images @ rotation
    assert (four_margins(images, texts).min(axis=1) <= RESOLUTION).mean() > 0.5
    assert (four_margins(images, texts @ rotation.T).min(axis=1) > RESOLUTION).all()


def test_rewording_moves_nothing_in_a_space_of_meanings(results: dict) -> None:
    result = results["placed products"]
    assert row(result, "binding", "paraphrase", "text").value == pytest.approx(1, abs=1e-6)
    assert row(result, "binding", "paraphrase_farther", "text").value == 0
    with pytest.raises(ValueError, match="not enough values"):  # no distance of paraphrases to relate to
        row(result, "binding", "twin_per_paraphrase", "text")


def test_what_is_only_implied_is_no_paraphrase(groups: tuple[list[Item], list[Composite]]) -> None:
    """A hard positive that says something else may move as far as it likes."""
    items = [
        replace(item, captions=(*item.captions[:3], item.captions[0]), implied=(3,))
        for item in groups[0]
        if item.category == "binding"
    ]
    half = probe(items, SpaceEncoder("products"), rng=np.random.default_rng(1), replicates=5)
    assert row(half, "binding", "paraphrase", "text").value == pytest.approx(1, abs=1e-6)
    none = [replace(item, implied=(2, 3)) for item in items]
    rows = probe(none, SpaceEncoder("products"), rng=np.random.default_rng(1), replicates=5).rows
    assert not [each for each in rows if "paraphrase" in each.measure]
    assert [each for each in rows if each.measure == "twin"]


def test_rows_cover_categories_and_conditions_with_known_measures(
    groups: tuple[list[Item], list[Composite]], tmp_path: Path
) -> None:
    items, _ = groups
    moved = [
        Item(i.id.replace("relation", "location"), i.images, i.captions, i.truth, "location", i.cluster + "l")
        for i in items
        if i.category == "relation"
    ]
    result = probe([*items, *moved], SpaceEncoder("concepts"), rng=np.random.default_rng(0), replicates=10)
    assert {r.measure for r in result.rows} <= MEASURES.keys()
    [together] = [r for r in result.rows if not r.category and r.measure == "satisfied"]
    assert (together.condition, together.groups) == ("C3", 24)
    assert set(result.margins) == {"content", "binding", "relation", "location"}


def test_table_and_file_hold_the_rows(results: dict, tmp_path: Path) -> None:
    result = results["products"]
    table = probe_table(result)
    assert [line[:2] for line in table.rows] == [("C1", "content"), ("C2", "binding"), ("C3", "relation")]
    found = row(result, "binding", "satisfied")
    assert table.rows[1][2] == Estimate(1.0, found.low, 1.0)
    assert all(len(line) == len(table.header) for line in table.rows)
    assert "C2" in write_text(table)
    save_probe(result, tmp_path / "probe.json")
    read_back = json.loads((tmp_path / "probe.json").read_text())
    assert [ProbeRow(**each) for each in read_back["rows"]] == list(result.rows)
    assert np.array_equal(read_back["margins"]["binding"], result.margins["binding"])


def test_same_generator_same_rows(groups: tuple[list[Item], list[Composite]]) -> None:
    first, again = (
        probe(groups[0], SpaceEncoder("products"), rng=np.random.default_rng(4), replicates=20) for _ in range(2)
    )
    assert first.rows == again.rows


def test_items_of_other_shapes_are_passed_over_and_none_at_all_refused(
    groups: tuple[list[Item], list[Composite]],
) -> None:
    first = groups[0][0]
    question = Item("q", first.images[:1], first.captions[:2], np.array([[True, False]]), "question", "q")
    result = probe([*groups[0], question], SpaceEncoder("concepts"), rng=np.random.default_rng(0), replicates=5)
    assert "question" not in result.margins
    with pytest.raises(InputError, match="no fourfold group"):
        probe([question], SpaceEncoder("concepts"), rng=np.random.default_rng(0))


def test_a_composite_without_parts_is_refused(groups: tuple[list[Item], list[Composite]]) -> None:
    bad = Composite("binding", "binding-0", "left red cube", ())
    with pytest.raises(InputError, match="composite of binding-0"):
        probe(groups[0], SpaceEncoder("concepts"), rng=np.random.default_rng(0), composites=[bad])


def test_one_of_another_kind_is_read_as_no_probe(results: dict, tmp_path: Path) -> None:
    path = tmp_path / PROBE_FILE
    assert read_probe(path) is None
    save_probe(results["products"], path)
    read = read_probe(path)
    assert read.rows == results["products"].rows
    assert read.identity == results["products"].identity
    for change in ({"version": 2}, {"format": "x"}, {"rows": [{}]}, {"rows": [{**asdict(read.rows[0]), "value": "1"}]}):
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(InputError, match=r"probe\.json: "):
            read_probe(path)
        save_probe(results["products"], path)
