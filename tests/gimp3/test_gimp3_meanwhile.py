"""What happens to the image while the service works: the user goes on, and the result finds its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, photo, raw

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
Jobs = Callable[[], list[Any]]
Begin = Callable[..., Callable[[], Any]]
WHOLE = (10, 10, 320, 256)


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    return image, gimp.add_layer(image, raw(photo("coffee", *WHOLE[2:])), WHOLE[:2])


def test_layers_may_be_added_and_moved_meanwhile(gimp: Gimp, begin: Begin, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    sandbox.switch(identity=True)
    finish = begin(EDIT, image, source, prompt="change nothing")
    above = gimp.meanwhile("add_layer", image, raw(photo("chelsea", 50, 50)))
    gimp.meanwhile("set_property", source, offsets=(90, 80))
    (new,) = finish()["layers"]
    assert [layer["id"] for layer in gimp.tree(image)] == [above, new, source]
    assert gimp.snapshot(image)["selected_layers"] == [above], "what is selected now stays selected"


def test_a_source_removed_meanwhile_leaves_its_result_at_the_top(
    gimp: Gimp, begin: Begin, sandbox: Sandbox
) -> None:
    image, source = make_photo(gimp)
    other = gimp.add_layer(image, raw(photo("chelsea", 50, 50)))
    sandbox.switch(identity=True)
    finish = begin(EDIT, image, source, prompt="change nothing")
    gimp.meanwhile("remove", image, source)
    run = finish()
    assert run["error"] == ""
    (new,) = run["layers"]
    assert [layer["id"] for layer in gimp.tree(image)] == [new, other]
    facts = gimp.describe(new)
    assert (*facts["offsets"], *facts["size"]) == WHOLE
    check_equal(array(gimp.pixels(new, "R'G'B' u8")), photo("coffee", *WHOLE[2:]), "the result")


def test_a_group_removed_meanwhile_does_not_lose_the_result(
    gimp: Gimp, begin: Begin, sandbox: Sandbox
) -> None:
    image = gimp.new_image(400, 300)
    group = gimp.add_group(image)
    source = gimp.add_layer(image, raw(photo("coffee", *WHOLE[2:])), WHOLE[:2], parent=group)
    sandbox.switch(identity=True)
    finish = begin(EDIT, image, source, prompt="change nothing")
    gimp.meanwhile("remove", image, group)
    run = finish()
    assert run["error"] == ""
    assert [layer["id"] for layer in gimp.tree(image)] == run["layers"]


@pytest.mark.parametrize("output", ["layer", "mask"])
@pytest.mark.parametrize("selected", [False, True])
def test_a_cut_out_follows_a_source_that_moved_meanwhile(
    gimp: Gimp, begin: Begin, sandbox: Sandbox, output: str, selected: bool
) -> None:
    image, source = make_photo(gimp)
    if selected:
        gimp.select(image, (60, 50, 120, 110), "rectangle")
    expected = np.zeros((WHOLE[3], WHOLE[2]), np.uint8)
    expected[40:150, 50:170] = 255
    if not selected:
        expected[:] = 255
    sandbox.switch(identity=True)
    finish = begin(CUTOUT, image, source, output=output)
    gimp.meanwhile("set_property", source, offsets=(13, 9))
    run = finish()
    assert run["error"] == ""
    facts = gimp.describe(run["layers"][0])
    alpha = np.zeros((WHOLE[3], WHOLE[2]), np.uint8)
    (x, y), (width, height) = facts["offsets"], facts["size"]
    if output == "mask":
        found: Any = array(gimp.pixels(facts["mask_id"], "Y u8"))
    else:
        found = array(gimp.pixels(facts["id"], "R'G'B'A u8"))[..., 3]
    alpha[y - 9 : y - 9 + height, x - 13 : x - 13 + width] = found
    check_equal(alpha, expected, "where the source shows")


def test_a_cut_out_of_a_source_whose_size_changed_is_what_was_sent_back(
    gimp: Gimp, begin: Begin, jobs: Jobs
) -> None:
    image, source = make_photo(gimp)
    finish = begin(CUTOUT, image, source)
    gimp.meanwhile("resize", source, (200, 100))
    run = finish()
    assert run["error"] == ""
    facts = gimp.describe(run["layers"][0])
    assert (*facts["offsets"], *facts["size"]) == WHOLE
    assert jobs()[-1].record["status"] == "placed"
