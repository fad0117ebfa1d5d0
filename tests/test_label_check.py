"""The check of labels against pixels: it agrees with the labels of real groups, and contradicts them turned round."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import make_world
from fourfold.generator.groups.making import MadeGroup, make_group
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject, layout_from_dict
from fourfold.scenes.model.vocabulary import COLORS, SIZES, TABLES
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.shapes import KINDS, mesh
from fourfold.scenes.truth.claims import (
    Absent,
    Both,
    Claim,
    Compared,
    Counted,
    Exists,
    Located,
    Not,
    Related,
    claim_from_dict,
)
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.label_check import View, check_labels, judge
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan
from fourfold.scenes.truth.relations import COMPARISONS, RELATIONS
from fourfold.scenes.truth.sightings import Sighting, look, possible_colors

CAMERA = Camera(0.0, 30.0, 6.0, (0.0, 0.0, 0.25), 36.0)
WORLD = make_world(Recipe("label check", {}, scene=SceneRange(arrangements=tuple(ARRANGEMENTS))), Split())


@pytest.fixture(scope="module")
def renderer() -> Iterator[OpenGLRenderer]:
    with OpenGLRenderer(224) as opened:
        yield opened


@pytest.fixture(scope="module")
def groups(renderer: OpenGLRenderer) -> dict[str, list[MadeGroup]]:
    return {name: [make_group(WORLD, "test", name, i, 0, renderer) for i in range(6)] for name in CATEGORIES}


def claims_and_truth(made: MadeGroup) -> tuple[list[Claim], list[list[bool]]]:
    captions = made.pictures[0].row["captions"]
    claims = [claim_from_dict(json.loads(caption["claim"])) for caption in captions]
    return claims, [[caption["truth"][i] for caption in captions] for i in (0, 1)]


def views(made: MadeGroup) -> list[View]:
    found = []
    for picture in made.pictures:
        layout = layout_from_dict(picture.row)
        found.append(View(look(picture.rendering, [t.shape for t in layout.objects], layout.camera), layout.camera))
    return found


@pytest.mark.parametrize("category", CATEGORIES)
def test_pixels_bear_out_every_label(category: str, groups: dict[str, list[MadeGroup]]) -> None:
    decided = 0
    for made in groups[category]:
        claims, truth = claims_and_truth(made)
        checked = check_labels(claims, truth, views(made))
        assert checked.contradictions == ()
        assert checked.asked == 2 * len(claims)
        decided += checked.decided
        turned = check_labels(claims, [[not label for label in row] for row in truth], views(made))
        assert len(turned.contradictions) == turned.decided == checked.decided
    assert decided >= 4, "a check that decides nothing proves nothing"


@pytest.mark.parametrize("category", ["binding", "relation"])
def test_pictures_exchanged_are_noticed(category: str, groups: dict[str, list[MadeGroup]]) -> None:
    noticed = 0
    for made in groups[category]:
        claims, truth = claims_and_truth(made)
        noticed += len(check_labels(claims, truth, views(made)[::-1]).contradictions)
    assert noticed


def test_an_object_painted_otherwise_than_its_label_is_noticed(
    renderer: OpenGLRenderer, groups: dict[str, list[MadeGroup]]
) -> None:
    layout = layout_from_dict(groups["content"][0].pictures[0].row)
    thing = replace(layout.objects[0], color="red", rgb=COLORS["blue"].rgb, pattern="plain", material="matte")
    wrong = Layout((thing, *layout.objects[1:]), layout.arrangement, layout.camera, layout.lights, layout.background)
    view = View(look(renderer.render(wrong), [t.shape for t in wrong.objects], wrong.camera), wrong.camera)
    claim = Exists(Description(thing.shape, color="red"))
    assert claim.holds(wrong) is True
    assert judge(claim, view) is False
    assert len(check_labels([claim], [[True]], [view]).contradictions) == 1


def test_what_is_measured_is_near_the_layout(groups: dict[str, list[MadeGroup]]) -> None:
    for name in CATEGORIES:
        for made in groups[name]:
            for picture, view in zip(made.pictures, views(made), strict=True):
                for thing, seen in zip(layout_from_dict(picture.row).objects, view.things, strict=True):
                    assert seen is not None
                    assert np.linalg.norm(seen.middle - thing.position) < 0.75 * thing.scale
                    assert seen.height < 1.05 * thing.scale + 0.05
                    assert thing.color in seen.may_be["color"]
                    assert thing.size in seen.may_be["size"]


def sighting(shape: str = "cube", at: tuple[float, float, float] = (0, 0, 0.5), **more: object) -> Sighting:
    x, _, z = at
    words = {name: frozenset(table) for name, table in TABLES.items()} | {"shape": frozenset((shape,))}
    may_be = words | {name: frozenset(more.pop(name)) for name in TABLES if name in more}
    plain = Sighting(1.0, (0.5 + x / 4, 0.5 - z / 4), np.array(at), z - 0.5, z + 0.5, 1.0, True, may_be)
    sides = np.add(at, [[-0.5, 0, 0], [0.5, 0, 0]])
    return replace(plain, **{"surface": sides, **more})


def test_words_that_pixels_leave_open_decide_nothing() -> None:
    red, either = sighting(color=("red",)), sighting(color=("red", "brown"))
    for thing, verdicts in ((red, (True, False, False)), (either, (None, None, False))):
        seen = tuple(
            judge(Exists(Description("cube", color=name)), View((thing,), CAMERA)) for name in ("red", "brown", "blue")
        )
        assert seen == verdicts
    not_red = Exists(Description("cube", excluded=("color", "red")))
    assert [judge(not_red, View((thing,), CAMERA)) for thing in (red, either)] == [False, None]
    assert judge(Exists(Description("cube", material="metal")), View((red,), CAMERA)) is None


def test_hidden_objects_leave_claims_open() -> None:
    cube = Description("cube")
    for thing in (None, sighting(visible_fraction=0.2)):
        view = View((thing,), CAMERA)
        assert judge(Exists(cube), view) is judge(Absent(cube), view) is None
        assert judge(Counted(cube, 1), view) is None
        assert judge(Counted(cube, 2), view) is False


def test_counting_and_logic() -> None:
    view = View((sighting(), sighting(), sighting("cone")), CAMERA)
    assert [judge(Counted(Description("cube"), n), view) for n in (1, 2, 3)] == [False, True, False]
    there, missing = Exists(Description("cone")), Exists(Description("mug"))
    assert judge(Both(there, Not(missing)), view) is True
    assert judge(Both(there, missing), view) is False


def test_numbers_are_judged_by_bounds() -> None:
    cube, cone, mug = Description("cube"), Description("cone"), Description("mug")
    view = View((sighting(), sighting(), sighting("cone")), CAMERA)
    assert [judge(AtLeast(cube, n), view) for n in (1, 2, 3)] == [True, True, False]
    assert [judge(MoreThan(*pair), view) for pair in ((cube, cone), (cone, cube), (cube, mug))] == [True, False, None]
    assert [judge(AsManyAs(*pair), view) for pair in ((cube, cone), (cone, cone), (mug, mug))] == [False, True, None]
    half = View((*view.things, sighting("cone", visible_fraction=0.2)), CAMERA)
    assert [judge(AtLeast(cone, n), half) for n in (1, 2, 3)] == [True, None, False]
    assert [judge(claim, half) for claim in (MoreThan(cube, cone), MoreThan(cone, cube))] == [None, False]
    assert judge(AsManyAs(cube, cone), half) is None
    assert judge(MoreThan(cube, cone), View((*half.things, sighting()), CAMERA)) is True


@pytest.mark.parametrize("name", RELATIONS)
def test_relations_and_their_converses(name: str) -> None:
    places = {"left": (-1, 0, 0.5), "right": (1, 0, 0.5), "above": (0, 0, 1.6), "below": (0, 0, -1.6)}
    places |= {"front": (0, -1, 0.5), "behind": (0, 1, 0.5), "on": (0, 0, 1.5), "under": (0, 0, -0.5)}
    places |= {"inside": (0.1, 0, 0.6), "holding": (0.1, 0, 0.6), "beside": (1.2, 0, 0.5)}
    places |= {"near": (1.2, 0, 0.5), "touching": (1.0, 0, 0.5)}
    more = {"inside": {"across": 0.5}, "holding": {"across": 2.5, "highest": 1.5}, "on": {"over": {2: 0.02}}}
    below = {"over": {1: 0.02}} if name == "under" else {}
    view = View(
        (sighting(at=places[name], number=1, **more.get(name, {})), sighting("cone", number=2, **below)), CAMERA
    )
    cube, cone = Description("cube"), Description("cone")
    assert judge(Related(cube, name, cone), view) is True
    if RELATIONS[name].converse != name:
        assert judge(Related(cube, RELATIONS[name].converse, cone), view) is not True
    assert judge(Related(cone, RELATIONS[name].converse, cube), view) is True
    assert judge(Related(cube, name, cube), view) is False, "one cube only"


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_and_their_converses(name: str) -> None:
    big, small = sighting(across=2.0, highest=2.0, at=(0, -1, 0.5)), sighting("cone", at=(0, 1, 0.5))
    first = name in ("larger", "taller", "nearer")
    view = View((big, small), CAMERA)
    cube, cone = Description("cube"), Description("cone")
    assert judge(Compared(cube, cone, name), view) is first
    assert judge(Compared(cone, cube, name), view) is not first


@pytest.mark.parametrize(("region", "at"), [("left", (-1, 0, 0)), ("right", (1, 0, 0)), ("top", (0, 0, 1))])
def test_regions(region: str, at: tuple[float, float, float]) -> None:
    cube = Description("cube")
    assert judge(Located(cube, region), View((sighting(at=at),), CAMERA)) is True
    assert judge(Located(cube, region), View((sighting(at=tuple(-x for x in at)),), CAMERA)) is False
    assert judge(Located(cube, region), View((sighting(at=(0, 0, 0)),), CAMERA)) is None


def test_every_kind_shows_its_size_from_above_and_from_the_side(renderer, groups) -> None:
    scene = layout_from_dict(groups["content"][0].pictures[0].row)
    missed = []
    for shape, kind in KINDS.items():
        for k, (size, row) in enumerate(SIZES.items()):
            height = float(np.ptp(mesh(shape).vertices[:, 2])) * row.scale
            yaw = kind.yaw[0] + k * (kind.yaw[1] - kind.yaw[0]) / len(SIZES)
            place = (1.2, -0.7, height / 2)  # towards the camera: there things are seen from furthest above
            thing = PlacedObject(shape, "red", size, "matte", "plain", (200, 30, 40), place, yaw, row.scale)
            for elevation in (12.0, 40.0):
                camera = Camera(18.0, elevation, 5.8, (0.0, 0.0, 0.25), 38.0)
                layout = replace(scene, objects=(thing,), arrangement="table", camera=camera)
                (seen,) = look(renderer.render(layout), [shape], camera)
                if size not in seen.may_be["size"]:
                    missed.append((shape, size, elevation))
    assert missed == []


def test_patterns_second_colors_do_not_hide_the_hue() -> None:
    red, white, brown = (np.tile(COLORS[name].rgb, (50, 1)) for name in ("red", "white", "brown"))
    assert possible_colors(red) == {"red"}
    assert possible_colors(np.concatenate([red, white])) == {"red"}
    assert possible_colors(np.concatenate([red, white, white])) == {"red", "white"}
    assert possible_colors(np.concatenate([red, brown])) == {"red", "brown"}
    assert possible_colors(white) == {"white"}


def pair(one: Sighting, other: Sighting, camera: Camera = CAMERA) -> View:
    """Two sightings of which the first is the only cube and the second the only cone."""
    words = ({**thing.may_be, "shape": frozenset((shape,))} for thing, shape in ((one, "cube"), (other, "cone")))
    return View(tuple(replace(t, may_be=w) for t, w in zip((one, other), words, strict=True)), camera)


def related(name: str, one: Sighting, other: Sighting, camera: Camera = CAMERA) -> bool | None:
    """The verdict on "a cube in this relation to a cone", which is that on the converse the other way round."""
    cube, cone = Description("cube"), Description("cone")
    view = pair(one, other, camera)
    kind = Related if name in RELATIONS else None
    row = RELATIONS[name] if kind else COMPARISONS[name]
    claims = (
        (Related(cube, name, cone), Related(cone, row.converse, cube))
        if kind
        else (Compared(cube, cone, name), Compared(cone, cube, row.converse))
    )
    verdict, converse = (judge(claim, view) for claim in claims)
    assert verdict is converse
    return verdict


# Every margin by its number, from just inside to just outside.
@pytest.mark.parametrize(
    ("name", "difference", "verdict"),
    [
        ("right", (0.029, 0.2), None),
        ("right", (0.031, 0.2), True),
        ("right", (-0.029, 0.2), None),
        ("right", (-0.031, 0.2), False),
        ("above", (0.2, -0.029), None),
        ("above", (0.2, -0.031), True),
        ("above", (0.2, 0.029), None),
        ("above", (0.2, 0.031), False),
    ],
)
def test_directions_in_the_picture(name: str, difference: tuple[float, float], verdict: bool | None) -> None:
    one, other = sighting(centre=(0.4 + difference[0], 0.6 + difference[1])), sighting(centre=(0.4, 0.6))
    assert related(name, one, other) is verdict


@pytest.mark.parametrize(
    ("region", "centre"), [("left", (-1, 0)), ("right", (1, 0)), ("top", (0, -1)), ("bottom", (0, 1))]
)
@pytest.mark.parametrize(("share", "verdict"), [(0.049, None), (0.051, True), (-0.049, None), (-0.051, False)])
def test_regions_begin_beside_the_middle(
    region: str, centre: tuple[int, int], share: float, verdict: bool | None
) -> None:
    thing = sighting(centre=(0.5 + share * centre[0], 0.5 + share * centre[1]))
    assert judge(Located(Description("cube"), region), View((thing,), CAMERA)) is verdict
    assert judge(Located(Description("cube"), region), View((None,), CAMERA)) is None


@pytest.mark.parametrize("name", ["front", "nearer"])
@pytest.mark.parametrize("azimuth", [0.0, 90.0, -20.0])
@pytest.mark.parametrize(("step", "verdict"), [(-0.29, None), (-0.31, True), (0.29, None), (0.31, False)])
def test_depth_is_along_the_ground_as_the_camera_looks(
    name: str, azimuth: float, step: float, verdict: bool | None
) -> None:
    turn = np.radians(azimuth)
    away, right = np.array([-np.sin(turn), np.cos(turn), 0]), np.array([np.cos(turn), np.sin(turn), 0])
    one, other = sighting(middle=0.4 * right + (0.2 + step) * away), sighting(middle=0.2 * away + [0, 0, 0.5])
    assert related(name, one, other, replace(CAMERA, azimuth=azimuth)) is verdict


@pytest.mark.parametrize(
    ("aside", "gap", "middle", "verdict"),
    [
        (0.599, 0.0, 1.5, True),
        (0.601, 0.0, 1.5, False),
        (0.0, 0.249, 1.5, True),
        (0.0, 0.251, 1.5, None),
        (0.0, -0.249, 1.5, True),
        (0.0, -0.251, 1.5, False),
        (0.0, 0.0, 1.01, True),  # the middle is above the other's highest point
        (0.0, 0.0, 0.99, None),
    ],
)
def test_on_is_contact(aside: float, gap: float, middle: float, verdict: bool | None) -> None:
    assert related("on", *stack(0.02, aside, gap, middle)) is verdict


def stack(seam: float | None, aside: float = 0.0, gap: float = 0.0, middle: float = 1.5) -> tuple[Sighting, Sighting]:
    """A thing over another of height 1, with so much between what is seen of the two; None: nowhere right below."""
    place, over = np.array([0.3 + 0.6 * aside, 0.8 * aside - 0.2, middle]), {} if seam is None else {2: seam}
    upper = sighting(middle=place, lowest=1.0 + gap, highest=2.0 + gap, across=2.0, number=1, over=over)
    return upper, sighting(middle=np.array([0.3, -0.2, 0.5]), lowest=0.0, highest=1.0, number=2)


@pytest.mark.parametrize(
    ("seam", "verdict"),
    [(0.02, True), (0.239, True), (0.241, None), (0.999, None), (1.001, False), (None, None)],
)
def test_what_rests_is_seen_to_meet_what_carries_it(seam: float | None, verdict: bool | None) -> None:
    """Of a width of 2: up to 0.12 of it an outline hides the contact, from a half of it a gap is seen."""
    assert related("on", *stack(seam)) is verdict


@pytest.mark.parametrize(
    ("aside", "lowest", "across", "verdict"),
    [
        (0.599, 0.5, 1.0, True),  # three tenths of the container's width of 2
        (0.601, 0.5, 1.0, None),
        (1.049, 0.5, 1.0, None),  # half of its width, and 0.05
        (1.051, 0.5, 1.0, False),
        (0.0, 0.949, 1.0, True),  # 0.05 below its highest point
        (0.0, 0.951, 1.0, None),
        (0.0, 0.5, 1.99, True),  # narrower than it is
        (0.0, 0.5, 2.0, None),
    ],
)
def test_inside_is_within_the_width_and_below_the_rim(
    aside: float, lowest: float, across: float, verdict: bool | None
) -> None:
    middle = np.array([0.3 + 0.6 * aside, 0.8 * aside - 0.2, 0.9])
    thing = sighting(middle=middle, lowest=lowest, highest=1.2, across=across)
    container = sighting(middle=np.array([0.3, -0.2, 0.5]), lowest=0.0, highest=1.0, across=2.0)
    assert related("inside", thing, container) is verdict
    if verdict is True:
        assert related("beside", thing, container) is related("beside", container, thing) is False


@pytest.mark.parametrize(
    ("aside", "verdict"),
    [(0.549, None), (0.551, True), (1.699, True), (1.701, None), (1.949, None), (1.951, False)],
)
def test_beside_is_near_and_not_inside(aside: float, verdict: bool | None) -> None:
    """Things of width 1: from 0.55 on they are not in each other, up to 0.70 apart they are near, from 0.95 not."""
    one = sighting(middle=np.array([0.3 + 0.6 * aside, 0.8 * aside - 0.2, 0.9]), lowest=0.0, highest=1.0)
    other = sighting(middle=np.array([0.3, -0.2, 0.5]), lowest=0.0, highest=1.0)
    assert related("beside", one, other) is related("beside", other, one) is verdict


@pytest.mark.parametrize(
    ("name", "gap", "verdict"),
    [
        ("touching", 0.059, True),
        ("touching", 0.061, None),
        ("touching", 0.299, None),
        ("touching", 0.301, False),
        ("near", 0.0, True),
        ("near", 0.599, True),
        ("near", 0.601, None),
        ("near", 0.899, None),
        ("near", 0.901, False),
    ],
)
def test_nearness_is_between_what_is_seen(name: str, gap: float, verdict: bool | None) -> None:
    """Between things of width and height 1, of which the one is so much to the right of the other."""
    one, other = sighting(at=(0.3, 0.1, 0.5)), sighting(at=(1.3 + gap, 0.1, 0.5))
    assert related(name, one, other) is related(name, other, one) is verdict
    hidden = replace(other, whole=False)
    assert related(name, one, hidden) is (None if (name, verdict) == ("touching", False) else verdict)


@pytest.mark.parametrize(("gap", "verdict"), [(0.059, True), (0.301, None), (0.6, None)])
def test_a_contact_may_be_hidden_where_pixels_adjoin(gap: float, verdict: bool | None) -> None:
    """As that of a pyramid's corner with the back of a cube; nearness is what is seen all the same."""
    one = replace(sighting(at=(0.3, 0.1, 0.5)), number=1, adjoins=frozenset({2}))
    other = replace(sighting(at=(1.3 + gap, 0.1, 0.5)), number=2, adjoins=frozenset({1}))
    assert related("touching", one, other) is related("touching", other, one) is verdict
    assert related("near", one, other) is True


@pytest.mark.parametrize("name", ["larger", "taller"])
@pytest.mark.parametrize(("ratio", "verdict"), [(1.14, None), (1.16, True), (1 / 1.14, None), (1 / 1.16, False)])
def test_sizes_differ_by_their_ratio_and_are_known_of_what_is_whole(
    name: str, ratio: float, verdict: bool | None
) -> None:
    one = sighting(across=ratio, lowest=0.2, highest=0.2 + ratio)
    other = sighting(across=1.0, lowest=0.1, highest=1.1)
    assert related(name, one, other) is verdict
    for part in ((replace(one, whole=False), other), (one, replace(other, whole=False))):
        assert related(name, *part) is None


@pytest.mark.parametrize(("across", "verdict"), [(1.29, None), (1.35, True)])
def test_larger_is_in_width_and_height_together(across: float, verdict: bool | None) -> None:
    """The root of their product counts: 1.15 squared is 1.3225."""
    assert related("larger", sighting(across=across), sighting()) is verdict
    assert related("taller", sighting(across=across), sighting()) is None


@pytest.mark.parametrize(("fraction", "verdict"), [(0.449, None), (0.45, True)])
def test_a_sighting_counts_from_45_percent_of_its_silhouette(fraction: float, verdict: bool | None) -> None:
    assert judge(Exists(Description("cube")), View((sighting(visible_fraction=fraction),), CAMERA)) is verdict


def test_what_was_never_seen_may_stand_anywhere() -> None:
    claim = Related(Description("cube"), "right", Description("cone"))
    for things in ((None, sighting("cone")), (sighting("cube"), None), (None, None)):
        assert judge(claim, View(things, CAMERA)) is None


def test_labels_are_counted_and_contradictions_say_where() -> None:
    view = View((sighting(color=("red",)),), CAMERA)
    claims = [Exists(Description(color=name)) for name in ("red", "blue")] + [Exists(Description(material="metal"))]
    checked = check_labels(claims, [[True, False, True], [True, True, False]], [view, view])
    assert (checked.asked, checked.decided) == (6, 4)
    (line,) = checked.contradictions
    assert line.startswith("picture 1: ")
    assert line.endswith("is said to be True, the pixels show False")
