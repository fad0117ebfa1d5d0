"""Exports: what our loaders of other people's schemas read back has the truth that the dataset knows."""

import csv
import hashlib
import io
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fourfold.cli.datasets import export as export_command
from fourfold.errors import InputError
from fourfold.evaluator.data.external import LoadedBenchmark, load_benchmark
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.encoders.torchvision_import import import_torchvision
from fourfold.generator.categories.world import make_world
from fourfold.generator.dataset.reading import Group, read_groups, read_rows
from fourfold.generator.exports import EXPORTS, Exported, export, negbench, whatsup
from fourfold.generator.exports.edits import caption_edit
from fourfold.generator.groups.making import make_group
from fourfold.generator.groups.natural import make_scene
from fourfold.generator.recipe.reading import Recipe, Split, recipe_to_dict
from fourfold.scenes.assets.custom import CustomKind, known
from fourfold.scenes.model.layout import layout_from_dict
from fourfold.scenes.truth.claims import Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import stands

GROUPS = {"content": 24, "binding": 8, "relation": 12, "location": 2, "negation": 10, "counting": 2, "comparison": 2}
ELSEWHERE = {"clevr", "open-clip"}  # no captions, and no questions: they have tests of their own
LOADERS = {name: row.read_as for name, row in EXPORTS.items() if name not in ELSEWHERE}
Row = dict[str, Any]


def pixels_of(name: str) -> np.ndarray:
    """A picture that no other row has, so that it says whose it is."""
    return np.frombuffer(hashlib.sha256(name.encode()).digest()[:27] * 4, np.uint8).reshape(6, 6, 3)


def write_dataset(folder: Path, recipe: Recipe, flat_renderer: Callable[[int], Any]) -> Path:
    """A dataset folder of the recipe; its pictures show nothing but whose they are."""
    counts = {}
    for split, row in recipe.splits.items():
        world, renderer = make_world(recipe, row), flat_renderer(64)
        made = [
            make_group(world, split, category, index, 7, renderer)
            for category, number in row.groups.items()
            for index in range(number)
        ]
        made += [make_scene(world, split, index, 7, renderer) for index in range(row.scenes)]
        rows = [picture.row for each in made for picture in each.pictures]
        (folder / split / "images").mkdir(parents=True)
        for each in rows:
            each["file_name"] = f"images/{each['id']}.png"
            Image.fromarray(pixels_of(each["id"])).save(folder / split / each["file_name"])
        (folder / split / "metadata.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
        counts[split] = {"images": len(rows), "groups": row.groups, "scenes": row.scenes}
    manifest = {"format_version": 1, "name": "exports", "seed": 7, "splits": counts, "recipe": recipe_to_dict(recipe)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, small_recipe, flat_renderer) -> Path:
    """A dataset folder with stacks and all four attributes."""
    shapes = small_recipe.vocabulary.shapes[:8]
    recipe = replace(
        small_recipe,
        splits={"test": Split(GROUPS, scenes=3), "none": Split({"counting": 1})},
        vocabulary=replace(small_recipe.vocabulary, shapes=shapes, materials=("matte", "metal", "glossy")),
        scene=replace(small_recipe.scene, arrangements=("table", "floating", "stacked")),
        attributes=("color", "size", "material", "pattern"),
        held_out=(),
    )
    return write_dataset(tmp_path_factory.mktemp("exports") / "dataset", recipe, flat_renderer)


@pytest.fixture(scope="module")
def export_once(dataset, tmp_path_factory) -> Callable[[str], Exported]:
    """Export the dataset to a format, once."""
    done: dict[str, Exported] = {}

    def call(name: str) -> Exported:
        if name not in done:
            done[name] = export(dataset, name, tmp_path_factory.mktemp("out") / name, split="test")
        return done[name]

    return call


@pytest.fixture(scope="module")
def exported(export_once) -> Callable[[str], Path]:
    """The folder of the dataset in a format."""
    return lambda name: export_once(name).path


@pytest.fixture(scope="module")
def owner(dataset) -> Callable[[ImageRef], Row]:
    """The row of which an exported picture is."""
    rows = {pixels_of(row["id"]).tobytes(): row for row in read_rows(dataset, "test")}

    def call(image: ImageRef) -> Row:
        with Image.open(image.path if image.data is None else io.BytesIO(image.data)) as picture:
            return rows[np.asarray(picture.convert("RGB")).tobytes()]

    return call


def load(name: str, out: Path) -> LoadedBenchmark:
    return load_benchmark(EXPORTS[name].read_as.format(out=out, split="test"), images=None)


def by_words(row: Row, text: str) -> bool:
    """What a sentence of the exporters' own says of a scene, from its words alone."""
    things = looks(row)
    kinds = {thing["shape"] for thing in row["objects"]}
    if found := re.fullmatch(r"This image features an? ([\w ]+), but not an? ([\w ]+)", text):
        return found[1] in kinds and found[2] not in kinds
    if found := re.fullmatch(r"This image (features|does not feature) an? ([\w ]+)", text):
        return (found[2] in kinds) == (found[1] == "features")
    if found := re.fullmatch(r"A picture of a (\w+) (\w+) and a (\w+) (\w+)", text):
        return all(any(set(found.group(k, k + 1)) <= thing for thing in things) for k in (1, 3))
    if found := re.fullmatch(r"(\w+) (left|right|front|behind) (\w+)", text):
        return related(row, found[2], {found[1]}, {found[3]})
    if found := re.fullmatch(r"An? (.+?) (to the left of|to the right of|on|under|in front of|behind) an? (.+)", text):
        name = {"to the left of": "left", "to the right of": "right", "in front of": "front"}.get(found[2], found[2])
        return related(row, name, set(found[1].split()), set(found[3].split()))
    return any(set(text.split()) <= thing for thing in things)


def looks(row: Row) -> list[set[str]]:
    return [{thing[key] for key in ("shape", "color", "size", "material", "pattern")} for thing in row["objects"]]


def related(row: Row, relation: str, first: set[str], second: set[str]) -> bool:
    things, layout = looks(row), layout_from_dict(row)
    return any(
        stands(relation, layout, i, j) is True
        for i, one in enumerate(things)
        for j, other in enumerate(things)
        if i != j and first <= one and second <= other
    )


def test_every_format_with_captions_is_read_back_from_the_folder_that_was_written():
    assert {name for name, row in EXPORTS.items() if row.read_as is None} == {"clevr"}
    assert all(row.read_as.partition(":")[2].startswith("{out}") for row in EXPORTS.values() if row.read_as)
    assert all(row.read_as.endswith("{out}") for name, row in EXPORTS.items() if name not in ELSEWHERE)


@pytest.mark.parametrize("name", LOADERS)
def test_all_that_was_written_is_read_back(name, export_once):
    done = export_once(name)
    items = load_benchmark(done.dataset, images=None).items
    assert done.dataset == f"{EXPORTS[name].read_as.partition(':')[0]}:{done.path}"
    assert done.items == len(items) if name != "dcsm" else len(items) > 0  # which holds more than bindings of colors


def test_pairs_for_training_are_read_back_as_one_search(exported, dataset, owner):
    (item,) = load("open-clip", exported("open-clip")).items
    rows = {row["id"]: row for row in read_rows(dataset, "test")}
    assert sorted(owner(image)["id"] for image in item.images) == sorted(rows)
    for image, truth in zip(item.images, item.truth, strict=True):
        row = owner(image)
        said = {text for text, true in zip(item.captions, truth, strict=True) if true}
        assert said == {each["text"] for each in row["captions"] if each["kind"] in ("true", "hard-positive")}


def test_the_command_names_every_format():
    words = str(export_command.help).replace(",", " ").replace(".", " ").split()
    assert set(EXPORTS) <= set(words)


@pytest.mark.parametrize("name", LOADERS)
def test_what_is_read_back_has_the_truth_of_the_dataset(name, exported, owner):
    items = load(name, exported(name)).items
    assert items
    for item in items:
        for image, truth in zip(item.images, item.truth, strict=True):
            row = owner(image)
            role = "ab".index(row["role"]) if row["category"] != "natural" else 0
            known = {caption["text"]: caption["truth"][role] for caption in row["captions"]}
            for text, true in zip(item.captions, truth, strict=True):
                expected = known[text] if text in known else by_words(row, text)
                assert bool(true) == expected, (row["id"], text)


@pytest.mark.parametrize("name", LOADERS)
def test_the_authors_metric_gives_the_oracle_everything(name, exported):
    loaded = load(name, exported(name))
    found = loaded.metric(loaded.items, [item.truth.astype(float) for item in loaded.items])
    assert found
    # What'sUp's sets are of four pictures, and ours come in pairs.
    assert {key: value for key, value in found.items() if value != 1 and not key.endswith("sets")} == {}


@pytest.mark.parametrize("name", ["sugarcrepe", "valse", "whatsup", "clip-binding"])
def test_a_caption_that_is_right_for_one_picture_is_wrong_for_its_twin(name, exported):
    """So that whoever sees the captions alone is right no more often than chance."""
    right, wrong = Counter[str](), Counter[str]()
    for item in load(name, exported(name)).items:
        if item.category.startswith("rel "):
            continue  # theirs to build, and known to be guessable
        rows = item.captions if name != "clip-binding" else item.captions[:2]
        for text, true in zip(rows, item.truth[0], strict=False):
            (right if true else wrong)[text] += 1
    if name in ("sugarcrepe", "valse"):
        assert right == wrong
    assert set(right) <= set(wrong) or name == "clip-binding"


def test_sugarcrepe_holds_no_edit_that_length_gives_away(exported):
    assert sorted(path.name for path in exported("sugarcrepe").glob("*.json")) == [
        *("replace_att.json", "replace_obj.json", "replace_rel.json", "swap_att.json", "swap_obj.json"),
    ]


def test_winoground_and_bivlc_hold_every_group_that_fits(exported, dataset):
    groups = list(read_groups(dataset, "test"))
    assert len(load("winoground", exported("winoground")).items) == len(groups)
    fitting = [group for group in groups if group.category not in ("negation", "counting")]
    assert len(load("bivlc", exported("bivlc")).items) == len(fitting)


def test_bivlc_loads_as_its_original_does(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    found = datasets.load_dataset(str(exported("bivlc")), split="test", cache_dir=str(tmp_path))
    assert isinstance(found[0]["image"], Image.Image)
    assert isinstance(found[0]["negative_image"], Image.Image)
    assert {"caption", "negative_caption", "type", "subtype"} <= set(found.column_names)


def test_both_pictures_of_a_clip_binding_group_get_the_same_phrases(exported):
    asked = defaultdict(list)
    for item in load("clip-binding", exported("clip-binding")).items:
        if item.category.startswith("two_object"):
            asked[item.images[0].path.stem[:-2]].append(item)
    assert asked
    for one, other in asked.values():
        assert sorted(one.captions) == sorted(other.captions)
        assert one.captions[0] != other.captions[0]
        words = Counter(word for text in one.captions for word in text.split())
        votes = sorted((sum(words[word] for word in text.split()), text) for text in one.captions)
        assert len({vote for vote, _ in votes[1:]}) == 1
        assert votes[0][1] not in (one.captions[0], other.captions[0])


def test_negbench_says_nothing_to_who_sees_no_picture(exported):
    """Each caption of a set of four is right once, for each place among the options and equally often for each type."""
    sets = defaultdict(list)
    types = Counter[str]()
    with (exported("negbench") / "test_mcq.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            options = tuple(row[f"caption_{k}"] for k in range(4))
            sets[options].append(int(row["correct_answer"]))
            types[row["correct_answer_template"]] += 1
    assert len(sets) >= 3
    assert len({option for options in sets for option in options}) > 4
    for answers in sets.values():
        assert sorted(answers) == [0, 1, 2, 3]
    assert len(set(types.values())) == 1
    assert set(types) == {"positive", "negative", "hybrid"}


def test_no_picture_is_asked_of_twice_in_negbench(exported):
    with (exported("negbench") / "test_mcq.csv").open(encoding="utf-8", newline="") as file:
        pictures = [row["image_path"] for row in csv.DictReader(file)]
    assert len(set(pictures)) == len(pictures)


def test_whatsup_pairs_are_two_pictures_of_two_things(exported):
    pairs = defaultdict(list)
    for item in load("whatsup", exported("whatsup")).items:
        pairs[item.cluster].append(item)
    for one, other in pairs.values():
        assert sorted(one.captions) == sorted(other.captions)
        assert one.captions[0] != other.captions[0]
        assert len(one.captions) == 4
    assert {"left", "right"} <= {str(item.tags["preposition"]) for each in pairs.values() for item in each}


def test_clevr_scenes_say_what_is_where(exported, dataset, owner):
    out = exported("clevr")
    found = json.loads((out / "scenes" / "CLEVR_test_scenes.json").read_text())
    assert set(found) == {"info", "scenes"}
    assert len(found["scenes"]) == len(list(read_rows(dataset, "test")))
    for index, scene in enumerate(found["scenes"]):
        assert scene["image_index"] == index
        row = owner(ImageRef(out / "images" / "test" / scene["image_filename"]))
        assert [thing["shape"] for thing in scene["objects"]] == [thing["shape"] for thing in row["objects"]]
        layout = layout_from_dict(row)
        for name, lists in scene["relationships"].items():
            for i, there in enumerate(lists):
                assert there == [j for j in range(len(lists)) if j != i and stands(name, layout, j, i)]
        for name, opposite in (("left", "right"), ("front", "behind"), ("above", "below")):
            one, other = (np.array(scene["directions"][key]) for key in (name, opposite))
            np.testing.assert_allclose(one, -other)
            np.testing.assert_allclose(np.linalg.norm(one), 1, atol=1e-5)
        for thing in scene["objects"]:
            x, y, depth = thing["pixel_coords"]
            assert 0 < x < 224
            assert 0 < y < 224
            assert depth > 1
            assert np.dot(thing["3d_coords"], scene["directions"]["right"]) < depth


def test_open_clip_trains_on_the_csv(exported, dataset, monkeypatch):
    pytest.importorskip("pandas")
    import_torchvision()  # repaired where it must be
    from open_clip_train.data import CsvDataset

    import fourfold.evaluator.encoders.torchvision_import  # noqa: F401  repairs torchvision where it must

    monkeypatch.chdir(exported("open-clip"))
    found = CsvDataset("test.csv", np.asarray, "filepath", "title", tokenizer=lambda texts: texts)
    rows = {pixels_of(row["id"]).tobytes(): row for row in read_rows(dataset, "test")}
    read = [(rows[pixels.tobytes()], text) for pixels, text in (found[k] for k in range(len(found)))]
    for row, text in read:
        assert text in [caption["text"] for caption in row["captions"] if caption["kind"] in ("true", "hard-positive")]
    assert {row["id"] for row, _ in read} == {row["id"] for row in rows.values()}
    natural = [text for row, text in read if row["category"] == "natural"]
    assert len(natural) == 3 * 6


def test_dcsm_folders_are_labelled_by_name(exported, owner):
    out = exported("dcsm")
    for path in out.glob("objaverse_smallbig_withbg/[!M]*.png"):
        size, shape, other_size, other = path.stem.replace("big", "large").split("_")
        assert all(
            any(pair <= thing for thing in looks(owner(ImageRef(path))))
            for pair in ({size, shape}, {other_size, other})
        )
    for path in out.glob("objaverse_train_composite_newrelations_withbg/*.png"):
        first, token, second = path.stem.split("_")
        assert related(owner(ImageRef(path)), token.removesuffix("of"), {first}, {second})
    for path in out.glob("*/MIRROR_*.png"):
        with Image.open(path) as mirrored, Image.open(path.with_name(path.name.removeprefix("MIRROR_"))) as image:
            np.testing.assert_array_equal(np.asarray(mirrored)[:, ::-1], np.asarray(image))
    pairs = json.loads((out / "negated_pairs_cocotrain_v1.json").read_text())
    assert pairs
    for pair in pairs:
        for k in "12":
            row = owner(ImageRef(out / pair[f"img{k}_path"]))
            shown, lacking = pair[f"img{k}_obj"]
            assert {shown} == {shown, lacking} & {thing["shape"] for thing in row["objects"]}


def as_group(category: str, edit: str) -> Group:
    return Group("g", Path(), ({"category": category, "edit": edit}, {"category": category, "edit": edit}), ())


@pytest.mark.parametrize(
    ("category", "edit", "said"),
    [
        ("content", "replace-attribute", ("replace", "att")),
        ("content", "replace-object", ("replace", "obj")),
        ("content", "add-object", ("replace", "obj")),
        ("binding", "swap-attribute", ("swap", "att")),
        ("relation", "swap-object", ("swap", "obj")),
        ("relation", "replace-object", ("replace", "obj")),
        ("relation", "replace-relation", ("replace", "rel")),
        ("location", "replace-location", ("replace", "rel")),
        ("comparison", "swap-object", ("swap", "obj")),
        ("negation", "negate", None),
        ("counting", "replace-count", None),
        ("binding+relation", "swap-attribute", None),
    ],
)
def test_edits_have_the_name_that_sugarcrepe_gives_to_them(category, edit, said):
    assert caption_edit(as_group(category, edit)) == said


def test_every_file_of_sugarcrepe_and_valse_holds_the_edits_of_its_name(exported, dataset):
    """The captions in each are those of the groups that belong there, each beside the caption of its twin."""
    expected: dict[str, Counter] = defaultdict(Counter)
    pieces = {"negation": "existence", "counting": "counting-hard", "relation": "relations", "location": "relations"}
    for group in read_groups(dataset, "test"):
        pairs = [(group.captions[i].text, group.captions[1 - i].text) for i in (0, 1)]
        if caption_edit(group):
            expected[f"sugarcrepe/{'_'.join(caption_edit(group))}.json"].update(pairs)
        kinds_differ = group.category == "content" and group.rows[0]["edit"] != "replace-attribute"
        if piece := "foil-it" if kinds_differ else pieces.get(group.category):
            expected[f"valse/{piece}.json"].update(pairs)
    found: dict[str, Counter] = {}
    for name, keys in (("sugarcrepe", ("caption", "negative_caption")), ("valse", ("caption", "foil"))):
        for path in exported(name).glob("*.json"):
            rows = json.loads(path.read_text()).values()
            found[f"{name}/{path.name}"] = Counter(tuple(row[key] for key in keys) for row in rows)
    assert found == expected
    assert {"valse/existence.json", "valse/counting-hard.json", "valse/relations.json", "valse/foil-it.json"} <= set(
        found
    )


def test_winoground_puts_each_caption_with_its_picture(exported, dataset):
    examples = [json.loads(line) for line in (exported("winoground") / "examples.jsonl").read_text().splitlines()]
    groups = list(read_groups(dataset, "test"))
    assert [example["id"] for example in examples] == list(range(len(groups)))
    for example, group in zip(examples, groups, strict=True):
        for k, row in enumerate(group.rows):
            assert (example[f"image_{k}"], example[f"caption_{k}"]) == (row["id"], row["caption"])
            assert row["adversarial_caption"] == example[f"caption_{1 - k}"]
        said = (example["tag"], example["secondary_tag"], example["collapsed_tag"])
        assert said == (group.rows[0]["edit"], group.rows[0]["attribute"], group.category)


def test_open_clip_reads_all_true_captions_and_no_other(exported, dataset):
    with (exported("open-clip") / "test.csv").open(encoding="utf-8", newline="") as file:
        found = Counter((row["filepath"], row["title"]) for row in csv.DictReader(file, delimiter="\t"))
    expected = Counter()
    for row in read_rows(dataset, "test"):
        place = 0 if row["role"] == "single" else "ab".index(row["role"])
        true = [caption["text"] for caption in row["captions"] if caption["truth"][place]]
        expected.update((f"images/{row['id']}.png", text) for text in true)
    assert found == expected


# Token in the name of a What'sUp file -> what its first option says, and what is true of its picture.
WHATSUP = {
    "left_of": ("to the left of", "left", "right_of"),
    "right_of": ("to the right of", "right", "left_of"),
    "on": ("on", "on", "under"),
    "under": ("under", "under", "on"),
    "in-front_of": ("in front of", "front", "behind"),
    "behind": ("behind", "behind", "in-front_of"),
}


def read_whatsup(out: Path, subset: str, owner: Callable[[ImageRef], Row]) -> Counter:
    """The tokens of a subset's files, each held against the caption that is right and against the picture."""
    tokens = {
        "images": ("left_of", "right_of", "on", "under"),
        "clevr": ("left_of", "right_of", "in-front_of", "behind"),
    }
    found, pairs = Counter[str](), defaultdict(list)
    for entry in json.loads((out / "data" / f"controlled_{subset}_dataset.json").read_text()):
        path = Path(entry["image_path"])
        assert path.parent == Path("data") / f"controlled_{subset}"
        name = re.fullmatch(rf"(.+) \d+_({'|'.join(WHATSUP)})_(.+) \d+", path.stem)
        words, relation, _ = WHATSUP[name[2]]
        said = [
            re.fullmatch(r"An? .+? (to the \w+ of|in front of|behind|on|under) an? .+", text)[1]
            for text in entry["caption_options"]
        ]
        assert said[0] == words
        assert sorted(said) == sorted(WHATSUP[token][0] for token in tokens[subset])
        assert related(owner(ImageRef(out / path)), relation, {name[1]}, {name[3]})
        found[name[2]] += 1
        pairs[path.stem.replace(f"_{name[2]}_", " ")].append(name[2])
    for one, other in pairs.values():
        assert other == WHATSUP[one][2]
    return found


def test_whatsup_names_files_by_what_is_true_of_their_pictures(exported, owner):
    found = read_whatsup(exported("whatsup"), "images", owner)
    assert found["left_of"] == found["right_of"] > 0
    assert found["on"] == found["under"] > 0


def test_whatsup_tells_depth_in_its_second_subset(small_recipe, flat_renderer, tmp_path):
    scene = replace(small_recipe.scene, objects=(2, 2), arrangements=("table",))
    recipe = replace(small_recipe, splits={"test": Split({"relation": 24})}, scene=scene, held_out=())
    folder = write_dataset(tmp_path / "dataset", recipe, flat_renderer)
    rows = {pixels_of(row["id"]).tobytes(): row for row in read_rows(folder, "test")}

    def owner(image: ImageRef) -> Row:
        with Image.open(image.path) as picture:
            return rows[np.asarray(picture.convert("RGB")).tobytes()]

    found = read_whatsup(export(folder, "whatsup", tmp_path / "out").path, "clevr", owner)
    assert found["in-front_of"] == found["behind"] > 0


@pytest.mark.parametrize(
    ("offsets", "shown"),
    [
        ({"left": 1.0, "right": -1.0, "on": -1.0, "under": -1.0}, "left"),
        ({"left": -3.0, "right": 3.0, "on": 0, "under": 0}, "right"),  # no direction at all is clearly not it
        ({"left": 0.99, "right": -1.0, "on": -1.0, "under": -1.0}, None),
        ({"left": 0.99, "right": -0.99, "on": -1.0, "under": -1.0}, None),
        ({"left": 1.0, "right": -0.99, "on": -1.0, "under": -1.0}, None),
        ({"left": 1.0, "right": -1.0, "on": 0.01, "under": -1.0}, None),
        ({"left": 1.0, "right": -1.0, "on": -0.01, "under": -1.0}, None),
        ({"left": 1.0, "right": -1.0, "on": 1.0, "under": -1.0}, None),
        ({"left": -1.0, "right": -1.0, "on": -1.0, "under": -1.0}, None),
    ],
)
def test_whatsup_shows_the_one_relation_that_clearly_holds(offsets, shown, dataset, monkeypatch):
    group = next(group for group in read_groups(dataset, "test") if group.category == "content")
    layout = layout_from_dict(group.rows[0])
    one, other = (replace(layout.objects[0], shape=shape) for shape in ("cube", "star"))
    table = {name: SimpleNamespace(offset=lambda *_, value=value: value) for name, value in offsets.items()}
    monkeypatch.setattr(whatsup, "RELATIONS", table)
    pair = Description("cube"), Description("star")
    assert whatsup._shown(replace(layout, objects=(one, other)), *pair, tuple(offsets)) == shown
    assert whatsup._shown(replace(layout, objects=(one, other, other)), *pair, tuple(offsets)) is None


def test_clip_binding_relations_hold_and_their_opposites_do_not(exported, owner):
    opposite = {"left": "right", "right": "left", "front": "behind", "behind": "front"}
    out = exported("clip-binding") / "rel"
    found = json.loads((out / "gen.json").read_text())
    said = set()
    for name, row in found.items():
        shown = owner(ImageRef(next(out.glob(f"images/*/{name}"))))
        assert row["pos"]
        for text in row["pos"]:
            first, relation, second = text.split()
            said.add(relation)
            assert related(shown, relation, {first}, {second})
            assert not related(shown, opposite[relation], {first}, {second})
            assert f"{second} {opposite[relation]} {first}" in row["pos"]
    assert said == set(opposite)


@pytest.mark.parametrize(
    ("split", "name"), [("train", "train"), ("validation", "val"), ("val", "val"), ("test", "gen")]
)
def test_clip_binding_calls_the_splits_as_its_authors_do(split, name, dataset, tmp_path):
    folder = Path(shutil.copytree(dataset, tmp_path / "dataset"))
    if split != "test":
        (folder / "test").rename(folder / split)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["splits"][split] = manifest["splits"].pop("test")
        (folder / "manifest.json").write_text(json.dumps(manifest))
    out = export(folder, "clip-binding", tmp_path / "out", split=split).path
    assert [path.name for path in (out / "two_object").glob("*.csv")] == [f"{name}.csv"]


def test_dcsm_has_no_label_for_what_is_not_asked(exported):
    """Words of sizes are theirs, tokens of relations too; each negated pair shows in one what the other lacks."""
    out = exported("dcsm")
    sizes = {part for path in out.glob("objaverse_smallbig_withbg/[!M]*.png") for part in path.stem.split("_")[::2]}
    assert sizes <= {"small", "big"}
    tokens = {path.stem.split("_")[1] for path in out.glob("objaverse_train_composite_newrelations_withbg/*.png")}
    assert {"leftof", "rightof"} <= tokens <= {"leftof", "rightof", "above", "below"}
    for pair in json.loads((out / "negated_pairs_cocotrain_v1.json").read_text()):
        assert pair["img1_obj"] == pair["img2_obj"][::-1]


def test_a_negbench_option_is_true_of_what_it_says():
    option = negbench._Option
    assert [option("positive", "cube").holds(frozenset(kinds)) for kinds in (["cube"], ["star"])] == [True, False]
    assert [option("negative", "cube").holds(frozenset(kinds)) for kinds in (["cube"], ["star"])] == [False, True]
    shown = (["cube"], ["cube", "star"], ["star"], [])
    assert [option("hybrid", "cube", "star").holds(frozenset(kinds)) for kinds in shown] == [True, False, False, False]
    assert option("negative", "hourglass").text() == "This image does not feature an hourglass"
    assert option("positive", "cube").text() == "This image features a cube"


def test_users_kinds_have_their_own_article():
    """One that is said with a y, which no spelling tells."""
    said = Related(Description("uakari"), "left", Description("uakari", "red"))
    with known([CustomKind("uakari", "uakaris", "a", (), (0.0, 360.0), "", "")]):
        assert negbench._Option("hybrid", "cube", "uakari").text() == "This image features a cube, but not a uakari"
        assert whatsup._caption(said, "left") == "A uakari to the left of a red uakari"


def test_writing_again_gives_the_same_files(exported, dataset, tmp_path):
    for name in ("negbench", "clip-binding"):
        again = export(dataset, name, tmp_path / name, split="test").path
        trees = [
            {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
            for folder in (again, exported(name))
        ]
        assert trees[0] == trees[1]


def test_mistakes_are_said_and_leave_nothing(dataset, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"unknown format 'sugarcrep'.*Did you mean 'sugarcrepe'"):
        export(dataset, "sugarcrep", out)
    with pytest.raises(InputError, match="no split 'tset'"):
        export(dataset, "clevr", out, split="tset")
    with pytest.raises(InputError, match=r"nothing in split 'none' has a place in dcsm.*binding"):
        export(dataset, "dcsm", out, split="none")
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    with pytest.raises(InputError, match="exists; nothing was overwritten"):
        export(dataset, "clevr", out)


@pytest.fixture
def changed(dataset, tmp_path) -> Callable[[Callable[[Row], None]], Path]:
    """The dataset with every row of a split changed."""

    def call(change: Callable[[Row], None], split: str = "test") -> Path:
        folder = Path(shutil.copytree(dataset, tmp_path / "changed" / "dataset"))
        rows = list(read_rows(folder, split))
        for row in rows:
            change(row)
        (folder / split / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return call


@pytest.mark.parametrize("name", EXPORTS)
def test_no_name_of_a_dataset_leads_out_of_the_folder(name, changed, tmp_path):
    def change(row: Row) -> None:
        row["id"] = f"../../../{row['id']}"
        row["group"] = f"{row['group']}-/../../../../../x"
        for caption in row["captions"]:
            caption["claim"] = caption["claim"].replace('"color": "', '"color": "../../../')

    folder = changed(change)
    before = set(tmp_path.rglob("*"))
    out = tmp_path / "a" / "b" / "out"
    if name in ("bivlc", "clevr"):  # give their pictures names of their own
        export(folder, name, out, split="test")
    else:
        with pytest.raises(InputError, match="leads out of the folder"):
            export(folder, name, out, split="test")
    outside = {path for path in set(tmp_path.rglob("*")) - before if not path.is_relative_to(out)}
    assert outside == {tmp_path / "a", tmp_path / "a" / "b"}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("clevr", lambda row: row["camera"].clear(), "damaged"),
        ("clevr", lambda row: row.pop("camera"), "missing camera"),
        ("open-clip", lambda row: row.pop("captions"), "missing captions"),
        ("whatsup", lambda row: row["captions"][0].update(claim='{"type": "Telepathy"}'), "damaged.*Telepathy"),
        ("dcsm", lambda row: row["captions"][1].update(claim="{}"), "damaged.*type"),
        ("negbench", lambda row: row.update(objects=7), "malformed objects"),
        ("negbench", lambda row: row.update(objects=["a cube"]), "malformed objects"),
        ("negbench", lambda row: row["objects"][0].pop("visible_fraction"), "damaged.*visible_fraction"),
        ("whatsup", lambda row: row["objects"][0].update(position=[1]), "damaged"),
        ("clevr", lambda row: row["objects"][0].update(position=[1, 2, "up"]), "damaged"),
        ("clevr", lambda row: row["camera"].update(azimuth="north"), "damaged"),
        *(
            (name, lambda row: row["captions"].__delitem__(slice(1, None)), "fewer than two captions")
            for name in ("sugarcrepe", "winoground", "bivlc", "valse", "dcsm", "clip-binding", "whatsup")
        ),
    ],
)
def test_damaged_rows_are_named(name, change, said, changed, tmp_path):
    with pytest.raises(InputError, match=said):
        export(changed(change), name, tmp_path / "out", split="test")
    assert not (tmp_path / "out").exists()


def test_a_manifest_without_a_recipe_is_named(changed, tmp_path):
    folder = changed(lambda row: None)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({key: manifest[key] for key in ("format_version", "splits")}))
    with pytest.raises(InputError, match=r"manifest\.json: damaged.*recipe"):
        export(folder, "clevr", tmp_path / "out")


def test_clip_binding_asks_of_both_pictures_of_a_group_or_of_none(changed, tmp_path):
    """In each second picture nothing can be told: a question on the first alone would tell the answer."""

    def hide(row: Row) -> None:
        if row["role"] == "b" and row["category"] == "binding":
            for thing in row["objects"]:
                thing["visible_fraction"] = 0.05

    out = export(changed(hide), "clip-binding", tmp_path / "out", split="test").path
    assert not (out / "two_object").exists()


def test_what_a_killed_run_left_is_no_hindrance(dataset, tmp_path):
    (tmp_path / ".out.partial" / "images").mkdir(parents=True)
    assert export(dataset, "valse", tmp_path / "out", split="none").items == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def score(pixels: bytes, text: str) -> float:
    """A score of a picture and a caption that anybody computes alike; it has few values, so that there are ties."""
    return hashlib.sha256(pixels + text.encode()).digest()[0] % 4 / 4


def pixels_in(image: ImageRef | Path) -> bytes:
    with Image.open(image if isinstance(image, Path) else image.path) as picture:
        return np.asarray(picture.convert("RGB")).tobytes()


def authors_of(name: str, out: Path) -> dict[str, float]:
    """The benchmark's numbers as we compute them, for `score`."""
    loaded = load(name, out)
    scores = [
        np.array([[score(pixels_in(image), text) for text in item.captions] for image in item.images], dtype=np.float32)
        for item in loaded.items
    ]
    return loaded.metric(loaded.items, scores)


def test_sugarcrepe_s_own_rule_gives_our_numbers(exported):
    """Of main_eval.py: pictures by file name in one folder, the caption strictly above the negative, files averaged."""
    out = exported("sugarcrepe")
    theirs = {}
    for path in sorted(out.glob("*.json")):
        rows = json.loads(path.read_text(encoding="utf-8")).values()
        right = 0
        for row in rows:
            pixels = pixels_in(out / "val2017" / row["filename"])
            right += 1 if score(pixels, row["caption"]) > score(pixels, row["negative_caption"]) else 0
        theirs[path.stem] = right / len(rows)
    ours = authors_of("sugarcrepe", out)
    assert {name: ours[name] for name in theirs} == theirs
    assert 0 < ours["micro"] < 1


def test_whatsup_s_own_rule_gives_our_numbers(exported, monkeypatch):
    """Of aro_datasets.py: seen from the folder above data/, the first best option, and what file names say.

    The first word of a name, and the last without five characters (".jpeg"), are the key of a set; the second is the
    preposition. Divisors are halves and quarters of all questions.
    """
    monkeypatch.chdir(exported("whatsup"))
    theirs = {}
    for subset, file in (("A", "controlled_images"), ("B", "controlled_clevr")):
        path = Path("data") / f"{file}_dataset.json"
        if not path.is_file():
            continue
        rows = json.loads(path.read_text(encoding="utf-8"))
        best = [
            int(np.argmax([score(pixels_in(Path(row["image_path"])), text) for text in row["caption_options"]]))
            for row in rows
        ]
        words = [row["image_path"].split("/")[-1].split("_") for row in rows]
        opposites = ("left", "right"), (("on", "under") if subset == "A" else ("in-front", "behind"))
        sets = {(each[0], each[-1][:-5]): dict.fromkeys(opposites[0] + opposites[1], False) for each in words}
        for each, choice in zip(words, best, strict=True):
            assert each[1] in sets[each[0], each[-1][:-5]]
            sets[each[0], each[-1][:-5]][each[1]] = choice == 0
        pairs = sum(found[one] and found[other] for found in sets.values() for one, other in opposites)
        theirs[f"{subset} individual"] = float(np.mean([choice == 0 for choice in best]))
        theirs[f"{subset} pairs"] = pairs / (len(rows) / 2)
        theirs[f"{subset} sets"] = sum(sum(found.values()) == 4 for found in sets.values()) / (len(rows) / 4)
    ours = authors_of("whatsup", exported("whatsup"))
    assert theirs
    assert {name: ours[name] for name in theirs} == theirs
    assert 0 < ours["A individual"] < 1


def test_winoground_s_own_rule_gives_our_numbers(exported):
    """Of the paper's Table 1: strict comparisons of the four scores of an example."""
    out = exported("winoground")
    right = {"text": 0, "image": 0, "group": 0}
    examples = [json.loads(line) for line in (out / "examples.jsonl").read_text(encoding="utf-8").splitlines()]
    for each in examples:
        pixels = [pixels_in(out / "images" / f"{each[f'image_{k}']}.png") for k in (0, 1)]
        c0_i0, c0_i1 = (score(each_picture, each["caption_0"]) for each_picture in pixels)
        c1_i0, c1_i1 = (score(each_picture, each["caption_1"]) for each_picture in pixels)
        text, image = c0_i0 > c1_i0 and c1_i1 > c0_i1, c0_i0 > c0_i1 and c1_i1 > c1_i0
        right = {name: right[name] + hit for name, hit in (("text", text), ("image", image), ("group", text and image))}
    ours = authors_of("winoground", out)
    assert {name: count / len(examples) for name, count in right.items()} == {name: ours[name] for name in right}
