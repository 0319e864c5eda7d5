"""Sizes the service does not take: sent padded or scaled down, and back in place."""

from __future__ import annotations

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, decoded, photo, raw
from support import posts

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
LEAST, MOST = 65_536, 33_177_600


@pytest.mark.parametrize("size", [(90, 70), (1, 1), (1200, 20), (300, 200)])
def test_a_layer_smaller_than_the_least_is_padded_and_comes_back_in_place(
    gimp: Gimp, sandbox: Sandbox, size: tuple[int, int]
) -> None:
    width, height = size
    picture = photo("chelsea", *size)
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(picture), (-5, 17))
    sandbox.switch(identity=True)
    run = gimp.run(EDIT, image, [layer], prompt="change nothing")
    assert run["error"] == ""
    (file,) = posts(sandbox)[0].files
    assert file.width * file.height >= LEAST
    assert min(file.width, file.height) >= 64
    sent = decoded(file.data)
    left, top = (file.width - width) // 2, (file.height - height) // 2
    check_equal(sent[top : top + height, left : left + width], picture, "the middle of what was sent")
    check_equal(sent[0, 0], picture[0, 0], "the padding goes on with the edge")
    (new,) = run["layers"]
    facts = gimp.describe(new)
    assert (facts["offsets"], facts["size"]) == ((-5, 17), size)
    check_equal(array(gimp.pixels(new, "R'G'B'A u8"))[..., :3], picture, "the result")


def test_a_small_selection_is_sent_with_real_surroundings(gimp: Gimp, sandbox: Sandbox) -> None:
    picture = photo("coffee", 600, 400)
    image = gimp.new_image(600, 400)
    layer = gimp.add_layer(image, raw(picture))
    gimp.select(image, (10, 10, 6, 5), "rectangle")
    sandbox.switch(identity=True)
    (new,) = gimp.run(EDIT, image, [layer], prompt="pink", context=0, selection="local")["layers"]
    (file,) = posts(sandbox)[0].files
    facts = gimp.describe(new)
    (x, y), (width, height) = facts["offsets"], facts["size"]
    assert (file.width, file.height) == (width, height), "no padding"
    assert width * height >= LEAST
    check_equal(decoded(file.data), picture[y : y + height, x : x + width], "what was sent")


def test_a_small_layer_can_be_cut_out(gimp: Gimp, sandbox: Sandbox) -> None:
    picture = photo("chelsea", 90, 70)
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(picture), (-5, 17))
    sandbox.switch(identity=True)
    (new,) = gimp.run(CUTOUT, image, [layer])["layers"]
    facts = gimp.describe(new)
    assert (facts["offsets"], facts["size"]) == ((-5, 17), (90, 70))
    check_equal(array(gimp.pixels(new, "R'G'B'A u8"))[..., :3], picture, "the cut-out")


def test_a_layer_larger_than_the_most_is_scaled_down_and_comes_back_in_place(
    gimp: Gimp, sandbox: Sandbox
) -> None:
    width, height = 6400, 5400
    small = photo("coffee", 400, 337).astype(np.uint8)
    picture = np.repeat(np.repeat(small, 17, axis=0)[:height], 16, axis=1)  # blocks: cheap, with edges
    picture = np.ascontiguousarray(picture[:height, :width])
    image = gimp.new_image(width, height)
    layer = gimp.add_layer(image, raw(picture))
    sandbox.switch(identity=True)
    run = gimp.run(EDIT, image, [layer], prompt="change nothing")
    assert run["error"] == ""
    (file,) = posts(sandbox)[0].files
    assert 0.99 * MOST < file.width * file.height <= MOST
    (new,) = run["layers"]
    facts = gimp.describe(new)
    assert (facts["offsets"], facts["size"]) == ((0, 0), (width, height))
    found = array(gimp.pixels(new, "R'G'B'A u8"))
    for down, across in ((0, 0), (2600, 3100), (height - 500, width - 500)):
        part = np.s_[down : down + 500, across : across + 500]
        near = np.abs(found[part][..., :3].astype(int) - picture[part]).mean()
        moved = np.abs(found[part][:, 2:, :3].astype(int) - picture[part][:, :-2]).mean()
        assert near < 2.0, "softer by what the scaling costs"
        assert near < moved, "and not moved"
