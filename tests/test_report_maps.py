"""Dense maps in a report: cut to the words of a caption, stored to half a byte, packed within a budget."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.reporting import write_report
from fourfold.evaluator.reporting.explorer import pack_maps
from fourfold.evaluator.reporting.maps import FILE_NAME, collect_maps, cut, load_maps, save_maps


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), max_size=6))
def test_a_caption_is_cut_into_its_tokens_and_nothing_is_lost(words: list[str]) -> None:
    text = "  ".join(words)
    token_strings = [
        piece for word in words for piece in ([word[:1], word[1:] + "</w>"] if len(word) > 1 else [word + "</w>"])
    ]
    assert "".join(cut(text, token_strings)) == text


def test_pieces_that_do_not_spell_the_caption_are_shown_themselves() -> None:
    assert cut("Ein Würfel", ["ein</w>", "wu", "rfel</w>"]) == (" ein", " wu", "rfel")


def encoded_set(n_items: int) -> tuple[list[SimpleNamespace], SimpleNamespace]:
    """Items of two images and two captions, and features of them, some shared between items."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(3)
    patches = torch.nn.functional.normalize(torch.randn(2 * n_items, 6, 4, generator=generator), dim=-1)
    tokens = torch.nn.functional.normalize(torch.randn(3, 5, 4, generator=generator), dim=-1)
    token_strings = np.array(
        [["", "a</w>", "cu", "be</w>", ""], ["", "no</w>", "", "", ""], ["", "left</w>", "of</w>", "", ""]]
    )
    texts = ["a cube", "no", "left of"]
    items = [
        SimpleNamespace(
            id=f"i{i}", category="even" if i % 2 == 0 else "odd", captions=(texts[i % 3], texts[(i + 1) % 3])
        )
        for i in range(n_items)
    ]
    from fourfold.evaluator.encoders.features import TextFeatures

    encoded = SimpleNamespace(
        images=SimpleNamespace(patches=patches, grid=(2, 3)),
        texts=TextFeatures(np.array(texts), tokens[:, 0], tokens, torch.tensor(token_strings != ""), token_strings),
        image_index=[np.array([2 * i, 2 * i + 1]) for i in range(n_items)],
        text_index=[np.array([i % 3, (i + 1) % 3]) for i in range(n_items)],
    )
    return items, encoded


def test_maps_hold_every_cosine_to_half_a_byte_and_come_back_from_disk(tmp_path: Path) -> None:
    items, encoded = encoded_set(5)
    maps = collect_maps(items, encoded, 2, {"no": np.arange(6).reshape(2, 3)})
    assert maps is not None
    assert list(maps.groups) == ["i0", "i1", "i2", "i3"]  # two of each category
    for i, name in enumerate(maps.groups):
        group = maps.groups[name]
        expected = [
            encoded.texts.tokens[j][encoded.texts.mask[j]].numpy() @ encoded.images.patches[k].numpy().T
            for k in encoded.image_index[i]
            for j in encoded.text_index[i]
        ]
        flat = np.concatenate([each.ravel() for each in expected])
        stored = maps.values[group.offset : group.offset + flat.size].astype(float)
        found = group.low + stored * (group.high - group.low) / 255
        assert np.abs(found - flat).max() <= (group.high - group.low) / 510 + 1e-6
    assert maps.groups["i0"].tokens == (("a", " cu", "be"), ("no",))
    assert maps.groups["i0"].words == ((None, None, None), ("no",))

    save_maps(maps, tmp_path)
    again = load_maps(tmp_path)
    assert again is not None
    assert np.array_equal(again.values, maps.values)
    assert (again.grid, dict(again.groups), dict(again.words)) == (maps.grid, dict(maps.groups), dict(maps.words))


def test_no_patch_tokens_no_maps(tmp_path: Path) -> None:
    items, encoded = encoded_set(1)
    encoded.images.patches = None
    assert collect_maps(items, encoded, 1) is None
    assert load_maps(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"junk", b"\x02\0\0\0\0\0\0\0{}"])
def test_broken_maps_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(InputError, match=FILE_NAME):
        load_maps(tmp_path)


def test_packed_maps_keep_each_groups_bytes_within_the_budget() -> None:
    items, encoded = encoded_set(6)
    maps = collect_maps(items, encoded, 6)
    assert maps is not None
    order = ["i4", "i1", "missing", "i0"]
    everything, text = pack_maps(maps, order, 10**6)
    assert everything is not None
    assert list(everything["groups"]) == ["i4", "i1", "i0"]
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    for name, entry in everything["groups"].items():
        size = 2 * sum(len(line) for line in entry["tokens"]) * 6
        start = maps.groups[name].offset
        assert np.array_equal(packed[entry["offset"] : entry["offset"] + size], maps.values[start : start + size])
    some, text = pack_maps(maps, order, len(packed) - 1)
    assert some is not None
    assert list(some["groups"]) == ["i4", "i1"]
    assert len(base64.b64decode(text)) < len(packed)


def test_four_times_a_hundred_groups_fit_in_fifteen_megabytes(tmp_path: Path, report_data: SimpleNamespace) -> None:
    """Pictures as heavy as they get (noise) and maps of a 14 x 14 grid: the budgets must hold the page down."""
    dataset = report_data.make_dataset(tmp_path / "set", 100, draw=False)
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(noise).save(dataset / "test" / "images" / "one.png")
    folder = report_data.make_results(
        tmp_path / "results", dataset, scorers=("cosine", "dcsm"), replicates=20, grid=(14, 14)
    )
    path = write_report([folder], tmp_path / "report.html", dataset)
    assert 10_000_000 < path.stat().st_size < 15_000_000
    data = re.search('id="maps">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert data is not None
    assert len(base64.b64decode(json.loads(data[1])[0])) > 2_000_000


def test_maps_keep_rows_and_columns_of_a_grid_that_is_not_square() -> None:
    """One patch, in the second row and the first column, is what the word means."""
    torch = pytest.importorskip("torch")
    items, encoded = encoded_set(1)
    encoded.images.patches = torch.zeros(2, 6, 4)
    encoded.images.patches[0, 3, 0] = 1.0
    encoded.images.patches[1, 5, 0] = 1.0
    tokens = torch.zeros(3, 5, 4)
    tokens[..., 0] = 1.0
    encoded.texts = replace(encoded.texts, tokens=tokens)
    maps = collect_maps(items, encoded, 1, {"left": np.array([[1, 2, 3], [4, 5, 6]])})
    assert maps is not None
    assert maps.grid == (2, 3)
    by_token = maps.values.reshape(2, 4, *maps.grid)  # three tokens of the first caption and one of the second
    assert by_token[0].tolist() == [[[0, 0, 0], [255, 0, 0]]] * 4
    assert by_token[1].tolist() == [[[0, 0, 0], [0, 0, 255]]] * 4
    assert maps.words == {"left": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)}
