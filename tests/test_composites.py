"""What captions and pictures of our datasets are made of."""

from pathlib import Path

from fourfold.evaluator.analysis.composites import part_phrases, read_composites
from fourfold.evaluator.analysis.embedding_geometry import Composite
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.generator.dataset.reading import Caption, Group

CLAIM = {
    "type": "Both",
    "first": {"type": "Exists", "description": {"shape": "umbrella", "color": "orange"}},
    "second": {"type": "Not", "claim": {"type": "Absent", "description": {"shape": "mug", "size": "small"}}},
}


def test_parts_of_a_claim_are_its_objects_as_if_they_were_there() -> None:
    assert part_phrases(CLAIM) == ("an orange umbrella", "a small mug")
    related = {"type": "Related", "subject": {"color": "red"}, "relation": "left", "reference": {"shape": "teddy bear"}}
    assert part_phrases(related) == ("a red object", "a teddy bear")
    assert part_phrases({"type": "Counted", "description": {"shape": "cube"}, "number": 2}) == ("a cube",)


def test_composites_of_a_group_are_its_captions_and_pictures(tmp_path: Path) -> None:
    def thing(box: list[int], pixels: int = 9) -> dict:
        return {"bbox": box, "visible_pixels": pixels}

    objects = [thing([0, 0, 4, 4]), thing([4, 4, 8, 8]), thing([0, 0, 0, 0], pixels=0)]
    rows = tuple({"category": "binding", "file_name": f"images/{i}.png", "objects": objects[i:]} for i in (0, 1))
    single = {"type": "Exists", "description": {"shape": "cube"}}
    captions = (
        Caption("both", "true", CLAIM, "t", (True, False)),
        Caption("one", "adversarial", single, "t", (False, True)),
        Caption("again", "hard-positive", CLAIM, "t", (True, False)),
    )
    found = list(read_composites([Group("g", tmp_path, rows, captions)]))
    path = tmp_path / "images" / "0.png"
    assert found == [
        Composite("binding", "g", "both", ("an orange umbrella", "a small mug")),
        Composite("binding", "g", ImageRef(path), (ImageRef(path, (0, 0, 4, 4)), ImageRef(path, (4, 4, 8, 8)))),
    ]
