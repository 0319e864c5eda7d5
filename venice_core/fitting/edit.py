"""Put an edited picture in place.

The geometry is the plan's: crop, padding, size. Arrays are uint8; the layer's pixels are RGBA of the crop's
size, alpha not premultiplied.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from venice_core.fitting.answer import ColorCorrection, ReturnedImage
from venice_core.fitting.placed import (
    AS_USUAL,
    CANNOT_TELL,
    MATCHED,
    NOTICEABLE,
    Placed,
    describe_fitting,
    find_answer,
    shape_warnings,
    should_be_unchanged,
)
from venice_core.geometry.affine import Affine
from venice_core.imaging import alignment
from venice_core.imaging.alignment import Alignment
from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.imaging.change_detection import detect_changes
from venice_core.imaging.compositing import flatten
from venice_core.imaging.resampling import resize
from venice_core.job import Options, Output
from venice_core.planning.plan import Plan


def place(
    answer: Pixels,
    source: Pixels,
    plan: Plan,
    coverage: Coverage | None,
    mask: Coverage | None = None,
    options: Options = AS_USUAL,
) -> Placed:
    """Return the answer as a layer over the crop; the layer mask is `mask`, by default the coverage.

    The answer is resampled once, through the combined map of plan and alignment. The layer keeps the alpha of
    the source unless the selected area is mostly transparent (more than half, weighted by coverage), in which
    case the answer fills it. Without a selection it does so only if the whole crop is empty. Where the answer
    is transparent or has no pixels, the source shows.
    """
    flat, unchanged = flatten(source), should_be_unchanged(source, coverage)
    returned, selected = ReturnedImage.of(answer), coverage is not None
    known = None if options.align else alignment.of_one_shape(plan.size, returned.extent)
    found = known or find_answer(returned, flat, unchanged, plan, move=options.align)
    kept = returned.part(found.part_of(plan.size, returned.extent))
    placed = kept.with_transform(plan.crop_to_sent.then(found.to_answer))
    compared = placed.compare_with(flat, unchanged)
    if found.alignment is Alignment.MOVED and selected and compared.is_repainted:
        found = found.without_motion
        placed = kept.with_transform(plan.crop_to_sent.then(found.to_answer))
        compared = placed.compare_with(flat, unchanged)
    correction = ColorCorrection()
    if options.match_colors:
        correction = compared.color_correction(blend=options.blend_seam and selected)
    mask = coverage if mask is None else mask
    warnings = shape_warnings(found.shape, returned.extent, plan, "so the source shows there")
    if found.alignment is Alignment.CHANGED and selected:
        warnings += (CANNOT_TELL,)
    if not selected and correction.tone_curves is not None and correction.tone_curves.most > NOTICEABLE:
        warnings += (MATCHED,)
    if options.output is Output.CHANGES:
        mask = _only_changes(mask, placed, flat, correction, plan)
        if not mask.any():
            warnings += ("The service made no visible change.",)
    pixels = np.dstack([placed.composite_over(flat, correction), _alpha(source, coverage)])
    to_answer = plan.crop_to_sent.then(found.to_answer)
    return Placed(pixels, mask, warnings, describe_fitting(found, to_answer, plan, correction), to_answer)


def _alpha(source: Pixels, coverage: Coverage | None) -> npt.NDArray[np.uint8]:
    alpha = source[..., 3]
    if coverage is None:
        return alpha if alpha.any() else np.full_like(alpha, 255)
    weight = coverage.astype(np.int64)
    if 2 * int((weight * alpha).sum()) < 255 * int(weight.sum()):
        return np.where(coverage > 0, np.uint8(255), alpha)
    return alpha


def _only_changes(
    mask: Coverage | None, answer: ReturnedImage, flat: Pixels, correction: ColorCorrection, plan: Plan
) -> Coverage:
    """Restrict `mask` (None: everything) to where the answer differs from what was sent, at the size sent."""
    whole = plan.crop.extent
    extent = whole.scaled(min(1.0, plan.size.width / plan.padded.width))
    before = resize(flat, extent)
    after = answer.with_transform(Affine.between(extent, whole)).composite_over(before, correction)
    changed = resize(detect_changes(before, after), whole)
    return changed if mask is None else np.minimum(mask, changed)
