"""Retrieval among pictures whose scenes are known: truth is that of the claims, and controls get what they must."""

from pathlib import Path

import numpy as np
import pytest

from fourfold import generate
from fourfold.calls import evaluation
from fourfold.errors import InputError
from fourfold.evaluator.analysis.result_tables import retrieval_table
from fourfold.evaluator.data import retrieval_set
from fourfold.evaluator.data.external import BENCHMARKS
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import RETRIEVAL, Item
from fourfold.evaluator.data.retrieval_set import retrieval_item
from fourfold.evaluator.run.evaluation_spec import make_spec
from fourfold.evaluator.run.options import ReadOptions
from fourfold.generator.dataset.reading import read_groups

RECIPE = """
name = "searched"
image_size = 64
splits.test.groups = {content = 8, binding = 2}
splits.few.groups = {content = 3}
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, flat_renderer: type) -> Path:
    """A dataset without OpenGL; its scenes and claims are as always."""
    folder = tmp_path_factory.mktemp("retrieval")
    (folder / "recipe.toml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fourfold.generator.run.pool.open_renderer", lambda size, _name: flat_renderer(size))
        patch.setattr("fourfold.generator.audits.independence._PERMUTATIONS", 19)
        return generate(folder / "recipe.toml", folder / "set", workers=1, progress=False)


def test_own_pictures_are_true_and_truth_is_more_than_the_diagonal(dataset: Path) -> None:
    item = retrieval_item(dataset, "test")
    groups = [group for group in read_groups(dataset, "test") if group.category == "content"]
    assert len(item.images) == 2 * len(groups)
    for number, group in enumerate(groups):
        for side, caption in enumerate(group.captions[:2]):
            if caption.text in item.captions:
                column = item.captions.index(caption.text)
                assert item.truth[2 * number + side, column]
                assert not item.truth[2 * number + 1 - side, column]


def test_a_limit_keeps_the_first_groups(dataset: Path) -> None:
    whole, first = retrieval_item(dataset, "test"), retrieval_item(dataset, "test", limit=7)
    assert first.images == whole.images[:14]


def test_it_stands_beside_the_categories_and_outside_all(dataset: Path) -> None:
    options = {"scorers": ("cosine", "maxsim", "blind"), "split": "test", "progress": False}
    with_it = evaluation.evaluate(dataset, retrieval=True, **options)
    without = evaluation.evaluate(dataset, **options)
    kept = [row for row in with_it.metrics if row.category != RETRIEVAL]
    assert kept == list(without.metrics)
    searched = {(row.scorer, row.metric): row for row in with_it.metrics if row.category == RETRIEVAL}
    names = [f"{side}_recall@{k}" for k in (1, 5, 10) for side in ("text", "image")]
    assert searched["blind", "image_recall@1"].value == 0  # every picture alike: all ties
    table = retrieval_table(with_it)
    rows = {row[1]: row[2:] for row in table.rows}
    assert [cell.value for cell in rows["cosine"]] == [searched["cosine", name].value for name in names]
    for cell, name in zip(rows["maxsim / cosine"], names, strict=True):
        base = searched["cosine", name].value
        assert cell is None if base == 0 else cell.value == pytest.approx(searched["maxsim", name].value / base)
    assert retrieval_table(without) is None


def test_splits_without_content_and_benchmarks_by_others_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="6 pictures and"):
        retrieval_item(dataset, "few")
    (tmp_path / "coco_karpathy_test.json").write_text('[{"image": "a.png", "caption": ["a"]}]')
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="for datasets of ours"):
        make_spec(f"retrieval:{tmp_path}", ("cosine",), ReadOptions(retrieval=True))


def test_the_authors_count_a_picture_as_found_by_any_of_its_captions() -> None:
    image = ImageRef(Path("x.png"))
    truth = np.array([[True, True, False], [False, False, True]])
    item = Item("set", (image, image), ("a", "b", "c"), truth, RETRIEVAL, "set")
    scores = np.array([[0.1, 0.9, 0.5], [0.2, 0.3, 0.4]])
    found = BENCHMARKS["retrieval"].metric([item], [scores])
    assert (found["image-to-text R@1"], found["text-to-image R@1"]) == (1.0, pytest.approx(1 / 3))
    assert found["text-to-image R@5"] == 1.0


@pytest.mark.parametrize(
    ("groups", "captions", "enough"), [(6, 11, True), (5, 11, False), (6, 10, False), (5, 10, False), (250, 400, True)]
)
def test_more_than_ten_pictures_and_captions_are_needed(groups: int, captions: int, enough: bool) -> None:
    """Recall at 10 of ten candidates is always 1. Two pictures a group."""
    assert retrieval_set._is_enough([None] * groups, {str(n): [] for n in range(captions)}) is enough


def test_at_most_250_groups_are_searched_whatever_the_limit(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert retrieval_set.MAX_GROUPS == 250
    monkeypatch.setattr(retrieval_set, "MAX_GROUPS", 7)
    whole = retrieval_item(dataset, "test")
    assert len(whole.images) == 14
    assert retrieval_item(dataset, "test", limit=8).images == whole.images
    assert len(retrieval_item(dataset, "test", limit=6).images) == 12
