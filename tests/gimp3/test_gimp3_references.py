"""Several layers: the lowest is edited, the others go along as references, from the bottom upward."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from expected import expected_crop, expected_mask
from gimp3_machine import Gimp
from pictures import array, check_equal, decoded, photo, raw
from support import posts
from test_gimp3_edit import untouched
from test_gimp3_refusals import Jobs, check_refused

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
BASE = (20, 30, 600, 400)


@dataclass(frozen=True)
class Scene:
    """From the bottom: backdrop, base in a group, `lower` in a group in a group, `upper`, front."""

    image: int
    base: int
    lower: int
    upper: int


def make_scene(gimp: Gimp) -> Scene:
    image = gimp.new_image(700, 500)
    gimp.add_layer(image, raw(photo("astronaut", 700, 500)), name="backdrop")
    group = gimp.add_group(image, "group")
    base = gimp.add_layer(image, raw(photo("coffee", *BASE[2:])), BASE[:2], "base", group)
    inner = gimp.add_group(image, "inner", group)
    lower = gimp.add_layer(image, raw(photo("chelsea", 300, 250)), (-40, 200), "lower", inner)
    coverage = np.full((250, 300), 255, np.uint8)
    coverage[:, :90] = 0
    gimp.add_mask(lower, raw(coverage))
    gimp.add_filter(lower, "gegl:gaussian-blur", std_dev_x=4.0, std_dev_y=4.0)
    upper = gimp.add_layer(
        image, raw(photo("astronaut", 280, 260)), (300, 10), "upper", group, opacity=30.0, visible=False
    )
    gimp.add_layer(image, raw(photo("chelsea", 60, 50)), (300, 100), "front")
    return Scene(image, base, lower, upper)


def check_sent_as_shown(gimp: Gimp, layer: int, file: Any, what: str) -> None:
    facts = gimp.describe(layer)
    shown = array(gimp.shown(layer, (*facts["offsets"], *facts["size"])))
    solid = shown[..., 3] == 255
    assert solid.sum() > 5000
    check_equal(decoded(file.data)[solid], shown[solid][:, :3], what)


@pytest.mark.parametrize("order", [*itertools.permutations(("base", "lower", "upper"))][1::2], ids="-".join)
def test_the_lowest_is_edited_and_the_others_follow_upward_in_whatever_order_they_are_given(
    gimp: Gimp, sandbox: Sandbox, order: tuple[str, ...]
) -> None:
    scene = make_scene(gimp)
    drawables = [getattr(scene, name) for name in order]
    gimp.select_layers(scene.image, drawables)
    before = gimp.snapshot(scene.image)

    run = gimp.run(EDIT, scene.image, drawables, prompt="make it look like these")

    assert run["error"] == ""
    (seen,) = posts(sandbox)
    assert seen.path == "/api/v1/image/multi-edit"
    assert seen.fields["prompt"] == "make it look like these", "without a selection nothing is said of a mask"
    assert [(file.width, file.height) for file in seen.files] == [BASE[2:], (300, 250), (280, 260)]
    assert [(file.name, file.mode) for file in seen.files] == [("images", "RGB")] * 3
    check_equal(decoded(seen.files[0].data), photo("coffee", *BASE[2:]), "the picture")
    check_sent_as_shown(gimp, scene.lower, seen.files[1], "the reference with a mask and a filter")
    check_equal(decoded(seen.files[2].data), photo("astronaut", 280, 260), "the hidden, faint reference")

    (new,) = run["layers"]
    group = gimp.tree(scene.image)[1]["children"]
    names = [layer["name"] for layer in group]
    assert [layer["id"] for layer in group].index(new) == names.index("base") - 1
    layer = gimp.describe(new)
    assert (*layer["offsets"], *layer["size"]) == BASE
    assert layer["mask"] is None
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before), "the references too"


@pytest.mark.parametrize("grow", [0, 6])
def test_the_mask_of_a_selection_stands_between_the_picture_and_its_reference(
    gimp: Gimp, sandbox: Sandbox, grow: int
) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, (200, 130, 200, 180), feather=14.0)
    before, seen_before = gimp.snapshot(scene.image), array(gimp.visible(scene.image))
    grown, support = expected_mask(array(gimp.coverage(scene.image)), BASE, grow, 0)
    x, y, width, height = crop = expected_crop(support, BASE)
    sandbox.switch(drift=True)

    run = gimp.run(EDIT, scene.image, [scene.upper, scene.base], prompt="like this", grow=grow, feather=0)

    assert run["error"] == ""
    base, mask, reference = posts(sandbox)[0].files
    assert [file.mode for file in (base, mask, reference)] == ["RGB", "L", "RGB"]
    assert (base.width, base.height) == (mask.width, mask.height) == (width, height)
    check_equal(decoded(mask.data), grown[y : y + height, x : x + width], "the mask")
    check_equal(decoded(reference.data), photo("astronaut", 280, 260), "the whole reference")
    (new,) = run["layers"]
    layer = gimp.describe(new)
    assert (*layer["offsets"], *layer["size"]) == crop
    found = array(gimp.pixels(layer["mask_id"], "Y u8"))
    check_equal(found, grown[y : y + height, x : x + width], "the layer mask")
    seen_after = array(gimp.visible(scene.image))
    seen_outside = np.where(grown[..., None] > 0, seen_before, seen_after)
    check_equal(seen_outside, seen_before, "what is visible outside the selection")
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before)


def test_with_as_many_references_as_a_model_takes_the_selection_limits_the_result_all_the_same(
    gimp: Gimp, sandbox: Sandbox
) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, (200, 130, 200, 180), feather=14.0)
    printed = len(gimp.log())
    run = gimp.run(EDIT, scene.image, [scene.base, scene.lower, scene.upper], prompt="like these", feather=0)
    assert run["error"] == ""
    assert [file.mode for file in posts(sandbox)[0].files] == ["RGB", "RGB", "RGB"]
    assert "without a mask" in gimp.log()[printed:], "and people are told"
    mask, support = expected_mask(array(gimp.coverage(scene.image)), BASE, 0, 0)
    x, y, width, height = expected_crop(support, BASE)
    found = array(gimp.pixels(gimp.describe(run["layers"][0])["mask_id"], "Y u8"))
    check_equal(found, mask[y : y + height, x : x + width], "the layer mask")


def test_a_group_lies_above_what_is_in_it(gimp: Gimp, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    group = gimp.tree(scene.image)[1]
    shown = array(gimp.shown(group["id"], (*group["offsets"], *group["size"])))
    run = gimp.run(EDIT, scene.image, [group["id"], scene.base], prompt="like this")
    assert run["error"] == ""
    picture, reference = posts(sandbox)[0].files
    check_equal(decoded(picture.data), photo("coffee", *BASE[2:]), "the picture")
    solid = shown[..., 3] == 255
    check_equal(decoded(reference.data)[solid], shown[solid][:, :3], "the group as a reference")


@pytest.mark.parametrize("size", [(90, 70), (500, 20)])
def test_a_small_reference_is_enlarged_in_its_own_shape(
    gimp: Gimp, sandbox: Sandbox, size: tuple[int, int]
) -> None:
    scene = make_scene(gimp)
    small = gimp.add_layer(scene.image, raw(photo("chelsea", *size)), name="small")
    run = gimp.run(EDIT, scene.image, [scene.base, small], prompt="like this")
    assert run["error"] == ""
    _, reference = posts(sandbox)[0].files
    assert reference.width * reference.height >= 65_536
    assert min(reference.width, reference.height) >= 64
    assert reference.width / reference.height == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_layer_and_its_mask_count_once(gimp: Gimp, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    mask = gimp.describe(scene.lower)["mask_id"]
    run = gimp.run(EDIT, scene.image, [mask, scene.lower], prompt="pink")
    assert run["error"] == ""
    (seen,) = posts(sandbox)
    assert (seen.path, len(seen.files)) == ("/api/v1/image/edit", 1)


def test_a_references_mask_means_its_layer(gimp: Gimp, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    mask = gimp.describe(scene.lower)["mask_id"]
    run = gimp.run(EDIT, scene.image, [mask, scene.base], prompt="pink")
    assert run["error"] == ""
    check_sent_as_shown(gimp, scene.lower, posts(sandbox)[0].files[1], "the reference")


def test_what_is_visible_may_be_the_picture_while_a_reference_is_itself(gimp: Gimp, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    canvas = array(gimp.visible(scene.image, "R'G'B'A u8"))
    run = gimp.run(EDIT, scene.image, [scene.upper, scene.base], prompt="like this", sample="visible")
    assert run["error"] == ""
    picture, reference = posts(sandbox)[0].files
    x, y, width, height = BASE
    check_equal(decoded(picture.data), canvas[y : y + height, x : x + width, :3], "the picture")
    check_equal(decoded(reference.data), photo("astronaut", 280, 260), "the reference")


def test_the_recipe_is_on_the_result_only(gimp: Gimp) -> None:
    scene = make_scene(gimp)
    (new,) = gimp.run(EDIT, scene.image, [scene.base, scene.upper], prompt="like this")["layers"]
    assert "venice-recipe" in gimp.describe(new)["parasites"]
    assert not gimp.describe(scene.upper)["parasites"]


def too_many(gimp: Gimp, scene: Scene) -> list[int]:
    more = gimp.add_layer(scene.image, raw(photo("chelsea", 300, 300)))
    return [scene.base, scene.lower, scene.upper, more]


def with_a_channel(gimp: Gimp, scene: Scene) -> list[int]:
    return [scene.base, gimp.add_channel(scene.image)]


def with_an_empty_group(gimp: Gimp, scene: Scene) -> list[int]:
    return [scene.base, gimp.add_group(scene.image)]


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (too_many, "at most 3 images"),
        (with_a_channel, "channels cannot be edited"),
        (with_an_empty_group, "group is empty"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, prepare: Any, words: str
) -> None:
    scene = make_scene(gimp)
    drawables = prepare(gimp, scene)
    before = gimp.snapshot(scene.image)
    run = gimp.run(EDIT, scene.image, drawables, prompt="like these")
    check_refused(gimp, scene.image, before, run, words)
    assert posts(sandbox) == []
    assert jobs() == []
