"""Bring a returned matte to the resolution of the source.

A matte tells how much of each pixel is foreground, with 255 as all of it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Coverage, Doubles, Floats, Pixels
from venice_core.imaging.mask_edges import support_of
from venice_core.imaging.resampling import sampled, warp

NEARLY = 0.9
"""A matte of more than this share of the guide's size already has the guide's detail."""

REACH = 2
"""In px of the matte: the window of the guided filter, and of its error estimates, is 5 × 5."""

LEAST_VARIANCE = 1e-4
"""Epsilon of the guided filter for colors from 0 to 1: contrasts well below its root (2.5 levels of 255) have
no influence."""

FIT_DOUBT, NOISE_DOUBT = 2.0, 1.5
"""Safety factors for the errors of the models and for those caused by the guide's noise."""

CORRECTIONS = 2
ROUNDING = 0.5 / 255.0
TILE = 512
"""Side, in px, of the areas processed at once, to limit memory."""


def upsample_matte(matte: Coverage, low_res_guide: Pixels, guide: Pixels, to_matte: Affine) -> Coverage:
    """Enlarge a matte so that its edges follow those of the picture.

    Parameters
    ----------
    matte : Coverage, shape (small height, small width)
        The matte as returned.
    low_res_guide : Pixels, shape (small height, small width, 3)
        The guide as the model saw it, RGB.
    guide : Pixels, shape (height, width, 3)
        The picture at full resolution, RGB.
    to_matte : Affine
        Maps coordinates of the guide to those of the matte, without rotation.

    Returns
    -------
    Coverage, shape (height, width)
        The matte at the size of `guide`: 0 or 255 wherever the matte is 0 or 255 all around. If it is not
        smaller than the guide it is only resampled, and at the guide's own size it is returned unchanged.

    Notes
    -----
    This is the guided filter for color guides [1]_. Its linear models are fitted at the matte's size and
    applied at the guide's [2]_, averaged where they overlap by how well each of them fits [3]_. What they add
    to a plain enlargement is reduced as in a Wiener filter, by its power relative to that of the models'
    errors and of the guide's noise, so that texture unrelated to the matte leaves no trace. Finally, the mean
    over each pixel of the matte is restored by back-projection [4]_.

    cv2.ximgproc, which has a guided filter, is part of opencv-contrib only.

    References
    ----------
    .. [1] K. He, J. Sun and X. Tang, "Guided Image Filtering", PAMI 35(6), 2013.
    .. [2] K. He and J. Sun, "Fast Guided Filter", arXiv:1505.00996, 2015.
    .. [3] C. N. Ochotorena and Y. Yamashita, "Anisotropic Guided Filtering", IEEE Transactions on Image
       Processing 29, 2020.
    .. [4] M. Irani and S. Peleg, "Improving Resolution by Image Registration", CVGIP 53(3), 1991.
    """
    whole = Bounds.of(Extent.of_shape(guide.shape))
    enlarged = warp(matte, to_matte, whole.extent)
    enlarged /= 255.0
    uncertain = _uncertain(matte)
    found = support_of(uncertain)
    where = _on_guide(found, to_matte, whole) if found is not None else None
    if where is not None and to_matte.factor < NEARLY:
        through = Affine.shift(where.x, where.y).then(to_matte)
        _guided(enlarged[where.slices], matte, low_res_guide, guide[where.slices], through)
    return np.asarray(np.rint(enlarged * 255.0), np.uint8)


def _on_guide(area: Bounds, to_matte: Affine, whole: Bounds) -> Bounds | None:
    """Return where an area of the matte appears on the guide, neighboring pixels included."""
    corners = to_matte.inverse([[area.x - 1, area.y - 1], [area.right + 1, area.bottom + 1]])
    (left, top), (right, bottom) = np.rint(corners).astype(int).tolist()
    return Bounds.from_edges(left, top, right, bottom).intersection(whole)


def _guided(enlarged: Floats, matte: Coverage, seen: Pixels, guide: Pixels, to_matte: Affine) -> None:
    """Apply the guided filter to `enlarged` (0 to 1, at the guide's size) where `matte` is uncertain."""
    given, uncertain = matte.astype(np.float32) / 255.0, _uncertain(matte).astype(np.float32)
    # whose models are looked at: by interpolation, and for the power of what they add
    side = 2 * (REACH + 1) + 1
    near = np.asarray(cv2.dilate(uncertain, np.ones((side, side), np.uint8)), np.float32)
    lines, errors = _models(given, seen, near)
    whole = Bounds.of(Extent.of_shape(guide.shape))
    areas = _areas(to_matte, whole.extent, matte.shape)
    power, busy = np.zeros(matte.shape), []
    for tile in whole.tiles(TILE):
        through = Affine.shift(tile.x, tile.y).then(to_matte)
        if sampled(near, through, tile.extent).any():
            line = sampled(lines, through, tile.extent)
            detailed = (line[..., :3] * guide[tile.slices]).sum(axis=2) / 255.0 + line[..., 3]
            added = detailed - enlarged[tile.slices]
            _gather(np.square(added), through, power)
            busy.append((tile, through, added))
    noise = (np.square(lines[..., :3]) * np.square(_noise(guide))).sum(axis=2)
    doubt = FIT_DOUBT * _mean(np.square(errors)) + NOISE_DOUBT * _mean(noise)
    weight = np.clip(1.0 - doubt / (_mean(power / areas) + 1e-6), 0.0, 1.0) * uncertain
    for tile, through, added in busy:
        part = enlarged[tile.slices]
        share = sampled(weight.astype(np.float32), through, tile.extent)
        np.clip(part + added * share, 0.0, 1.0, out=part)
    for _ in range(CORRECTIONS):
        sums = np.zeros(matte.shape)
        for tile, through, _added in busy:
            _gather(enlarged[tile.slices], through, sums)
        missing = (given - sums / areas).astype(np.float32)
        missing -= np.clip(missing, -ROUNDING, ROUNDING)
        missing *= uncertain
        for tile, through, _added in busy:
            part = enlarged[tile.slices]
            np.clip(part + sampled(missing, through, tile.extent), 0.0, 1.0, out=part)


def _models(matte: Floats, seen: Pixels, near: Floats) -> tuple[Floats, Floats]:
    """Fit a linear model of the matte to the colors around each pixel.

    Return the models (a slope for each channel and an offset) and their errors. The offset includes the error
    at the pixel itself. Both may be left at 0 where `near` is 0.
    """
    lines, errors = np.zeros((*matte.shape, 4), np.float32), np.zeros_like(matte)
    whole = Bounds.of(Extent.of_shape(matte.shape))
    for tile in whole.tiles(TILE // 4):
        if near[tile.slices].any():
            area = tile.pad(REACH + 1, within=whole)
            colors = seen[area.slices].astype(np.float32) / 255.0
            slopes, offset = _lines(colors, matte[area.slices])
            error = matte[area.slices] - (slopes * colors).sum(axis=2) - offset
            inner = tile.relative_to(area).slices
            lines[tile.slices] = np.dstack([slopes, offset + error])[inner]
            errors[tile.slices] = error[inner]
    return lines, errors


def _lines(colors: Floats, matte: Floats) -> tuple[Floats, Floats]:
    """Return slopes and offsets of the guided filter: least squares in each window, then averaged."""
    mean, level = _mean(colors), _mean(matte)
    covariance = _mean(colors * matte[..., None]) - mean * level[..., None]
    one, other = np.triu_indices(3)
    upper = _mean(colors[..., one] * colors[..., other]) - mean[..., one] * mean[..., other]
    slopes = _solved(upper, covariance)
    offset = level - (slopes * mean).sum(axis=2)
    unexplained = _mean(matte * matte) - level * level - (slopes * covariance).sum(axis=2)
    trust = 1.0 / (np.maximum(unexplained, 0.0) + LEAST_VARIANCE)
    share = _mean(trust, 1)
    return _mean(slopes * trust[..., None], 1) / share[..., None], _mean(offset * trust, 1) / share


def _solved(upper: Floats, right: Floats) -> Floats:
    """Solve (matrix + LEAST_VARIANCE · 1) · x = right for x by Cramer's rule; the matrix is symmetric.

    Computed in float64, because for gray pixels all but one of the eigenvalues are nearly 0.
    """
    rr, rg, rb, gg, gb, bb = np.moveaxis(upper.astype(np.float64), -1, 0)
    rr, gg, bb = rr + LEAST_VARIANCE, gg + LEAST_VARIANCE, bb + LEAST_VARIANCE
    r, g, b = np.moveaxis(right, -1, 0)
    r_r, r_g, r_b = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    g_g, g_b, b_b = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    solved = [r_r * r + r_g * g + r_b * b, r_g * r + g_g * g + g_b * b, r_b * r + g_b * g + b_b * b]
    return np.asarray(np.dstack(solved) / (rr * r_r + rg * r_g + rb * r_b)[..., None], np.float32)


def _uncertain(matte: Coverage) -> Coverage:
    """Return 1 where a pixel is neither 0 nor 255 or differs from a neighbor, else 0."""
    beside = np.ones((3, 3), np.uint8)
    changes = np.asarray(cv2.dilate(matte, beside)) != np.asarray(cv2.erode(matte, beside))
    return np.asarray(changes | ((matte > 0) & (matte < 255)), np.uint8)


def _noise(guide: Pixels) -> Floats:
    """Estimate the noise of each channel (standard deviation, for values from 0 to 1) in the flattest areas.

    The filter ignores gradients (J. Immerkær, "Fast Noise Variance Estimation", 1996). Of its means over 16 ×
    16 px, the 20th percentile is used.
    """
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    means = []
    for tile in Bounds.of(Extent.of_shape(guide.shape)).tiles(TILE):
        seen = np.abs(np.asarray(cv2.filter2D(guide[tile.slices], cv2.CV_32F, mask)))
        blocks = (max(1, tile.width // 16), max(1, tile.height // 16))
        means.append(np.asarray(cv2.resize(seen, blocks, interpolation=cv2.INTER_AREA)).reshape(-1, 3))
    flattest = np.percentile(np.concatenate(means), 20, axis=0)
    return np.asarray(flattest * np.sqrt(np.pi / 2.0) / 6.0 / 255.0, np.float32)


def _mean(values: Floats | Doubles, radius: int = REACH) -> Floats:
    """Return the mean of the square around each pixel."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _gather(values: Floats, to_cells: Affine, sums: Doubles) -> None:
    """Add to each cell of a grid the values that lie in it, splitting pixels proportionally."""
    height, width = values.shape
    (left, top), (right, bottom) = to_cells(np.array([[0, 0], [width, height]]))
    columns = np.arange(max(0, math.floor(left)), min(sums.shape[1], math.ceil(right)) + 1)
    rows = np.arange(max(0, math.floor(top)), min(sums.shape[0], math.ceil(bottom)) + 1)
    if columns.size > 1 and rows.size > 1:
        back = to_cells.inverse
        within = _between(values, rows * back.yy + back.y0)
        within = _between(within.T, columns * back.xx + back.x0).T
        sums[rows[0] : rows[-1], columns[0] : columns[-1]] += within


def _between(values: npt.NDArray[np.floating], edges: Doubles) -> Doubles:
    """Return the sum of each column from one edge to the next, taking values beyond its ends as 0."""
    running = np.zeros((values.shape[0] + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=running[1:])
    edges = np.clip(edges, 0.0, values.shape[0])
    before = np.minimum(edges.astype(int), values.shape[0] - 1)
    share = (edges - before)[:, None]
    return np.asarray(np.diff(running[before] * (1.0 - share) + running[before + 1] * share, axis=0))


def _areas(to_cells: Affine, whole: Extent, shape: tuple[int, ...]) -> Doubles:
    """Return how many px of a picture of size `whole` lie in each cell, but 1 instead of 0."""
    back = to_cells.inverse
    across = np.diff(np.clip(np.arange(shape[1] + 1) * back.xx + back.x0, 0.0, whole.width))
    down = np.diff(np.clip(np.arange(shape[0] + 1) * back.yy + back.y0, 0.0, whole.height))
    areas = np.outer(down, across)
    return np.where(areas > 0.0, areas, 1.0)
