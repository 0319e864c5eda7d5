"""A returned matte at the source's own resolution. Pure.

A matte says how much of each pixel is foreground: uint8, 255 is all of it. Colors are uint8 RGB.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Coverage, Doubles, Floats, Pixels
from venice_core.imaging.coverage import support_of
from venice_core.imaging.resampling import sampled, warp

NEARLY = 0.9
"""A matte of more than this share of the guide's size has the guide's detail itself."""

REACH = 2
"""In px of the matte: the guided filter looks at 5 × 5 of them, and so does what doubts it."""

LEAST_VARIANCE = 1e-4
"""He's epsilon, for colors of 0–1: contrasts well below its root, 2.5 levels of 255, say nothing."""

FIT_DOUBT, NOISE_DOUBT = 2.0, 1.5
"""By how much an error of the models, and one from the guide's noise, may be larger than estimated."""

CORRECTIONS = 2
ROUNDING = 0.5 / 255.0
TILE = 512
"""In px: what is worked on at once, for the memory's sake."""


def upsample_matte(matte: Coverage, seen: Pixels, guide: Pixels, to_matte: Affine) -> Coverage:
    """The matte at the size of `guide`, its edges following the guide's own.

    `seen`: RGB of the matte's size, the guide as the model saw it. `guide`: RGB. `to_matte`: from the guide's
    coordinates to the matte's, without rotation. A matte that is no smaller is only resampled, and one of the
    guide's own size comes back as it is. Where the matte is 0 or 255 all around, so is the result.

    This is the guided filter with colors (He, Sun, Tang: Guided Image Filtering, PAMI 2013), its linear
    models made at the matte's size and applied at the guide's (He, Sun: Fast Guided Filter, 2015), and
    averaged where they overlap by how well each fits (Ochotorena, Yamashita: Anisotropic Guided Filtering,
    2020). What they add to a plain enlargement is shrunk as by a Wiener filter: by its power against that
    of the models' errors at the matte's size and of the guide's noise. So texture that has nothing to do with
    the matte leaves no trace in it. Then the mean over each pixel of the matte is made that pixel again
    (back-projection: Irani, Peleg: Improving Resolution by Image Registration, 1991).
    """
    whole = Bounds.of(Extent.of_shape(guide.shape))
    enlarged = warp(matte, to_matte, whole.extent)
    enlarged /= 255.0
    uncertain = _uncertain(matte)
    found = support_of(uncertain)
    where = _on_guide(found, to_matte, whole) if found is not None else None
    if where is not None and to_matte.factor < NEARLY:
        through = Affine.shift(where.x, where.y).then(to_matte)
        _guided(enlarged[where.slices], matte, seen, guide[where.slices], through)
    return np.asarray(np.rint(enlarged * 255.0), np.uint8)


def _on_guide(area: Bounds, to_matte: Affine, whole: Bounds) -> Bounds | None:
    """Where on the guide an area of the matte can be seen, its neighboring pixels included."""
    corners = to_matte.inverse([[area.x - 1, area.y - 1], [area.right + 1, area.bottom + 1]])
    (left, top), (right, bottom) = np.rint(corners).astype(int).tolist()
    return Bounds.from_edges(left, top, right, bottom).intersection(whole)


def _guided(enlarged: Floats, matte: Coverage, seen: Pixels, guide: Pixels, to_matte: Affine) -> None:
    """Makes of `enlarged` (0–1, of the guide's size) the guided matte, where the matte is uncertain."""
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
    """(lines, errors): of each pixel the slopes by channel and the offset that make a matte of colors.

    The offset makes up for the error at the pixel itself. Where `near` is 0 they may be left at 0.
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
    """The slopes and offsets of the guided filter: by least squares in each window, then averaged."""
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
    """x of (matrix + LEAST_VARIANCE · 1) · x = right by Cramer's rule; the matrix is symmetric.

    In float64: of gray pixels all but one of the matrix's eigenvalues are nearly 0.
    """
    rr, rg, rb, gg, gb, bb = np.moveaxis(upper.astype(np.float64), -1, 0)
    rr, gg, bb = rr + LEAST_VARIANCE, gg + LEAST_VARIANCE, bb + LEAST_VARIANCE
    r, g, b = np.moveaxis(right, -1, 0)
    r_r, r_g, r_b = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    g_g, g_b, b_b = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    solved = [r_r * r + r_g * g + r_b * b, r_g * r + g_g * g + g_b * b, r_b * r + g_b * g + b_b * b]
    return np.asarray(np.dstack(solved) / (rr * r_r + rg * r_g + rb * r_b)[..., None], np.float32)


def _uncertain(matte: Coverage) -> Coverage:
    """1 where a pixel is neither 0 nor 255, or one beside it differs; else 0."""
    beside = np.ones((3, 3), np.uint8)
    changes = np.asarray(cv2.dilate(matte, beside)) != np.asarray(cv2.erode(matte, beside))
    return np.asarray(changes | ((matte > 0) & (matte < 255)), np.uint8)


def _noise(guide: Pixels) -> Floats:
    """The standard deviation of the noise of each channel (of 0–1): what the flattest places show.

    The mask is that of Immerkær (Fast Noise Variance Estimation, 1996), which sees no gradients; its mean
    is taken over 16 × 16 px, and of those means the one that a fifth is below.
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
    """The mean of the square around each pixel."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _gather(values: Floats, to_cells: Affine, sums: Doubles) -> None:
    """Adds to the cells of a grid what of `values` lies in them, parts of pixels by their share."""
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
    """Of each column the sums from one edge to the next, by its running sum; it is 0 beyond its ends."""
    running = np.zeros((values.shape[0] + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=running[1:])
    edges = np.clip(edges, 0.0, values.shape[0])
    before = np.minimum(edges.astype(int), values.shape[0] - 1)
    share = (edges - before)[:, None]
    return np.asarray(np.diff(running[before] * (1.0 - share) + running[before + 1] * share, axis=0))


def _areas(to_cells: Affine, whole: Extent, shape: tuple[int, ...]) -> Doubles:
    """How many px of a picture of size `whole` lie in each cell; where there are none, 1."""
    back = to_cells.inverse
    across = np.diff(np.clip(np.arange(shape[1] + 1) * back.xx + back.x0, 0.0, whole.width))
    down = np.diff(np.clip(np.arange(shape[0] + 1) * back.yy + back.y0, 0.0, whole.height))
    areas = np.outer(down, across)
    return np.where(areas > 0.0, areas, 1.0)
