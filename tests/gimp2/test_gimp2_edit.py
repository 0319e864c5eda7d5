"""Edit with Prompt in GIMP 2.10: exactly in place, only where it was asked, and nothing else touched."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from expected import expected_crop, expected_mask, meet
from gimp2_machine import KEY, Gimp2, cover
from gimp2_scene import CUTOUT, EDIT, GENERATE, INSIDE, LAYER, found_in, make_scene, rgba, selection_of
from pictures import check_equal, decoded, photo
from stack import untouched
from support import posts

from venice_core.sandbox import Sandbox

OVER_THE_EDGE = (-60, -50, 160, 150)


@pytest.mark.parametrize(
    ("use", "ellipse", "softness", "grow", "feather", "feathered"),
    [
        ("guide", INSIDE, 14.0, 0, 0, 0),
        ("guide", INSIDE, 0.0, 0, -1, 8),
        ("guide", INSIDE, 14.0, -6, 5, 5),
        ("local", INSIDE, 0.0, 7, 12, 12),
        ("local", OVER_THE_EDGE, 0.0, -5, -1, 8),
    ],
)
def test_a_selection_limits_the_result_to_its_coverage(
    gimp: Gimp2,
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
    before, seen_before = gimp.snapshot(scene.image), rgba(gimp.visible(scene.image))
    mask, support = expected_mask(selection_of(gimp, scene.image), LAYER, grow, feathered)
    assert 0 < np.count_nonzero(mask) < mask.size / 2
    sandbox.switch(drift=True)

    values = {"prompt": "make it pink", "selection": use, "grow": grow, "feather": feather}
    run = gimp.run(EDIT, scene.image, scene.source, values=values)

    assert run["error"] == ""
    new = run["layer"]
    after, seen_after = gimp.snapshot(scene.image), rgba(gimp.visible(scene.image))
    assert untouched(after, new) == untouched(before), "everything else is as it was"
    seen_outside = np.where(mask[..., None] > 0, seen_before, seen_after)
    check_equal(seen_outside, seen_before, "what is visible outside the selection")
    strong = mask >= 128
    change = np.abs(seen_after[strong].astype(int) - seen_before[strong].astype(int)).max(axis=-1)
    assert change.mean() > 20, "inside, the picture has changed"

    siblings, place = found_in(after["layers"], new)
    assert siblings[place + 1]["id"] == scene.source, "directly above the source, in its group"
    layer = siblings[place]
    crop = (*layer["offsets"], *layer["size"])
    assert meet(crop, LAYER) == crop, "within the layer"
    assert meet(crop, expected_crop(support, LAYER)) == expected_crop(support, LAYER), (
        "the selection with context"
    )
    assert (layer["mode"], layer["opacity"], layer["visible"]) == (28, 100.0, 1)
    assert layer["mask_use"][0], "the layer mask is in force"

    across, down = slice(max(crop[0], 0), crop[0] + crop[2]), slice(max(crop[1], 0), crop[1] + crop[3])
    found = np.asarray(gimp.mask_of(new))
    on_canvas = found[max(-crop[1], 0) :, max(-crop[0], 0) :]
    check_equal(on_canvas, mask[down, across], "the layer mask")
    assert np.count_nonzero(found) == np.count_nonzero(on_canvas), "beyond the canvas nothing is selected"


def test_what_is_sent_is_the_crop_and_the_mask_to_the_level(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE, feather=14.0)
    coverage = selection_of(gimp, scene.image)
    values = {"prompt": "pink", "model": "qwen-image-2-edit", "feather": 0, "context": 5}
    layer = gimp.describe(gimp.run(EDIT, scene.image, scene.source, values=values)["layer"])
    (seen,) = posts(sandbox)
    assert seen.path == "/api/v1/image/multi-edit"
    picture, mask = (decoded(file.data) for file in seen.files[:2])
    (x, y), (width, height) = layer["offsets"], layer["size"]
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    here = slice(top, top + height), slice(left, left + width)
    photograph = photo("coffee", *LAYER[2:])[y - LAYER[1] :, x - LAYER[0] :][:height, :width]
    check_equal(picture[here][..., :3], photograph, "the picture that was sent")
    whole = np.pad(coverage, 100)[y + 100 :, x + 100 :][:height, :width]
    check_equal(mask[here] if mask.ndim == 2 else mask[here][..., 0], whole, "the mask that was sent")


def test_the_coverage_has_no_gamma(gimp: Gimp2) -> None:
    """By another way than the plug-in's: a pixel at a time."""
    image = gimp.new_image(120, 90)
    gimp.add_layer(image, photo("coffee", 120, 90))
    gimp.select(image, (20, 20, 80, 50), feather=30.0)
    coverage = selection_of(gimp, image)
    points = [(x, 45) for x in range(0, 120, 7)]
    assert gimp.coverage_at(image, points) == [int(coverage[y, x]) for x, y in points]
    assert len(set(coverage[45])) > 20, "it is soft"


def test_the_selection_is_the_same_whatever_people_prefer_for_exports(gimp: Gimp2, sandbox: Sandbox) -> None:
    """PNG defaults without a color profile: GIMP then saves linear gray with a gamma, at 16 bit."""
    if gimp.backend == "memory":
        pytest.skip("the model has no defaults for exports")
    image = gimp.new_image(300, 256)
    source = gimp.add_layer(image, photo("coffee", 300, 256))
    gimp.select(image, (60, 50, 160, 140), feather=40.0)
    coverage = selection_of(gimp, image)
    gimp.prefer_png_without_profile()
    try:
        values = {"prompt": "pink", "feather": 0}
        run = gimp.run(EDIT, image, source, values=values)
    finally:
        gimp.forget_png_defaults()
    assert run["error"] == ""
    layer = gimp.describe(run["layer"])
    (x, y), (width, height) = layer["offsets"], layer["size"]
    check_equal(np.asarray(gimp.mask_of(run["layer"])), coverage[y:, x:][:height, :width], "the layer mask")


def test_without_a_selection_the_whole_layer_is_edited_without_a_mask(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    before = gimp.snapshot(scene.image)
    new = gimp.run(EDIT, scene.image, scene.source, values={"prompt": "make it pink"})["layer"]
    layer = gimp.describe(new)
    assert (*layer["offsets"], *layer["size"]) == LAYER
    assert layer["mask"] is None
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before)
    assert [seen.path for seen in posts(sandbox)] == ["/api/v1/image/edit"]


def test_an_ignored_selection_is_as_none(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    before = gimp.snapshot(scene.image)
    values = {"prompt": "pink", "selection": "ignore"}
    new = gimp.run(EDIT, scene.image, scene.source, values=values)["layer"]
    assert gimp.describe(new)["mask"] is None
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before)


def test_the_result_is_named_and_carries_its_recipe(gimp: Gimp2, jobs: Any) -> None:
    scene = make_scene(gimp)
    options = {"model": "qwen-image-2-edit", "grow": 3, "context": 40, "safe_mode": False}
    gimp.select(scene.image, INSIDE)
    values = {"prompt": "Make it “pink” · größer", **options}
    new = gimp.run(EDIT, scene.image, scene.source, values=values)["layer"]
    layer = gimp.describe(new)
    assert layer["name"] == "Make it “pink” · größer · qwen-image-2-edit · sandbox, no AI"
    recipe = json.loads(layer["recipe"])
    assert recipe["version"] == 1
    assert (recipe["action"], recipe["prompt"]) == ("edit", "Make it “pink” · größer")
    assert recipe["host"] == {"sample": "layer"}
    assert {**options, "model": ""}.items() <= {**recipe["options"], "model": ""}.items()
    assert layer["recipe"].isascii()
    assert KEY not in layer["recipe"]
    (job,) = jobs()
    assert (job["status"], job["charge"]) == ("placed", "none")
    assert (gimp.home / "jobs" / recipe["job"]).is_dir()


def test_variations_lie_in_a_group_each_with_mask_and_recipe(gimp: Gimp2) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    before = gimp.snapshot(scene.image)
    first = gimp.run(EDIT, scene.image, scene.source, values={"prompt": "pink", "variations": 3})["layer"]
    after = gimp.snapshot(scene.image)
    siblings, place = found_in(after["layers"], first)
    assert place == 0
    assert [layer["visible"] for layer in siblings] == [1, 0, 0]
    assert all(layer["mask"] and layer["recipe"] for layer in siblings)
    around, at = next(
        (layers, place)
        for layers in ([*after["layers"]], *(layer["children"] for layer in after["layers"]))
        for place, layer in enumerate(layers)
        if first in [child["id"] for child in layer["children"]]
    )
    assert around[at + 1]["id"] == scene.source
    assert untouched(after, around[at]["id"]) == untouched(before)


def test_what_is_visible_can_be_sent(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    seen = rgba(gimp.visible(scene.image))
    values = {"prompt": "pink", "sample": "visible", "selection": "local", "context": 0, "feather": 0}
    new = gimp.run(EDIT, scene.image, scene.source, values=values)["layer"]
    (x, y), (width, height) = gimp.describe(new)["offsets"], gimp.describe(new)["size"]
    (request,) = posts(sandbox)
    picture = decoded(request.files[0].data)
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    part = picture[top : top + height, left : left + width, :3]
    check_equal(part, seen[y : y + height, x : x + width, :3], "what was sent", tolerance=0)


def test_a_layer_shows_its_mask_and_nothing_of_its_opacity(gimp: Gimp2, sandbox: Sandbox) -> None:
    image = gimp.new_image(300, 256)
    source = gimp.add_layer(image, photo("coffee", 300, 256))
    values = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (256, 1))
    gimp.add_mask(source, cover(values))
    gimp.call("call", "gimp-layer-set-opacity", {"item": source}, 40.0)
    run = gimp.run(EDIT, image, source, values={"prompt": "pink"})
    alpha = rgba(gimp.pixels(run["layer"]))[..., 3]
    check_equal(alpha, values, "the result's alpha", tolerance=1)
    assert "opacity" in " ".join(run["messages"])


def test_a_mask_that_is_displayed_is_not_what_is_sent(gimp: Gimp2, sandbox: Sandbox) -> None:
    image = gimp.new_image(300, 256)
    picture = photo("coffee", 300, 256)
    source = gimp.add_layer(image, picture)
    gimp.add_mask(source, cover(np.full((256, 300), 255, np.uint8)))
    gimp.call("call", "gimp-layer-set-show-mask", {"item": source}, True)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, source, values={"prompt": "pink"})
    assert run["error"] == ""
    assert untouched(gimp.snapshot(image), run["layer"]) == untouched(before)
    sent = decoded(posts(sandbox)[0].files[0].data)[..., :3]
    top, left = (sent.shape[0] - 256) // 2, (sent.shape[1] - 300) // 2
    check_equal(sent[top : top + 256, left : left + 300], picture, "the picture that was sent")


def test_a_mask_that_is_off_does_not_count(gimp: Gimp2) -> None:
    image = gimp.new_image(300, 256)
    source = gimp.add_layer(image, photo("coffee", 300, 256))
    gimp.add_mask(source, cover(np.zeros((256, 300), np.uint8)), False)
    new = gimp.run(EDIT, image, source, values={"prompt": "pink"})["layer"]
    assert (rgba(gimp.pixels(new))[..., 3] == 255).all()


def test_a_group_is_edited_as_it_shows(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    before = gimp.snapshot(scene.image)
    run = gimp.run(EDIT, scene.image, scene.group, values={"prompt": "pink"})
    assert run["error"] == ""
    after = gimp.snapshot(scene.image)
    siblings, place = found_in(after["layers"], run["layer"])
    assert siblings[place + 1]["id"] == scene.group
    assert untouched(after, run["layer"]) == untouched(before)


@pytest.mark.parametrize("lock", ["content", "position"])
@pytest.mark.parametrize("of_a_group", [False, True])
def test_locked_layers_are_edited_and_stay_locked(
    gimp: Gimp2, sandbox: Sandbox, lock: str, of_a_group: bool
) -> None:
    scene = make_scene(gimp)
    gimp.call("call", f"gimp-item-set-lock-{lock}", {"item": scene.source}, 1)
    before = gimp.snapshot(scene.image)
    drawable = scene.group if of_a_group else scene.source
    run = gimp.run(EDIT, scene.image, drawable, values={"prompt": "pink"})
    assert run["error"] == ""
    assert gimp.describe(run["layer"])["locks"] == [0, 0]
    assert untouched(gimp.snapshot(scene.image), run["layer"]) == untouched(before)


@pytest.mark.parametrize("edited", [True, False])
def test_a_mask_as_the_drawable_means_its_layer(gimp: Gimp2, edited: bool) -> None:
    image = gimp.new_image(300, 256)
    source = gimp.add_layer(image, photo("coffee", 300, 256))
    mask = gimp.add_mask(source, cover(np.full((256, 300), 200, np.uint8)))
    gimp.call("call", "gimp-layer-set-edit-mask", {"item": source}, edited)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, mask, values={"prompt": "pink"})
    assert run["error"] == ""
    assert untouched(gimp.snapshot(image), run["layer"]) == untouched(before), "which of both is edited, too"


def test_an_active_channel_stays_active(gimp: Gimp2) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    channel = gimp.add_channel(scene.image)
    before = gimp.snapshot(scene.image)
    assert before["active_channel"] == channel
    new = gimp.run(EDIT, scene.image, scene.source, values={"prompt": "pink"})["layer"]
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before)


@pytest.mark.parametrize("procedure", [EDIT, CUTOUT, GENERATE])
@pytest.mark.parametrize("variations", [1, 3])
def test_a_run_is_one_undo_step(gimp: Gimp2, procedure: str, variations: int) -> None:
    if gimp.backend != "memory":
        pytest.skip("GIMP has no procedure for it: seen in a window in test_gimp2_real.py")
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    before = gimp.undo_steps(scene.image)
    values = {} if procedure == CUTOUT else {"prompt": "pink", "variations": variations}
    assert gimp.run(procedure, scene.image, scene.source, values=values)["error"] == ""
    assert gimp.undo_steps(scene.image) == before + 1


def test_each_new_result_is_what_one_sees(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    results = [
        gimp.run(procedure, scene.image, scene.source, values=values)["layer"]
        for procedure, values in (
            (EDIT, {"prompt": "pink"}),
            (GENERATE, {"prompt": "a boat"}),
            (CUTOUT, {}),
            (EDIT, {"prompt": "blue", "variations": 2}),
        )
    ]
    siblings, place = found_in(gimp.snapshot(scene.image)["layers"], scene.source)
    *results, variations = results
    assert [layer["id"] for layer in siblings[place - 3 : place]] == results[::-1]
    assert siblings[place - 4]["children"][0]["id"] == variations
    everything = gimp.run(EDIT, scene.image, scene.source, values={"prompt": "red", "sample": "visible"})
    assert gimp.snapshot(scene.image)["layers"][0]["id"] == everything["layer"], (
        "above all that it was made of"
    )


def test_an_edit_can_be_repeated_on_the_same_source(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE)
    first = gimp.run(EDIT, scene.image, scene.source, values={"prompt": "pink"})["layer"]
    second = gimp.run(EDIT, scene.image, scene.source, values={"prompt": "pink"})["layer"]
    siblings, place = found_in(gimp.snapshot(scene.image)["layers"], second)
    assert [layer["id"] for layer in siblings[place : place + 3]] == [second, first, scene.source]
    sent = [[file.data for file in seen.files] for seen in posts(sandbox)]
    assert sent[0] == sent[1], "the same was sent: what the first run made is not in it"
