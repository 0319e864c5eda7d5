"""The same photograph, selection and answer give the same layer in every GIMP: see `same`."""

from __future__ import annotations

import numpy as np
import pytest
import same
from gimp3_machine import Gimp
from pictures import array, raw
from support import adobe_rgb

from venice_core.sandbox import Sandbox


def make_scene(gimp: Gimp, mode: str) -> tuple[int, int]:
    base, precision, adobe = same.MODES[mode]
    image = gimp.new_image(*same.CANVAS)
    layer = gimp.add_layer(image, raw(same.source()), same.AT, "source")
    gimp.convert(image, base, precision, profile=adobe_rgb() if adobe else b"")
    return image, layer


@pytest.mark.parametrize("mode", same.MODES)
def test_an_edit_is_the_same(gimp: Gimp, sandbox: Sandbox, mode: str) -> None:
    image, layer = make_scene(gimp, mode)
    gimp.select(image, same.ELLIPSE, feather=same.FEATHER)
    sandbox.switch(drift=True)
    (new,) = gimp.run("plug-in-venice-edit", image, [layer], prompt=same.PROMPT)["layers"]
    mask = array(gimp.pixels(gimp.describe(new)["mask_id"], "Y u8"))
    pixels = array(gimp.pixels(new, "R'G'B'A u8"))
    same.check_same(f"edit {same.MODES[mode][0]}", np.asarray(pixels, np.uint8), np.asarray(mask, np.uint8))


@pytest.mark.parametrize("mode", same.MODES)
def test_a_cut_out_is_the_same(gimp: Gimp, sandbox: Sandbox, mode: str) -> None:
    image, layer = make_scene(gimp, mode)
    (new,) = gimp.run("plug-in-venice-remove-background", image, [layer])["layers"]
    pixels = array(gimp.pixels(new, "R'G'B'A u8"))
    same.check_same(f"cut-out {same.MODES[mode][0]}", np.asarray(pixels, np.uint8))
