"""Every base type, precision and profile: what leaves is what is seen, and what comes back is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from expected import expected_mask
from gimp2_machine import Array, Gimp2
from gimp2_scene import EDIT, rgba, selection_of
from pictures import check_equal, decoded, photo
from stack import untouched
from support import adobe_rgb, posts, srgb

from venice_core.sandbox import Sandbox

SIZE = (300, 256)
U8_LINEAR, U16_LINEAR, U16_GAMMA, HALF_GAMMA, FLOAT_LINEAR = 100, 200, 250, 550, 600
# name -> how to convert, by how many levels colors may differ on their way into 8 bit and back
MODES: dict[str, tuple[dict[str, Any], int]] = {
    "8 bit": ({}, 0),
    "8 bit linear": ({"precision": U8_LINEAR}, 7),
    "8 bit AdobeRGB": ({"profile": True}, 1),
    "16 bit linear": ({"precision": U16_LINEAR}, 0),
    "16 bit AdobeRGB": ({"precision": U16_GAMMA, "profile": True}, 0),
    "half float": ({"precision": HALF_GAMMA}, 0),
    "float AdobeRGB": ({"precision": FLOAT_LINEAR, "profile": True}, 0),
    "grayscale": ({"base": "gray"}, 1),
    "grayscale, 16 bit linear": ({"base": "gray", "precision": U16_LINEAR}, 1),
}


def convert(
    gimp: Gimp2, image: int, base: str = "rgb", precision: int | None = None, profile: bool = False
) -> None:
    uri = None
    if profile:
        path = gimp.folder / "adobe.icc"
        path.write_bytes(adobe_rgb())
        uri = path.as_uri()
    gimp.convert(image, base, precision, uri)


def answer_of(gimp: Gimp2, height: int, width: int) -> Array:
    """What the sandbox answered, without the padding, as it is where nothing is moved or matched."""
    (path,) = Path(gimp.home / "jobs").glob("*/answer.bin")
    picture = decoded(path.read_bytes())
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.asarray(picture[top : top + height, left : left + width, :3], np.uint8)


@pytest.mark.parametrize("mode", MODES)
def test_pixels_go_out_and_come_back_in_every_mode(gimp: Gimp2, sandbox: Sandbox, mode: str) -> None:
    how, tolerance = MODES[mode]
    image = gimp.new_image(360, 280)
    source = gimp.add_layer(image, photo("coffee", *SIZE), (20, 10))
    convert(gimp, image, **how)
    gimp.select(image, (80, 60, 150, 120), feather=12.0)
    before, own = gimp.snapshot(image), rgba(gimp.pixels(source))
    mask, _ = expected_mask(selection_of(gimp, image), (20, 10, *SIZE), 0, 0)

    values = {"prompt": "make it pink", "align": 0, "match_colors": 0, "feather": 0, "selection": "local"}
    run = gimp.run(EDIT, image, source, values=values)

    assert run["error"] == ""
    after = gimp.snapshot(image)
    assert untouched(after, run["layer"]) == untouched(before)
    layer = gimp.describe(run["layer"])
    (x, y), (width, height) = layer["offsets"], layer["size"]
    sent = decoded(posts(sandbox)[0].files[0].data)
    top, left = (sent.shape[0] - height) // 2, (sent.shape[1] - width) // 2
    part = own[y - 10 :, x - 20 :][:height, :width, :3]
    check_equal(sent[top : top + height, left : left + width, :3], part, f"{mode}: what was sent", 1)

    answer, found = answer_of(gimp, height, width), rgba(gimp.pixels(run["layer"]))
    if how.get("base") == "gray":
        assert (found[..., 0] == found[..., 2]).all()
        assert "grayscale" in " ".join(run["messages"])
    else:
        check_equal(found[..., :3], answer, f"{mode}: the result", tolerance)
    check_equal(
        np.asarray(gimp.mask_of(run["layer"])), mask[y:, x:][:height, :width], f"{mode}: the layer mask"
    )


def test_an_indexed_image_keeps_its_palette_and_says_so(gimp: Gimp2, sandbox: Sandbox) -> None:
    image = gimp.new_image(300, 256)
    source = gimp.add_layer(image, photo("coffee", *SIZE))
    gimp.convert(image, "indexed")
    gimp.select(image, (80, 60, 150, 120))
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, source, values={"prompt": "make it pink"})
    assert run["error"] == ""
    assert untouched(gimp.snapshot(image), run["layer"]) == untouched(before)
    assert "indexed" in " ".join(run["messages"])
    assert gimp.describe(run["layer"])["type"] == 5, "INDEXEDA_IMAGE"


def test_colors_outside_srgb_are_counted_and_told(gimp: Gimp2, sandbox: Sandbox) -> None:
    """Only a real GIMP has such colors."""
    if gimp.backend == "memory":
        pytest.skip("the model's colors are all sRGB")
    image = gimp.new_image(*SIZE)
    source = gimp.add_layer(image, np.full((256, 300, 3), (0, 255, 0), np.uint8))
    path = gimp.folder / "adobe.icc"
    path.write_bytes(adobe_rgb())
    data = list(adobe_rgb())
    gimp.call("call", "gimp-image-convert-precision", {"image": image}, U16_GAMMA)
    gimp.call(
        "call", "gimp-image-set-color-profile", {"image": image}, len(data), data
    )  # what is 0, 255, 0 there
    run = gimp.run(EDIT, image, source, values={"prompt": "pink"})
    assert run["error"] == ""
    assert "100% of what was sent has colors outside sRGB" in " ".join(run["messages"])


@pytest.mark.parametrize(("profile", "wide"), [("sRGB", False), ("AdobeRGB", True)])
def test_only_what_may_lie_outside_srgb_is_exported_as_floats_too(
    gimp: Gimp2, sandbox: Sandbox, profile: str, wide: bool
) -> None:
    """Most cameras write sRGB's own profile."""
    image = gimp.new_image(*SIZE)
    source = gimp.add_layer(image, photo("coffee", *SIZE))
    data = list(adobe_rgb() if wide else srgb())
    gimp.call("call", "gimp-image-set-color-profile", {"image": image}, len(data), data)
    run = gimp.run(EDIT, image, source, values={"prompt": "pink"})
    assert run["error"] == ""
    assert ("file-tiff-save" in run["called"]) == wide


def test_a_picture_that_needs_no_conversion_says_nothing(gimp: Gimp2, sandbox: Sandbox) -> None:
    image = gimp.new_image(*SIZE)
    source = gimp.add_layer(image, photo("coffee", *SIZE))
    run = gimp.run(EDIT, image, source, values={"prompt": "pink"})
    assert run["messages"] == []
    record = next((gimp.home / "jobs").glob("*/job.json")).read_text("utf-8")
    assert json.loads(record)["status"] == "placed"
