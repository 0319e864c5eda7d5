"""How far a placed answer is from the truth: in position, in color, and across the seam. Pure."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from skimage.color import deltaE_ciede2000, rgb2lab

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging.arrays import Coverage, Pixels

Mask = npt.NDArray[np.bool_]

GRID = 9
RING = 24.0
BLEED = 1.5
"""In px: what is replaced up to the selection's edge shows this far beyond it after resampling."""
SMOOTHING = 2.0
"""Sigma in px: colors are compared, not the noise."""
BAND = 4.0
SEGMENT = 16
MIN_BAND = 16
"""In px: of fewer pixels no segment's step is told."""


def residual(used: Affine, true: Affine, to_sent: Affine, crop: Extent) -> float:
    """The worst distance, in px of what was sent, on a grid of points over the crop, its edges included.

    `used` and `to_sent` are from px of the crop, `true` is from what was sent; `used` and `true` are to the
    answer.
    """
    x, y = np.linspace(0, crop.width, GRID), np.linspace(0, crop.height, GRID)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    off = true.inverse(used(points)) - to_sent(points)
    return float(np.hypot(off[..., 0], off[..., 1]).max())


def ring_differences(layer: Pixels, source: Pixels, edited: Mask) -> tuple[float, float]:
    """The median ΔE2000 between layer and source within RING px of what is `edited`: smoothed, and as it is.

    NaN where there is no ring. The smoothing leaves out what is edited.
    """
    beyond = cv2.distanceTransform((~edited).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    untouched = beyond > BLEED
    ring = untouched & (beyond <= RING)
    return color_difference(layer, source, ring, untouched), color_difference(layer, source, ring, None)


def color_difference(layer: Pixels, source: Pixels, where: Mask, smoothed_over: Mask | None) -> float:
    """The median ΔE2000 over `where`; NaN where that is empty. None: not smoothed."""
    if not where.any():
        return float("nan")
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    reach = int(4 * SMOOTHING)
    part = np.s_[
        max(0, rows[0] - reach) : rows[-1] + reach + 1, max(0, columns[0] - reach) : columns[-1] + reach + 1
    ]
    colors = [array[part][..., :3].astype(np.float32) / 255.0 for array in (layer, source)]
    if smoothed_over is not None:
        weight = smoothed_over[part].astype(np.float32)[..., None]
        share = np.maximum(_smoothed(weight)[..., None], 1e-6)
        colors = [_smoothed(array * weight) / share for array in colors]
    labs = [rgb2lab(array[where[part]]) for array in colors]
    return float(np.median(deltaE_ciede2000(*labs)))


def _smoothed(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return cv2.GaussianBlur(array, (0, 0), SMOOTHING, borderType=cv2.BORDER_REPLICATE)


def seam_step(composite: Pixels, ideal: Pixels, mask: Coverage, answered: Mask) -> float:
    """The step across the seam, in 8-bit levels; NaN where there is none.

    What differs from the ideal in the band just inside the edge (where the mask passes the half) is averaged
    over segments of that edge; of these, the median of the absolute values, over the channels too. What is
    not `answered` (there the answer has no pixels) is left out.
    """
    inside = (mask > 128).astype(np.uint8)
    outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    band = (depth > 0) & (depth <= BAND) & answered
    if not outlines or inside.all() or not band.any():
        return float("nan")
    edge = np.ones_like(inside)
    points = np.concatenate([outline[:, 0] for outline in outlines])
    edge[points[:, 1], points[:, 0]] = 0
    _, nearest = cv2.distanceTransformWithLabels(
        edge, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    segment = np.zeros(int(nearest.max()) + 1, np.int64)
    segment[nearest[points[:, 1], points[:, 0]]] = np.arange(len(points)) // SEGMENT
    of = segment[nearest[band]]
    counts = np.bincount(of)
    off = composite[band][:, :3].astype(np.float64) - ideal[band][:, :3]
    sums = np.stack([np.bincount(of, channel) for channel in off.T])
    told = counts >= MIN_BAND
    return float(np.median(np.abs(sums[:, told] / counts[told]))) if told.any() else float("nan")
