"""What the selection should come to, worked out again with SciPy and not with the plug-in's code."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Coverage = npt.NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]


def meet(one: Rectangle, other: Rectangle) -> Rectangle:
    """x, y, width, height of what is in both."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2], other[0] + other[2])
    bottom = min(one[1] + one[3], other[1] + other[3])
    return left, top, right - left, bottom - top


def expected_mask(canvas: Coverage, layer: Rectangle, grow: int, feather: int) -> tuple[Coverage, Rectangle]:
    """Coverage of the canvas' selection over the layer's part of it, grown and feathered; its support.

    Both operations see what lies beyond the edge of canvas or layer as the nearest pixel on the edge.
    """
    x, y, width, height = inside = meet(layer, (0, 0, canvas.shape[1], canvas.shape[0]))
    coverage = _grown(canvas[y : y + height, x : x + width], grow)
    rows, columns = np.flatnonzero(coverage.any(1)), np.flatnonzero(coverage.any(0))
    support = (
        int(x + columns[0]),
        int(y + rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    )
    whole = np.zeros_like(canvas)
    whole[y : y + height, x : x + width] = _feathered(coverage, feather)
    assert inside[2] > 0
    assert inside[3] > 0
    return whole, support


def expected_crop(support: Rectangle, layer: Rectangle, context: int = -1) -> Rectangle:
    """The support with context around it, clipped to the layer; where no minimum widens it."""
    if context < 0:
        context = max(64, -(-max(support[2:]) // 2))
    x, y, width, height = support
    return meet((x - context, y - context, width + 2 * context, height + 2 * context), layer)


def _grown(coverage: Coverage, radius: int) -> Coverage:
    if radius == 0:
        return coverage
    reach = abs(radius)
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = down**2 + across**2 <= reach**2
    work = ndimage.grey_dilation if radius > 0 else ndimage.grey_erosion
    padded = np.pad(coverage, reach, mode="edge")
    return np.asarray(work(padded, footprint=disc)[reach:-reach, reach:-reach], np.uint8)


def _feathered(coverage: Coverage, width: int) -> Coverage:
    if width == 0 or coverage.all():
        return coverage
    reach = width + 1
    distance = ndimage.distance_transform_edt(np.pad(coverage, reach, mode="edge") > 0)
    t = np.clip(distance[reach:-reach, reach:-reach] / width, 0.0, 1.0)
    return np.minimum(coverage, np.rint(255 * t**2 * (3 - 2 * t))).astype(np.uint8)
