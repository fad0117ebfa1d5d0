"""`verify` on a dataset with one thing wrong: each planted corruption is found and named, however honest the hashes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.files import canonical_hash, file_hash
from fourfold.generator.verification import verify
from fourfold.scenes.model.layout import layout_from_dict, layout_to_dict

Rows = list[dict[str, Any]]
TEST = "test/metadata.jsonl"


def test_a_clean_dataset_has_no_problems(generated):
    assert verify(generated, progress=False) == []


def edit_rows(folder: Path, edit: Callable[[Rows], object]) -> None:
    """Change rows of the split "test" by a function that works on the list in place."""
    path = folder / TEST
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    edit(rows)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def edit_captions(rows: Rows, number: int, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change one caption alike in both rows of the first group, as a consistent liar would."""
    for row in rows[:2]:
        edit(row["captions"][number])


def say(rows: Rows, number: int, text: str) -> None:
    """Change the text of a caption wherever it stands in the first group, so that all agree; its claim stays."""
    old = rows[0]["captions"][number]["text"]
    edit_captions(rows, number, lambda caption: caption.update(text=text))
    for row in rows[:2]:
        columns = ("caption", "adversarial_caption", "hard_positive")
        row.update({key: text for key in columns if row[key] == old})


def without_synonym(caption: dict[str, Any]) -> None:
    """The template says that kinds are called by synonyms, or no longer that they are."""
    name = caption["template"]
    caption["template"] = name.removesuffix("s") if name.endswith("s") else f"{name}s"


def call_otherwise(rows: Rows) -> None:
    """A caption says a kind's own name, its template that it says a synonym."""
    number = next(n for n, row in enumerate(rows) if '"sphere"' in row["captions"][0]["claim"] and row["role"] == "a")
    for row in rows[number : number + 2]:
        without_synonym(row["captions"][0])


def change_claim(caption: dict[str, Any], old: str, new: str) -> None:
    caption["claim"] = caption["claim"].replace(f'"{old}"', f'"{new}"')


def hash_scene(row: dict[str, Any]) -> None:
    """Give a changed scene its new hash."""
    scene = layout_to_dict(layout_from_dict(row))
    wished = [{k: v for k, v in thing.items() if k != "visible_fraction"} for thing in scene["objects"]]
    row["scene_sha256"] = canonical_hash({**scene, "objects": wished})


def first_of(rows: Rows, category: str) -> int:
    return next(number for number, row in enumerate(rows) if row["category"] == category)


def in_first(category: str, edit: Callable[[dict[str, Any]], object]) -> Callable[[Rows], object]:
    return lambda rows: edit(rows[first_of(rows, category)])


def claim_of_another(rows: Rows) -> None:
    """The first group's claims are those of the last group: true words with another meaning."""
    number = first_of(rows, "natural") - 2
    for own, other in zip(rows[:2], rows[number : number + 2], strict=True):
        own["captions"][0]["claim"] = other["captions"][1]["claim"]


def flip_truth(rows: Rows) -> None:
    for row in rows[:2]:
        for caption in row["captions"]:
            caption["truth"] = caption["truth"][::-1]


def swap_hard_truths(rows: Rows) -> None:
    """The first two captions keep their truth, the hard positives exchange theirs: in both rows alike."""
    for row in rows[:2]:
        for caption in row["captions"][2:]:
            caption["truth"] = caption["truth"][::-1]


def move_object(row: dict[str, Any], rehash: bool) -> None:
    row["objects"][0]["position"][0] += 0.7
    if rehash:
        hash_scene(row)


def recolor(row: dict[str, Any]) -> None:
    """The scene loses what its caption says, hashes and all."""
    for thing in row["objects"]:
        thing.update(shape="anchor", color="gray", size="medium", material="metal", pattern="plain")
    hash_scene(row)


def swap_names(rows: Rows) -> None:
    rows[0]["file_name"], rows[1]["file_name"] = rows[1]["file_name"], rows[0]["file_name"]


# What is wrong in the rows: an edit of them, and what its problem says. The hash of the whole file finds all of these;
# the tests give the changed file its new hash, so that each has to be found by what it says.
ROW_DAMAGE: dict[str, tuple[Callable[[Rows], object], str]] = {
    "caption text": (lambda rows: rows[0].update(caption="a lie"), "captions of image a"),
    "adversarial caption text": (lambda rows: rows[0].update(adversarial_caption="a lie"), "captions of image a"),
    "hard positive text": (lambda rows: rows[1].update(hard_positive="a lie"), "hard positive of image b"),
    "text in one image only": (lambda rows: rows[1]["captions"][0].update(text="a lie"), "same captions"),
    "template in one image only": (lambda rows: rows[1]["captions"][0].update(template="x/0.0"), "same captions"),
    "kind of a caption": (lambda rows: rows[0]["captions"][0].update(kind="adversarial"), "kinds of the captions"),
    "truth of one caption": (
        lambda rows: edit_captions(rows, 0, lambda caption: caption.update(truth=[False, True])),
        "not fourfold",
    ),
    "truth of all captions": (flip_truth, "not fourfold"),
    "truth that is text": (lambda rows: rows[1]["captions"][0].update(truth=["true", "false"]), "malformed captions"),
    "truth of hard positives": (swap_hard_truths, "not fourfold"),
    "kind of a hard positive": (
        lambda rows: rows[0]["captions"][2].update(kind="adversarial-positive"),
        "kinds of the captions of image a",
    ),
    "caption after the adversarial one": (
        lambda rows: rows[1].update(caption=rows[1]["adversarial_caption"], adversarial_caption=rows[1]["caption"]),
        "the captions of image b are not those of its group",
    ),
    "split of a row": (lambda rows: rows[0].update(split="train"), "is of split 'train'"),
    "group of a row": (lambda rows: rows[1].update(group="test-binding-000009"), "image 'b' without its image a"),
    "claim of another group": (claim_of_another, "of its two scenes"),
    "caption text in every place": (lambda rows: say(rows, 0, "a lie"), "'a lie' does not say its claim"),
    "other caption's text in every place": (lambda rows: say(rows, 1, "a lie"), "'a lie' does not say its claim"),
    "hard positive's text in every place": (lambda rows: say(rows, 2, "a lie"), "'a lie' does not say its claim"),
    "synonyms that are not said": (call_otherwise, "does not say its claim"),
    "template of another category": (
        lambda rows: edit_captions(rows, 0, lambda caption: caption.update(template="x/0.0")),
        "does not say its claim in its template 'x/0.0'",
    ),
    "category of a template": (
        lambda rows: edit_captions(
            rows, 0, lambda caption: caption.update(template=f"x/{caption['template'].partition('/')[2]}")
        ),
        "does not say its claim in its template 'x/",
    ),
    "template that is none": (
        lambda rows: edit_captions(rows, 0, lambda caption: caption.update(template="x")),
        "does not say its claim in its template 'x'",
    ),
    "claim of an unknown type": (
        lambda rows: edit_captions(rows, 2, lambda caption: change_claim(caption, "type", "kind")),
        "cannot be read",
    ),
    "claim that is no JSON": (lambda rows: rows[0]["captions"][0].update(claim="{"), "malformed captions"),
    "captions left out": (lambda rows: rows[0].update(captions=rows[0]["captions"][:1]), "not fourfold"),
    **{
        f"box, side {side}": (
            lambda rows, side=side: rows[0]["objects"][0]["bbox"].__setitem__(side, 0 if side < 2 else 223),
            "fills the box",
        )
        for side in range(4)
    },
    "visible pixels": (lambda rows: rows[0]["objects"][0].update(visible_pixels=7), "its row says 7"),
    "mask value": (lambda rows: rows[0]["objects"][0].update(mask_value=77), "of no object"),
    "object moved": (lambda rows: move_object(rows[0], False), "scene is not that of its hash"),
    "camera turned": (lambda rows: rows[1]["camera"].update(azimuth=3.25), "scene is not that of its hash"),
    "scene changed, hash and all": (lambda rows: recolor(rows[0]), "of its two scenes"),
    "object left out": (lambda rows: rows[0]["objects"].pop(), "of no object"),
    "object without shape": (lambda rows: rows[0]["objects"][0].pop("shape"), "shape"),
    "key left out": (lambda rows: rows[0].pop("camera"), "missing camera"),
    "key of another type": (lambda rows: rows[0].update(objects={}), "malformed objects"),
    "hash left out": (lambda rows: rows[0].pop("pixels_sha256"), "pixels_sha256"),
    "row left out": (lambda rows: rows.pop(1), "the manifest says"),
    "group left out": (lambda rows: rows.__delitem__(slice(0, 2)), "the manifest says"),
    "row twice": (lambda rows: rows.insert(1, rows[0]), "the manifest says"),
    "group twice": (lambda rows: rows.extend(rows[:2]), "the manifest says"),
    "rows of a group apart": (lambda rows: rows.insert(2, rows.pop(0)), "without its image a"),
    "rows of a group exchanged": (lambda rows: rows.insert(1, rows.pop(0)), "without its image a"),
    "role": (lambda rows: rows[1].update(role="c"), "image 'c' without its image a"),
    "category": (lambda rows: [row.update(category="relatoin") for row in rows[:2]], "the manifest says"),
    "images exchanged": (swap_names, "pixels are not those of its hash"),
    "file of another row": (lambda rows: rows[0].update(file_name=rows[2]["file_name"]), "belongs to no row"),
    "file that is not there": (lambda rows: rows[0].update(file_name="images/none.png"), "no such image"),
    "file outside the folder": (lambda rows: rows[0].update(file_name="../../x.png"), "leads out of the folder"),
    "mask outside the folder": (lambda rows: rows[0].update(mask="/etc/passwd"), "leads out of the folder"),
    "file name of another type": (lambda rows: rows[0].update(file_name=["x"]), "malformed file_name"),
    "natural scene left out": (lambda rows: rows.pop(first_of(rows, "natural")), "scenes, the manifest says"),
    "natural caption": (in_first("natural", lambda row: row.update(caption="a lie")), "not the first of its captions"),
    "natural caption untrue": (
        in_first(
            "natural",
            lambda row: row["captions"][3].update(claim='{"type": "Exists", "description": {"shape": "axe"}}'),
        ),
        "is not true of its scene",
    ),
    "natural caption said to be untrue": (
        in_first("natural", lambda row: row["captions"][0].update(truth=[False])),
        "is not said to be true",
    ),
}


@pytest.mark.parametrize("name", ROW_DAMAGE)
def test_damaged_rows_are_found_behind_an_honest_hash(name, dataset_copy):
    edit, said = ROW_DAMAGE[name]
    edit_rows(dataset_copy, edit)
    digest = file_hash(dataset_copy / TEST)
    edit_manifest(dataset_copy, lambda manifest: manifest["splits"]["test"].update(metadata_sha256=digest))
    problems = verify(dataset_copy, audits=False, progress=False)
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith(str(dataset_copy)) for problem in problems)
    assert all("\n" not in problem for problem in problems)


@pytest.mark.parametrize("name", ROW_DAMAGE)
def test_damaged_rows_are_found_by_the_hash(name, dataset_copy):
    edit_rows(dataset_copy, ROW_DAMAGE[name][0])
    assert (
        f"{dataset_copy / TEST}: is not what the manifest's hash says"
        in verify(dataset_copy, audits=False, progress=False)[0]
    )


def image(folder: Path, number: int = 0) -> Path:
    return sorted((folder / "test" / "images").iterdir())[number]


def mask(folder: Path) -> Path:
    return sorted((folder / "masks" / "test").iterdir())[0]


def change_pixels(path: Path, edit: Callable[[np.ndarray], object]) -> None:
    pixels = np.array(Image.open(path))
    edit(pixels)
    Image.fromarray(pixels).save(path)


def paint(value: int) -> Callable[[np.ndarray], object]:
    return lambda pixels: pixels.__setitem__((3, 3), value)


def exchange(folder: Path) -> None:
    first, second = image(folder, 0).read_bytes(), image(folder, 1).read_bytes()
    image(folder, 0).write_bytes(second)
    image(folder, 1).write_bytes(first)


def lead_out(folder: Path) -> None:
    shutil.copy(image(folder), folder.parent / "outside.png")
    image(folder).unlink()
    (folder / "test" / "images" / "x").symlink_to(folder.parent / "outside.png")
    (folder / "test" / "images" / "x").rename(folder / "test" / "images" / "test-binding-000000-a.png")


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def truncate_last_line(folder: Path) -> None:
    (folder / TEST).write_bytes((folder / TEST).read_bytes()[:-40])


def spoil_croissant(folder: Path) -> None:
    path = folder / "croissant.json"
    path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0', 1))


def recipe_seed(manifest: dict[str, Any]) -> None:
    manifest["recipe"]["seed"] += 1


def natural_scenes(manifest: dict[str, Any]) -> None:
    manifest["splits"]["test"]["scenes"] += 1


# What is wrong with the files: the damage, and what its problem says.
FILE_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "image deleted": (lambda folder: image(folder).unlink(), "no such image"),
    "image emptied": (lambda folder: image(folder).write_bytes(b""), "not a readable image"),
    "image cut": (lambda folder: cut(image(folder), 0.6), "not a readable image"),
    "image that is none": (lambda folder: image(folder).write_text("hello"), "not a readable image"),
    "images exchanged": (exchange, "pixels are not those of its hash"),
    "pixel changed": (lambda folder: change_pixels(image(folder), paint(9)), "pixels are not those of its hash"),
    "image leads out": (lead_out, "leads out of the folder"),
    "image scaled": (lambda folder: Image.new("RGB", (9, 9)).save(image(folder)), "not of one size"),
    "image nobody knows": (lambda folder: shutil.copy(image(folder), image(folder).with_name("x.png")), "no row"),
    "file nobody knows": (lambda folder: image(folder).with_name("notes.txt").write_text("x"), "no row"),
    "file nobody knows beside the rows": (lambda folder: (folder / "test" / "notes.txt").write_text("x"), "no row"),
    "mask deleted": (lambda folder: mask(folder).unlink(), "no such image"),
    "mask value new": (lambda folder: change_pixels(mask(folder), paint(200)), "holds values [200] of no object"),
    "mask value of an object": (lambda folder: change_pixels(mask(folder), paint(1)), "pixels in the mask"),
    "mask emptied": (lambda folder: change_pixels(mask(folder), lambda pixels: pixels.fill(0)), "shows 0 pixels"),
    "mask nobody knows": (lambda folder: shutil.copy(mask(folder), mask(folder).with_name("x.png")), "no row"),
    "last line cut": (truncate_last_line, "not a JSON object"),
    "line of nonsense": (
        lambda folder: (folder / TEST).write_text("nonsense\n" + (folder / TEST).read_text()),
        "line 1: not a JSON object",
    ),
    "rows deleted": (lambda folder: (folder / TEST).unlink(), "no such file"),
    "split deleted": (lambda folder: shutil.rmtree(folder / "held-out"), "no such file"),
    "card deleted": (lambda folder: (folder / "README.md").unlink(), "README.md: no such file"),
    "croissant deleted": (lambda folder: (folder / "croissant.json").unlink(), "croissant.json: no such file"),
    "croissant with another hash": (spoil_croissant, "croissant.json: has other files or hashes"),
    "croissant of nothing": (
        lambda folder: (folder / "croissant.json").write_text('{"distribution": []}'),
        "croissant.json: has other files or hashes",
    ),
    "croissant of nonsense": (
        lambda folder: (folder / "croissant.json").write_text("[]"),
        "croissant.json: cannot be read",
    ),
}
MANIFEST_DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "images": (lambda manifest: manifest["splits"]["test"].update(images=3), "images, the manifest says 3"),
    "groups": (lambda manifest: manifest["splits"]["test"]["groups"].update(binding=9), "binding, the manifest says 9"),
    "scenes": (natural_scenes, "scenes, the manifest says 2"),
    "groups left out": (lambda manifest: manifest["splits"]["test"].pop("groups"), "groups"),
    "rows' hash": (lambda manifest: manifest["splits"]["test"].update(metadata_sha256="0"), "hash says"),
    "rows' hash left out": (lambda manifest: manifest["splits"]["test"].pop("metadata_sha256"), "hash says"),
    "scenes' hash": (lambda manifest: manifest.update(scenes_sha256="0"), "not that of its shards"),
    "recipe": (recipe_seed, "the recipe is not that of its hash"),
    "recipe's hash": (lambda manifest: manifest.update(recipe_sha256="0"), "the recipe is not that of its hash"),
    "recipe left out": (lambda manifest: manifest.pop("recipe"), "cannot be read"),
    "recipe of nonsense": (lambda manifest: manifest.update(recipe={"name": 5}), "recipe"),
    "seed": (lambda manifest: manifest.update(seed=99), "seed and name"),
    "name": (lambda manifest: manifest.update(name="another"), "seed and name"),
    "natural scenes wished": (
        lambda manifest: manifest["splits"]["test"].update(scenes=2),
        "split test: ",
    ),
    "scenes of a shard": (
        lambda manifest: manifest["shards"][1].update(scenes_sha256="0"),
        "scenes_sha256 is not that of its shards",
    ),
    "split left out": (lambda manifest: manifest["splits"].pop("held-out"), "split held-out"),
}


@pytest.mark.parametrize("name", FILE_DAMAGE)
def test_damaged_files_are_found(name, dataset_copy):
    damage, said = FILE_DAMAGE[name]
    damage(dataset_copy)
    problems = verify(dataset_copy, audits=False, progress=False)
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith(str(dataset_copy)) for problem in problems)


@pytest.mark.parametrize("name", MANIFEST_DAMAGE)
def test_a_wrong_manifest_is_found(name, dataset_copy):
    edit, said = MANIFEST_DAMAGE[name]
    edit_manifest(dataset_copy, edit)
    problems = verify(dataset_copy, audits=False, progress=False)
    assert any(said in problem for problem in problems), problems


def test_an_id_that_is_there_twice_is_found(dataset_copy):
    edit_rows(dataset_copy, lambda rows: rows[5].update(id=rows[2]["id"]))
    problems = verify(dataset_copy, audits=False, progress=False)
    assert [problem.endswith("has the id of an earlier row") for problem in problems].count(True) == 1


def test_the_first_of_the_six_digits_of_an_audit_counts_and_the_last_ones_do_not(dataset_copy):
    path = dataset_copy / "audit.json"
    said = json.loads(path.read_text())
    number = next(row["low"] for row in said["splits"]["test"]["results"] if 0.1 < row["low"] < 0.9)
    text, changed = path.read_text(), f"{path}: is not what its hash in SHA256SUMS says"
    path.write_text(text.replace(str(number), str(number + 1e-9)))
    assert verify(dataset_copy, progress=False) == [changed]
    path.write_text(text.replace(str(number), str(number + 1e-4)))
    assert verify(dataset_copy, progress=False) == [
        f"{path}: is not what the blind solvers make of the captions and objects",
        changed,
    ]


def test_slight_dependences_that_the_manifest_does_not_list_are_found(dataset_copy):
    edit_manifest(dataset_copy, lambda manifest: manifest.update(slight_dependences=["shape and color"]))
    audit, manifest, card = (dataset_copy / name for name in ("audit.json", "manifest.json", "README.md"))
    found = verify(dataset_copy, progress=False)
    assert [line for line in found if line.startswith(str(audit))] == [
        f"{audit}: finds other slight dependences of objects than the manifest lists"
    ]
    assert {line.partition(": ")[0] for line in found} <= {str(audit), str(manifest), str(card)}


def test_a_problem_names_line_and_row(dataset_copy):
    change_pixels(image(dataset_copy), paint(9))
    number, row = next(
        (number, row)
        for number, line in enumerate((dataset_copy / TEST).read_text().splitlines(), start=1)
        if (row := json.loads(line))["file_name"] == f"images/{image(dataset_copy).name}"
    )
    problem, changed = verify(dataset_copy, audits=False, progress=False)
    assert changed == f"{image(dataset_copy)}: is not what its hash in SHA256SUMS says"
    assert (
        problem == f"{dataset_copy / TEST}, line {number} ({row['id']}): the picture's pixels are not those of its hash"
    )


def test_all_problems_are_listed_not_the_first(dataset_copy):
    for number in (0, 3, 6):
        change_pixels(image(dataset_copy, number), paint(9))
    edit_rows(dataset_copy, lambda rows: rows[5].pop("camera"))
    problems = verify(dataset_copy, audits=False, progress=False)
    assert sum("pixels are not those of its hash" in problem for problem in problems) == 3
    assert sum("missing camera" in problem for problem in problems) >= 1


def test_words_are_not_held_against_the_templates_of_another_version(dataset_copy):
    edit_rows(dataset_copy, lambda rows: say(rows, 0, "a text that only that version has"))
    edit_manifest(dataset_copy, lambda manifest: manifest["software"].update(fourfold="0.0.1"))
    problems = verify(dataset_copy, audits=False, progress=False)
    assert not any("does not say its claim" in problem for problem in problems), problems


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a finished Fourfold dataset"):
        verify(tmp_path)


def test_the_audit_is_made_again_from_the_rows(dataset_copy):
    path = dataset_copy / "audit.json"
    path.write_text(path.read_text().replace('"accuracy": 0.5', '"accuracy": 0.4', 1))
    assert verify(dataset_copy, progress=False) == [
        f"{path}: is not what the blind solvers make of the captions and objects",
        f"{path}: is not what its hash in SHA256SUMS says",
    ]
    path.unlink()
    assert verify(dataset_copy, progress=False) == [
        f"{path}: no such file",
        f"{path}: no such file, SHA256SUMS names it",
    ]
