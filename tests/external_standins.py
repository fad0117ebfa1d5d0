"""Tiny files in the schema of every benchmark; tests load this file by its path, for `tests` is no package."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image


def picture(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), (shade % 256, 80, 120)).save(path)


def pictures(folder: Path, names: Sequence[str]) -> None:
    for shade, name in enumerate(names):
        picture(folder / name, shade)


def write_json(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def clip_binding(root: Path) -> int:
    for kind, inner in (("single_object", "images"), ("two_object", "images/gen")):
        rows = [
            {"file_name": f"{n}.png", "pos": f"red cube {n}", **{f"neg_{k}": f"color {k} cube {n}" for k in range(4)}}
            for n in range(2)
        ]
        pictures(root / kind / inner, ["0.png", "1.png"])
        write_csv(root / kind / ("test.csv" if kind == "single_object" else "gen.csv"), rows)
    pictures(root / "rel/images/val", ["a.png"])
    write_json(root / "rel/val.json", {"a.png": {"pos": ["cube left sphere", "sphere right cube"], "neg": []}})
    return 6


def whatsup(root: Path) -> int:
    prepositions = {"A": ["left_of", "right_of", "on", "under"], "B": ["left_of", "right_of", "in-front_of", "behind"]}
    for subset, stem in (("A", "controlled_images"), ("B", "controlled_clevr")):
        names = [f"data/{stem}/mug_{preposition}_plate.jpeg" for preposition in prepositions[subset]]
        pictures(root, [name.removeprefix("data/") for name in names])
        texts = [f"A mug {preposition.replace('_', ' ')} a plate" for preposition in prepositions[subset]]
        rows = [
            {"image_path": name, "caption_options": [texts[n], *texts[:n], *texts[n + 1 :]]}
            for n, name in enumerate(names)
        ]
        write_json(root / f"{stem}_dataset.json", rows)
    return 8


def questions(stem: str, image: Callable[[int], str]) -> Callable[[Path], int]:
    def write(root: Path) -> int:
        for objects, ids in (("one", [7, 8]), ("two", [9])):
            pictures(root, [image(id) for id in ids])
            rows = [[id, f"A dog {id} on the top", f"A dog {id} on the bottom"] for id in ids]
            write_json(root / f"{stem}_{objects}_obj.json", rows)
        return 3

    return write


def aro(file: str, kind: Mapping[str, object]) -> Callable[[Path], int]:
    def write(root: Path) -> int:
        pictures(root / "images", ["1.jpg", "2.jpg"])
        box = {"bbox_x": 2, "bbox_y": 3, "bbox_w": 10, "bbox_h": 20}
        captions = {"true_caption": "the cat is on the mat", "false_caption": "the mat is on the cat"}
        rows = [{"image_path": f"{1 + n % 2}.jpg", **box, **captions, **kind} for n in range(26)]
        write_json(root / file, rows)
        return 26

    return write


def order(root: Path) -> int:
    pictures(root, ["val2014/1.jpg"])
    lines = [{"image": "val2014/1.jpg", "caption_options": ["a b c", "b a c", "c b a", "a c b", "c a b"]}]
    (root / "options.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 1


def sugarcrepe(root: Path) -> int:
    pictures(root / "val2017", ["1.jpg", "2.jpg"])
    for edit in ("add_att", "swap_obj"):
        rows = {
            str(3 * n): {"filename": f"{n}.jpg", "caption": f"A dog {n}.", "negative_caption": f"A cat {n}."}
            for n in (1, 2)
        }
        write_json(root / f"{edit}.json", rows)
    return 4


def negbench(root: Path) -> int:
    pictures(root, ["1.jpg", "2.jpg"])
    choices = [
        {
            "correct_answer": n,
            **{f"caption_{k}": f"image {n} features {k}" for k in range(4)},
            "correct_answer_template": template,
            "image_path": f"/home/someone/val2017/{n + 1}.jpg",
        }
        for n, template in enumerate(["positive", "negative"])
    ]
    write_csv(root / "mcq.csv", choices)
    sets = [{"filepath": f"{n}.jpg", "captions": repr([f"no dog {n}", f"it's a cat {n}"])} for n in (1, 2)]
    write_csv(root / "retrieval.csv", sets)
    yes_no = [{"image_path": "1.jpg", "caption_0": "a dog", "caption_1": "no dog", "correct_answer": 1}]
    write_csv(root / "binary.csv", yes_no)
    return 4


def valse(root: Path) -> int:
    pictures(root / "visual7w", ["v7w_1.jpg"])
    item = {"image_file": "v7w_1.jpg", "dataset": "visual7w", "caption": "There are no people.", "foil": "There are."}
    rows = {f"existence_{votes}": {**item, "mturk": {"foil": 0, "caption": votes, "other": 0}} for votes in (1, 2, 3)}
    write_json(root / "existence.json", rows)
    return 2


def spec(root: Path) -> int:
    for subset in ("count", "existence"):
        pictures(root / subset, ["0.jpg", "1.jpg"])
        keys = ["one dog", "two dogs", "three dogs"]
        write_json(root / subset / "image2text.json", [{"query": "1.jpg", "keys": keys, "label": 1}])
        write_json(root / subset / "text2image.json", [{"query": "two", "keys": ["0.jpg", "1.jpg"], "label": 1}])
    return 4


def ncd(root: Path) -> int:
    pictures(root, ["red_apple_green_pear.png", "yellow_banana_red_tomato.jpg", "MIRROR_red_apple_green_pear.png"])
    (root / "notes.txt").write_text("not an image")
    return 4


def eqben(root: Path) -> int:
    names = [f"kubric_loc/{n}.png" for n in range(2)] + [f"ag/v/{n}.png" for n in range(4)]
    pictures(root, names)
    pair = {"caption0": "a left of b", "caption1": "b left of a"}
    write_json(root / "kubric_loc.json", [{"image0": names[0], "image1": names[1], **pair}])
    deep = [
        {"image_0": names[n], "image_1": names[n + 1], "caption_0": ["one", "unused"], "caption_1": ["two"]}
        for n in (2, 4)
    ]
    write_json(root / "ag.json", {"video": {"subject": deep}})
    return 3


def two_images(columns: Sequence[str], extra: Mapping[str, object], file: str) -> Callable[[Path], int]:
    """A table of rows with two image columns and two caption columns, in that order."""

    def write(root: Path) -> int:
        pictures(root, ["0.png", "1.png", "2.png", "3.png"])
        rows = [
            dict(zip(columns, [f"{n}.png", f"{n + 1}.png", f"cap {n}", f"foil {n}"], strict=True)) | extra
            for n in (0, 2)
        ]
        if file.endswith(".csv"):
            write_csv(root / file, rows)
        elif file.endswith(".jsonl"):
            (root / file).write_text("\n".join(json.dumps(row) for row in rows))
        else:
            write_json(root / file, rows)
        return 2

    return write


def vismin(root: Path) -> int:
    pictures(root, ["0.png", "1.png", "2.png"])
    twins = [{"edited_image_path": f"{n}.png", "edited_caption": f"{n} dogs"} for n in (1, 2)]
    write_json(root / "train.json", [{"image_path": "0.png", "caption": "no dogs", "negatives": twins}])
    return 2


def mmvp(root: Path) -> int:
    pictures(root / "MLLM_VLM Images", ["Color/1.jpg", "Color/2.jpg", "Texts/3.jpg", "Texts/4.jpg"])
    rows = [
        {"Question ID": n, "Type": "Color" if n < 3 else "Texts", "Statement": f"statement {n}"} for n in range(1, 5)
    ]
    write_csv(root / "Questions.csv", rows)
    return 2


def crepe(root: Path) -> int:
    pictures(root, ["VG_100K/1.jpg", "VG_100K_2/2.jpg"])
    box = {"x": 1, "y": 1, "width": 20, "height": 20}
    rows = [{"image_id": n, "caption": "a dog", "hard_negs": repr(["a cat", "no dog"]), **box} for n in (1, 2)]
    write_csv(root / "prod_complexity_4.csv", rows)
    return 2


WINOGROUND = two_images(["image_0", "image_1", "caption_0", "caption_1"], {"tag": "Object"}, "examples.jsonl")
COLORSWAP = two_images(["image_1", "image_2", "caption_1", "caption_2"], {"id": 3, "image_source": "hand"}, "test.json")
BIVLC = two_images(
    ["image", "negative_image", "caption", "negative_caption"], {"type": "add", "subtype": "obj"}, "bivlc.csv"
)


# Writes the files below a folder, returns the number of items; and what follows the folder in the spec.
def retrieval(root: Path) -> int:
    names = [f"val2014/{n}.jpg" for n in range(3)]
    pictures(root, names)
    rows = [{"image": name, "caption": [f"picture {n}", f"image {n}"]} for n, name in enumerate(names)]
    write_json(root / "coco_karpathy_test.json", rows)
    return 1


STANDINS: dict[str, tuple[Callable[[Path], int], str]] = {
    "clip-binding": (clip_binding, ""),
    "whatsup": (whatsup, ""),
    "whatsup-edited": (whatsup, ""),
    "coco-qa": (questions("coco_qa", lambda id: f"val2017/{id:012d}.jpg"), ""),
    "coco-qa-edited": (questions("coco_qa", lambda id: f"val2017/{id:012d}.jpg"), ""),
    "vg-qa": (questions("vg_qa", lambda id: f"vg_images/{id}.jpg"), ""),
    "vg-qa-edited": (questions("vg_qa", lambda id: f"vg_images/{id}.jpg"), ""),
    "vg-relation": (aro("visual_genome_relation.json", {"relation_name": "on"}), ""),
    "vg-attribution": (aro("visual_genome_attribution.json", {"attributes": ["red", "tall"]}), ""),
    "coco-order": (order, "options.jsonl"),
    "flickr-order": (order, "options.jsonl"),
    "retrieval": (retrieval, ""),
    "sugarcrepe": (sugarcrepe, ""),
    "negbench": (negbench, ""),
    "valse": (valse, ""),
    "winoground": (WINOGROUND, ""),
    "spec": (spec, ""),
    "bivlc": (BIVLC, "bivlc.csv"),
    "ncd": (ncd, ""),
    "eqben": (eqben, ""),
    "vismin": (vismin, "train.json"),
    "colorswap": (COLORSWAP, ""),
    "mmvp": (mmvp, ""),
    "crepe": (crepe, ""),
}
