"""C1 together with other conditions: on spaces planted to satisfy one, the other, both or neither."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import fisher_exact

from fourfold.evaluator.analysis.content_questions import read_content_questions
from fourfold.evaluator.analysis.embedding_geometry import probe
from fourfold.evaluator.analysis.joint_satisfaction import (
    JointRow,
    content_chance,
    content_holds,
    correct_joint,
    joint_row,
    joint_table,
)
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, ProbeResult, read_probe, save_probe
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.tables.formats import write_text
from fourfold.generator.dataset.reading import Group
from fourfold.statistics.independence import independence_test

COLORS, SHAPES = ("red", "green", "blue"), ("cube", "cone", "star", "heart", "bell", "key")
Scene = tuple[tuple[str, str], ...]  # objects as (color, shape)


def rows_of(group: str, category: str, scenes: Sequence[Scene], hidden: Sequence[str] = ()) -> tuple[dict, dict]:
    first, second = (
        {
            "group": group,
            "category": category,
            "file_name": f"{group}-{role}.png",
            "objects": [{"shape": s, "visible_fraction": 0.2 if s in hidden else 1.0} for _, s in scene],
        }
        for role, scene in zip("ab", scenes, strict=True)
    )
    return first, second


def make_groups(folder: Path, n: int) -> tuple[list[Group], list[Item]]:
    """Binding groups, whose twins exchange colors, and negation groups, whose twins lack each other's second kind."""
    rng, groups, items = np.random.default_rng(0), [], []
    for i in range(n):
        c, d = (COLORS[k] for k in rng.permutation(3)[:2])
        s, t, u = (SHAPES[k] for k in rng.permutation(6)[:3])
        made: dict[str, tuple[Scene, Scene, tuple[str, str]]] = {
            "binding": (((c, s), (d, t)), ((d, s), (c, t)), (f"{c} {s} and {d} {t}", f"{d} {s} and {c} {t}")),
            "negation": (((c, s), (c, t)), ((c, s), (c, u)), (f"{c} {s} but no {u}", f"{c} {s} but no {t}")),
        }
        for category, (first, second, captions) in made.items():
            name = f"{category}-{i}"
            for role, scene in zip("ab", (first, second), strict=True):
                image = Image.new("RGB", (2, 1))
                for x, (color, shape) in enumerate(scene):
                    image.putpixel((x, 0), (COLORS.index(color) + 1, SHAPES.index(shape), 0))
                image.save(folder / f"{name}-{role}.png")
            group = Group(name, folder, rows_of(name, category, (first, second)), ())
            groups.append(group)
            pictures = tuple(ImageRef(group.image_path(k)) for k in (0, 1))
            items.append(Item(name, pictures, captions, np.eye(2, dtype=bool), category, name))
    return groups, items


def bag(things: Scene) -> np.ndarray:
    """How often each color and each shape occurs: content, and nothing of who has what."""
    vector = np.zeros(9)
    for color, shape in things:
        vector[COLORS.index(color)] += 1 if color else 0
        vector[3 + SHAPES.index(shape)] += 1
    return vector


def bound(things: Scene) -> np.ndarray:
    """Each object as the product of its color and its shape."""
    vector = np.zeros((3, 6))
    for color, shape in things:
        vector[COLORS.index(color), SHAPES.index(shape)] += 1
    return vector.ravel()


class PlantedEncoder:
    """Sees and reads perfectly; `content`, `binding` and `negation` say what its texts carry."""

    context_length, has_patches = 8, False

    def __init__(self, name: str, see: Callable[[Scene], np.ndarray], read: Callable[[str], np.ndarray]) -> None:
        self.name = self.identity = name
        self.see, self.read = see, read
        self.embed_dim = len(see((("red", "cube"),)))

    def encode_images(self, images: Sequence[Image.Image]) -> ImageFeatures:
        scenes = [
            tuple((COLORS[p[0] - 1], SHAPES[p[1]]) for x in range(2) if (p := image.getpixel((x, 0)))[0])
            for image in images
        ]
        return ImageFeatures(np.array([pixel_hash(each) for each in images]), self._unit([self.see(s) for s in scenes]))

    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        pooled = self._unit([self.read(text) for text in texts])
        n = len(texts)
        blank = torch.zeros(n, 8, dtype=torch.bool)
        return TextFeatures(np.array(texts), pooled, pooled[:, None].repeat(1, 8, 1), blank, np.full((n, 8), ""))

    def _unit(self, vectors: Sequence[np.ndarray]) -> torch.Tensor:
        made = torch.tensor(np.stack(vectors), dtype=torch.float32)
        return made / made.norm(dim=-1, keepdim=True)


def parse(text: str) -> tuple[Scene, tuple[str, ...], tuple[str, ...]]:
    """Bound objects, shapes that are named alone, and shapes that are denied."""
    if text.startswith("a picture of "):
        return (), (text.split()[-1],), ()
    if " but no " in text:
        there, denied = text.split(" but no ")
        color, shape = there.split()
        return ((color, shape),), (), (denied,)
    return tuple((p.split()[0], p.split()[1]) for p in text.split(" and ")), (), ()


def read_bag(text: str) -> np.ndarray:
    """A bag of the words that are named: denied ones too, as a bag does."""
    things, alone, denied = parse(text)
    vector = bag(things)
    for shape in (*alone, *denied):
        vector[3 + SHAPES.index(shape)] += 1
    return vector


def read_bound(text: str, *, alone_as: float, denied_as: float) -> np.ndarray:
    """Bound objects; a shape named alone is that shape in every color, `alone_as` times."""
    things, alone, denied = parse(text)
    table = bound(things).reshape(3, 6)
    for shapes, weight in ((alone, alone_as), (denied, denied_as)):
        for shape in shapes:
            table[:, SHAPES.index(shape)] += weight
    return table.ravel()


SPACES = {
    "content alone": PlantedEncoder("content alone", bag, read_bag),
    "binding alone": PlantedEncoder("binding alone", bound, lambda t: read_bound(t, alone_as=-1, denied_as=1)),
    "content and both": PlantedEncoder("content and both", bound, lambda t: read_bound(t, alone_as=1, denied_as=-1)),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, JointRow]]:
    groups, items = make_groups(tmp_path_factory.mktemp("planted"), 15)
    content = read_content_questions(groups, np.random.default_rng(1))
    return {
        name: {
            row.category: row
            for row in probe(items, space, rng=np.random.default_rng(0), content=content, replicates=20).joint
        }
        for name, space in SPACES.items()
    }


@pytest.mark.parametrize(
    ("space", "category", "held"),
    [
        ("content alone", "binding", (15, 0, 0)),
        ("content alone", "negation", (15, 0, 0)),
        ("binding alone", "binding", (0, 15, 0)),
        ("content and both", "binding", (15, 15, 15)),
        ("content and both", "negation", (15, 15, 15)),
    ],
)
def test_planted_spaces_satisfy_what_they_were_made_for(
    results: dict, space: str, category: str, held: tuple[int, int, int]
) -> None:
    row = results[space][category]
    assert (row.content_held, row.condition_held, row.both_held, row.groups) == (*held, 15)
    assert row.condition == {"binding": "C2", "negation": "C4"}[category]


def test_content_is_asked_of_the_groups_own_pictures_with_true_and_false_kinds(tmp_path: Path) -> None:
    groups, items = make_groups(tmp_path, 6)
    questions = read_content_questions(groups, np.random.default_rng(0))
    assert [each.id for each in questions] == [each.id for each in items]
    for group, item, asked in zip(groups, items, questions, strict=True):
        assert asked.images == item.images
        for i in (0, 1):
            there = {thing["shape"] for thing in group.rows[i]["objects"]}
            named = [caption.split()[-1] for caption in asked.captions]
            assert [name in there for name in named] == asked.truth[i].tolist()
        # as many kinds that neither picture shows as there are kinds in either
        assert (~asked.truth.any(axis=0)).sum() == asked.truth.any(axis=0).sum()
    denied = next(each for each in questions if each.category == "negation")
    assert (denied.truth[0] != denied.truth[1]).sum() == 2  # what the twin alone shows is asked of both


def test_a_kind_that_is_mostly_hidden_is_not_asked(tmp_path: Path) -> None:
    scenes = ((("red", "cube"), ("blue", "cone")), (("blue", "cube"), ("red", "cone")))
    clear = Group("g", tmp_path, rows_of("g", "binding", scenes), ())
    others = Group("h", tmp_path, rows_of("h", "binding", ((("red", "star"),), (("red", "bell"),))), ())
    hidden = Group("i", tmp_path, rows_of("i", "binding", scenes, hidden=("cone",)), ())
    nothing = Group("j", tmp_path, rows_of("j", "binding", scenes, hidden=("cone", "cube")), ())
    for seed in range(20):
        found = read_content_questions([clear, others, hidden, nothing], np.random.default_rng(seed))
        by_id = {each.id: each for each in found}
        assert "a picture of a cone" in by_id["g"].captions
        assert "a picture of a cone" not in by_id["i"].captions  # neither as there nor as absent
        assert "a picture of a cube" in by_id["i"].captions
        assert "j" not in by_id


def test_chance_of_content_is_that_of_random_scores() -> None:
    truth = np.array([[True, True, False, False, False], [True, False, True, True, False]])
    rng = np.random.default_rng(0)
    held = [content_holds(np.eye(2), rng.random((5, 2)), truth) for _ in range(20000)]
    assert np.mean(held) == pytest.approx(content_chance(truth), abs=0.003)


@given(st.integers(1, 60), st.data())
def test_independence_is_fishers_exact_test(n: int, data: st.DataObject) -> None:
    first, second = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    both = data.draw(st.integers(max(0, first + second - n), min(first, second)))
    table = [[both, first - both], [second - both, n - first - second + both]]
    assert independence_test(both, first, second, n) == pytest.approx(fisher_exact(table).pvalue, rel=1e-6)


@pytest.mark.parametrize("wrong", [(3, 2, 5, 9), (0, 6, 6, 9), (1, 10, 1, 9), (-1, 1, 1, 9)])
def test_counts_that_cannot_be(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        independence_test(*wrong)


def test_size_and_power_of_the_test_on_groups() -> None:
    rng, n = np.random.default_rng(1), 60
    chances = np.full(n, 1 / 36)

    def p_of(together: float) -> float:
        content = rng.random(n) < 0.5
        own = np.where(rng.random(n) < together, ~content, rng.random(n) < 0.4)
        return joint_row("C2", "binding", content, own, chances).p

    assert np.mean([p_of(0) < 0.05 for _ in range(300)]) < 0.07
    assert np.mean([p_of(0.6) < 0.05 for _ in range(100)]) > 0.9  # where one holds the other fails


def test_rows_are_stored_shown_and_corrected_over_categories(tmp_path: Path) -> None:
    rows = correct_joint(
        [
            JointRow("C2", "binding", 40, 20, 2, 60, 1 / 216, 0.001),
            JointRow("C3", "relation", 40, 20, 13, 60, 1 / 216, 0.9),
            JointRow("C3", "", 40, 20, 13, 60, 1 / 216, 0.9),
        ]
    )
    assert [row.p_holm for row in rows] == [0.002, 0.9, None]
    assert rows[0].product == pytest.approx(2 / 9)
    result = ProbeResult((), {}, "model", "1234", rows)
    save_probe(result, tmp_path / PROBE_FILE)
    assert read_probe(tmp_path / PROBE_FILE).joint == rows
    text = write_text(joint_table(rows, "model"))
    assert "together" in text
    assert "22.2" in text
    assert joint_table((), "model") is None


def test_without_content_questions_nothing_is_asked_jointly(tmp_path: Path) -> None:
    _, items = make_groups(tmp_path, 3)
    assert probe(items, SPACES["content alone"], rng=np.random.default_rng(0), replicates=20).joint == ()
