"""The main path on pictures of two colors and a model that only counts them, where every number is known."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.results import Results, load, save
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.data.external.authors import first_best
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.towers import TruncatedCaptions
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run import scoring
from fourfold.evaluator.run.evaluation import content_hash, evaluate, name_of_image
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun, try_scorers
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import SCORERS, FunctionScorer, ScorerContext, load_scorer
from fourfold.evaluator.scorers.trained import HEADS

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "white": (255, 255, 255)}
NAMES = list(COLORS)
LENGTH = 4


class ColorCounter:
    """Sees which colors an image has and reads which ones a caption names, both without their places."""

    name, identity, context_length, embed_dim, has_patches = "counter", "counter-1", LENGTH, len(NAMES), True

    def __init__(self) -> None:
        self.images_seen = self.texts_seen = 0

    def encode_images(self, images: Sequence[Image.Image]) -> ImageFeatures:
        self.images_seen += len(images)
        patches = torch.zeros(len(images), 2, len(NAMES))
        for row, image in enumerate(images):
            for side in (0, 1):
                patches[row, side, list(COLORS.values()).index(image.getpixel((side, 0)))] = 1
        keys = np.array([pixel_hash(image) for image in images])
        return ImageFeatures(keys, torch.nn.functional.normalize(patches.sum(1), dim=-1), patches, None, (1, 2))

    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        self.texts_seen += len(texts)
        tokens = torch.zeros(len(texts), LENGTH, len(NAMES))
        token_strings = np.full((len(texts), LENGTH), "", dtype="<U16")
        for row, text in enumerate(texts):
            for place, word in enumerate(text.split()):
                token_strings[row, place] = f"{word}</w>"
                tokens[row, place, NAMES.index(word)] = 1
        summed = tokens.sum(1)
        summed[summed.sum(1) == 0] = 1  # no word of the caption is a color; a vector of zeros has no direction
        pooled = torch.nn.functional.normalize(summed, dim=-1)
        truncated = torch.tensor([len(text.split()) >= LENGTH for text in texts])
        return TextFeatures(
            np.array(texts), pooled, tokens, torch.from_numpy(token_strings != ""), token_strings, truncated
        )


def draw(folder: Path, left: str, right: str) -> ImageRef:
    path = folder / f"{left}-{right}.png"
    image = Image.new("RGB", (2, 1))
    image.putpixel((0, 0), COLORS[left])
    image.putpixel((1, 0), COLORS[right])
    image.save(path)
    return ImageRef(path)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Relation groups (sides exchanged), content groups (other colors) and questions with four options."""
    folder = tmp_path_factory.mktemp("images")
    drawn = {pair: draw(folder, *pair) for pair in permutations(NAMES, 2)}
    found = []
    for a, b, c, d in permutations(NAMES, 4):
        for category, other in (("relation", (b, a)), ("content", (c, d))):
            found.append(
                Item(
                    id=f"{category}-{a}-{b}-{c}-{d}",
                    images=(drawn[a, b], drawn[other]),
                    captions=(f"{a} {b}", " ".join(other)),
                    truth=np.eye(2, dtype=bool),
                    category=category,
                    cluster=f"{category}-{a}-{b}-{c}-{d}",
                )
            )
        options = (f"{c} {d}", f"{a} {b}", f"{c} {a}", f"{d} {b}")
        truth = np.array([[False, True, False, False]])
        found.append(Item(f"q-{a}-{b}-{c}-{d}", (drawn[a, b],), options, truth, "question", a))
    return found


def run(items: Sequence[Item], scorers: Sequence[str] = ("cosine", "random", "oracle"), **options) -> Results:
    return evaluate(items, ColorCounter(), scorers, progress=False, replicates=100, **options)


def values(results: Results) -> dict[tuple[str, str, str], float]:
    return {(row.category, row.scorer, row.metric): row.value for row in results.metrics}


def test_a_model_that_counts_colors_solves_content_and_ties_on_relations(items: list[Item]) -> None:
    results = run(items)
    found = values(results)
    assert found["content", "cosine", "group_score"] == 1.0
    assert found["question", "cosine", "text_choice"] == 1.0
    assert found["relation", "cosine", "group_score"] == 0.0
    [row] = [
        row
        for row in results.metrics
        if (row.category, row.scorer, row.metric) == ("relation", "cosine", "group_score")
    ]
    assert row.ties == row.asked == 120
    assert all(value == 1.0 for (_, scorer, _), value in found.items() if scorer == "oracle")


def test_controls_are_at_chance_over_seeds(items: list[Item]) -> None:
    """Distinct groups are few here (120, of which 10 relations), so that chance shows over seeds."""
    encoded = encode_items(ColorCounter(), items)
    found: dict[tuple[str, str, str], list[float]] = {}
    for seed in range(15):
        context = ScorerContext(ColorCounter(), items, encoded, seed=seed)
        loaded = {name: load_scorer(name, context) for name in ("random", "blind")}
        scores = score_items(items, encoded, loaded)
        scored = [
            ScoredItem(each.id, each.category, each.cluster, {}, (), (), each.truth, {n: scores[n][i] for n in loaded})
            for i, each in enumerate(items)
        ]
        for row in summarise(scored, seed=0, replicates=2).metrics:
            found.setdefault((row.category, row.scorer, row.metric), []).append(row.value - row.chance)
    expected = [("random", "group_score"), ("random", "text_choice"), ("blind", "text_2afc")]
    for category, scorer, metric in found:
        if (scorer, metric) in expected:
            excess = np.array(found[category, scorer, metric])
            assert abs(excess.mean()) <= 4 * excess.std() / len(excess) ** 0.5
    assert np.allclose(np.array(found["content", "blind", "group_score"]), -1 / 6)  # cannot choose between images


def test_every_picture_and_caption_is_encoded_once_whatever_the_scorers(items: list[Item]) -> None:
    encoder = ColorCounter()
    evaluate(items, encoder, ["cosine", "maxsim", "random", "blind"], progress=False, replicates=10)
    assert encoder.images_seen == 20
    assert encoder.texts_seen == 20


def test_a_second_run_encodes_nothing_not_even_what_scorers_ask_for(items: list[Item], tmp_path: Path) -> None:
    class Reader(ColorCounter):
        def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
            return super().encode_texts([" ".join(word for word in text.split() if word in NAMES) for text in texts])

    # The other heads must be trained; these pictures are too small to be cut (`test_crop_align` asks it the same).
    names = [name for name in SCORERS if name != "crop-align" and (name not in HEADS or name == "factored")]
    plain, first, second = Reader(), Reader(), Reader()
    expected = evaluate(items, plain, names, progress=False, replicates=10)
    for encoder in (first, second):
        found = evaluate(items, encoder, names, cache_dir=tmp_path / "cache", progress=False, replicates=10)
        for one, two in zip(expected.items, found.items, strict=True):
            assert all(np.array_equal(one.scores[name], two.scores[name]) for name in names)
    assert (second.images_seen, second.texts_seen) == (0, 0)
    assert plain.texts_seen > first.texts_seen > 20  # phrases that are captions need no pass of their own


def test_saved_results_are_the_results(items: list[Item], tmp_path: Path) -> None:
    results = run(items, dataset_info={"name": "colors"}, command="fourfold evaluate colors")
    save(results, tmp_path / "run")
    read = load(tmp_path / "run")
    assert replace(read, items=()) == replace(results, items=())
    assert read.dataset["name"] == "colors"
    assert read.model == {
        "name": "counter",
        "identity": "counter-1",
        "embed_dim": 5,
        "context_length": LENGTH,
        "has_patches": True,
        "dtype": "float32",
        "own": f"{__name__}:ColorCounter",
    }
    assert read.items[0].images == ("red-green.png", "green-red.png")
    assert {"python", "torch", "numpy"} <= read.versions.keys()


def test_same_seed_same_results_and_scorers_do_not_disturb_each_other(items: list[Item]) -> None:
    first, again, more = run(items), run(items), run(items, ("maxsim", "cosine", "random", "oracle"))
    assert first.metrics == again.metrics
    assert set(first.metrics) <= set(more.metrics)
    assert values(run(items, seed=1)) != values(first)


def test_content_hash_follows_what_was_asked_not_where_it_lay(items: list[Item]) -> None:
    kept = [ImageRef(Path("elsewhere.png"), data=ref.path.read_bytes()) for ref in items[0].images]
    moved = [replace(items[0], images=tuple(kept)), *items[1:]]
    other = [replace(items[0], captions=("red", "green")), *items[1:]]
    original, same, changed = (run(each, ("random",)).dataset["content_sha256"] for each in (items, moved, other))
    assert original == same != changed


def test_content_hash_of_large_tables_follows_the_truth(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a retrieval set are hashed as bits, not as text."""
    monkeypatch.setattr("fourfold.evaluator.run.evaluation.LARGE", 3)
    other = [replace(items[0], truth=~items[0].truth), *items[1:]]
    first, again, changed = (run(each, ("random",)).dataset["content_sha256"] for each in (items, items, other))
    assert first == again != changed


def test_scorers_are_tried_on_one_pair_even_of_a_retrieval_set(items: list[Item]) -> None:
    encoder = ColorCounter()
    pictures = tuple(dict.fromkeys(ref for item in items for ref in item.images))
    captions = tuple(f"{a} {b}" for a, b in permutations(NAMES, 2))
    large = Item("all", pictures, captions, np.eye(len(pictures), dtype=bool), "retrieval", "all")
    try_scorers(EvaluationSpec((large,), {}, ("cosine", "maxsim")), ModelRun("counter"), encoder)
    assert (encoder.images_seen, encoder.texts_seen) == (1, 1)


def test_authors_metric_stands_beside_ours(items: list[Item]) -> None:
    questions = [item for item in items if item.category == "question"]
    results = run(questions, authors_metric=lambda items, scores: {"accuracy": first_best(items, scores).mean()})
    assert results.authors["oracle"] == {"accuracy": 1.0}
    assert results.authors["cosine"]["accuracy"] == values(results)["question", "cosine", "text_choice"]


def test_long_captions_and_set_dependent_scorers_are_said(items: list[Item]) -> None:
    long = replace(items[0], captions=("red green red green", items[0].captions[1]))
    with pytest.warns(TruncatedCaptions):
        results = run([long, *items[1:]], ("cosine", "shuffled-images"))
    assert results.notes[0].startswith("1 of 21 captions are longer")
    assert results.scorers["shuffled-images"]["set_dependent"]
    assert run(items, ("cosine",), notes=["by hand"]).notes == ("by hand",)


@pytest.mark.parametrize("budget", [1, 40, 200, 2000])
def test_blocks_change_nothing(items: list[Item], budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(20, 7, dtype=bool)
    pictures = list({ref for item in items for ref in item.images})
    texts = tuple(sorted({text for item in items for text in item.captions}))
    large = Item("set", tuple(pictures[i] for i in rng.permutation(20)), texts[:7], truth, "set", "set")
    mixed = [*items[:40], large]
    expected = run(mixed, ("cosine", "maxsim", "random"))
    monkeypatch.setattr(scoring, "FLOATS_AT_ONCE", budget)
    got = run(mixed, ("cosine", "maxsim", "random"))
    for one, two in zip(expected.items, got.items, strict=True):
        for scorer in one.scores:
            assert np.allclose(one.scores[scorer], two.scores[scorer], atol=1e-6)


def test_a_set_dependent_scorer_sees_each_item_whole(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        seen.append((*images.pooled.shape[1:-1], texts.pooled.shape[-2]))
        return torch.zeros(*images.pooled.shape[:-1], texts.pooled.shape[-2])

    monkeypatch.setattr(scoring, "FLOATS_AT_ONCE", 1)
    encoded = encode_items(ColorCounter(), items)
    score_items(items, encoded, {"whole": FunctionScorer("whole", score, set_dependent=True)})
    assert set(seen) == {(2, 2), (1, 4)}
    seen.clear()
    score_items(items, encoded, {"parts": FunctionScorer("parts", score)})
    assert set(seen) == {(1, 1)}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_names_item_and_scorer(items: list[Item], bad: float) -> None:
    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        table = torch.zeros(*images.pooled.shape[:-1], texts.pooled.shape[-2])
        table[..., 0, 1][torch.from_numpy(texts.texts[..., 0] == "blue red")] = bad
        return table

    first = next(item for item in items if item.category == "relation" and item.captions[0] == "blue red")
    with pytest.raises(InputError, match=f"item {first.id}: scorer 'broken' gave {bad}"):
        score_items(items, encode_items(ColorCounter(), items), {"broken": FunctionScorer("broken", score)})


def test_a_scorer_of_the_wrong_shape_is_a_bug(items: list[Item]) -> None:
    with pytest.raises(ValueError, match="scorer 'flat' gave shape"):
        score_items(
            items,
            encode_items(ColorCounter(), items),
            {"flat": FunctionScorer("flat", lambda images, texts: torch.zeros(3))},
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truth": np.eye(3, dtype=bool)}, r"item relation-.*truth must be bool \(2, 2\)"),
        ({"truth": np.eye(2)}, "truth must be bool"),
        ({"captions": ()}, "0 captions"),
        ({"category": "all"}, "category name 'all'"),
        ({"id": "content-red-green-blue-black"}, "appears twice"),
    ],
)
def test_malformed_items_are_refused(items: list[Item], change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run([replace(items[0], **change), *items[1:]])


def test_nothing_to_do_is_said(items: list[Item]) -> None:
    with pytest.raises(InputError, match="no items"):
        run([])
    with pytest.raises(InputError, match="no scorer"):
        run(items, ())
    with pytest.raises(InputError, match="cosine"):
        run(items, ("cosinus",))


def question(**change: object) -> tuple[Item, SimpleNamespace]:
    """An item and its encoded pixels, typed by hand; what a content hash is made of."""
    given = {"id": "g", "captions": ("a cube", "a ball"), "truth": np.eye(2, dtype=bool), "category": "c"} | change
    pixels = SimpleNamespace(images=SimpleNamespace(keys=np.array(given.pop("pixels", ["0a", "0b"]))))
    pixels.image_index = [np.array([0, 1])]
    return Item(images=(ImageRef(Path("a.png")), ImageRef(Path("b.png"))), cluster="g", **given), pixels


HASH = "381b902f36cc363ebb1c38d52954f2a616ce8ab75bd055a2ed89fad820203ae6"


def test_content_hash_typed_by_hand() -> None:
    item, encoded = question()
    assert content_hash([item], encoded) == HASH
    moved = replace(item, images=(ImageRef(Path("elsewhere/a.png")), ImageRef(Path("b.webp"))), tags={"x": 1})
    assert content_hash([moved], encoded) == HASH


@pytest.mark.parametrize(
    "change",
    [
        {"id": "h"},
        {"category": "d"},
        {"captions": ("a cube", "a bowl")},
        {"captions": ("a ball", "a cube")},
        {"truth": np.eye(2, dtype=bool)[::-1]},
        {"pixels": ["0b", "0a"]},
        {"pixels": ["0a", "0c"]},
    ],
)
def test_content_hash_changes_with_everything_that_is_asked(change: dict) -> None:
    item, encoded = question(**change)
    assert content_hash([item], encoded) != HASH
    twice, _ = question(id="later")
    first, _ = question()
    both = SimpleNamespace(images=encoded.images, image_index=[np.array([0, 1])] * 2)
    assert content_hash([first, twice], both) != content_hash([twice, first], both)
    assert content_hash([replace(first, cluster="other")], question()[1]) != HASH


def test_a_cut_out_is_named_by_its_box() -> None:
    assert name_of_image(ImageRef(Path("x/a.png"))) == "a.png"
    assert name_of_image(ImageRef(Path("x/a.png"), (1, 2, 3, 4))) == "a.png#1,2,3,4"
