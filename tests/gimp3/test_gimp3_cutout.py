"""Remove Background: the source's own pixels, cut out by the returned alpha."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, decoded, levels, photo, raw
from PIL import Image
from stack import hidden, untouched
from support import posts

from venice_core.geometry.affine import Affine
from venice_core.imaging import matte_upsampling
from venice_core.imaging.foreground_estimation import estimate_foreground
from venice_core.sandbox import Sandbox, picture_effects

CUTOUT = "plug-in-venice-remove-background"
SIZE, AT = (480, 360), (-30, 25)
MODES: dict[str, tuple[dict[str, Any], str, float]] = {
    "8 bit": ({}, "u1", 255.0),
    "grayscale": ({"base": "gray"}, "u1", 255.0),
    "16 bit gamma": ({"precision": "U16_NON_LINEAR"}, "u2", 65535.0),
    "16 bit linear": ({"precision": "U16_LINEAR"}, "u2", 65535.0),
    "16 bit gamma AdobeRGB": ({"precision": "U16_NON_LINEAR", "adobe_rgb": True}, "u2", 65535.0),
    "32 bit float linear": ({"precision": "FLOAT_LINEAR"}, "f4", 1.0),
}


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(600, 400)
    gimp.add_layer(image, raw(photo("chelsea", 600, 400)), name="behind")
    layer = gimp.add_layer(image, raw(photo("astronaut", *SIZE)), AT, "source")
    gimp.select_layers(image, [layer])
    return image, layer


def matte_of(seen: Any) -> Any:
    """The alpha that the sandbox answered with, worked out again from what was sent."""
    sent = Image.fromarray(decoded(seen.files[0].data))
    return np.asarray(picture_effects.remove_background(sent))[..., 3]


def found_in(seen: Any) -> tuple[Any, Any]:
    """The colors of the foreground in what was sent, and where they are not its own."""
    sent = decoded(seen.files[0].data)
    opaque = np.full(sent.shape[:2], 255, np.uint8)
    return estimate_foreground(np.dstack([sent, opaque]), matte_of(seen))


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_out_has_the_sources_own_pixels_at_full_precision(
    gimp: Gimp, sandbox: Sandbox, mode: str
) -> None:
    convert, kind, one = MODES[mode]
    image, source = make_photo(gimp)
    gimp.convert(image, **convert)
    before, own = gimp.snapshot(image), array(gimp.pixels(source), kind)

    run = gimp.run(CUTOUT, image, [source], output="layer")

    assert run["error"] == ""
    (new,) = run["layers"]
    layer = gimp.describe(new)
    assert (layer["offsets"], layer["size"], layer["mask"]) == (AT, SIZE, None)
    assert (layer["mode"], layer["opacity"], layer["visible"]) == ("normal", 100.0, True)
    places = [each["id"] for each in gimp.tree(image)]
    assert places.index(new) == places.index(source) - 1
    assert untouched(gimp.snapshot(image), new) == hidden(untouched(before), source)

    (seen,) = posts(sandbox)
    found, own = array(gimp.pixels(new), kind), own.reshape(*SIZE[::-1], -1)
    colors = 1 if convert.get("base") == "gray" else 3
    kept = found[..., -1] > 0
    assert 0.02 < kept.mean() < 0.98
    _, rim = found_in(seen)
    assert 0.002 < (rim > 0).mean() < 0.1
    kept &= rim == 0
    assert np.array_equal(found[kept][:, :colors], own[kept][:, :colors]), "every color byte is the source's"
    check_equal(found[..., -1] / one * 255.0, matte_of(seen), f"{mode}, the alpha", tolerance=0.01)


@pytest.mark.parametrize("mode", MODES)
def test_the_rim_of_a_cut_out_has_the_colors_of_the_foreground(
    gimp: Gimp, sandbox: Sandbox, mode: str
) -> None:
    image, source = make_photo(gimp)
    gimp.convert(image, **MODES[mode][0])
    (new,) = gimp.run(CUTOUT, image, [source])["layers"]
    colors, rim = found_in(posts(sandbox)[0])
    found = levels(gimp.pixels(new, "R'G'B'A float"))[rim > 0][:, :3]
    gray = MODES[mode][0].get("base") == "gray"
    assert np.abs(found - colors[rim > 0]).max() <= (1.6 if gray else 1.01)


@pytest.mark.parametrize("mode", MODES)
def test_without_defringe_every_color_of_a_cut_out_is_the_sources(
    gimp: Gimp, sandbox: Sandbox, mode: str
) -> None:
    convert, kind, _ = MODES[mode]
    image, source = make_photo(gimp)
    gimp.convert(image, **convert)
    own = array(gimp.pixels(source), kind).reshape(*SIZE[::-1], -1)
    (new,) = gimp.run(CUTOUT, image, [source], defringe=False)["layers"]
    found = array(gimp.pixels(new), kind)
    colors, kept = 1 if convert.get("base") == "gray" else 3, found[..., -1] > 0
    assert np.array_equal(found[kept][:, :colors], own[kept][:, :colors])


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_the_matte_of_a_smaller_answer_follows_the_sources_edges(
    gimp: Gimp, sandbox: Sandbox, output: str
) -> None:
    image, source = make_photo(gimp)
    sandbox.switch(size="120x90")
    (new,) = gimp.run(CUTOUT, image, [source], output=output)["layers"]
    sent = decoded(posts(sandbox)[0].files[0].data)
    answer = Image.fromarray(sent)
    small = np.asarray(picture_effects.remove_background(answer).resize((120, 90), Image.Resampling.LANCZOS))[
        ..., 3
    ]
    layer = gimp.describe(new)
    found = gimp.pixels(layer["mask_id"], "Y u8") if output == "mask" else gimp.pixels(new, "A u8")
    seen, to_small = cv2.resize(sent, (120, 90), interpolation=cv2.INTER_AREA), Affine.scaling(0.25, 0.25)
    expected = matte_upsampling.upsample_matte(small, seen, sent, to_small)
    assert np.abs(array(found).astype(int) - expected).mean() < 0.5
    assert layer["size"] == SIZE


def test_an_indexed_cut_out_keeps_its_palette_colors(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    gimp.convert(image, "indexed")
    own = array(gimp.pixels(source))
    (new,) = gimp.run(CUTOUT, image, [source])["layers"]
    found = array(gimp.pixels(new))
    colors, rim = found_in(posts(sandbox)[0])
    kept = (found[..., 1] > 0) & (rim == 0)
    assert gimp.describe(new)["type"] == "indexeda-image"
    assert 0.02 < kept.mean() < 0.98
    assert np.array_equal(found[..., 0][kept], own[kept])
    shown = array(gimp.pixels(new, "R'G'B'A u8"))[rim > 0][:, :3]
    assert np.abs(shown.astype(int) - colors[rim > 0]).mean() < 12, "the palette's nearest"


def test_the_sources_alpha_and_active_mask_count(gimp: Gimp, sandbox: Sandbox) -> None:
    picture = np.dstack([photo("astronaut", *SIZE), np.full(SIZE[::-1], 255, np.uint8)])
    picture[:, :60, 3] = 0
    picture[:, 60:120, 3] = 128
    coverage = np.full(SIZE[::-1], 255, np.uint8)
    coverage[:70] = 0
    coverage[70:140] = 100
    image = gimp.new_image(*SIZE)
    source = gimp.add_layer(image, raw(picture))
    gimp.add_mask(source, raw(coverage))
    before = gimp.describe(source)
    sandbox.switch(identity=True)  # a matte of 255 everywhere
    (new,) = gimp.run(CUTOUT, image, [source])["layers"]
    found = array(gimp.pixels(new))
    expected = picture[..., 3].astype(float) * coverage / 255.0
    check_equal(found[..., 3], expected, "source alpha × mask", tolerance=1.0)
    kept = found[..., 3] > 0
    assert np.array_equal(found[kept][:, :3], picture[kept][:, :3])
    assert gimp.describe(source) == {**before, "visible": False}


def test_a_mask_that_is_switched_off_does_not_count(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    gimp.add_mask(source, raw(np.zeros(SIZE[::-1], np.uint8)), enabled=False)
    sandbox.switch(identity=True)
    (new,) = gimp.run(CUTOUT, image, [source])["layers"]
    found = array(gimp.pixels(new))
    check_equal(found[..., :3], photo("astronaut", *SIZE), "the cut-out")
    assert (found[..., 3] == 255).all()


@pytest.mark.parametrize("mode", ["8 bit", "16 bit gamma"])
def test_as_a_mask_it_is_a_copy_with_its_own_pixels(gimp: Gimp, sandbox: Sandbox, mode: str) -> None:
    image, source = make_photo(gimp)
    gimp.convert(image, **MODES[mode][0])
    before = gimp.snapshot(image)
    (new,) = gimp.run(CUTOUT, image, [source], output="mask")["layers"]
    layer = gimp.describe(new)
    assert layer["pixels"] == gimp.describe(source)["pixels"]
    assert (layer["offsets"], layer["size"], layer["mask_use"][0]) == (AT, SIZE, True)
    alpha = matte_of(posts(sandbox)[0])
    assert 0.02 < (alpha > 0).mean() < 0.98
    check_equal(array(gimp.pixels(layer["mask_id"], "Y u8")), alpha, "the layer mask")
    assert untouched(gimp.snapshot(image), new) == hidden(untouched(before), source)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_mask_made_of_a_masked_source_multiplies_the_active_one(
    gimp: Gimp, sandbox: Sandbox, enabled: bool
) -> None:
    image, source = make_photo(gimp)
    coverage = np.tile(np.linspace(0, 255, SIZE[0]).astype(np.uint8), (SIZE[1], 1))
    gimp.add_mask(source, raw(coverage), enabled)
    before = gimp.describe(source)
    (new,) = gimp.run(CUTOUT, image, [source], output="mask")["layers"]
    layer = gimp.describe(new)
    alpha = matte_of(posts(sandbox)[0]).astype(float)
    expected = np.rint(alpha * coverage / 255.0) if enabled else alpha
    check_equal(array(gimp.pixels(layer["mask_id"], "Y u8")), expected, "the layer mask")
    assert layer["pixels"] == before["pixels"]
    assert gimp.describe(source) == {**before, "visible": False}


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_with_a_selection_only_its_surroundings_are_sent_and_the_cut_out_stays_within(
    gimp: Gimp, sandbox: Sandbox, output: str
) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (100, 60, 200, 200), feather=10.0)
    before = gimp.snapshot(image)
    coverage = array(gimp.coverage(image))
    sandbox.switch(identity=True)
    (new,) = gimp.run(CUTOUT, image, [source], output=output)["layers"]
    (file,) = posts(sandbox)[0].files
    assert file.width < SIZE[0]
    assert file.height < SIZE[1]
    alpha = np.zeros((400, 600))
    layer = gimp.describe(new)
    found = array(
        gimp.pixels(layer["mask_id"] if output == "mask" else new, "Y u8" if output == "mask" else None)
    )
    found = found if output == "mask" else found[..., 3]
    (x, y), (width, height) = layer["offsets"], layer["size"]
    left, top = max(0, -x), max(0, -y)
    alpha[y + top : y + height, x + left : x + width] = found[top:, left:][: 400 - y - top]
    check_equal(alpha, coverage, "the alpha within the canvas", tolerance=0.0 if output == "mask" else 1.0)
    assert untouched(gimp.snapshot(image), new) == untouched(before)


def group(gimp: Gimp, image: int) -> int:
    found = gimp.add_group(image)
    gimp.add_layer(image, raw(photo("astronaut", *SIZE)), (20, 10), "one", found)
    gimp.add_layer(image, raw(photo("coffee", 200, 150)), (180, 140), "two", found, opacity=50.0)
    return found


def text(gimp: Gimp, image: int) -> int:
    return gimp.add_text(image, "Venice", (20, 40), 190.0)


def filtered(gimp: Gimp, image: int) -> int:
    layer = gimp.add_layer(image, raw(photo("astronaut", *SIZE)), (20, 10))
    gimp.add_filter(layer, "gegl:gaussian-blur", std_dev_x=5.0, std_dev_y=5.0)
    return layer


@pytest.mark.parametrize("make", [group, text, filtered])
@pytest.mark.parametrize("output", ["layer", "mask"])
def test_what_has_no_plain_pixels_is_copied_as_rendered(
    gimp: Gimp, sandbox: Sandbox, make: Any, output: str
) -> None:
    image = gimp.new_image(600, 400)
    gimp.add_layer(image, raw(photo("chelsea", 600, 400)), name="behind")
    source = make(gimp, image)
    gimp.select_layers(image, [source])
    before, facts = gimp.snapshot(image), gimp.describe(source)
    shown = array(gimp.shown(source, (*facts["offsets"], *facts["size"])))
    sandbox.switch(identity=True)
    run = gimp.run(CUTOUT, image, [source], output=output)
    assert run["error"] == ""
    (new,) = run["layers"]
    layer = gimp.describe(new)
    assert (layer["group"], layer["text"], layer["filters"]) == (False, None, [])
    assert (layer["offsets"], layer["size"]) == (facts["offsets"], facts["size"])
    found = array(gimp.pixels(new, "R'G'B'A u8"))
    check_equal(found[..., 3], shown[..., 3], f"the alpha of {make.__name__}")
    kept = shown[..., 3] > 0
    check_equal(found[kept], shown[kept], f"the pixels of {make.__name__}")
    assert untouched(gimp.snapshot(image), new) == hidden(untouched(before), source)


@pytest.mark.parametrize("make", [group, filtered])
@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "FLOAT_LINEAR"])
def test_outside_its_rim_the_cut_out_of_such_a_source_is_as_rendered(
    gimp: Gimp, sandbox: Sandbox, make: Any, precision: str
) -> None:
    image = gimp.new_image(600, 400)
    source = make(gimp, image)
    gimp.convert(image, precision=precision)
    facts = gimp.describe(source)
    shown = array(gimp.shown(source, (*facts["offsets"], *facts["size"])))
    form, kind = ("R'G'B'A u8", "u1") if precision == "U8_NON_LINEAR" else ("RGBA float", "f4")
    own = array(gimp.shown(source, (*facts["offsets"], *facts["size"]), form), kind)
    (new,) = gimp.run(CUTOUT, image, [source])["layers"]
    found = array(gimp.pixels(new, form), kind)
    _, rim = estimate_foreground(shown, matte_of(posts(sandbox)[0]))
    kept = (found[..., 3] > 0) & (rim == 0)
    assert 0.02 < kept.mean() < 0.98
    assert np.array_equal(found[kept][:, :3], own[kept][:, :3])


def test_a_cut_out_is_named_after_its_source_and_carries_its_recipe(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    (new,) = gimp.run(CUTOUT, image, [source])["layers"]
    layer = gimp.describe(new)
    assert "source" in layer["name"]
    assert "sandbox" in layer["name"]
    recipe = json.loads(layer["parasites"]["venice-recipe"].decode("ascii"))
    assert (recipe["version"], recipe["action"]) == (1, "cutout")
