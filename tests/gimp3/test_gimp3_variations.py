"""Variations: side by side, each in its place, in a layer group of their own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from expected import expected_crop, expected_mask
from gimp3_machine import KEY, Gimp
from pictures import array, check_equal, photo, raw
from support import hold_answers, posts
from test_gimp3_edit import INSIDE, LAYER, make_scene, untouched
from test_gimp3_refusals import Jobs, check_refused

from venice_core.sandbox import Sandbox

EDIT = "plug-in-venice-edit"
Begin = Callable[..., Callable[[], Any]]


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(photo("coffee", 320, 256)), (10, 10))
    gimp.select_layers(image, [layer])
    return image, layer


def sole_group(layers: list[dict[str, Any]]) -> dict[str, Any]:
    (group,) = [layer for layer in layers if layer["group"]]
    return group


def test_four_variations_lie_in_a_group_directly_above_their_source(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE, feather=20.0)
    before, seen_before = gimp.snapshot(scene.image), array(gimp.visible(scene.image))
    mask, support = expected_mask(array(gimp.coverage(scene.image)), LAYER, 3, 6)
    x, y, width, height = crop = expected_crop(support, LAYER)
    sandbox.switch(drift=True)

    run = gimp.run(
        EDIT, scene.image, [scene.source], prompt="Make it “pink”", variations=4, grow=3, feather=6
    )

    assert run["error"] == ""
    siblings = next(layer for layer in gimp.tree(scene.image) if layer["id"] == scene.group)["children"]
    places = [layer["id"] for layer in siblings]
    group = siblings[places.index(scene.source) - 1]
    assert group["group"]
    assert (group["mode"], group["opacity"], group["visible"]) == ("normal", 100.0, True)
    assert group["mask"] is None
    children = group["children"]
    assert [child["id"] for child in children] == run["layers"], "topmost first"
    assert [child["visible"] for child in children] == [True, False, False, False]
    title = "Make it “pink” · firered-image-edit · sandbox, no AI"
    assert group["name"] == title
    assert [child["name"] for child in children] == [f"{number} · {title}" for number in (1, 2, 3, 4)]
    assert json.loads(group["parasites"]["venice-recipe"])["source"] == gimp.describe(scene.source)["tattoo"]
    for child in children:
        assert (*child["offsets"], *child["size"]) == crop
        assert (child["mode"], child["opacity"], child["type"]) == ("normal", 100.0, "rgba-image")
        assert child["mask_use"][0], "the layer mask is in force"
        found = array(gimp.pixels(child["mask_id"], "Y u8"))[max(0, -y) :, max(0, -x) :]
        check_equal(found, mask[max(0, y) : y + height, max(0, x) : x + width], "the layer mask")
        recipe = child["parasites"]["venice-recipe"].decode("ascii")
        assert KEY not in recipe
        assert json.loads(recipe)["options"]["variations"] == 4
    assert len({json.loads(child["parasites"]["venice-recipe"])["job"] for child in children}) == 4
    assert [job.outcome for job in jobs()] == [("placed", "none")] * 4

    seen_after = array(gimp.visible(scene.image))
    seen_outside = np.where(mask[..., None] > 0, seen_before, seen_after)
    check_equal(seen_outside, seen_before, "what is visible outside the selection")
    strong = mask >= 128
    assert np.abs(seen_after[strong].astype(int) - seen_before[strong]).max(axis=-1).mean() > 20
    assert untouched(gimp.snapshot(scene.image), group["id"]) == untouched(before)


def test_without_a_selection_they_have_no_masks(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    run = gimp.run(EDIT, image, [source], prompt="pink", variations=2)
    group, layer = gimp.tree(image)
    assert [child["id"] for child in group["children"]] == run["layers"]
    assert [child["mask"] for child in group["children"]] == [None, None]
    assert layer["id"] == source
    first, second = posts(sandbox)
    assert first.fields == second.fields
    assert first.files[0].data == second.files[0].data


def test_they_are_asked_for_side_by_side(gimp: Gimp, monkeypatch: pytest.MonkeyPatch) -> None:
    image, source = make_photo(gimp)
    hold_answers(monkeypatch, 4, threading.Barrier(4).wait)
    run = gimp.run(EDIT, image, [source], prompt="pink", variations=4)
    assert len(run["layers"]) == 4


def test_one_that_fails_does_not_cost_the_others(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image, source = make_photo(gimp)
    before, printed = gimp.snapshot(image), len(gimp.log())
    sandbox.switch(status=500, times=1)
    run = gimp.run(EDIT, image, [source], prompt="pink", variations=4)
    assert run["error"] == ""
    group = sole_group(gimp.tree(image))
    assert [child["id"] for child in group["children"]] == run["layers"]
    assert [child["visible"] for child in group["children"]] == [True, False, False]
    outcomes = sorted(job.outcome for job in jobs())
    assert outcomes == [("failed", "possible"), *[("placed", "none")] * 3]
    told = gimp.log()[printed:]
    assert "failed" in told
    assert "may have been charged" in told
    assert untouched(gimp.snapshot(image), group["id"]) == untouched(before)


def test_only_one_left_of_several_still_lies_in_its_group(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    sandbox.switch(status=500, times=1)
    run = gimp.run(EDIT, image, [source], prompt="pink", variations=2)
    (child,) = sole_group(gimp.tree(image))["children"]
    assert [child["id"]] == run["layers"]
    assert child["visible"]


def test_where_all_fail_nothing_is_added(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    before = gimp.snapshot(image)
    sandbox.switch(status=500)
    run = gimp.run(EDIT, image, [source], prompt="pink", variations=3)
    check_refused(gimp, image, before, run, "failed while processing")
    assert "may have been charged" in run["error"]
    assert [job.outcome for job in jobs()] == [("failed", "possible")] * 3
    assert len(posts(sandbox)) == 3


def test_running_again_puts_the_next_group_above_the_first(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150), feather=8.0)
    before = gimp.snapshot(image)
    runs = [gimp.run(EDIT, image, [source], prompt="pink", variations=2)["layers"] for _ in range(2)]
    newer, older, layer = gimp.tree(image)
    assert [child["id"] for child in newer["children"]] == runs[1]
    assert [child["id"] for child in older["children"]] == runs[0]
    assert layer["id"] == source
    assert untouched(gimp.snapshot(image), newer["id"], older["id"]) == untouched(before)
    assert len({seen.files[0].data for seen in posts(sandbox)}) == 1, "all were sent the source"


@pytest.mark.parametrize("mode", ["16 bit AdobeRGB", "indexed"])
def test_they_work_in_other_modes(gimp: Gimp, sandbox: Sandbox, mode: str) -> None:
    image, source = make_photo(gimp)
    if mode == "16 bit AdobeRGB":
        gimp.convert(image, precision="U16_NON_LINEAR", adobe_rgb=True)
    else:
        gimp.convert(image, mode)
    before = array(gimp.visible(image, "R'G'B'A u8"))
    sandbox.switch(identity=True)
    gimp.run(EDIT, image, [source], prompt="change nothing", variations=2)
    check_equal(array(gimp.visible(image, "R'G'B'A u8")), before, f"{mode}, through the group", tolerance=1.0)


def test_a_source_removed_meanwhile_leaves_its_group_at_the_top(
    gimp: Gimp, begin: Begin, sandbox: Sandbox
) -> None:
    image, source = make_photo(gimp)
    other = gimp.add_layer(image, raw(photo("chelsea", 50, 50)))
    sandbox.switch(identity=True)
    finish = begin(EDIT, image, source, prompt="change nothing", variations=3)
    gimp.meanwhile("remove", image, source)
    run = finish()
    assert run["error"] == ""
    group, below = gimp.tree(image)
    assert below["id"] == other
    assert [child["id"] for child in group["children"]] == run["layers"]
    assert {(*child["offsets"], *child["size"]) for child in group["children"]} == {(10, 10, 320, 256)}
