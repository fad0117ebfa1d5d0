"""Words that decide a group: all are found, each changes its picture, and `verify` notices where one does not."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from fourfold.errors import InputError
from fourfold.files import file_hash
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import World, make_world
from fourfold.generator.dataset.checksums import CHECKSUMS
from fourfold.generator.dataset.reading import read_rows
from fourfold.generator.groups import deciding, making
from fourfold.generator.groups.deciding import (
    DecidingWord,
    changed_shares,
    deciding_column,
    deciding_words,
    read_deciding,
    shown_by_other,
)
from fourfold.generator.groups.making import MAX_TRIES, MadeGroup, make_group
from fourfold.generator.groups.natural import make_scene
from fourfold.generator.presentation.croissant import describe
from fourfold.generator.recipe.recipe import Recipe, Split, Vocabulary
from fourfold.generator.run.pipeline import generate
from fourfold.generator.verification import verify
from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.edits import replace_attribute, swap_attribute, swap_places
from fourfold.scenes.model.layout import Layout, PlacedObject, layout_from_dict
from fourfold.scenes.model.vocabulary import COLORS, TABLES
from fourfold.scenes.render.renderers import open_renderer
from fourfold.scenes.render.rendering import Renderer
from fourfold.scenes.truth.changed_pixels import MIN_CHANGED_SHARE, changed_share
from fourfold.scenes.truth.claims import Absent, Both, Claim, Counted, Exists, Not, Related, claim_from_dict
from fourfold.scenes.truth.descriptions import Description

REASON = "a word that decides the group does not show"
WORDS = Vocabulary(colors=("red", "green", "blue"), materials=("matte", "metal", "glossy"))
RED_CUBE, BLUE_BALL = Description("cube", color="red"), Description("sphere", color="blue")


def thing(shape: str, color: str, x: float = 0.0, **more: Any) -> PlacedObject:
    """A thing hanging at x to the right of the picture's middle."""
    plain = PlacedObject(shape, color, "small", "matte", "plain", COLORS[color].rgb, (x, 0.0, 0.0), 0.0, 0.6)
    return replace(plain, **more)


def scene(*things: PlacedObject) -> Layout:
    camera, lights = Camera(0.0, 0.0, 6.0, (0.0, 0.0, 0.0), 36.0), Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0)
    return Layout(things, "floating", camera, lights, Background("wall", (200, 200, 200), (210, 210, 210)))


def found(claims: tuple[Claim, ...], *layouts: Layout, words: Vocabulary = WORDS) -> set[tuple[int, int, str]]:
    """The deciding words of a group, as (picture, number of the object, value)."""
    return {(word.picture, word.number, word.value) for word in deciding_words(claims, layouts, words)}


def test_of_exchanged_attributes_both_objects_decide_and_the_pictures_show_it() -> None:
    first = scene(thing("cube", "red"), thing("sphere", "blue", 1.0), thing("cone", "green", -1.0))
    second = swap_attribute(first, 0, 1, "color")
    claims = (
        Both(Exists(Description("cube", "red")), Exists(Description("sphere", "blue"))),
        Both(Exists(Description("cube", "blue")), Exists(Description("sphere", "red"))),
    )
    words = deciding_words(claims, (first, second), WORDS)
    exchanged = {(0, 0, "blue"), (0, 1, "red"), (1, 0, "red"), (1, 1, "blue")}
    assert {(word.picture, word.number, word.value) for word in words if shown_by_other(word, (first, second))} == (
        exchanged
    )
    # The cone lends its color to the question, but nothing is asked of it.
    assert found(claims, first, second) == exchanged | {(i, number, "green") for i in (0, 1) for number in (0, 1)}


def test_of_counted_objects_all_decide_and_so_does_the_one_that_only_its_word_sets_apart() -> None:
    reds = [thing("cube", "red", x) for x in (-1.2, -0.4, 0.4)]
    first = scene(*reds, thing("cube", "blue", 1.2), thing("cone", "red", 1.6))
    second = replace(first, objects=first.objects[1:])
    claims = Counted(RED_CUBE, 3), Counted(RED_CUBE, 2)
    assert found(claims, first, second) == {
        *((0, number, "blue") for number in range(3)),
        (0, 3, "red"),
        *((1, number, "blue") for number in range(2)),
        (1, 2, "red"),
    }


def test_of_related_objects_those_decide_whose_other_look_would_change_what_stands_where() -> None:
    pair = thing("cube", "red", -1.0), thing("sphere", "blue", 0.0)
    claims = Related(RED_CUBE, "left", BLUE_BALL), Related(RED_CUBE, "right", BLUE_BALL)
    alone = scene(*pair)
    both = {(i, 0, "blue") for i in (0, 1)} | {(i, 1, "red") for i in (0, 1)}
    assert found(claims, alone, swap_places(alone, 0, 1)) == both
    # A green cube to the right: were it red, a red cube would be right of the ball as well as left of it.
    beside = scene(*pair, thing("cube", "green", 1.0))
    assert (0, 2, "red") in found(claims, beside, swap_places(beside, 0, 1))
    # A green cone may be of any color.
    cone = scene(*pair, thing("cone", "green", 1.0))
    assert not {word for word in found(claims, cone, swap_places(cone, 0, 1)) if word[1] == 2}


def test_what_is_denied_decides_too() -> None:
    first = scene(thing("cube", "red"), thing("sphere", "green", 1.0))
    second = scene(thing("cube", "blue"), thing("sphere", "green", 1.0))
    claims = (
        Exists(Description("cube", excluded=("color", "blue"))),
        Exists(Description("cube", excluded=("color", "red"))),
    )
    # Green is neither: the cube that is not blue could be green in a, and with it the other caption would be true.
    assert found(claims, first, second) == {(i, 0, "green") for i in (0, 1)} | {(0, 0, "blue"), (1, 0, "red")}
    absent = Absent(Description(color="blue")), Not(Absent(Description(color="blue")))
    assert found(absent, first, second) == {(0, 0, "blue"), (0, 1, "blue"), (1, 0, "red"), (1, 0, "green")}


def test_where_nothing_lends_another_value_the_vocabulary_does() -> None:
    first, second = scene(thing("cube", "red")), scene(thing("sphere", "red"))
    claims = Exists(RED_CUBE), Exists(Description("sphere", "red"))
    assert found(claims, first, second) == {(i, 0, value) for i in (0, 1) for value in ("green", "blue")}
    assert found(claims, first, second, words=Vocabulary(colors=("red",))) == set()


def test_a_group_that_names_no_attribute_has_no_words_that_decide_it() -> None:
    first = scene(thing("cube", "red", -1.0), thing("sphere", "blue", 1.0))
    claims = tuple(Related(Description("cube"), side, Description("sphere")) for side in ("left", "right"))
    assert found(claims, first, swap_places(first, 0, 1)) == set()


@dataclass(frozen=True)
class SameLook:
    """A claim of a class that nobody has written yet: it names the attribute, and no value."""

    shapes: tuple[str, str]
    attribute: str

    def holds(self, layout: Layout) -> bool:
        return len({getattr(each, self.attribute) for each in layout.objects if each.shape in self.shapes}) == 1


def test_words_of_any_class_of_claims_are_found() -> None:
    first = scene(thing("cube", "red"), thing("sphere", "red", 1.0), thing("cone", "blue", -1.0))
    second = replace(first, objects=(first.objects[0], thing("sphere", "blue", 1.0), first.objects[2]))
    claim: Any = SameLook(("cube", "sphere"), "color")
    assert found((claim,), first, second) == {(0, 0, "blue"), (0, 1, "blue"), (1, 0, "blue"), (1, 1, "red")}


@pytest.mark.parametrize("change", ["camera", "place", "another attribute", "one object less"])
def test_only_the_very_scene_shows_another_value(change: str) -> None:
    first = scene(thing("cube", "red"), thing("sphere", "blue", 1.0))
    second = swap_attribute(first, 0, 1, "color")
    word = DecidingWord(0, 0, "color", "blue")
    assert shown_by_other(word, (first, second))
    objects = second.objects
    other = {
        "camera": replace(second, camera=replace(second.camera, azimuth=9.0)),
        "place": swap_places(second, 0, 1),
        "another attribute": replace(second, objects=(replace(objects[0], material="metal"), objects[1])),
        "one object less": replace(second, objects=objects[:1]),
    }[change]
    assert not shown_by_other(word, (first, other))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(2, 6), st.integers(2, 6)), elements=st.integers(0, 4)))
def test_objects_that_touch_are_never_drawn_with_another_value_together(instances: np.ndarray) -> None:
    words = [DecidingWord(0, i, name, value) for i in range(4) for name, value in (("color", "red"), ("size", "large"))]
    words += [DecidingWord(0, i, "color", "blue") for i in range(4)]
    batches = deciding._drawn_together(words, instances)
    assert sorted(map(repr, (word for batch in batches for word in batch))) == sorted(map(repr, words))
    for batch in batches:
        assert len({word.number for word in batch}) == len(batch)
        assert len(batch) == 1 or all(word.attribute == "color" for word in batch)
        for one in batch:
            places = np.argwhere(instances == one.number + 1)
            for other in batch:
                others = np.argwhere(instances == other.number + 1)
                if one != other and len(places) and len(others):
                    assert np.abs(places[:, None] - others).max(axis=2).min() > 1


# What is drawn.


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with open_renderer(112) as opened:
        yield opened


def world_of(recipe: Recipe, **changes: Any) -> World:
    return make_world(replace(recipe, **changes), Split())


@pytest.fixture(scope="module")
def world(small_recipe: Recipe) -> World:
    """Edition 2 with all attributes."""
    words = replace(small_recipe.vocabulary, materials=WORDS.materials)
    return world_of(small_recipe, edition=2, held_out=(), vocabulary=words, attributes=tuple(TABLES))


def words_of(made: MadeGroup) -> dict[DecidingWord, float]:
    columns = enumerate(picture.row["deciding"] for picture in made.pictures)
    return {word: share for i, column in columns for word, share in read_deciding(i, column).items()}


def layouts_of(made: MadeGroup) -> tuple[Layout, ...]:
    return tuple(layout_from_dict(picture.row) for picture in made.pictures)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_word_that_decides_a_group_shows(category: str, world: World, renderer: Renderer) -> None:
    for index in range(10):
        made = make_group(world, "test", category, index, 6, renderer)
        layouts, shares = layouts_of(made), words_of(made)
        claims = [claim_from_dict(json.loads(caption["claim"])) for caption in made.pictures[0].row["captions"]]
        assert list(shares) == list(deciding_words(claims, layouts, world.vocabulary))
        assert min(shares.values(), default=1.0) >= MIN_CHANGED_SHARE
        for word, share in list(shares.items())[: 4 if index < 3 else 0]:  # alone, where several are drawn at once
            rng = np.random.default_rng(0)
            other = replace_attribute(layouts[word.picture], word.number, word.attribute, word.value, rng)
            before, after = made.pictures[word.picture].rendering, renderer.render(other)
            if shown_by_other(word, layouts):
                after = made.pictures[1 - word.picture].rendering
            alone = changed_share(before.color, after.color, before.instances, after.instances, word.number + 1)
            assert share == round(alone, 4)


def test_groups_of_all_attributes_are_looked_at(world: World, flat_renderer: Callable[..., Renderer]) -> None:
    """The property above would hold of groups without words as well."""
    named = {
        word.attribute
        for index in range(8)
        for word in words_of(
            make_group(replace(world, attributes=("color", "size")), "t", "binding", index, 1, flat_renderer())
        )
    }
    assert named == {"color", "size"}


@pytest.fixture
def flat_world(world: World) -> World:
    """What the flat renderer can show."""
    return replace(world, attributes=("color", "size"))


def test_a_material_that_does_not_show_is_refused(monkeypatch, world, flat_renderer) -> None:
    """A renderer that knows no materials: in edition 2 no group is about them, in edition 1 nobody looked."""
    monkeypatch.setattr(making, "MAX_TRIES", 8)
    shades = flat_renderer._shades
    monkeypatch.setattr(flat_renderer, "_shades", lambda self, thing: shades(self, replace(thing, material="matte")))
    world = replace(world, attributes=("material",))
    with pytest.raises(InputError, match=REASON):
        make_group(world, "test", "binding", 0, 1, flat_renderer())
    rows = [
        picture.row
        for picture in make_group(replace(world, edition=1), "test", "binding", 0, 1, flat_renderer()).pictures
    ]
    assert not any("deciding" in row for row in rows)


def test_what_is_refused_is_counted_and_drawn_again(monkeypatch, flat_world, flat_renderer) -> None:
    asked: list[int] = []

    def shares(words: Any, *given: Any) -> dict[DecidingWord, float]:
        asked.append(len(words))
        return dict.fromkeys(words, MIN_CHANGED_SHARE - 0.001 if len(asked) < 4 else MIN_CHANGED_SHARE)

    monkeypatch.setattr(making, "changed_shares", shares)
    made = make_group(flat_world, "test", "binding", 0, 1, flat_renderer())
    assert made.rejections[REASON] == 3 < MAX_TRIES
    assert len(asked) == 4
    assert min(asked) > 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_looking_draws_nothing_from_the_group_s_generator(category, monkeypatch, flat_world, flat_renderer) -> None:
    """Pixels differ between drivers: whatever is looked at, the scenes that follow are the same."""

    def scenes(look: Callable[..., Any]) -> list[str]:
        refusals = iter([True, True])  # two tries are refused whatever they show

        def shares(words: Any, *given: Any) -> dict[DecidingWord, float]:
            look(words, *given)
            return {DecidingWord(0, 0, "color", "red"): 0.0 if next(refusals, False) else 1.0}

        monkeypatch.setattr(making, "changed_shares", shares)
        made = make_group(flat_world, "test", category, 0, 1, flat_renderer())
        return [picture.row["scene_sha256"] for picture in made.pictures]

    assert scenes(changed_shares) == scenes(lambda *given: None)


def test_natural_scenes_have_the_column_too(flat_world: World, flat_renderer: Callable[..., Renderer]) -> None:
    [picture] = make_scene(flat_world, "train", 0, 1, flat_renderer()).pictures
    assert json.loads(picture.row["deciding"]) == []
    [picture] = make_scene(replace(flat_world, edition=1), "train", 0, 1, flat_renderer()).pictures
    assert "deciding" not in picture.row


@given(
    st.dictionaries(
        st.builds(
            DecidingWord,
            st.integers(0, 1),
            st.integers(0, 9),
            st.sampled_from(sorted(TABLES)),
            st.sampled_from(sorted(COLORS)),
        ),
        st.floats(0, 1),
    )
)
def test_a_column_says_what_was_written(shares: dict[DecidingWord, float]) -> None:
    again = [read_deciding(i, deciding_column(i, shares)) for i in (0, 1)]
    assert again[0] | again[1] == shares


# What the files say.


@pytest.fixture(scope="module")
def dataset(small_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset of edition 2. To be read only."""
    recipe = replace(
        small_recipe,
        edition=2,
        held_out=(),
        image_size=96,
        splits={"test": Split({"binding": 3, "relation": 2}, scenes=1)},
    )
    return generate(recipe, tmp_path_factory.mktemp("deciding") / "dataset", workers=1, progress=False)


@pytest.fixture
def damaged(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "copy"))


def write_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows, with the hash that the manifest has for them made good."""
    path = folder / "test" / "metadata.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["splits"]["test"]["metadata_sha256"] = file_hash(path)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def problems(folder: Path) -> list[str]:
    """What `verify` finds but what speaks of hashes: whoever changes a dataset can make those good too."""
    (folder / CHECKSUMS).unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["checksums"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return [line for line in verify(folder, audits=False, progress=False) if "croissant.json" not in line]


def test_a_clean_dataset_has_no_problems(dataset: Path) -> None:
    assert verify(dataset, audits=False, progress=False) == []
    assert any(json.loads(row["deciding"]) for row in read_rows(dataset, "test"))


def remove(items: list[dict[str, Any]]) -> None:
    items.pop()


def lower(items: list[dict[str, Any]]) -> None:
    items[-1]["changed_share"] = MIN_CHANGED_SHARE - 0.001


def raise_all(items: list[dict[str, Any]]) -> None:
    for item in items:
        item["changed_share"] = min(item["changed_share"] + 0.01, 1.0) - 0.02 * (item["changed_share"] > 0.99)


def add(items: list[dict[str, Any]]) -> None:
    items.append({**items[-1], "mask_value": 99})


DAMAGE: dict[str, tuple[Callable[[list[dict[str, Any]]], None], str]] = {
    "an entry removed": (remove, "decide the group and are not listed"),
    "a share lowered": (lower, "less than 0.1"),
    "a share that the pictures do not show": (raise_all, "the row says"),
    "a word too many": (add, "are listed and do not decide the group"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_verify_finds(name: str, damaged: Path) -> None:
    damage, said = DAMAGE[name]
    rows = list(read_rows(damaged, "test"))
    items = json.loads(rows[0]["deciding"])
    damage(items)
    rows[0]["deciding"] = json.dumps(items)
    write_rows(damaged, rows)
    lines = problems(damaged)
    assert any(said in line for line in lines), lines
    assert all("column 'deciding' of image a" in line for line in lines), lines


def test_verify_finds_a_column_that_is_missing(damaged: Path) -> None:
    rows = list(read_rows(damaged, "test"))
    del rows[0]["deciding"]
    write_rows(damaged, rows)
    assert any("deciding" in line for line in problems(damaged))


def test_verify_finds_an_object_that_was_painted_over(damaged: Path) -> None:
    """In picture a the object looks as in picture b, all hashes made good: the two captions are of one look."""
    rows = list(read_rows(damaged, "test"))
    [number, *_] = [item["mask_value"] for item in json.loads(rows[0]["deciding"])]
    color, other = (np.array(Image.open(damaged / "test" / row["file_name"])) for row in rows[:2])
    masks = [np.array(Image.open(damaged / row["mask"])) for row in rows[:2]]
    own = (masks[0] == number) | (masks[1] == number)
    color[own] = other[own]
    Image.fromarray(color).save(damaged / "test" / rows[0]["file_name"])
    rows[0]["pixels_sha256"] = sha256(color.tobytes()).hexdigest()
    write_rows(damaged, rows)
    lines = problems(damaged)
    assert {line.partition(": column")[2].partition(":")[0] for line in lines} == {
        " 'deciding' of image a",
        " 'deciding' of image b",
    }
    assert all("change a share of 0.0 " in line for line in lines)


def test_croissant_tells_of_the_column_since_edition_2(dataset: Path, small_recipe: Recipe) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    for edition, told in ((1, False), (2, True)):
        manifest["recipe"]["edition"] = edition
        [record] = describe(small_recipe, manifest)["recordSet"]
        assert ("deciding" in [field["name"] for field in record["field"]]) is told
