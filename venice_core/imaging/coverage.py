"""Coverage of a selection as an array: its bounds, grown and feathered."""

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
    """The smallest bounds that hold every pixel of coverage >= 1; None where there is none."""
    rows = np.flatnonzero(coverage.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(coverage.any(axis=0))
    return Bounds.from_edges(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def grow(coverage: Coverage, radius: int) -> Coverage:
    """Gray dilation by a disc of `radius` px (every pixel within that distance); negative: erosion.

    The disc is taken row by row, from its poles to its equator: each of its rows is a horizontal line,
    and the maximum over a line comes from that over the line before, which is shorter. So the work grows
    with the radius, not with its square.
    """
    if radius < 0:
        return np.asarray(255 - grow(255 - coverage, -radius), np.uint8)
    grown = _dilated(coverage.tobytes(), coverage.shape[1], radius) if radius else coverage
    return np.array(grown)


@lru_cache(maxsize=2)
def _dilated(coverage: bytes, width: int, radius: int) -> Coverage:
    """Kept, since a window asks for the same plan again and again."""
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
    """min(coverage, 255 · smoothstep(d / width)), d being the distance in px to the nearest 0.

    Pixels of coverage 0 stay 0, none rises, and none changes where d >= width; 0 is the identity.
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
    """Whether the selection goes from 0 to 255 within 2 px, antialiasing included."""
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
