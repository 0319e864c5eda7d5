"""Detect what a model really changed in a picture, as coverage for a layer mask.

Models return a whole picture although they usually mean to change only a part of it. The rest comes back
slightly softer, noisier, shifted by a fraction of a pixel, or in another tint. Whatever such flaws can
explain does not count as a change. The steps are the usual ones [1]_: equalize, subtract, weigh the
differences by what may differ anyway, find connected regions with two thresholds, and clean them up.

Levels are steps of 8 bits, lengths are in px.

References
----------
.. [1] R. J. Radke et al., "Image Change Detection Algorithms: A Systematic Survey", IEEE Transactions on
   Image Processing 14(3), 2005.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.imaging.arrays import Coverage, Floats, Pixels

Where = npt.NDArray[np.uint8]
"""1 or 0 for each pixel."""

MOST_TINT = 6.0
"""How many levels a channel may be off in the whole picture. A gain of 2 % changes white by 5 levels."""
TINT_ROUNDS = 8

LOST, ENDS = 16.0, 0.0005
"""How many levels may have been clipped at black and white (as by a gain of 6 %), and the share of the pixels
that may lie beyond what counts as the end of a picture's range."""

SMOOTH = 2.0
"""Sigma of the blur before subtraction. Single-pixel noise falls to a seventh; a line 1 px wide keeps a fifth
of its contrast."""

WANDER = 0.3
"""How far detail may be displaced, which causes a difference of this times the slope."""
SOFTEN = 0.6
"""How much it may be blurred, as a variance in px². The difference is half of this times the Laplacian (the
heat equation) at the scale of SMOOTH. A Gaussian with a sigma of 0.8 has this variance."""
SPREAD, NEARBY = 0.1, 8
"""Codecs and models also make errors next to detail: tolerance as a share of the root mean square slope
around a pixel, and how far around it, in px. JPEG's blocks are 8 px wide."""
DETAIL_OF = (1.0, 2.0, 2.0)
"""How many times as much is allowed for brightness and the two color differences, which JPEG stores at half
the size."""

QUIETEST = 0.3
"""The share of the smallest differences from which noise is estimated, which works even if two thirds
changed."""
QUIETEST_IN_SIGMAS = 0.385
"""The quantile of normally distributed noise at that share, in standard deviations."""
LEAST_NOISE, MOST_NOISE = 0.45, 1.2
"""Limits of the noise estimate, in levels after smoothing: rounding alone causes a little, and more than the
noise of a sensor with a sigma of 8 is a change."""

COARSE, COARSER = 6.0, 4
"""A second look at a coarser scale detects recolored textures: fine detail allows for large differences, but
these do not all have the same sign. Sigma, and the factor by which the picture is reduced."""
EVEN = 2.0
"""Additional tolerance there, in levels, for slow drifts such as those of noise clipped at black."""
LOUDEST = 2.0
"""Limit, in tolerances, of a pixel's contribution there, or else a strong change would reach far."""
COARSE_WEIGHT = 4.5
"""The score of a difference of one tolerance all around: between WEAK and STRONG."""

WEAK, STRONG = 3.2, 6.0
"""In tolerances: how far a change extends, and what proves that there is one. Noise alone (three channels, so
3 degrees of freedom) exceeds WEAK in 2 % of the pixels and STRONG in one of ten million."""
LEAST_PROOF, LEAST_AREA = 10, 30
"""A region with fewer STRONG or WEAK pixels is a speck. One changed pixel becomes about 30 after smoothing.
"""

CLOSE = 6
"""Parts of a changed region are joined if they are at most twice this far apart."""
GAP = 0.25
"""A gap in a changed region is filled if its area is at most this share of the region: both pictures agree
there by chance."""
REST = 0.04
"""If no more than this share of the picture is left, all of it was repainted."""

GROW, FEATHER = 2.0, 6.0
"""The coverage is 255 up to the first distance from a change and falls to 0 over the second."""


def detect_changes(before: Pixels, after: Pixels) -> Coverage:
    """Detect where a picture shows something else than before.

    Parameters
    ----------
    before, after : Pixels, shape (height, width, 3)
        The two pictures, RGB.

    Returns
    -------
    Coverage, shape (height, width)
        255 on everything that changed, falling smoothly to 0 around it, without specks and without holes in
        changed regions. All 0 if nothing changed, all 255 if everything did.

    Raises
    ------
    ValueError
        If the pictures differ in size.
    """
    if before.shape != after.shape:
        raise ValueError(f"pictures of two sizes: {before.shape} and {after.shape}")
    if np.array_equal(before, after):
        return np.zeros(before.shape[:2], np.uint8)
    return _soft(_regions(_score(before, after)))


def _score(before: Pixels, after: Pixels) -> Floats:
    """Return the difference in tolerances: the root of the sum of squares over the channels."""
    old = _channels(before.astype(np.float32))
    new = _channels(_remove_color_cast(before, after))
    height, width = before.shape[:2]
    small = (max(1, width // COARSER), max(1, height // COARSER))
    fine, coarse = np.zeros((height, width), np.float32), np.zeros(small[::-1], np.float32)
    for base, changed, factor in zip(old, new, DETAIL_OF, strict=True):
        difference = changed - base
        tolerance = factor * _detail(base) + _noise(difference)
        fine += np.square(difference / tolerance)
        trend = np.clip(difference / (tolerance + EVEN), -LOUDEST, LOUDEST)
        trend = cv2.resize(trend, small, interpolation=cv2.INTER_AREA)
        coarse += np.square(cv2.GaussianBlur(trend, (0, 0), COARSE / COARSER))
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.sqrt(np.maximum(fine, COARSE_WEIGHT**2 * coarse))


def _channels(pixels: Floats) -> list[Floats]:
    """Return brightness and two color differences, smoothed, in levels, with about equal noise."""
    split = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb))
    return [np.asarray(cv2.GaussianBlur(channel, (0, 0), SMOOTH), np.float32) for channel in split]


def _detail(base: Floats) -> Floats:
    """Return how much a smoothed channel may differ, in levels, because detail came back altered."""
    across = cv2.Sobel(base, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(base, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    slope = cv2.magnitude(across, down)
    nearby = cv2.blur(np.square(slope), (2 * NEARBY + 1, 2 * NEARBY + 1))  # may round to below 0
    curvature = np.abs(cv2.Laplacian(base, cv2.CV_32F, ksize=1))
    detail = WANDER * slope + SOFTEN / 2 * curvature + SPREAD * np.sqrt(np.maximum(nearby, 0.0))
    return np.asarray(detail, np.float32)


def _noise(difference: Floats) -> float:
    """Return the standard deviation, in levels, of differences that are not changes."""
    quietest = float(np.quantile(np.abs(difference[::3, ::3]), QUIETEST))
    return min(max(quietest / QUIETEST_IN_SIGMAS, LEAST_NOISE), MOST_NOISE)


def _remove_color_cast(before: Pixels, after: Pixels) -> Floats:
    """Return `after` in the tint of `before`: each channel mapped by a line, within MOST_TINT.

    Values at an end of the range may have been clipped: if a model brightened a picture, white comes back
    darker than it was. Such values are replaced by those of `before` as far as clipping explains the
    difference.
    """
    gain, offset = _tint(before, after)
    level = np.arange(256, dtype=np.float64)[:, None]
    mapped = level + np.clip(level * gain + offset - level, -MOST_TINT, MOST_TINT)
    low, high = np.quantile(after[::3, ::3], (ENDS, 1.0 - ENDS), axis=(0, 1))
    black = level <= np.minimum(low, LOST) + MOST_TINT
    white = level >= np.maximum(high, 255.0 - LOST) - MOST_TINT
    least = np.where(black | white, np.minimum(level, mapped), mapped) - LOST * black
    most = np.where(black | white, np.maximum(level, mapped), mapped) + LOST * white
    least, most = (cv2.LUT(after, table.astype(np.float32)[None]) for table in (least, most))
    return np.asarray(cv2.max(cv2.min(before.astype(np.float32), most), least), np.float32)


def _tint(before: Pixels, after: Pixels) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return gain and offset of each channel of `after` that bring it closest to `before`.

    Least squares, repeated with the weights of Geman and McClure, so that only pixels that agree have
    influence.
    """
    height, width = before.shape[:2]
    factor = min(1.0, math.sqrt(65536 / (height * width)))  # as many px as that will do
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    old, new = (
        cv2.resize(each, small, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
        for each in (before, after)
    )
    gain, offset = np.ones(3), np.zeros(3)
    for _ in range(TINT_ROUNDS):
        off = np.square((new * gain + offset - old) / (MOST_TINT / 2)).sum(axis=1)
        weight = 1.0 / np.square(1.0 + off)
        weight /= weight.sum()
        middle, target = weight @ new, weight @ old
        # one of ten levels' deviation that says 1: where there is but one level, there is no slope
        prior = 10.0**2
        spread = weight @ np.square(new - middle)
        gain = (weight @ ((new - middle) * (old - target)) + prior) / (spread + prior)
        offset = target - gain * middle
    return gain, offset


def _regions(score: Floats) -> Where:
    """Return the changed regions: proven, joined, and without holes."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats((score > WEAK).astype(np.uint8))
    labels = np.asarray(numbers, np.int32)
    proven = np.bincount(labels[score > STRONG], minlength=count) >= LEAST_PROOF
    proven &= stats[:, cv2.CC_STAT_AREA] >= LEAST_AREA
    proven[0] = False  # what is not even weak
    if not proven.any():
        return np.zeros(score.shape, np.uint8)
    found = _filled(_closed(proven[labels].astype(np.uint8)))
    return np.ones_like(found) if found.mean() >= 1.0 - REST else found


def _closed(found: Where) -> Where:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * CLOSE + 1, 2 * CLOSE + 1))
    # A thing goes on beyond the border.
    wider = cv2.copyMakeBorder(found, CLOSE, CLOSE, CLOSE, CLOSE, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.morphologyEx(wider, cv2.MORPH_CLOSE, disc)[CLOSE:-CLOSE, CLOSE:-CLOSE], np.uint8)


def _filled(found: Where) -> Where:
    """Fill gaps that are small compared to the largest region they touch, also at the border."""
    _, things, sizes, _ = cv2.connectedComponentsWithStats(found)
    count, gaps, stats, _ = cv2.connectedComponentsWithStats(1 - found, connectivity=4)
    filled = found.copy()
    for number in range(1, count):
        left, top, width, height, area = stats[number]
        window = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
        gap = (gaps[window] == number).astype(np.uint8)
        edge = cv2.dilate(gap, np.ones((3, 3), np.uint8)) > gap
        if area <= GAP * sizes[np.unique(things[window][edge]), cv2.CC_STAT_AREA].max():
            filled[window][gap > 0] = 1
    return filled


def _soft(found: Where) -> Coverage:
    if not found.any():
        return found
    distance = cv2.distanceTransform(1 - found, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    t = np.clip((GROW + FEATHER - distance) / FEATHER, 0.0, 1.0)
    return np.asarray(np.rint(255.0 * t * t * (3.0 - 2.0 * t)), np.uint8)
