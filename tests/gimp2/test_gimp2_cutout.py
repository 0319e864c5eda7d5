"""Remove Background in GIMP 2.10: the source's own pixels, cut out by the returned alpha."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from gimp2_machine import Array, Gimp2, cover
from gimp2_scene import CUTOUT, found_in, rgba
from pictures import check_equal, decoded, photo
from PIL import Image
from stack import hidden, untouched
from support import posts
from test_gimp2_modes import FLOAT_LINEAR, U16_GAMMA, U16_LINEAR, convert

from venice_core.imaging.foreground_estimation import estimate_foreground
from venice_core.sandbox import Sandbox, picture_effects

SIZE, AT = (300, 260), (-30, 25)
MODES: dict[str, dict[str, Any]] = {
    "8 bit": {},
    "grayscale": {"base": "gray"},
    "16 bit gamma": {"precision": U16_GAMMA},
    "16 bit linear": {"precision": U16_LINEAR},
    "16 bit gamma AdobeRGB": {"precision": U16_GAMMA, "profile": True},
    "float AdobeRGB": {"precision": FLOAT_LINEAR, "profile": True},
}


def make_photo(gimp: Gimp2) -> tuple[int, int]:
    image = gimp.new_image(360, 300)
    gimp.add_layer(image, photo("chelsea", 360, 300), name="behind")
    layer = gimp.add_layer(image, photo("astronaut", *SIZE), AT, "source")
    return image, layer


def seen_by(sandbox: Sandbox) -> tuple[Array, Array, Array]:
    """What was sent, the alpha that the sandbox answered with, and where colors were found for the rim."""
    sent = decoded(posts(sandbox)[0].files[0].data)[..., :3]
    matte = np.asarray(picture_effects.remove_background(Image.fromarray(sent)))[..., 3]
    colors, rim = estimate_foreground(np.dstack([sent, np.full(matte.shape, 255, np.uint8)]), matte)
    return colors, matte, rim


def exact(gimp: Gimp2, layer: int) -> Any:
    """A layer's own values at 16 bit, with alpha."""
    found = cv2.imread(gimp.exact(layer)["path"], cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_out_has_the_sources_own_pixels(gimp: Gimp2, sandbox: Sandbox, mode: str) -> None:
    image, source = make_photo(gimp)
    convert(gimp, image, **MODES[mode])
    before, own = gimp.snapshot(image), exact(gimp, source)
    run = gimp.run(CUTOUT, image, source)
    assert run["error"] == ""
    after = gimp.snapshot(image)
    assert untouched(after, run["layer"]) == hidden(untouched(before), source)
    siblings, place = found_in(after["layers"], run["layer"])
    layer = siblings[place]
    assert siblings[place + 1]["id"] == source
    assert (layer["offsets"], layer["size"], layer["mask"]) == (list(AT), list(SIZE), None)
    assert layer["name"].endswith("source")
    found = exact(gimp, run["layer"])
    colors, matte, rim = seen_by(sandbox)
    check_equal(rgba(gimp.pixels(run["layer"]))[..., 3], matte, f"{mode}: the alpha")
    kept = (matte > 0) & (rim == 0)
    assert 0.002 < kept.mean() < 0.98
    assert (rim > 0).any()
    assert np.array_equal(found[kept][:, :-1], own[kept][:, :-1]), "every color value is the source's"
    if "base" not in MODES[mode]:
        in_rim = (rim > 0) & (matte > 0)
        # more than 8 bit is rounded twice, in GIMP 2.10's PNG and here
        check_equal(rgba(gimp.pixels(run["layer"]))[in_rim][:, :3], colors[in_rim], f"{mode}: the rim", 1)


def test_without_defringe_every_color_is_the_sources(gimp: Gimp2, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    own = exact(gimp, source)
    new = gimp.run(CUTOUT, image, source, values={"defringe": 0})["layer"]
    found = exact(gimp, new)
    kept = found[..., 3] > 0
    assert np.array_equal(found[kept][:, :3], own[kept][:, :3])


def test_a_transparent_source_stays_transparent_there(gimp: Gimp2, sandbox: Sandbox) -> None:
    picture = rgba(photo("astronaut", *SIZE))
    picture[:, :80, 3] = 90
    image = gimp.new_image(360, 300)
    source = gimp.add_layer(image, picture, AT)
    new = gimp.run(CUTOUT, image, source)["layer"]
    alpha = rgba(gimp.pixels(new))[..., 3]
    sent = decoded(posts(sandbox)[0].files[0].data)[..., :3]
    matte = np.asarray(picture_effects.remove_background(Image.fromarray(sent)))[..., 3]
    expected = np.rint(picture[..., 3] / 255.0 * matte).astype(np.uint8)
    check_equal(alpha, expected, "the alpha", 1)


@pytest.mark.parametrize(("has_mask", "enabled"), [(False, True), (True, True), (True, False)])
def test_a_masked_copy_has_the_sources_pixels_and_both_masks(
    gimp: Gimp2, sandbox: Sandbox, has_mask: bool, enabled: bool
) -> None:
    image, source = make_photo(gimp)
    old = np.tile(np.linspace(0, 255, SIZE[0]).astype(np.uint8), (SIZE[1], 1))
    if has_mask:
        gimp.add_mask(source, cover(old), enabled)
    before = gimp.snapshot(image)
    run = gimp.run(CUTOUT, image, source, values={"output": "mask"})
    assert run["error"] == ""
    assert untouched(gimp.snapshot(image), run["layer"]) == hidden(untouched(before), source)
    assert np.array_equal(exact(gimp, run["layer"])[..., :3], exact(gimp, source)[..., :3])
    layer = gimp.describe(run["layer"])
    assert (layer["offsets"], layer["size"]) == (list(AT), list(SIZE))
    assert layer["mask_use"][0]
    found = np.asarray(gimp.mask_of(run["layer"]))
    sent = decoded(posts(sandbox)[0].files[0].data)[..., :3]
    matte = np.asarray(picture_effects.remove_background(Image.fromarray(sent)))[..., 3]
    expected = np.rint(old / 255.0 * matte).astype(np.uint8) if has_mask and enabled else matte
    check_equal(found, expected, "the layer mask", 1 if has_mask and enabled else 0)


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_with_a_selection_the_cut_out_stays_within_it(gimp: Gimp2, sandbox: Sandbox, output: str) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (60, 60, 120, 140), feather=10.0)
    coverage = np.asarray(gimp.coverage(image))
    new = gimp.run(CUTOUT, image, source, values={"output": output})["layer"]
    layer = gimp.describe(new)
    alpha = rgba(gimp.pixels(new))[..., 3] if output == "layer" else np.asarray(gimp.mask_of(new))
    (x, y), whole = layer["offsets"], np.pad(coverage, 400)
    inside = whole[y + 400 :, x + 400 :][: alpha.shape[0], : alpha.shape[1]]
    assert (alpha[inside == 0] == 0).all()
    assert alpha.max() > 200


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_a_group_is_cut_out_as_it_shows(gimp: Gimp2, sandbox: Sandbox, output: str) -> None:
    image = gimp.new_image(360, 300)
    group = gimp.add_group(image)
    gimp.add_layer(image, photo("astronaut", *SIZE), AT, "inside", group)
    before = gimp.snapshot(image)
    run = gimp.run(CUTOUT, image, group, values={"output": output})
    assert run["error"] == ""
    assert untouched(gimp.snapshot(image), run["layer"]) == hidden(untouched(before), group)
    layer = gimp.describe(run["layer"])
    assert (layer["offsets"], layer["size"], layer["children"]) == (list(AT), list(SIZE), [])


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("output", ["layer", "mask"])
def test_layers_linked_with_the_source_stay_where_they_are(
    gimp: Gimp2, sandbox: Sandbox, output: str, locked: bool
) -> None:
    """A copy is linked as its original, and what is linked moves together."""
    image, source = make_photo(gimp)
    for layer in [each["id"] for each in gimp.snapshot(image)["layers"]]:
        gimp.call("call", "gimp-item-set-linked", {"item": layer}, True)
    gimp.call("call", "gimp-item-set-lock-position", {"item": source}, locked)
    before = gimp.snapshot(image)
    run = gimp.run(CUTOUT, image, source, values={"output": output})
    assert run["error"] == ""
    assert untouched(gimp.snapshot(image), run["layer"]) == hidden(untouched(before), source)
    assert gimp.describe(run["layer"])["offsets"] == list(AT)


def test_a_masked_copy_is_normal_in_every_respect(gimp: Gimp2, sandbox: Sandbox) -> None:
    """But its composite space, which is what its neighbors have."""
    image, source = make_photo(gimp)
    modes = "blend-space", "composite-mode"
    for mode in modes:
        gimp.call("call", "gimp-layer-set-" + mode, {"item": source}, 2)
    run = gimp.run(CUTOUT, image, source, values={"output": "mask"})
    assert run["error"] == ""
    if gimp.backend == "memory":
        pytest.skip("nobody can ask the model for these")
    for mode in modes:
        assert gimp.call("call", "gimp-layer-get-" + mode, {"item": run["layer"]}) == 0, mode
