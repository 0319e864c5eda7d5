"""Put a generated picture in place."""

from __future__ import annotations

import math

import numpy as np

from venice_core.fitting.placed import Placed
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.imaging.compositing import with_alpha
from venice_core.imaging.resampling import resize
from venice_core.planning.plan import Plan


def place_generated(answer: Pixels, plan: Plan, mask: Coverage | None, *, as_made: bool = False) -> Placed:
    """Return a generated picture that covers the crop without distortion, cut evenly to fit.

    With `as_made`, return the picture unchanged, for when there is nothing to cover.
    """
    answer = with_alpha(answer)
    if as_made:
        return Placed(answer, None)
    target = plan.crop.extent
    height, width = answer.shape[:2]
    factor = max(target.width / width, target.height / height)
    # cut before scaling, to whole pixels of the answer and evenly; after it, to the crop's
    part = Extent(_evenly(target.width / factor, width), _evenly(target.height / factor, height))
    scaled = part.scaled(factor)
    covering = Extent(max(target.width, scaled.width), max(target.height, scaled.height))
    whole = resize(np.ascontiguousarray(_middle(answer, part)), covering)
    return Placed(np.ascontiguousarray(_middle(whole, target)), mask)


def _evenly(wanted: float, length: int) -> int:
    """Return at least `wanted` of `length` px so that an even number of px is left over."""
    least = min(length, math.ceil(wanted))
    return least + (length - least) % 2


def _middle(pixels: Pixels, extent: Extent) -> Pixels:
    height, width = pixels.shape[:2]
    left, top = (width - extent.width) // 2, (height - extent.height) // 2
    return pixels[Bounds(left, top, extent.width, extent.height).slices]
