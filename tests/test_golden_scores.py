"""The shipped model scores four stored pictures as it always did, and the stored numbers notice each bug planted here.

`tests/golden/` holds the pictures of two generated groups, 112 x 112 pixels as the model takes them, and the scores of
three scorers for each of them with each caption. A change that is meant to move scores makes the file anew:

    python tests/test_golden_scores.py
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.encoders import load_encoder, patch_tokens
from fourfold.evaluator.encoders.towers import TowerOutput
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.scorers import ScorerContext, dcsm, load_scorer
from fourfold.evaluator.scoring.functional_words import WordFinder

FOLDER = Path(__file__).parent / "golden"
STORED = FOLDER / "scores.json"
PICTURES = ("mug-left-of-tree.png", "tree-left-of-mug.png", "umbrella.png", "cylinder.png")
CAPTIONS = (
    "a yellow mug on the left of a white tree",
    "a white tree on the left of a yellow mug",
    "a photo of a white tree to the right of a yellow mug",
    "an image with an umbrella but not a cylinder",
    "an image with a cylinder but not an umbrella",
    "there is a cylinder but no umbrella",
)
SCORERS = ("cosine", "maxsim", "dcsm")
NOTICED = 1e-3  # a change of a score that cannot be rounding, ten times the tolerance of the comparison


def score_all() -> dict[str, np.ndarray]:
    """Encode and score everything: scorer -> [pictures, captions].

    Features come from the encoder itself: the float16 of `encode_items` would turn the last bit of another processor's
    float32 into a thousandth of a `dcsm` score.
    """
    encoder = load_encoder("fourfold-tiny")
    images = encoder.encode_images([open_image(ImageRef(FOLDER / name)) for name in PICTURES])
    texts = encoder.encode_texts(CAPTIONS)
    encoded = EncodedSet(images, texts, [np.arange(len(PICTURES))], [np.arange(len(CAPTIONS))])
    context = ScorerContext(encoder, [], encoded)
    return {name: load_scorer(name, context)(images, texts).numpy() for name in SCORERS}


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    content = json.loads(STORED.read_text(encoding="utf-8"))
    assert (content["pictures"], content["captions"]) == (list(PICTURES), list(CAPTIONS))
    return {name: np.array(table) for name, table in content["scores"].items()}


def largest_change(stored: dict[str, np.ndarray], scorer: str = "dcsm") -> float:
    return float(np.abs(score_all()[scorer] - stored[scorer]).max())


def test_scores_are_the_stored_ones(stored):
    assert set(stored) == set(SCORERS)
    for name, table in score_all().items():
        np.testing.assert_allclose(table, stored[name], atol=1e-4, rtol=0, err_msg=name)


def test_pictures_are_as_the_model_takes_them():
    for name in PICTURES:
        with Image.open(FOLDER / name) as picture:
            assert (picture.size, picture.mode) == ((112, 112), "RGB")


@pytest.mark.parametrize("name", SCORERS)
def test_stored_scores_tell_pictures_and_captions_apart(stored, name):
    """Numbers that are all alike would notice nothing: any two pictures, and any two captions, differ somewhere."""
    for table in (stored[name], stored[name].T):
        apart = np.abs(table[:, None] - table[None]).max(-1)
        assert (apart[~np.eye(len(table), dtype=bool)] > 10 * NOTICED).all()


def transpose_grid(patch: pytest.MonkeyPatch) -> None:
    timm_map = patch_tokens._timm_map

    def transposed(visual, features, pooled):
        output = timm_map(visual, features, pooled)
        turned = output.patches.unflatten(1, output.grid).transpose(1, 2).flatten(1, 2)
        return TowerOutput(output.pooled, turned, output.cls, output.grid)

    patch.setattr(patch_tokens, "_timm_map", transposed)


def drop_word(patch: pytest.MonkeyPatch, spelling: str) -> None:
    find = WordFinder.__call__

    def without_it(self, texts):
        return find(self, texts).masked_fill(torch.from_numpy(texts.token_strings == f"{spelling}</w>"), 0)

    patch.setattr(WordFinder, "__call__", without_it)


def standardise_each_token(patch: pytest.MonkeyPatch) -> None:
    standardise = dcsm.standardise_maps

    def by_token(raw, mask):
        centred = raw - raw.mean(-1, keepdim=True)
        return centred / centred.std(-1, keepdim=True), *standardise(raw, mask)[1:]

    patch.setattr(dcsm, "standardise_maps", by_token)


def read_from_right_to_left(patch: pytest.MonkeyPatch) -> None:
    read = dcsm.MapReader.forward
    patch.setattr(dcsm.MapReader, "forward", lambda self, maps: read(self, maps.flip(-1)))


BUGS = {
    "transposed patch grid": transpose_grid,
    "no row for left": lambda patch: drop_word(patch, "left"),
    "no row for not": lambda patch: drop_word(patch, "not"),
    "other standardisation": standardise_each_token,
    "map read from right to left": read_from_right_to_left,
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_moves_a_stored_score(stored, bug, monkeypatch):
    BUGS[bug](monkeypatch)
    assert largest_change(stored) > NOTICED


def write_scores() -> None:
    """Write `golden/scores.json` from the scores of today."""
    scores = {name: np.round(table.astype(float), 6).tolist() for name, table in score_all().items()}
    content = {"model": "fourfold-tiny", "pictures": PICTURES, "captions": CAPTIONS, "scores": scores}
    STORED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_scores()
