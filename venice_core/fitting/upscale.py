"""Put an upscaled picture in place."""

from __future__ import annotations

import numpy as np

from venice_core.fitting.placed import SHAPE_TOLERANCE, Placed
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.resampling import resize
from venice_core.planning.plan import Plan


def place_upscaled(answer: Pixels, source: Pixels, plan: Plan) -> Placed:
    """Return an upscaled picture at its own size, without padding; its alpha is the source's, resampled."""
    across, down = answer.shape[1] / plan.size.width, answer.shape[0] / plan.size.height
    warnings: tuple[str, ...] = ()
    if abs(across / down - 1.0) > SHAPE_TOLERANCE:
        warnings = (
            "The result has a different shape than the image that was sent: it was stretched to fit.",
        )
    target = Extent(max(1, round(plan.crop.width * across)), max(1, round(plan.crop.height * down)))
    left, top = round(plan.padding.left * across), round(plan.padding.top * down)
    left, top = min(left, answer.shape[1] - target.width), min(top, answer.shape[0] - target.height)
    color = answer[Bounds(left, top, target.width, target.height).slices][..., :3]
    alpha = resize(np.ascontiguousarray(source[..., 3]), target)
    return Placed(np.dstack([color, alpha]), None, warnings)
