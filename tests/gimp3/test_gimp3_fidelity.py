"""Exactly in place: where nothing was to change, result and source agree in place and in color.

What the service does to its answers is known from the sandbox's switches; how well it was undone is measured
here with OpenCV's ECC and CIEDE2000, and not with the plug-in's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.color
import skimage.data
from gimp3_machine import Gimp
from pictures import array, check_equal, raw
from PIL import Image

from venice_core.sandbox import Sandbox, picture_effects

EDIT = "plug-in-venice-edit"
ELLIPSE, SOFTNESS = (270, 180, 200, 140), 20.0
MOVE = "3.4,-2.6,1.012,0.3"
REACH, RING = 4, 24
"""In px from the mask: so far the edit may reach, and so far nothing should differ."""

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Agreement:
    """`shifts`: in px at places around; `colors`: CIEDE2000 of each pixel."""

    shifts: npt.NDArray[np.float64]
    colors: npt.NDArray[np.float64]

    def __str__(self) -> str:
        return (
            f"shift {np.median(self.shifts):.3f} px, at worst {self.shifts.max():.3f} px, "
            f"colors {np.median(self.colors):.2f}"
        )


def agreement(found: Any, expected: Any, where: Flags) -> Agreement:
    """Of two pictures (RGB, 0–255) where it is said."""
    gray, other = (
        cv2.cvtColor(np.ascontiguousarray(picture, np.uint8), cv2.COLOR_RGB2GRAY)
        for picture in (expected, found)
    )
    enough = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-7)
    start = np.eye(2, 3, dtype=np.float32)
    mask = where.astype(np.uint8) * 255
    _, matrix = cv2.findTransformECC(gray, other, start, cv2.MOTION_AFFINE, enough, mask, 5)
    down, across = np.nonzero(where)
    places = np.stack([across, down, np.ones_like(across)])[:, ::97]
    shifts = np.hypot(*(matrix @ places - places[:2]))
    soft = [skimage.color.rgb2lab(normalized_blur(picture, where) / 255.0) for picture in (found, expected)]
    return Agreement(shifts, skimage.color.deltaE_ciede2000(*soft)[where])


def normalized_blur(picture: Any, where: Flags) -> Floats:
    """As it is without what lies elsewhere."""
    share = where.astype(np.float32)
    around = cv2.GaussianBlur(share, (0, 0), 2.0)
    soft = cv2.GaussianBlur(picture.astype(np.float32) * share[..., None], (0, 0), 2.0)
    return np.asarray(soft / np.maximum(around, 1e-6)[..., None], np.float32)


@dataclass(frozen=True)
class Result:
    """What came of an edit: in the ring around the mask, and well inside it."""

    ring: Agreement
    inside: Agreement

    def __str__(self) -> str:
        return f"in the ring: {self.ring}; inside: {self.inside}"


def edited(gimp: Gimp, **options: Any) -> Result:
    """The tank of a motorcycle in magenta; not a byte of what is visible outside the mask is another."""
    source = np.ascontiguousarray(skimage.data.stereo_motorcycle()[0])
    image = gimp.new_image(source.shape[1], source.shape[0])
    layer = gimp.add_layer(image, raw(source))
    gimp.select(image, ELLIPSE, feather=SOFTNESS)
    before = array(gimp.visible(image))

    run = gimp.run(EDIT, image, [layer], prompt="make it pink", selection="guide", **options)

    assert run["error"] == ""
    new = gimp.describe(run["layers"][0])
    x, y, width, height = *new["offsets"], *new["size"]
    mask = array(gimp.pixels(new["mask_id"], "Y u8"))
    pixels = array(gimp.pixels(new["id"], "R'G'B'A u8"))
    assert (pixels[..., 3] == 255).all()
    after = array(gimp.visible(image))
    outside = np.ones(source.shape[:2], bool)
    outside[y : y + height, x : x + width] = mask == 0
    assert 0.6 < outside.mean() < 0.95
    check_equal(after[outside], before[outside], "what is visible outside the mask")

    own = source[y : y + height, x : x + width]
    away = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 5)
    ring = agreement(pixels[..., :3], own, (away > REACH) & (away <= RING))
    within = cv2.distanceTransform((mask == 255).astype(np.uint8), cv2.DIST_L2, 5) > REACH
    pink = np.asarray(picture_effects.edit(Image.fromarray(own)))
    return Result(ring, agreement(pixels[..., :3], pink, within))


@pytest.mark.covers("Unexpected responses: shifted, or with different colors")
@pytest.mark.parametrize(
    "switches",
    [
        {"drift": True},
        {"drift": True, "move": MOVE},
        {"drift": True, "move": MOVE, "size": "704x608"},
        {"drift": True, "move": MOVE, "size": "400x352"},
        {"drift": True, "move": MOVE, "size": "640x480", "fit": "crop"},
    ],
    ids=["drift", "moved", "enlarged", "reduced", "cut"],
)
def test_source_and_result_agree_where_nothing_was_to_change(
    gimp: Gimp, sandbox: Sandbox, switches: dict[str, Any]
) -> None:
    sandbox.switch(**switches)
    result = edited(gimp)
    for part, colors in ((result.ring, 0.7), (result.inside, 0.3)):
        assert np.median(part.shifts) <= 0.05, str(result)
        assert part.shifts.max() <= 0.15, str(result)
        assert np.median(part.colors) <= colors, str(result)


def test_without_alignment_they_are_elsewhere(gimp: Gimp, sandbox: Sandbox) -> None:
    """Guards the test above."""
    sandbox.switch(drift=True, move=MOVE)
    result = edited(gimp, align=False, match_colors=False)
    for part in (result.ring, result.inside):
        assert np.median(part.shifts) > 3.0, str(result)
    assert np.median(result.ring.colors) > 3.0, str(result)


def test_without_matching_the_colors_are_others(gimp: Gimp, sandbox: Sandbox) -> None:
    """Guards it, too: the place alone does not make them right."""
    sandbox.switch(drift=True, move=MOVE)
    result = edited(gimp, match_colors=False)
    assert result.ring.shifts.max() <= 0.15, str(result)
    assert np.median(result.ring.colors) > 2.5, str(result)
    assert np.median(result.inside.colors) > 0.45, str(result)
