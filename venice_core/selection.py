"""The selection as 8-bit linear coverage: grown, feathered, and cut to where it is wanted.

Coverage is an array of shape (height, width), uint8, 0 (not selected) to 255. Its support is where it
is at least 1. Whatever lies beyond the edge of the array counts as the nearest pixel on that edge, so
a selection that reaches the border is not worn away there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.errors import BadInput
from venice_core.geometry import Bounds
from venice_core.job import Job

Coverage = npt.NDArray[np.uint8]

AUTOMATIC_FEATHER = 8
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
    """Grey dilation by a disc of `radius` px (every pixel within that distance); negative: erosion.

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


@dataclass(frozen=True, eq=False)
class Selection:
    """What of a layer is selected: `grown` coverage over `bounds` (image coordinates), 0 elsewhere.

    `support` holds every grown pixel of coverage >= 1, `hard` says whether the selection as it was
    made has a hard edge.
    """

    bounds: Bounds
    grown: Coverage
    support: Bounds
    hard: bool

    @classmethod
    def of(cls, job: Job, coverage: Coverage) -> Selection:
        """From the coverage in `job.window`. Raises BadInput where no pixel of the layer is selected."""
        if job.window is None:
            raise ValueError("nothing is selected")
        if coverage.shape != (job.window.height, job.window.width):
            raise BadInput("The selection's size does not match its bounds.")
        canvas = Bounds.of(job.canvas)
        domain = job.layer.intersection(canvas)
        inside = domain.intersection(job.window) if domain else None
        selected = coverage[inside.relative_to(job.window).slices] if inside else None
        found = support_of(selected) if selected is not None else None
        if domain is None or inside is None or selected is None or found is None:
            raise BadInput("No pixel of this layer lies under the selection.")
        support = Bounds(inside.x + found.x, inside.y + found.y, found.width, found.height)
        radius = job.options.grow
        # One px of not selected around what may become selected is all that growing and feathering
        # can see: the nearest 0 of a pixel inside is never farther than that.
        bounds = support.pad(max(radius, 0) + 1, within=domain)
        window = np.zeros((bounds.height, bounds.width), np.uint8)
        window[support.relative_to(bounds).slices] = selected[found.slices]
        hard = is_hard_edged(window)
        grown = grow(window, radius)
        found = support_of(grown)
        if found is None:
            raise BadInput(f"Nothing of the selection is left when it shrinks by {-radius} px.")
        support = Bounds(bounds.x + found.x, bounds.y + found.y, found.width, found.height)
        return cls(bounds, grown, support, hard)

    @cached_property
    def automatic_feather(self) -> int:
        """In px: 8, at most an eighth of the support's shorter side; 0 for an already soft selection."""
        return min(AUTOMATIC_FEATHER, self.support.extent.shorter // 8) if self.hard else 0

    def cut(self, crop: Bounds, width: int = 0) -> Coverage:
        """The coverage in `crop`, feathered by `width` px, 0 where nothing is selected."""
        result = np.zeros((crop.height, crop.width), np.uint8)
        common = crop.intersection(self.bounds)
        if common is not None:
            soft = feather(self.grown, width)
            result[common.relative_to(crop).slices] = soft[common.relative_to(self.bounds).slices]
        return result
