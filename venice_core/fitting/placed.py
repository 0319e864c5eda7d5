"""A result in place, and a description of how it was placed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from venice_core.fitting.answer import ColorCorrection, ReturnedImage
from venice_core.fitting.outgoing import pad
from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import alignment
from venice_core.imaging.alignment import AlignmentResult
from venice_core.imaging.arrays import Coverage, Flags, Pixels
from venice_core.imaging.resampling import resize
from venice_core.job import Fitting, Options
from venice_core.planning.plan import Plan

AS_USUAL = Options()
MARGIN = 3
"""In px of the crop: a model may legitimately change this much around the selection."""
NOTICEABLE = 4.0
"""In levels of 255."""
CANNOT_TELL = "The surroundings changed as well, so alignment could not be verified."
MATCHED = (
    "The colors of the whole image were matched back to the source's. To keep the new colors, turn off "
    "“Match colors”."
)
SHAPE_TOLERANCE = 0.01
"""Relative difference in aspect ratio up to which the answer counts as having the shape that was sent."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A result in place."""

    pixels: Pixels
    """RGBA of the crop's size."""
    mask: Coverage | None
    """The layer mask; None without a selection."""
    warnings: tuple[str, ...] = ()
    fitting: Fitting | None = None
    to_answer: Affine | None = None
    """The map from px of the crop to those of the answer through which it was resampled."""
    edge_mask: Coverage | None = None
    """Where a cutout's colors are not the source's own; None if nowhere."""


def describe_fitting(
    found: AlignmentResult, to_answer: Affine, plan: Plan, correction: ColorCorrection
) -> Fitting:
    """Describe how an answer was placed; `to_answer` is the map from px of the crop."""
    middle = np.array([plan.size.width / 2, plan.size.height / 2])
    x, y = (found.motion(middle) - middle).tolist()
    return Fitting(
        scale=1.0 / to_answer.factor,
        shape=found.shape,
        alignment=found.alignment.value,
        moved=found.motion.farthest(plan.size),
        shift=(x, y),
        zoom=found.motion.factor,
        rotation=math.degrees(math.atan2(found.motion.yx, found.motion.xx)),
        matched=correction.tone_curves is not None,
        blended=correction.seam_offset is not None,
    )


def find_answer(
    answer: ReturnedImage, flat: Pixels, unchanged: Flags, plan: Plan, *, move: bool
) -> AlignmentResult:
    """Find where the answer shows what was sent, using the parts of the crop that should be `unchanged`."""
    reference_mask = pad(np.where(unchanged, np.uint8(255), np.uint8(0)), plan, cv2.BORDER_CONSTANT)
    sent = resize(pad(flat, plan), plan.size)
    return alignment.find(sent, answer.colors, resize(reference_mask, plan.size) == 255, move=move)


def should_be_unchanged(source: Pixels, coverage: Coverage | None) -> Flags:
    """Return where the answer should equal what was sent: clearly visible and not near the selection."""
    visible = source[..., 3] >= 128
    if coverage is None:
        return visible
    near = cv2.dilate((coverage > 0).astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2, np.uint8))
    return np.asarray(visible & (near == 0))


def shape_warnings(shape: str, answer: Extent, plan: Plan, missing: str) -> tuple[str, ...]:
    """Return a warning if the answer has another shape; `missing` says what fills its cropped sides."""
    if not shape or abs(answer.ratio / plan.size.ratio - 1.0) <= max(SHAPE_TOLERANCE, 1.0 / answer.shorter):
        return ()
    what = {
        "stretched": "it was stretched to fit",
        "cropped": f"two sides had been cropped, {missing}",
        "letterboxed": "its bars were removed",
    }[shape]
    return (
        f"The result has a different shape ({answer}) than the image that was sent ({plan.size}): {what}.",
    )
