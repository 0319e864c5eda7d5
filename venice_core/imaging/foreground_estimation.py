"""The fringe of a cut-out: what shows of the old background where it is half transparent, taken out. Pure.

A matte says how much of each pixel is foreground: uint8, 255 is all of it.
"""

from __future__ import annotations

import cv2
import numpy as np

from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Coverage, Floats, Pixels
from venice_core.imaging.coverage import support_of

TILE = 1024
"""In px: what is worked on at once, for the memory's sake."""

SOLID, EMPTY = 250, 5
"""A matte of this and more is foreground alone, of this and less background alone."""

NEAREST, FARTHEST = 8, 96
"""In px: how far away the colors of foreground and background are looked for, at least and at most."""

PASSES = ((1, 8), (4, 4), (16, 4))
"""For each of blur-fusion's passes: how many times smaller its window is, and the power of the weights."""

ENOUGH = 0.01
"""The share of a window that must be foreground alone, or background alone, to be relied on in full."""


def estimate_foreground(pixels: Pixels, matte: Coverage) -> tuple[Pixels, Coverage | None]:
    """(colors, rim): RGB without what shows of the old background in half-transparent pixels.

    `pixels`: RGBA of the matte's size. `rim` is 255 where the colors are not the picture's own, else 0; None
    where they are nowhere. It lies within 0 < matte < 255.

    This is blur-fusion (Forte: Approximate Fast Foreground Color Estimation, ICIP 2021): the colors of
    foreground and background are weighted means over a window, and what a mixture of the two lacks of the
    pixel's own color is added to the foreground's; then again over a smaller window, of what was found. Two
    things are not as there, since they came nearer to the truth: there are three passes, and mixed pixels
    weigh less. The first window reaches from nearly every mixed pixel to foreground alone and to background
    alone; where it holds too little of one of them, the picture's own colors stay.
    """
    colors = pixels[..., :3].copy()
    rim = np.where((matte > 0) & (matte < 255) & (pixels[..., 3] > 0), np.uint8(255), np.uint8(0))
    where = support_of(rim)
    if where is None:
        return colors, None
    whole = Bounds.of(Extent.of_shape(matte.shape))
    reach = _reach(matte[where.pad(FARTHEST, within=whole).slices])
    for tile in where.tiles(TILE):
        inside = rim[tile.slices] > 0
        if inside.any():
            area = tile.pad(sum(max(1, reach // smaller) for smaller, _ in PASSES), within=whole)
            found = _unmixed(pixels[area.slices], matte[area.slices], reach)[tile.relative_to(area).slices]
            colors[tile.slices][inside] = found[inside]
    rim[(colors == pixels[..., :3]).all(axis=2)] = 0
    return colors, rim if rim.any() else None


def _reach(matte: Coverage) -> int:
    """How far, in px, from nearly all half-transparent pixels there is foreground or background alone."""
    mixed = (matte > EMPTY) & (matte < SOLID)
    if not mixed.any():
        return NEAREST
    distances = [
        np.asarray(cv2.distanceTransform(unsure.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
        for unsure in (matte < SOLID, matte > EMPTY)
        if not unsure.all()
    ]
    farthest = max((float(np.percentile(found[mixed], 95)) for found in distances), default=0.0)
    return int(np.clip(round(2.0 * farthest), NEAREST, FARTHEST))


def _unmixed(pixels: Pixels, matte: Coverage, reach: int) -> Pixels:
    """The colors of the foreground, as `estimate_foreground` says."""
    image = pixels[..., :3].astype(np.float32)
    share = matte.astype(np.float32) / 255.0
    visible = pixels[..., 3].astype(np.float32) / 255.0  # a hidden color is no evidence
    front = back = image
    for smaller, power in PASSES:
        radius = max(1, reach // smaller)
        front_mean = _weighted(front, share**power * visible, radius)
        back = _weighted(back, (1.0 - share) ** power * visible, radius)
        rest = image - share[..., None] * front_mean - (1.0 - share[..., None]) * back
        front = np.clip(front_mean + share[..., None] * rest, 0.0, 255.0)
    solid, empty = _mean((matte >= SOLID) * visible, reach), _mean((matte <= EMPTY) * visible, reach)
    trust = np.clip(np.minimum(solid, empty) / ENOUGH, 0.0, 1.0)[..., None]
    return np.asarray(np.rint(image + trust * (front - image)), np.uint8)


def _weighted(values: Floats, weight: Floats, radius: int) -> Floats:
    """The weighted mean over the square around each pixel; the values themselves where nothing weighs."""
    total = _mean(weight, radius)[..., None]
    return np.asarray(
        np.where(total > 1e-5, _mean(values * weight[..., None], radius) / np.maximum(total, 1e-5), values)
    )


def _mean(values: Floats, radius: int) -> Floats:
    """The mean of the square around each pixel."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
