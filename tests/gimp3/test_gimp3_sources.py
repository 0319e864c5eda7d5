"""Sources of every kind: what is sent is what the layer shows, and nothing about it changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, decoded, photo, raw
from support import posts
from test_gimp3_edit import untouched

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
SIZE = (400, 300)
GREEN = (0, 255, 0)


def plain(gimp: Gimp, image: int) -> int:
    return gimp.add_layer(image, raw(photo("chelsea", *SIZE)), (30, 20))


def masked(gimp: Gimp, image: int, *, enabled: bool = True) -> int:
    """What the mask hides is pure green, which occurs nowhere else."""
    picture = photo("chelsea", *SIZE)
    picture[:, :150] = GREEN
    coverage = np.full(SIZE[::-1], 255, np.uint8)
    coverage[:, :150] = 0
    layer = gimp.add_layer(image, raw(picture), (30, 20))
    gimp.add_mask(layer, raw(coverage), enabled)
    return layer


def with_disabled_mask(gimp: Gimp, image: int) -> int:
    return masked(gimp, image, enabled=False)


def filtered(gimp: Gimp, image: int) -> int:
    layer = plain(gimp, image)
    gimp.add_filter(layer, "gegl:gaussian-blur", std_dev_x=6.0, std_dev_y=6.0)
    return layer


def group(gimp: Gimp, image: int) -> int:
    found = gimp.add_group(image)
    gimp.add_layer(image, raw(photo("chelsea", *SIZE)), (30, 20), "one", found)
    gimp.add_layer(image, raw(photo("coffee", 200, 150)), (180, 140), "two", found, opacity=50.0)
    return found


def masked_group(gimp: Gimp, image: int) -> int:
    found = group(gimp, image)
    coverage = np.full(SIZE[::-1], 255, np.uint8)
    coverage[100:] = 0
    gimp.add_mask(found, raw(coverage))
    return found


def text(gimp: Gimp, image: int) -> int:
    return gimp.add_text(image, "Venice", (20, 40), 190.0)


def hidden(gimp: Gimp, image: int) -> int:
    return gimp.add_layer(image, raw(photo("chelsea", *SIZE)), (30, 20), visible=False)


def faint(gimp: Gimp, image: int) -> int:
    return gimp.add_layer(image, raw(photo("chelsea", *SIZE)), (30, 20), opacity=40.0)


def partly_outside(gimp: Gimp, image: int) -> int:
    return gimp.add_layer(image, raw(photo("chelsea", *SIZE)), (-120, 200))


SOURCES = [
    plain,
    masked,
    with_disabled_mask,
    filtered,
    group,
    masked_group,
    text,
    hidden,
    faint,
    partly_outside,
]


@pytest.mark.parametrize("make", SOURCES)
def test_what_is_sent_is_what_the_layer_shows(
    gimp: Gimp, sandbox: Sandbox, make: Callable[[Gimp, int], int]
) -> None:
    image = gimp.new_image(600, 400)
    gimp.add_layer(image, raw(photo("astronaut", 600, 400)), name="behind")
    source = make(gimp, image)
    gimp.add_layer(image, raw(photo("coffee", 100, 100)), (200, 120), "in front")
    gimp.select_layers(image, [source])
    facts, before = gimp.describe(source), gimp.snapshot(image)
    bounds = (*facts["offsets"], *facts["size"])
    shown = array(gimp.shown(source, bounds))

    run = gimp.run(EDIT, image, [source], prompt="make it pink")

    assert run["error"] == ""
    (seen,) = posts(sandbox)
    (file,) = seen.files
    sent, solid = decoded(file.data), shown[..., 3] == 255
    assert solid.sum() > 5000
    check_equal(sent[solid], shown[solid][:, :3], f"what was sent of {make.__name__}")
    near_green = (sent[..., 1] > 180) & (sent[..., 0] < 90) & (sent[..., 2] < 90)
    assert near_green.any() == (make is with_disabled_mask), "what the mask hides is not sent"

    (new,) = run["layers"]
    assert untouched(gimp.snapshot(image), new) == untouched(before)
    alpha = array(gimp.pixels(new, "R'G'B'A u8"))[..., 3]
    check_equal(alpha, shown[..., 3], f"the alpha of the result over {make.__name__}")
    assert gimp.describe(new)["text"] is None


def test_these_sources_show_something_else_than_their_own_pixels(gimp: Gimp) -> None:
    """Guards the test above: reading the buffer alone would not do."""
    image = gimp.new_image(600, 400)
    for make in (masked, filtered, masked_group):
        source = make(gimp, image)
        facts = gimp.describe(source)
        shown = gimp.shown(source, (*facts["offsets"], *facts["size"]))
        assert gimp.pixels(source, "R'G'B'A u8") != shown, make.__name__


@pytest.mark.parametrize("base", ["16 bit", "indexed", "gray"])
def test_masks_and_filters_count_in_other_modes_too(gimp: Gimp, sandbox: Sandbox, base: str) -> None:
    image = gimp.new_image(600, 400)
    source = masked(gimp, image)
    if base == "16 bit":
        gimp.convert(image, precision="U16_NON_LINEAR", adobe_rgb=True)
    else:
        gimp.convert(image, base)
    if base != "indexed":
        gimp.add_filter(source, "gegl:gaussian-blur", std_dev_x=3.0, std_dev_y=3.0)
    shown = array(gimp.shown(source, (30, 20, *SIZE)))
    gimp.run(EDIT, image, [source], prompt="make it pink")
    sent, solid = decoded(posts(sandbox)[0].files[0].data), shown[..., 3] == 255
    # GIMP computes the filter anew, in other pieces: of 16 bits, some round to 8 the other way
    tolerance = 1.0 if base == "16 bit" else 0.0
    check_equal(sent[solid], shown[solid][:, :3], f"what was sent in {base}", tolerance)


def test_sampling_what_is_visible_sends_the_canvas_and_places_above_all_of_it(
    gimp: Gimp, sandbox: Sandbox
) -> None:
    image = gimp.new_image(600, 400)
    gimp.add_layer(image, raw(photo("astronaut", 600, 400)), name="behind")
    source = partly_outside(gimp, image)
    gimp.add_layer(image, raw(photo("coffee", 200, 150)), (100, 150), "in front", opacity=70.0)
    before = gimp.snapshot(image)
    canvas = array(gimp.visible(image, "R'G'B'A u8"))

    run = gimp.run(EDIT, image, [source], prompt="make it pink", sample="visible", feather=0)

    (new,) = run["layers"]
    layer = gimp.describe(new)
    x, y = layer["offsets"]
    width, height = layer["size"]
    assert (x, y, width, height) == (0, 200, 280, 200), "the layer's part of the canvas"
    sent = decoded(posts(sandbox)[0].files[0].data)
    left, top = (sent.shape[1] - width) // 2, (sent.shape[0] - height) // 2
    inner = sent[top : top + height, left : left + width]
    check_equal(inner, canvas[y : y + height, x : x + width, :3], "what was sent")
    assert gimp.tree(image)[0]["id"] == new
    assert untouched(gimp.snapshot(image), new) == untouched(before)
