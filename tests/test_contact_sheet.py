"""The contact sheet shows the pictures of every category, and says in one line why it cannot."""

import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fourfold.errors import InputError
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.dataset.reading import read_groups, read_manifest
from fourfold.generator.presentation.contact_sheet import preview
from fourfold.generator.recipe.reading import Split

SIZE = 168


def sheet(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def shows(page: np.ndarray, picture: Image.Image) -> bool:
    """Whether the picture stands on the page somewhere, scaled to the sheet's size."""
    small = np.array(picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    top = re.compile(re.escape(small[0].tobytes()))
    places = ((y, found.start() // 3) for y, row in enumerate(page) for found in top.finditer(row.tobytes()))
    return any(np.array_equal(page[y : y + SIZE, x : x + SIZE], small) for y, x in places)


def test_every_category_is_shown_with_its_pictures(generated, tmp_path):
    path = preview(generated, tmp_path / "sub" / "sheet.png", columns=1)
    page = sheet(path)
    shown: dict[str, list[bool]] = {}
    for group in read_groups(generated, "test"):
        for i in (0, 1):
            with Image.open(group.image_path(i)) as image:
                shown.setdefault(group.category, []).append(shows(page, image))
    assert set(shown) == set(CATEGORIES)
    assert all(seen == [True, True, False, False] for seen in shown.values())


@pytest.mark.parametrize(("columns", "rows"), [(1, 2), (2, 1), (9, 9)])
def test_columns_and_rows_make_room_for_more(columns, rows, generated, tmp_path):
    page = sheet(preview(generated, tmp_path / "sheet.png", columns=columns, rows=rows))
    narrow = sheet(preview(generated, tmp_path / "narrow.png", columns=1, rows=1))
    for group in read_groups(generated, "test"):
        with Image.open(group.image_path(0)) as image:
            assert shows(page, image)
    # Never wider than what there is to show.
    assert page.shape[1] == narrow.shape[1] if columns == 1 else narrow.shape[1] < page.shape[1] < 2 * narrow.shape[1]


@pytest.fixture
def written(monkeypatch):
    """Every text that is drawn, with the place where it begins and how wide it is."""
    found = []

    plain = ImageDraw.ImageDraw.text

    def note(pen, at, text, *args, font, **options):
        found.append((at, text, max(map(font.getlength, text.split("\n")))))
        return plain(pen, at, text, *args, font=font, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note)
    return found


@pytest.mark.parametrize(("columns", "shown"), [(1, "the first group of each category"), (9, "all groups there are")])
def test_the_first_line_says_what_is_shown(columns, shown, generated, tmp_path, written):
    page = sheet(preview(generated, tmp_path / "sheet.png", columns=columns))
    (left, top), title, _ = written[0]
    name = read_manifest(generated)["name"]
    assert title.replace("\n", " ") == f"{name}, test: {shown}; below each picture its true caption"
    assert (page[top : top + 12, left:] < 128).any()
    assert all(place[1] > top + 12 * (title.count("\n") + 1) for place, *_ in written[1:])


def test_captions_fill_the_width_of_their_picture_and_no_more(dataset_copy, tmp_path, written):
    change_captions(dataset_copy, ("illi " * 40, "WWW " * 40, "x" * 900, ""))
    preview(dataset_copy, tmp_path / "sheet.png", columns=1)
    captions = [(text, width) for _, text, width in written if text.startswith(("illi", "WWW"))]
    assert len(captions) == 2
    for text, width in captions:
        assert width <= SIZE
        assert width + ImageFont.load_default(11).getlength(f" {text.split()[0]}") > SIZE
        assert text.count("\n") == 2
    assert max(width for at, _, width in written if at[1] > 100) <= SIZE


def test_the_split_is_chosen(generated, tmp_path):
    page = sheet(preview(generated, tmp_path / "sheet.png", split="held-out"))
    [group] = read_groups(generated, "held-out")
    with Image.open(group.image_path(1)) as image:
        assert shows(page, image)
    with pytest.raises(InputError, match="no split 'tset'"):
        preview(generated, tmp_path / "other.png", split="tset")


def change_captions(dataset, texts):
    """Give the first group of the test split other captions."""
    path = dataset / "test" / "metadata.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[:2]:
        for caption, text in zip(row["captions"], texts, strict=True):
            caption["text"] = text
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_captions_of_any_length_and_letters_are_drawn(dataset_copy, tmp_path):
    change_captions(dataset_copy, ("", "x" * 900, "word " * 200, "日本語 עברית\u2028"))
    assert preview(dataset_copy, tmp_path / "sheet.png").is_file()
    change_captions(dataset_copy, ("日本語 עברית\u2028", "word " * 200, "", ""))
    assert preview(dataset_copy, tmp_path / "sheet.png").is_file()


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet", "sheet.html"])
def test_another_format_is_refused(name, generated, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.png"):
        preview(generated, tmp_path / name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"broken")])
def test_a_missing_or_broken_picture_is_named_and_nothing_written(damage, dataset_copy, tmp_path):
    group = next(read_groups(dataset_copy, "test"))
    damage(group.image_path(1))
    with pytest.raises(InputError, match=group.image_path(1).name):
        preview(dataset_copy, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_natural_scenes_alone_cannot_be_shown(tmp_path, small_recipe, flat_renderer, monkeypatch):
    from dataclasses import replace

    from fourfold.generator.run import pipeline, pool

    monkeypatch.setattr(pool, "open_renderer", lambda size, _name: flat_renderer(size))
    recipe = replace(small_recipe, splits={"train": Split(scenes=1)}, image_size=64)
    folder = pipeline.generate(recipe, tmp_path / "natural", workers=1, progress=False)
    with pytest.raises(InputError, match="no fourfold groups to show"):
        preview(folder, tmp_path / "sheet.png")
