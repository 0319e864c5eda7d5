"""Put the answer to a background removal in place."""

from __future__ import annotations

import numpy as np

from venice_core.fitting.answer import ColorCorrection, ReturnedImage
from venice_core.fitting.outgoing import pad
from venice_core.fitting.placed import (
    Placed,
    describe_fitting,
    find_answer,
    shape_warnings,
    should_be_unchanged,
)
from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import alignment, matte_upsampling
from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.imaging.compositing import flatten, multiply
from venice_core.imaging.foreground_estimation import estimate_foreground
from venice_core.imaging.resampling import reduced, warp
from venice_core.planning.plan import Plan


def place_cutout(
    answer: Pixels, source: Pixels, plan: Plan, coverage: Coverage | None, *, defringe: bool = True
) -> Placed:
    """Cut the source's own pixels out with the answer's alpha, within the selection if there is one.

    `mask` is that alpha at the resolution of the source; the alpha of `pixels` is multiplied by it. With
    `defringe`, colors are replaced by those of the foreground wherever the old background would show: see
    `estimate_foreground`.
    """
    flat, extent = flatten(source), Extent.of_shape(answer.shape)
    found = alignment.of_one_shape(plan.size, extent)
    if found is None:
        found = find_answer(
            ReturnedImage.of(answer), flat, should_be_unchanged(source, None), plan, move=False
        )
    part = found.part_of(plan.size, extent)
    to_answer = plan.crop_to_sent.then(found.to_answer)
    warnings = shape_warnings(found.shape, extent, plan, "so the cutout's edge is extended there")
    fitting = describe_fitting(found, to_answer, plan, ColorCorrection())
    if answer.shape[2] == 4:
        to_part = Affine.shift(-part.x, -part.y)
        alpha = np.ascontiguousarray(answer[part.slices][..., 3])
        to_padded = found.to_answer.then(to_part).inverse.then(Affine.between(plan.size, plan.padded))
        seen = np.rint(warp(*reduced(pad(flat, plan), to_padded), part.extent)).astype(np.uint8)
        cut = matte_upsampling.upsample_matte(alpha, seen, flat, to_answer.then(to_part))
    else:
        cut = np.full(source.shape[:2], 255, np.uint8)
        warnings += ("The result has no transparency: nothing was cut out.",)
    color, edge_mask = estimate_foreground(source, cut) if defringe else (source[..., :3], None)
    mask = cut if coverage is None else multiply(cut, coverage)
    if edge_mask is not None:
        edge_mask = np.where(mask > 0, edge_mask, np.uint8(0))
        edge_mask = edge_mask if edge_mask.any() else None
    if not mask.any():
        warnings += ("The service found no subject: the cutout is empty.",)
    pixels = np.dstack([color, multiply(source[..., 3], mask)])
    return Placed(pixels, mask, warnings, fitting, to_answer, edge_mask)
