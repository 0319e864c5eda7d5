"""The same photograph, selection and answer give the same layer in every GIMP: see `same`."""

from __future__ import annotations

import numpy as np
import pytest
import same
from gimp2_machine import Gimp2
from gimp2_scene import CUTOUT, EDIT, rgba
from support import adobe_rgb

from venice_core.sandbox import Sandbox


def make_scene(gimp: Gimp2, mode: str) -> tuple[int, int]:
    if gimp.backend == "memory":
        pytest.skip("a claim about a real GIMP")
    base, precision, adobe = same.MODES[mode]
    image = gimp.new_image(*same.CANVAS)
    layer = gimp.add_layer(image, same.source(), same.AT, "source")
    path = gimp.folder / "adobe.icc"
    path.write_bytes(adobe_rgb())
    gimp.convert(image, base, same.PRECISIONS_OF_2_10[precision], path.as_uri() if adobe else None)
    return image, layer


@pytest.mark.parametrize("mode", same.MODES)
def test_an_edit_is_the_same(gimp: Gimp2, sandbox: Sandbox, mode: str) -> None:
    image, layer = make_scene(gimp, mode)
    gimp.select(image, same.ELLIPSE, feather=same.FEATHER)
    sandbox.switch(drift=True)
    new = gimp.run(EDIT, image, layer, values={"prompt": same.PROMPT})["layer"]
    same.check_same(f"edit {same.MODES[mode][0]}", rgba(gimp.pixels(new)), np.asarray(gimp.mask_of(new)))


@pytest.mark.parametrize("mode", same.MODES)
def test_a_cut_out_is_the_same(gimp: Gimp2, sandbox: Sandbox, mode: str) -> None:
    image, layer = make_scene(gimp, mode)
    new = gimp.run(CUTOUT, image, layer)["layer"]
    same.check_same(f"cut-out {same.MODES[mode][0]}", rgba(gimp.pixels(new)))
