"""Locks: what is locked stays as it is, and a result is in place and free to be worked on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, decoded, photo, raw
from support import posts

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
AT, SIZE = (30, 20), (400, 340)
LOCKS = ["content", "position", "alpha", "visibility"]


def make_photo(gimp: Gimp) -> tuple[int, int, int]:
    image = gimp.new_image(500, 400)
    group = gimp.add_group(image)
    layer = gimp.add_layer(image, raw(photo("astronaut", *SIZE)), AT, "source", parent=group)
    gimp.select_layers(image, [layer])
    return image, group, layer


@pytest.mark.parametrize("lock", LOCKS)
def test_a_locked_layer_is_sent_as_it_is_and_its_result_lies_in_place(
    gimp: Gimp, sandbox: Sandbox, lock: str
) -> None:
    image, group, layer = make_photo(gimp)
    gimp.set_property(layer, **{f"lock_{lock}": True})
    before = gimp.describe(layer)
    (new,) = gimp.run(EDIT, image, [layer], prompt="x")["layers"]
    check_equal(decoded(posts(sandbox)[0].files[0].data), photo("astronaut", *SIZE), "what was sent")
    facts = gimp.describe(new)
    assert (facts["offsets"], facts["size"]) == (AT, SIZE)
    assert not any(facts["locks"])
    assert gimp.describe(layer) == before
    assert [each["id"] for each in gimp.describe(group)["children"]] == [new, layer]


@pytest.mark.parametrize("output", ["layer", "mask"])
@pytest.mark.parametrize("lock", LOCKS)
def test_a_locked_layer_can_be_cut_out(gimp: Gimp, sandbox: Sandbox, lock: str, output: str) -> None:
    image, _, layer = make_photo(gimp)
    gimp.set_property(layer, **{f"lock_{lock}": True})
    gimp.select(image, (100, 80, 200, 150), "rectangle")
    sandbox.switch(identity=True)
    run = gimp.run(CUTOUT, image, [layer], output=output)
    assert run["error"] == ""
    facts = gimp.describe(run["layers"][0])
    assert not any(facts["locks"])
    (x, y), (width, height) = facts["offsets"], facts["size"]
    selected = array(gimp.coverage(image))[y : y + height, x : x + width]
    if output == "mask":
        alpha: Any = array(gimp.pixels(facts["mask_id"], "Y u8"))
    else:
        alpha = array(gimp.pixels(facts["id"], "R'G'B'A u8"))[..., 3]
    assert np.array_equal(alpha, selected)


def test_a_locked_group_is_refused_before_anything_is_sent(gimp: Gimp, sandbox: Sandbox) -> None:
    image, group, layer = make_photo(gimp)
    gimp.set_property(group, lock_content=True)
    before = gimp.snapshot(image)
    for procedure, options in ((EDIT, {"prompt": "x"}), (CUTOUT, {})):
        assert "is locked" in gimp.run(procedure, image, [layer], **options)["error"]
    assert gimp.snapshot(image) == before
    assert not posts(sandbox)


def test_a_group_that_may_not_be_moved_takes_a_result_in_place(gimp: Gimp, sandbox: Sandbox) -> None:
    image, group, layer = make_photo(gimp)
    gimp.set_property(group, lock_position=True)
    (new,) = gimp.run(EDIT, image, [layer], prompt="x")["layers"]
    assert gimp.describe(new)["offsets"] == AT


@pytest.mark.parametrize("lock", LOCKS)
def test_a_group_with_a_locked_layer_is_edited_and_cut_out_as_it_shows(
    gimp: Gimp, sandbox: Sandbox, lock: str
) -> None:
    image, group, layer = make_photo(gimp)
    gimp.set_property(layer, **{f"lock_{lock}": True})
    gimp.select(image, (100, 80, 200, 150), "rectangle")
    before, expected = gimp.describe(layer), gimp.shown(group, (100, 80, 200, 150))
    sandbox.switch(identity=True)
    for procedure, options in (
        (EDIT, {"prompt": "x", "context": 0, "feather": 0}),
        (CUTOUT, {"output": "layer"}),
    ):
        run = gimp.run(procedure, image, [group], **options)
        assert run["error"] == ""
        (new,) = run["layers"]
        check_equal(array(gimp.shown(new, (100, 80, 200, 150))), array(expected), procedure)
        gimp.remove(image, new)
    assert gimp.describe(layer) == before


def test_groups_in_an_empty_group_are_empty_too(gimp: Gimp, sandbox: Sandbox) -> None:
    image = gimp.new_image(400, 300)
    group = gimp.add_group(image)
    gimp.add_group(image, parent=group)
    assert "empty" in gimp.run(EDIT, image, [group], prompt="x")["error"]
    assert not posts(sandbox)
