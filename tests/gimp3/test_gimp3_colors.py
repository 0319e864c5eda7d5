"""Colors: right in every base type, precision and profile, and what is not selected never changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from expected import expected_mask
from gimp3_machine import Gimp
from pictures import array, check_equal, decoded, levels, photo, raw
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox, Switches, picture_effects

EDIT = "plug-in-venice-edit"
SIZE = (600, 400)
MOST = (20, 15, 560, 370)
MODES: dict[str, dict[str, Any]] = {
    "8 bit": {},
    "grayscale": {"base": "gray"},
    "grayscale 16 bit": {"base": "gray", "precision": "U16_NON_LINEAR"},
    "indexed": {"base": "indexed"},
    "16 bit gamma": {"precision": "U16_NON_LINEAR"},
    "16 bit linear": {"precision": "U16_LINEAR"},
    "32 bit float linear": {"precision": "FLOAT_LINEAR"},
    "16 bit gamma AdobeRGB": {"precision": "U16_NON_LINEAR", "adobe_rgb": True},
}
TYPES = {"gray": "graya-image", "indexed": "indexeda-image"}
STORED = {
    "grayscale 16 bit": "u2",
    "16 bit gamma": "u2",
    "16 bit linear": "u2",
    "32 bit float linear": "f4",
    "16 bit gamma AdobeRGB": "u2",
}
every_mode = pytest.mark.parametrize("mode", MODES)


def make_photo(gimp: Gimp, mode: str) -> tuple[int, int]:
    image = gimp.new_image(*SIZE)
    layer = gimp.add_layer(image, raw(photo("coffee", *SIZE)))
    gimp.convert(image, **MODES[mode])
    return image, layer


@every_mode
def test_what_the_service_leaves_unchanged_comes_back_unchanged(
    gimp: Gimp, sandbox: Sandbox, mode: str
) -> None:
    image, source = make_photo(gimp, mode)
    gimp.select(image, MOST, feather=20.0)
    before = levels(gimp.visible(image, "R'G'B'A float"))
    sandbox.switch(identity=True)

    (new,) = gimp.run(EDIT, image, [source], prompt="change nothing")["layers"]

    layer = gimp.describe(new)
    assert layer["type"] == TYPES.get(MODES[mode].get("base", ""), "rgba-image")
    assert layer["size"] == SIZE, "240,000 px in one layer"
    after = levels(gimp.visible(image, "R'G'B'A float"))
    check_equal(after, before, f"{mode}, visible", tolerance=1.01)
    own = levels(gimp.pixels(new, "R'G'B'A float"))
    check_equal(own, before, f"{mode}, the layer by itself", tolerance=1.01)


@every_mode
def test_only_what_is_selected_changes_and_to_the_colors_of_the_answer(
    gimp: Gimp, sandbox: Sandbox, mode: str
) -> None:
    image, source = make_photo(gimp, mode)
    gimp.select(image, MOST, feather=30.0)
    before, pixels_before = (
        array(gimp.visible(image), STORED.get(mode, "u1")),
        gimp.describe(source)["pixels"],
    )
    mask, _ = expected_mask(array(gimp.coverage(image)), (0, 0, *SIZE), 4, 10)
    sandbox.switch(drift=True)

    run = gimp.run(EDIT, image, [source], prompt="make it pink", selection="local", grow=4, feather=10)

    (new,) = run["layers"]
    assert gimp.describe(source)["pixels"] == pixels_before
    after = array(gimp.visible(image), STORED.get(mode, "u1"))
    outside = mask == 0
    assert outside.sum() > 1000, "there is an outside"
    seen_outside = np.where(outside[..., None], after, before)
    check_equal(seen_outside, before, f"{mode}, what is visible outside the selection")
    assert not np.array_equal(after[~outside], before[~outside])
    layer = gimp.describe(new)
    check_equal(array(gimp.pixels(layer["mask_id"], "Y u8")), mask, f"{mode}, the layer mask")

    (seen,) = posts(sandbox)
    sent = Image.fromarray(decoded(seen.files[0].data))
    answer = np.asarray(picture_effects.disturb(picture_effects.edit(sent), Switches(drift=True)), np.float64)
    found = levels(gimp.pixels(new, "R'G'B'A float"))[..., :3]
    if MODES[mode].get("base") == "gray":
        light = found[..., 0]
        assert np.ptp(found, axis=-1).max() < 0.01
        assert light[mask == 255].mean() < 255 - 20
    elif MODES[mode].get("base") == "indexed":
        palette = np.unique(levels(gimp.pixels(source, "R'G'B'A float"))[..., :3].reshape(-1, 3), axis=0)
        own = np.unique(found.reshape(-1, 3), axis=0)
        nearest = np.abs(own[:, None] - palette[None]).max(axis=-1).min(axis=1)
        assert nearest.max() < 1.0, "its colors are the palette's"
    else:
        check_equal(found, answer, f"{mode}, the answer's colors", tolerance=1.01)


@every_mode
def test_what_is_sent_is_the_picture_in_srgb(gimp: Gimp, sandbox: Sandbox, mode: str) -> None:
    image, source = make_photo(gimp, mode)
    expected = levels(gimp.pixels(source, "R'G'B'A float"))[..., :3]
    gimp.run(EDIT, image, [source], prompt="make it pink")
    (seen,) = posts(sandbox)
    check_equal(decoded(seen.files[0].data), expected, f"{mode}, what was sent", tolerance=0.51)


def test_adobe_rgb_and_16_bit_matter_here(gimp: Gimp) -> None:
    """Guards the tests above: in that mode the numbers in the buffer are other than sRGB's."""
    _, source = make_photo(gimp, "16 bit gamma AdobeRGB")
    stored = array(gimp.pixels(source), "u2")[..., :3].astype(np.float64) / 257.0
    shown = levels(gimp.pixels(source, "R'G'B'A float"))[..., :3]
    assert np.abs(stored - shown).max() > 20


@pytest.mark.parametrize("adobe_rgb", [False, True])
def test_colors_outside_srgb_are_counted_and_told(gimp: Gimp, sandbox: Sandbox, adobe_rgb: bool) -> None:
    """AdobeRGB's green is one."""
    image = gimp.new_image(*SIZE)
    source = gimp.add_layer(image, (*SIZE, bytes((0, 255, 0)) * (SIZE[0] * SIZE[1])))
    gimp.convert(image, precision="U16_NON_LINEAR")
    if adobe_rgb:
        gimp.assign_profile(image, "rgb_adobe")
    printed = len(gimp.log())
    assert gimp.run(EDIT, image, [source], prompt="pink")["error"] == ""
    told = "100% of what was sent has colors outside sRGB" in gimp.log()[printed:]
    assert told == adobe_rgb
