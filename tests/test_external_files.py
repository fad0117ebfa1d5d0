"""What single loaders do with their files: parquet, crops, rewritten captions, shuffles, frozen options, odd rows."""

import io
import json
import random
from pathlib import Path

import jsonlines
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from fourfold.calls.blind_items import blind_items
from fourfold.errors import InputError
from fourfold.evaluator.data.external import load_benchmark
from fourfold.evaluator.data.external.order_options import freeze, normalised, shuffles
from fourfold.evaluator.data.external.whatsup import edit_caption
from fourfold.evaluator.data.images import open_image
from fourfold.generator.audits.blind_audit import audit


def png(shade: int) -> dict[str, object]:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def write_parquet(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


PAIR = {"image_0": png(10), "image_1": png(20), "caption_0": "a b", "caption_1": "b a", "collapsed_tag": "Object"}
BIVLC = {"image": png(10), "negative_image": png(20), "caption": "a", "negative_caption": "b", "type": "add"}
PARQUET: dict[str, dict] = {
    "winoground": {**PAIR, "id": 5, "num_main_preds": 1, "license": "unused"},
    "bivlc": {**BIVLC, "subtype": "obj"},
    "vismin": {"image_0": png(10), "image_1": png(20), "text_0": "a", "text_1": "b", "category": "count"},
    "colorswap": {"image_1": png(10), "image_2": png(20), "caption_1": "a", "caption_2": "b"},
    "sugarcrepe": {"images": png(10), "caption": "a", "negative_caption": "b"},
    "vg-relation": {"image": png(10), "true_caption": "a on b", "false_caption": "b on a"},
    "coco-order": {"images": png(10), "correct_caption": "a b", **{f"hard_text_{n}": f"b a {n}" for n in range(1, 5)}},
}


@pytest.mark.parametrize("name", PARQUET)
def test_parquet_with_images_inside(name: str, tmp_path: Path) -> None:
    for number in range(2):
        write_parquet(tmp_path / f"data/test-{number}-of-2.parquet", [PARQUET[name]] * 3)
    loaded = load_benchmark(f"{name}:{tmp_path}", images=None)
    assert len(loaded.items) == 6
    assert len({item.id for item in loaded.items}) == 6
    assert all(open_image(image).getpixel((0, 0))[0] in (10, 20) for item in loaded.items for image in item.images)
    if len(loaded.items[0].images) == 1:  # the same picture, whatever row it stands in
        assert len({item.cluster for item in loaded.items}) == 1
    one = load_benchmark(f"{name}:{tmp_path / 'data/test-0-of-2.parquet'}", images=None)
    assert [item.captions for item in one.items] == [item.captions for item in loaded.items[:3]]


@pytest.mark.parametrize("name", PARQUET)
def test_parquet_without_a_needed_column_or_cut_short(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    needed = next(column for column in PARQUET[name] if "caption" in column or "text" in column)
    write_parquet(path, [{column: cell for column, cell in PARQUET[name].items() if column != needed}])
    with pytest.raises(InputError, match=needed):
        load_benchmark(f"{name}:{path}", images=None)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"x\.parquet.*not a readable"):
        load_benchmark(f"{name}:{path}", images=None)


def test_a_null_image_is_refused_with_its_row(tmp_path: Path) -> None:
    write_parquet(tmp_path / "x.parquet", [PARQUET["winoground"], {**PARQUET["winoground"], "image_1": None}])
    with pytest.raises(InputError, match=r"row 1.*image_1"):
        load_benchmark(f"winoground:{tmp_path}", images=None)


def test_the_winoground_tags_are_kept(tmp_path: Path) -> None:
    write_parquet(tmp_path / "x.parquet", [PARQUET["winoground"]])
    [item] = load_benchmark(f"winoground:{tmp_path}", images=None).items
    assert item.category == "Object"
    assert item.tags["num_main_preds"] == 1
    assert item.truth.tolist() == [[True, False], [False, True]]


def test_aro_crops_to_the_region(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "1.jpg")
    row = {"image_path": "1.jpg", "bbox_x": 10, "bbox_y": 5, "bbox_w": 30, "bbox_h": 20, "relation_name": "on"}
    captions = {"true_caption": "true", "false_caption": "false"}
    (tmp_path / "visual_genome_relation.json").write_text(json.dumps([{**row, **captions}]))
    [item] = load_benchmark(f"vg-relation:{tmp_path}", images=None).items
    assert item.images[0].box == (10, 5, 40, 25)
    assert open_image(item.images[0]).size == (30, 20)
    assert item.captions == ("false", "true")


@pytest.mark.parametrize(
    ("caption", "edited"),
    [
        ("A mug behind a plate", "A mug above a plate"),
        ("A mug in front of a plate", "A mug below a plate"),
        ("A photo of a dog on the top", "A photo of a dog on the above"),
        ("A photo of a dog on the bottom", "A photo of a dog on the below"),
        ("A laptop to the left of a mug", "A laptop to the left of a mug"),
    ],
)
def test_edited_captions(caption: str, edited: str) -> None:
    assert edit_caption(caption) == edited


def relation_file(folder: Path, count: int = 40) -> Path:
    nouns = ["cube", "sphere", "cylinder"]
    generator = np.random.default_rng(0)
    rows = {}
    for number in range(count):
        one, other = generator.choice(nouns, 2, replace=False)
        relation = generator.choice(["left", "right", "front", "behind"])
        rows[f"{number}.png"] = {"pos": [f"{one} {relation} {other}"], "neg": []}
    (folder / "rel").mkdir()
    (folder / "rel/gen.json").write_text(json.dumps(rows))
    return folder / "rel/gen.json"


def test_clip_binding_options_are_shuffled_as_by_its_authors(tmp_path: Path) -> None:
    path = relation_file(tmp_path)
    loaded = load_benchmark(f"clip-binding:{path}", images=None, check_images=False)
    shuffler = random.Random(0)
    for item in loaded.items:
        order = list(range(5))
        shuffler.shuffle(order)
        assert np.flatnonzero(item.truth[0]).tolist() == [order.index(0)]
        one, relation, other = item.captions[order.index(0)].split()
        assert item.captions[order.index(1)] == f"{other} {relation} {one}"
        assert len(set(item.captions)) == 5


def test_the_audit_finds_that_voting_solves_clip_binding(tmp_path: Path) -> None:
    loaded = load_benchmark(f"clip-binding:{relation_file(tmp_path)}", images=None, check_images=False)
    report = audit(blind_items(loaded.items), np.random.default_rng(0))
    [voting] = [result for result in report.results if result.solver == "option voting"]
    assert voting.accuracy == 1.0
    assert voting.leaks


@pytest.mark.parametrize("positive", ["cube left", "cube over sphere", "cube left cube", "cube left dog"])
def test_a_relation_that_cannot_be_read_is_refused(tmp_path: Path, positive: str) -> None:
    (tmp_path / "gen.json").write_text(json.dumps({"a.png": {"pos": [positive]}}))
    with pytest.raises(InputError, match=r"gen\.json: image 'a\.png'"):
        load_benchmark(f"clip-binding:{tmp_path / 'gen.json'}", images=None, check_images=False)


def tag(words: list[str]) -> list[str]:
    kinds = {"red": "JJ", "small": "JJ", "dog": "NN", "ball": "NN", "park": "NN"}
    return [kinds.get(word.strip("."), "DT") for word in words]


def test_shuffles_move_what_they_should() -> None:
    caption = "a small dog in the red park with a ball"
    original, kinds = caption.split(), tag(caption.split())
    nouns, others, within, chunks = (text.split() for text in shuffles(caption, tag, np.random.default_rng(3)))
    for moved in (nouns, others, within, chunks):
        assert sorted(moved) == sorted(original)
    assert [word for word, kind in zip(nouns, kinds, strict=True) if kind == "DT"] == ["a", "in", "the", "with", "a"]
    assert [word for word, kind in zip(others, kinds, strict=True) if kind == "NN"] == ["dog", "park", "ball"]
    assert tag(nouns) == tag(others) == kinds
    for start in range(0, len(original), 3):
        assert sorted(within[start : start + 3]) == sorted(original[start : start + 3])


def test_frozen_options_load_and_repeat(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "1.jpg")
    source = [{"image": "1.jpg", "caption": ["A small dog, in the red park!", "The ball; with (a) dog " + "x " * 40]}]
    (tmp_path / "karpathy.json").write_text(json.dumps(source))
    for name in ("one.jsonl", "two.jsonl"):
        assert freeze(tmp_path / "karpathy.json", tmp_path / name, tag, np.random.default_rng(5)) == 2
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    items = load_benchmark(f"coco-order:{tmp_path / 'one.jsonl'}", images=None).items
    assert items[0].captions[0] == "a small dog, in the red park"
    assert all(len(caption.split()) <= 30 for item in items for caption in item.captions)
    assert [len(item.captions) for item in items] == [5, 5]
    with jsonlines.open(tmp_path / "one.jsonl") as reader:
        assert [row["image"] for row in reader] == ["1.jpg", "1.jpg"]
    with pytest.raises(InputError, match="freeze"):
        load_benchmark(f"coco-order:{tmp_path / 'karpathy.json'}", images=None)


def test_normalised_captions() -> None:
    assert normalised('A "dog" (small): at #5; ok!') == "a dog small at 5 ok"


def test_valse_keeps_what_annotators_agree_on(tmp_path: Path) -> None:
    rows = {
        f"k{votes}": {"image_file": "1.jpg", "caption": "a", "foil": "b", "mturk": {"caption": votes}}
        for votes in (0, 1, 2, 3)
    }
    (tmp_path / "existence.json").write_text(json.dumps(rows))
    found = load_benchmark(f"valse:{tmp_path}", images=None, check_images=False)
    assert [item.id for item in found.items] == ["existence-k2", "existence-k3"]


def test_negbench_tells_its_files_apart_and_refuses_others(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("image,text\n1.jpg,a dog\n")
    with pytest.raises(InputError, match="correct_answer"):
        load_benchmark(f"negbench:{path}", images=None)
    header = "correct_answer,caption_0,caption_1,correct_answer_template,image_path\n"
    for answer in ("2", "-1", "x", "0.5"):
        path.write_text(f"{header}{answer},a,b,positive,1.jpg\n")
        with pytest.raises(InputError, match="row 0: 'correct_answer'"):
            load_benchmark(f"negbench:{path}", images=None)
    path.write_text("filepath,captions\n1.jpg,\"__import__('os').system('true')\"\n")
    with pytest.raises(InputError, match="not a list of strings"):
        load_benchmark(f"negbench:{path}", images=None)


def test_a_retrieval_set_shrinks_by_its_missing_images(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "2.jpg")
    (tmp_path / "x.csv").write_text("filepath,captions\n1.jpg,\"['a', 'b']\"\n2.jpg,\"['c']\"\n")
    with pytest.raises(InputError, match=r"1\.jpg"):
        load_benchmark(f"negbench:{tmp_path / 'x.csv'}", images=None)
    loaded = load_benchmark(f"negbench:{tmp_path / 'x.csv'}", images=None, allow_missing=True)
    [item] = loaded.items
    assert item.captions == ("c",)
    assert item.truth.tolist() == [[True]]
    assert loaded.missing == 1


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("filepath,captions,captions\n1.jpg,['a'],['b']\n")
    with pytest.raises(InputError, match="twice"):
        load_benchmark(f"negbench:{tmp_path / 'x.csv'}", images=None)


@pytest.mark.parametrize("name", ["red_apple.png", "red_apple_green_pear_2.png", "__red_.png"])
def test_ncd_labels_are_file_names(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / name)
    with pytest.raises(InputError, match=name):
        load_benchmark(f"ncd:{tmp_path}", images=None)


def test_ncd_captions_name_both_orders(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "red_apple_green_pear.png")
    first, second = load_benchmark(f"ncd:{tmp_path}", images=None).items
    assert first.captions == (
        "A picture of a red apple and a green pear",
        "A picture of a green apple and a red pear",
    )
    assert second.captions == (
        "A picture of a green pear and a red apple",
        "A picture of a red pear and a green apple",
    )


def test_mmvp_rows_must_pair_up(tmp_path: Path) -> None:
    for rows in ("2,Color,a\n3,Color,b\n", "1,Color,a\n", "1,Color\n2,Color\n"):
        header = "id,Type,Statement\n" if rows.count(",") % 2 == 0 else "id,Type\n"
        (tmp_path / "Questions.csv").write_text(header + rows)
        with pytest.raises(InputError, match=r"Questions\.csv"):
            load_benchmark(f"mmvp:{tmp_path}", images=None)


def test_the_sugarcrepe_csv_keeps_its_edits(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(
        'filename,caption,negative_caption,type,subtype\n1.jpg,"A dog, small",A cat,add,obj\n1.jpg,A,B,swap,att\n'
    )
    found = load_benchmark(f"sugarcrepe:{tmp_path / 'all.csv'}", images=None, check_images=False)
    assert [item.category for item in found.items] == ["add_obj", "swap_att"]
    assert found.items[0].captions == ("A dog, small", "A cat")
    assert {item.cluster for item in found.items} == {"1"}


def test_half_a_surrogate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "add_att.json").write_text(
        '{"0": {"filename": "1.jpg", "caption": "a \\ud800", "negative_caption": "b"}}'
    )
    with pytest.raises(InputError, match="item '0': 'caption'"):
        load_benchmark(f"sugarcrepe:{tmp_path}", images=None, check_images=False)
