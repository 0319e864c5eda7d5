"""Edit with Prompt: exactly in place, only where it was asked, and nothing else touched."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from expected import expected_crop, expected_mask
from gimp3_machine import KEY, Gimp
from pictures import array, check_equal, photo, raw
from stack import Scene, untouched
from support import posts

from venice_core.sandbox import Sandbox

EDIT = "plug-in-venice-edit"
CANVAS = (900, 700)
LAYER = (-70, -50, 640, 480)


def make_scene(gimp: Gimp) -> Scene:
    image = gimp.new_image(*CANVAS)
    gimp.add_layer(image, raw(photo("astronaut", *CANVAS)), name="background")
    group = gimp.add_group(image)
    gimp.add_layer(image, raw(photo("chelsea", 451, 300)), (40, 300), "below", group)
    source = gimp.add_layer(image, raw(photo("coffee", *LAYER[2:])), LAYER[:2], "source", group)
    gimp.add_layer(image, raw(photo("chelsea", 120, 90)), (500, 20), "above", group, opacity=60.0)
    gimp.select_layers(image, [source])
    return Scene(image, source, group)


def selection_of(gimp: Gimp, image: int) -> Any:
    return array(gimp.coverage(image))


SOFT, HARD = 24.0, 0.0
INSIDE, OVER_THE_EDGE = (60, 40, 300, 220), (-200, -150, 420, 420)


@pytest.mark.parametrize(
    ("use", "ellipse", "softness", "grow", "feather", "feathered"),
    [
        ("guide", INSIDE, SOFT, 0, 0, 0),
        ("guide", INSIDE, SOFT, 0, -1, 0),
        ("guide", INSIDE, HARD, 0, -1, 8),
        ("guide", INSIDE, HARD, 7, 0, 0),
        ("guide", INSIDE, SOFT, -6, 5, 5),
        ("local", INSIDE, SOFT, 9, 16, 16),
        ("local", INSIDE, HARD, 0, 12, 12),
        ("guide", OVER_THE_EDGE, SOFT, 6, 10, 10),
        ("local", OVER_THE_EDGE, HARD, -5, -1, 8),
    ],
)
def test_a_selection_limits_the_result_to_its_coverage(
    gimp: Gimp,
    sandbox: Sandbox,
    use: str,
    ellipse: tuple[int, ...],
    softness: float,
    grow: int,
    feather: int,
    feathered: int,
) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, ellipse, feather=softness)
    before, seen_before = gimp.snapshot(scene.image), array(gimp.visible(scene.image))
    mask, support = expected_mask(selection_of(gimp, scene.image), LAYER, grow, feathered)
    assert 0 < np.count_nonzero(mask) < mask.size / 2
    sandbox.switch(drift=True)

    run = gimp.run(
        EDIT, scene.image, [scene.source], prompt="make it pink", selection=use, grow=grow, feather=feather
    )

    assert run["error"] == ""
    (new,) = run["layers"]
    after, seen_after = gimp.snapshot(scene.image), array(gimp.visible(scene.image))
    assert untouched(after, new) == untouched(before), "everything else is as it was"

    seen_outside = np.where(mask[..., None] > 0, seen_before, seen_after)
    check_equal(seen_outside, seen_before, "what is visible outside the selection")
    strong = mask >= 128
    change = np.abs(seen_after[strong].astype(int) - seen_before[strong].astype(int)).max(axis=-1)
    assert change.mean() > 20, "inside, the picture has changed"

    group = next(layer for layer in after["layers"] if layer["id"] == scene.group)
    names = [layer["id"] for layer in group["children"]]
    assert names.index(new) == names.index(scene.source) - 1, "directly above the source, in its group"
    layer = group["children"][names.index(new)]
    crop = expected_crop(support, LAYER)
    assert (*layer["offsets"], *layer["size"]) == crop
    assert (layer["mode"], layer["opacity"], layer["visible"]) == ("normal", 100.0, True)
    assert layer["type"] == "rgba-image"
    assert layer["mask_use"][0], "the layer mask is in force"

    across, down = slice(max(crop[0], 0), crop[0] + crop[2]), slice(max(crop[1], 0), crop[1] + crop[3])
    found = array(gimp.pixels(layer["mask_id"], "Y u8"))
    on_canvas = found[max(-crop[1], 0) :, max(-crop[0], 0) :]
    check_equal(on_canvas, mask[down, across], "the layer mask")
    assert np.count_nonzero(found) == np.count_nonzero(on_canvas), "beyond the canvas nothing is selected"


def test_the_result_layer_covers_the_whole_crop_under_its_mask(gimp: Gimp, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    run = gimp.run(EDIT, scene.image, [scene.source], prompt="pink", selection="local")
    (new,) = run["layers"]
    pixels = array(gimp.pixels(new, "R'G'B'A u8"))
    assert (pixels[..., 3] == 255).all()
    corner = array(gimp.pixels(scene.source, "R'G'B'A u8"))[0, 0, :3].astype(int)
    assert np.abs(pixels[0, 0, :3] - corner).max() > 20, "painting on the mask reveals more of the result"


def test_without_a_selection_the_whole_layer_is_edited_without_a_mask(gimp: Gimp) -> None:
    scene = make_scene(gimp)
    before = gimp.snapshot(scene.image)
    run = gimp.run(EDIT, scene.image, [scene.source], prompt="make it pink")
    (new,) = run["layers"]
    layer = gimp.describe(new)
    assert (*layer["offsets"], *layer["size"]) == LAYER
    assert layer["mask"] is None
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before)


def test_an_ignored_selection_is_as_none(gimp: Gimp, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    before = gimp.snapshot(scene.image)
    run = gimp.run(EDIT, scene.image, [scene.source], prompt="pink", selection="ignore")
    (new,) = run["layers"]
    layer = gimp.describe(new)
    assert (*layer["offsets"], *layer["size"]) == LAYER
    assert layer["mask"] is None
    assert [seen.path for seen in posts(sandbox)] == ["/api/v1/image/edit"]
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before)


def test_a_transparent_source_stays_a_cut_out(gimp: Gimp, sandbox: Sandbox) -> None:
    picture = np.dstack([photo("coffee", 320, 256), np.full((256, 320), 255, np.uint8)])
    picture[:, :90, 3] = 0
    image = gimp.new_image(320, 256)
    source = gimp.add_layer(image, raw(picture))
    (new,) = gimp.run(EDIT, image, [source], prompt="pink")["layers"]
    alpha = array(gimp.pixels(new, "R'G'B'A u8"))[..., 3]
    check_equal(alpha, picture[..., 3], "the result's alpha")


def test_an_empty_area_can_be_filled(gimp: Gimp) -> None:
    picture = np.dstack([photo("coffee", 320, 256), np.full((256, 320), 255, np.uint8)])
    picture[60:200, 60:260, 3] = 0
    image = gimp.new_image(320, 256)
    source = gimp.add_layer(image, raw(picture))
    gimp.select(image, (60, 60, 200, 140), "rectangle")
    (new,) = gimp.run(EDIT, image, [source], prompt="fill it", feather=0)["layers"]
    alpha = array(gimp.pixels(new, "R'G'B'A u8"))[..., 3]
    assert (array(gimp.visible(image, "R'G'B'A u8"))[60:200, 60:260, 3] == 255).all()
    assert (alpha == 255).all()


def test_the_result_is_named_and_carries_its_recipe(gimp: Gimp, jobs: Any) -> None:
    scene = make_scene(gimp)
    options = {"model": "qwen-image-2-edit", "grow": 3, "context": 40, "safe_mode": False}
    gimp.select(scene.image, INSIDE)
    (new,) = gimp.run(EDIT, scene.image, [scene.source], prompt="Make it “pink”", **options)["layers"]
    layer = gimp.describe(new)
    assert layer["name"] == "Make it “pink” · qwen-image-2-edit · sandbox, no AI"
    text = layer["parasites"]["venice-recipe"].decode("ascii")
    recipe = json.loads(text)
    assert recipe["version"] == 1
    assert (recipe["action"], recipe["prompt"]) == ("edit", "Make it “pink”")
    assert (recipe["model"], recipe["provider"]) == ("qwen-image-2-edit", "venice")
    assert options.items() <= {**recipe["options"], "model": recipe["model"]}.items()
    assert recipe["price"]["usd"] > 0
    (job,) = jobs()
    assert recipe["job"] == job.folder.name
    assert job.outcome == ("placed", "none")
    assert KEY not in text
