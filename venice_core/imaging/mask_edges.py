"""Coverage of a selection as an array: its bounds, growing and feathering."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from venice_core.geometry.rectangles import Bounds
from venice_core.imaging.arrays import Coverage

# Between a pixel at 0 and one at 255 lie at most two px along an edge that counts as hard; across the
# corners of the pixel grid that is 2·√2.
HARD_EDGE = 2 * math.sqrt(2) + 1e-6
HARD_SHARE = 0.9


def support_of(coverage: Coverage) -> Bounds | None:
    """Return the smallest bounds that contain every pixel with a coverage of at least 1.

    Parameters
    ----------
    coverage : Coverage, shape (height, width)

    Returns
    -------
    Bounds or None
        None if all of the coverage is 0.
    """
    rows = np.flatnonzero(coverage.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(coverage.any(axis=0))
    return Bounds.from_edges(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def grow(coverage: Coverage, radius: int) -> Coverage:
    """Dilate coverage by a disc, or erode it.

    Parameters
    ----------
    coverage : Coverage, shape (height, width)
    radius : int
        Radius of the disc in px: every pixel within that distance. A negative radius erodes.

    Returns
    -------
    Coverage, shape (height, width)

    Notes
    -----
    The disc is processed row by row from its poles to its equator. Each row is a horizontal line, and the
    maximum over a line follows from that over the shorter line before it, so that the work grows with the
    radius. In cv2.dilate it grows with the square of the radius.
    """
    if radius < 0:
        return np.asarray(255 - grow(255 - coverage, -radius), np.uint8)
    grown = _dilated(coverage.tobytes(), coverage.shape[1], radius) if radius else coverage
    return np.array(grown)


@lru_cache(maxsize=2)
def _dilated(coverage: bytes, width: int, radius: int) -> Coverage:
    """Dilate; cached because a window requests the same plan repeatedly."""
    source = np.frombuffer(coverage, np.uint8).reshape(-1, width)
    height = source.shape[0]
    line, half = source.copy(), 0
    grown = np.zeros_like(source)
    for distance in range(radius, -1, -1):
        wanted = math.isqrt(radius * radius - distance * distance)
        while half < min(wanted, width - 1):
            half += 1
            # what lies `half` away on either side
            np.maximum(line[:, half:], source[:, :-half], out=line[:, half:])
            np.maximum(line[:, :-half], source[:, half:], out=line[:, :-half])
        if distance < height:
            below, above = grown[distance:], grown[: height - distance]
            np.maximum(below, line[: height - distance], out=below)
            np.maximum(above, line[distance:], out=above)
    grown.setflags(write=False)
    return grown


def feather(coverage: Coverage, width: int) -> Coverage:
    """Fade coverage toward its edge, inward only.

    Parameters
    ----------
    coverage : Coverage, shape (height, width)
    width : int
        Width of the fade, in px; 0 changes nothing.

    Returns
    -------
    Coverage, shape (height, width)
        min(coverage, 255 · smoothstep(d / width)), with d as the distance in px to the nearest 0. No value
        increases, and none changes where d >= width.
    """
    if width <= 0 or coverage.all():
        return np.array(coverage)
    measured = cv2.distanceTransform((coverage > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squared distances on the grid are whole numbers: this takes the rounding of float32 away.
    distance = np.sqrt(np.rint(np.square(measured, dtype=np.float64)))
    t = np.clip(distance / width, 0.0, 1.0)
    ramp = np.rint(255.0 * t * t * (3.0 - 2.0 * t))
    return np.asarray(np.minimum(coverage, ramp), np.uint8)


def is_hard_edged(coverage: Coverage) -> bool:
    """Return whether a selection goes from 0 to 255 within 2 px, antialiasing included.

    Parameters
    ----------
    coverage : Coverage, shape (height, width)
    """
    partial = (coverage > 0) & (coverage < 255)
    if not partial.any():
        return True
    full = coverage == 255
    if not full.any():
        return False
    to_full = cv2.distanceTransform((~full).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    none = coverage == 0
    if not none.any():
        return False
    to_none = cv2.distanceTransform((~none).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    short = (to_full[partial] + to_none[partial]) <= HARD_EDGE
    return bool(short.mean() >= HARD_SHARE)
