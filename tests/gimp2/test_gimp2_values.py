"""Not one value changes outside the mask, in what a real GIMP 2.10 stores, wherever the result lies.

VENICE_TEST_LONG=1 tries every combination.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import cv2
import numpy as np
import pytest
from gimp2_machine import Gimp2
from gimp2_scene import CUTOUT, EDIT
from pictures import check_equal, photo
from test_gimp2_modes import FLOAT_LINEAR, U16_GAMMA, U16_LINEAR, convert

from venice_core.sandbox import Sandbox

SIZE = WIDTH, HEIGHT = 160, 120
SELECTED = (60, 40, 40, 30)
U8_GAMMA, FLOAT_GAMMA, DOUBLE_GAMMA = 150, 650, 750

# Topmost first; a list is a group.
Stack = list[Any]
STACKS: dict[str, Stack] = {
    "alone": ["source"],
    "in a group": [["source"], "other"],
    "over another": ["source", "other"],
    "under another": ["other", "source"],
    "under another in a group": [["other", "source"], "other"],
    "under one of GIMP 2.8": ["old", "source"],
}
PRECISIONS = (U8_GAMMA, U16_LINEAR, U16_GAMMA, FLOAT_LINEAR, FLOAT_GAMMA)
EVERY = list(itertools.product(PRECISIONS, (False, True), STACKS, (1, 2)))
SOME = [(FLOAT_GAMMA, True, where, 1) for where in STACKS]
SOME += [(U16_GAMMA, True, "alone", 1), (FLOAT_LINEAR, True, "alone", 1), (FLOAT_GAMMA, False, "alone", 2)]
SOME += [(DOUBLE_GAMMA, False, "under another", 1)]
CASES = EVERY if os.environ.get("VENICE_TEST_LONG") else SOME


@pytest.fixture
def gimp(gimp: Gimp2) -> Gimp2:
    if gimp.backend == "memory":
        pytest.skip("the model stores 8 bits only")
    return gimp


def make(gimp: Gimp2, precision: int, profile: bool, stack: Stack) -> tuple[int, int]:
    """The image and its source, all layers full of noise, alpha too."""
    image = gimp.new_image(*SIZE)
    convert(gimp, image, precision=precision, profile=profile)
    made = add(gimp, image, stack, None, np.random.default_rng(3))
    return image, made["source"]


def add(
    gimp: Gimp2, image: int, stack: Stack, parent: int | None, noise: np.random.Generator
) -> dict[str, int]:
    made: dict[str, int] = {}
    for entry in reversed(stack):
        if isinstance(entry, list):
            made |= add(gimp, image, entry, gimp.add_group(image, parent=parent), noise)
            continue
        pixels = noise.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)
        made[entry] = gimp.add_layer(image, pixels, (0, 0), entry, parent)
        if entry == "old":
            gimp.call("call", "gimp-layer-set-mode", {"item": made[entry]}, 0)
    return made


def native(gimp: Gimp2, image: int, layer: int | None = None) -> Any:
    found = cv2.imread(gimp.native(image, layer), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


@pytest.mark.parametrize(("precision", "profile", "where", "variations"), CASES)
def test_no_value_outside_changes(
    gimp: Gimp2, sandbox: Sandbox, precision: int, profile: bool, where: str, variations: int
) -> None:
    image, source = make(gimp, precision, profile, STACKS[where])
    gimp.select(image, SELECTED, feather=8.0)
    before = native(gimp, image)

    values = {"prompt": "make it pink", "selection": "local", "context": 20, "variations": variations}
    run = gimp.run(EDIT, image, source, values=values)

    assert run["error"] == ""
    (x, y) = gimp.describe(run["layer"])["offsets"]
    mask = np.asarray(gimp.mask_of(run["layer"]))
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[y : y + mask.shape[0], x : x + mask.shape[1]] = mask == 0
    after = native(gimp, image)
    assert np.count_nonzero(after[~outside] != before[~outside]) > 300
    check_equal(np.where(outside[..., None], after, before), before, "outside")


def test_a_cut_out_has_the_sources_own_values(gimp: Gimp2, sandbox: Sandbox) -> None:
    """But in its rim, whose colors are others."""
    image = gimp.new_image(*SIZE)
    source = gimp.add_layer(image, photo("astronaut", *SIZE))
    convert(gimp, image, precision=FLOAT_GAMMA, profile=True)
    own = native(gimp, image, source)
    run = gimp.run(CUTOUT, image, source)
    assert run["error"] == ""
    found = native(gimp, image, run["layer"])
    whole = found[..., 3] == 1
    assert whole.sum() > 1000
    check_equal(found[whole][:, :3], own[whole][:, :3], "the cut-out")
