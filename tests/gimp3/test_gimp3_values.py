"""Not one value changes outside the mask, in what the image itself stores, wherever the result lies.

GIMP converts all that lies below a layer to the space in which it mixes that layer. What is visible is read
in the image's own format: to any other it would be converted once more. VENICE_TEST_LONG=1 tries every
combination, which takes a quarter of an hour.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, photo

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
SIZE = WIDTH, HEIGHT = 160, 120
SELECTED = (60, 40, 40, 30)
MUCH = 300
"""So many values at least change inside."""

# Kinds of numbers as numpy knows them, and by how much they move at best: GIMP mixes in 32-bit floats, which
# have 24 bits.
KINDS = {
    "U8": ("u1", 0.0),
    "U16": ("u2", 0.0),
    "U32": ("u4", 128.0),
    "HALF": ("f2", 0.0),
    "FLOAT": ("f4", 0.0),
    "DOUBLE": ("f8", 2.0**-25),
}
PRECISIONS = [f"{kind}_{how}" for kind in KINDS for how in ("LINEAR", "NON_LINEAR", "PERCEPTUAL")]
ADOBE_RGB = "rgb_adobe"
PROFILES = ("rgb_srgb", ADOBE_RGB, "rgb_srgb_linear")

# Topmost first. A layer is its name, or that and what is set of it; a list is a group.
Stack = list[Any]
STACKS: dict[str, Stack] = {
    "alone": ["source"],
    "in a group": [["source"], "other"],
    "over another": ["source", "other"],
    "under another": ["other", "source"],
    "under another in a group": [["other", "source"], "other"],
    "between two": ["other", "source", "other"],
    "under one of GIMP 2.8": [("other", {"mode": "NORMAL_LEGACY"}), "source"],
    "over another in a space of its own": [("source", {"composite_space": "RGB_NON_LINEAR"}), "other"],
    "under a hidden one": [("other", {"visible": False}), "source"],
    "with an opacity": [("source", {"opacity": 70.0})],
}
EVERY = list(itertools.product(PRECISIONS, PROFILES, STACKS))
SOME = [(precision, ADOBE_RGB, "in a group") for precision in PRECISIONS if precision[:2] in ("U1", "FL")]
SOME += [("HALF_NON_LINEAR", ADOBE_RGB, where) for where in STACKS if "group" not in where]
CASES = EVERY if os.environ.get("VENICE_TEST_LONG") else SOME


def noisy_photo() -> bytes:
    """Of a subject before a background, as "R'G'B'A float"; its alpha is noise."""
    noise = np.random.default_rng(4).random((HEIGHT, WIDTH, 4), np.float32)
    subject = np.float32(photo("astronaut", *SIZE)) / 255 * 0.99 + noise[..., :3] * 0.01
    return np.dstack([subject, 0.5 + noise[..., 3] / 2]).tobytes()


def make(gimp: Gimp, precision: str, profile: str, stack: Stack) -> tuple[int, int]:
    """The image and its source, all layers full of noise, alpha too."""
    image = gimp.new_image(*SIZE)
    gimp.convert(image, precision=precision)
    gimp.assign_profile(image, profile)
    add(gimp, image, stack, None, np.random.default_rng(3))
    (source,) = [layer["id"] for layer in flat(gimp.tree(image)) if layer["name"] == "source"]
    return image, source


def add(gimp: Gimp, image: int, stack: Stack, parent: int | None, noise: np.random.Generator) -> None:
    for entry in reversed(stack):
        if isinstance(entry, list):
            add(gimp, image, entry, gimp.add_group(image, parent=parent), noise)
            continue
        name, settings = (entry, {}) if isinstance(entry, str) else entry
        layer = gimp.add_layer(image, (*SIZE, bytes(WIDTH * HEIGHT * 4)), name=name, parent=parent)
        gimp.fill(layer, "R'G'B'A float", noise.random((HEIGHT, WIDTH, 4), np.float32).tobytes())
        gimp.set_property(layer, **settings)


def flat(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for layer in layers for each in (layer, *flat(layer["children"]))]


def check_outside(gimp: Gimp, image: int, source: int, kind: str, tolerance: float, **options: Any) -> None:
    """Edits what is selected, and compares all else."""
    gimp.select(image, SELECTED, feather=8.0)
    before = array(gimp.visible(image), kind)

    run = gimp.run(EDIT, image, [source], prompt="make it pink", selection="local", context=20, **options)

    assert run["error"] == ""
    new = gimp.describe(run["layers"][0])
    (x, y), (width, height) = new["offsets"], new["size"]
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[y : y + height, x : x + width] = array(gimp.pixels(new["mask_id"], "Y u8")) == 0
    after = array(gimp.visible(image), kind)
    assert np.count_nonzero(after[~outside] != before[~outside]) > MUCH
    outside = outside.reshape(HEIGHT, WIDTH, *[1] * (before.ndim - 2))
    check_equal(np.where(outside, after, before), before, "outside", tolerance)


@pytest.mark.parametrize(("precision", "profile", "where"), CASES)
def test_no_value_outside_changes(
    gimp: Gimp, sandbox: Sandbox, precision: str, profile: str, where: str
) -> None:
    kind = precision.partition("_")[0]
    check_outside(gimp, *make(gimp, precision, profile, STACKS[where]), *KINDS[kind])


@pytest.mark.parametrize("where", ["alone", "under another"])
def test_nor_do_variations_change_one(gimp: Gimp, sandbox: Sandbox, where: str) -> None:
    scene = make(gimp, "FLOAT_NON_LINEAR", ADOBE_RGB, STACKS[where])
    check_outside(gimp, *scene, "f4", 0.0, variations=2)


def test_nor_does_a_result_over_a_result(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make(gimp, "FLOAT_NON_LINEAR", ADOBE_RGB, STACKS["alone"])
    for _ in range(2):
        check_outside(gimp, image, source, "f4", 0.0)


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "U16_LINEAR", "HALF_NON_LINEAR"])
def test_nor_does_it_change_gray_ones(gimp: Gimp, sandbox: Sandbox, precision: str) -> None:
    image, source = make(gimp, "U8_NON_LINEAR", "rgb_srgb", STACKS["alone"])
    gimp.convert(image, "gray", precision)
    check_outside(gimp, image, source, *KINDS[precision.partition("_")[0]])


def test_nor_does_it_change_indexed_ones(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make(gimp, "U8_NON_LINEAR", "rgb_srgb", STACKS["alone"])
    gimp.convert(image, "indexed")
    check_outside(gimp, image, source, "u1", 0.0)


def test_a_masked_copy_changes_none_above_its_source_or_in_its_place(gimp: Gimp, sandbox: Sandbox) -> None:
    """Even where the source leaves out what lies below it, as a copy must not."""
    image, source = make(gimp, "U16_NON_LINEAR", ADOBE_RGB, [("source", {"composite_mode": "CLIP_TO_LAYER"})])
    gimp.fill(source, "R'G'B'A float", noisy_photo())
    before = array(gimp.visible(image), "u2")

    run = gimp.run(CUTOUT, image, [source], output="mask")

    assert run["error"] == ""
    mask = array(gimp.pixels(gimp.describe(run["layers"][0])["mask_id"], "Y u8"))[..., None]
    for visible, where in ((True, mask == 0), (False, mask == 255)):
        assert where.sum() > MUCH
        gimp.set_property(source, visible=visible)
        after = array(gimp.visible(image), "u2")
        check_equal(np.where(where, after, before), before, f"the source being visible: {visible}")


def test_a_cut_out_of_a_group_with_a_mask_has_its_own_colors(gimp: Gimp, sandbox: Sandbox) -> None:
    image, child = make(gimp, "FLOAT_NON_LINEAR", ADOBE_RGB, [["source"]])
    gimp.fill(child, "R'G'B'A float", noisy_photo())
    (group,) = [layer["id"] for layer in gimp.tree(image)]
    gimp.add_mask(group, (*SIZE, bytes([200]) * (WIDTH * HEIGHT)))

    run = gimp.run(CUTOUT, image, [group], defringe=False)

    assert run["error"] == ""
    found, own = (array(gimp.pixels(layer), "f4") for layer in (run["layers"][0], child))
    kept = found[..., 3] > 0
    assert kept.sum() > MUCH
    check_equal(found[kept][:, :3], own[kept][:, :3], "colors")
