"""The selection as 8-bit linear coverage: grown, feathered, and cropped.

Coverage has shape (height, width), uint8, from 0 (not selected) to 255. Its support is where it is at least
1. Beyond the edges of the array the nearest pixels continue, so that a selection that reaches the border is
not eroded there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds
from venice_core.imaging.arrays import Coverage
from venice_core.imaging.mask_edges import feather, grow, is_hard_edged, support_of
from venice_core.job import Job

AUTOMATIC_FEATHER = 8


@dataclass(frozen=True, eq=False)
class Selection:
    """What is selected of a layer."""

    bounds: Bounds
    """Where `grown` lies, in image coordinates; nothing is selected elsewhere."""
    grown: Coverage
    support: Bounds
    """The bounds of every grown pixel with a coverage of at least 1."""
    hard: bool
    """Whether the selection had a hard edge before it was grown."""

    @classmethod
    def of(cls, job: Job, coverage: Coverage) -> Selection:
        """Create it from the coverage in `job.window`. Raises BadInput if that selects nothing."""
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
            raise BadInput("The selection does not cover any pixel of this layer.")
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
            raise BadInput(f"Shrinking the selection by {-radius} px leaves nothing selected.")
        support = Bounds(bounds.x + found.x, bounds.y + found.y, found.width, found.height)
        return cls(bounds, grown, support, hard)

    @cached_property
    def automatic_feather(self) -> int:
        """In px: 8, but at most an eighth of the support's shorter side; 0 for a soft selection."""
        return min(AUTOMATIC_FEATHER, self.support.extent.shorter // 8) if self.hard else 0

    def cut(self, crop: Bounds, width: int = 0) -> Coverage:
        """Return the coverage in `crop`, feathered by `width` px; 0 where nothing is selected."""
        result = np.zeros((crop.height, crop.width), np.uint8)
        common = crop.intersection(self.bounds)
        if common is not None:
            soft = feather(self.grown, width)
            result[common.relative_to(crop).slices] = soft[common.relative_to(self.bounds).slices]
        return result
